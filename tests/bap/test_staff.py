"""The staff's pages: behind the token, the most urgent first, each complaint answered once."""

from pathlib import Path
from typing import Any

import pytest

from tests.bap.network import Network
from tests.bap.pages import MARKUP, PAGES, booked, form_of, searched
from tests.support.browsing import Browsing

STAFF = "/staff"


@pytest.fixture
def settings() -> dict[str, Any]:
    return PAGES


def token_of(net: Network) -> str:
    data_dir: Path = net.node.settings.data_dir
    return (data_dir / "desk.token").read_text().strip()


async def complained(net: Network, browser: Browsing, *texts: str) -> str:
    """A booked ride and these complaints about it; its page."""
    path = await searched(net, browser)
    await booked(net, browser, path)
    for text in texts:
        page = (await browser.get(path)).text
        fields = form_of(page, f"{path}/complain") | {"about": "price", "text": text}
        assert (await browser.post(f"{path}/complain", fields)).status == 303
        net.clock.at += 60
    return path


async def staff_of(net: Network) -> Browsing:
    """A browser of the platform's own people."""
    ours = Browsing(net.citizen.url)
    sign_in = f"{STAFF}/sign-in"
    answer = await ours.send_form(sign_in, sign_in, {"token": token_of(net)})
    assert answer.status == 303, answer.text
    return ours


async def test_complaints_are_listed_by_deadline_and_answered_once(
    net: Network, browser: Browsing
) -> None:
    path = await complained(net, browser, MARKUP, "The second")
    ours = await staff_of(net)
    listed = (await ours.get(f"{STAFF}/")).text
    assert listed.index(f"{STAFF}/complaints/1") < listed.index(f"{STAFF}/complaints/2")
    one = f"{STAFF}/complaints/1"
    page = (await ours.get(one)).text
    assert (MARKUP in page, "&lt;img" in page) == (False, True)
    net.clock.at += 73 * 3_600
    assert "late" in (await ours.get(f"{STAFF}/")).text
    fields = form_of((await ours.get(one)).text, one) | {"answer": "The fare is given back."}
    for _ in range(2):
        assert (await ours.post(one, fields)).status == 303
    again = {**fields, "_form": "another-form-of-mine", "answer": "No."}
    assert (await ours.post(one, again)).status == 409
    told = (await browser.get(path)).text
    assert ("The fare is given back." in told, "No.<" in told) == (True, False)
    assert "Answer and close" not in (await ours.get(one)).text


@pytest.mark.parametrize("said", ["", "   "])
async def test_an_empty_answer_answers_nothing(net: Network, browser: Browsing, said: str) -> None:
    await complained(net, browser, "Late")
    ours = await staff_of(net)
    one = f"{STAFF}/complaints/1"
    sent = await ours.post(one, form_of((await ours.get(one)).text, one) | {"answer": said})
    assert (sent.status, 'id="answer-fault"' in sent.text) == (422, True)
    assert "Answer and close" in (await ours.get(one)).text


async def test_whoever_has_not_the_token_sees_and_answers_nothing(
    net: Network, browser: Browsing
) -> None:
    await complained(net, browser, "Secret words")
    stranger = Browsing(net.citizen.url)
    for asked in (f"{STAFF}/", f"{STAFF}/complaints/1"):
        for who in (browser, stranger):
            answer = await who.get(asked)
            assert answer.status == 303
            assert answer.headers["Location"].startswith(f"{STAFF}/sign-in")
    wrong = await stranger.send_form(
        f"{STAFF}/sign-in", f"{STAFF}/sign-in", {"token": "guessed-it"}
    )
    assert (wrong.status, "opens nothing here" in wrong.text) == (422, True)
    one = f"{STAFF}/complaints/1"
    fields = form_of((await (await staff_of(net)).get(one)).text, one) | {"answer": "Mine"}
    assert (await browser.post(one, fields)).status in (303, 403)
    ours = await staff_of(net)
    assert "Answer and close" in (await ours.get(one)).text


@pytest.mark.parametrize("number", ["2", "x", "9" * 20])
async def test_a_complaint_that_is_none_is_not_here(
    net: Network, browser: Browsing, number: str
) -> None:
    ours = await staff_of(net)
    assert (await ours.get(f"{STAFF}/complaints/{number}")).status == 404
