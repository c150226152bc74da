"""Who may do what at the office: every route, every role; forged forms; people who leave."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bpp.declined import Declined
from bpp.ledger.money_facts import KINDS
from bpp.office import people, words
from bpp.office.people import Entry
from protocol_specs.node.store import Conflict
from tests.bpp.cooperative import Cooperative
from tests.bpp.office.support import BASE, PHONES, log, send, signed_in, with_office
from tests.support.browsing import Browsing
from tests.support.databases import run_sql

# Written down here once more, apart from the code: what is not in it is open to nobody.
MAY = {
    "GET /": "member dispatcher treasurer auditor",
    "GET ": "member dispatcher treasurer auditor",
    "GET /board/jobs": "dispatcher",
    "GET /board/events": "dispatcher",
    "GET /jobs": "dispatcher treasurer auditor",
    "GET /jobs/{id}": "dispatcher treasurer auditor",
    "POST /jobs/{id}/assign": "dispatcher",
    "POST /jobs/{id}/cancel": "dispatcher",
    "POST /jobs/{id}/end": "dispatcher",
    "POST /jobs/{id}/share": "dispatcher",
    "POST /jobs/{id}/paid": "treasurer",
    "POST /jobs/{id}/refund": "treasurer",
    "GET /drivers": "dispatcher treasurer auditor",
    "POST /drivers": "dispatcher",
    "POST /vehicles": "dispatcher",
    "GET /drivers/{id}": "dispatcher treasurer auditor",
    "POST /drivers/{id}/active": "dispatcher",
    "POST /drivers/{id}/token": "dispatcher",
    "POST /drivers/{id}/pay-in": "treasurer",
    "GET /drivers/{id}/for": "dispatcher",
    "POST /drivers/{id}/for": "dispatcher",
    "POST /drivers/{id}/for/code": "dispatcher",
    "GET /fares": "member dispatcher treasurer auditor",
    "POST /fares/preview": "treasurer",
    "POST /fares": "treasurer",
    "POST /fares/{n}/withdraw": "treasurer",
    "GET /jobs/{id}/picture/{leg}": "dispatcher treasurer auditor",
    "GET /documents": "dispatcher treasurer auditor",
    "GET /documents/driver/{id}": "dispatcher treasurer auditor",
    "POST /documents/driver/{id}": "dispatcher",
    "GET /documents/vehicle/{id}": "dispatcher treasurer auditor",
    "POST /documents/vehicle/{id}": "dispatcher",
    "GET /documents/scan/{id}": "dispatcher treasurer auditor",
    "GET /shifts": "dispatcher treasurer auditor",
    "POST /shifts": "dispatcher",
    "POST /shifts/{id}/end": "dispatcher",
    "GET /incidents": "dispatcher auditor",
    "POST /incidents": "dispatcher",
    "GET /incidents/{n}": "dispatcher auditor",
    "POST /incidents/{n}": "dispatcher",
    "POST /incidents/{n}/answer": "dispatcher",
    "POST /incidents/{n}/close": "dispatcher",
    "GET /log": "treasurer auditor",
    "GET /insurance": "member treasurer auditor",
    "GET /insurance/period": "treasurer auditor",
    "POST /insurance/period": "treasurer",
    "GET /insurance/people": "treasurer auditor",
    "GET /insurance/reconcile": "treasurer auditor",
    "GET /insurance/karnataka": "treasurer auditor",
    "GET /insurance/remittance": "treasurer auditor",
    "POST /insurance/remittance": "treasurer",
    "GET /insurance/remittance/csv": "treasurer auditor",
    "POST /insurance/remittance/payment": "treasurer",
    "GET /money": "member treasurer auditor",
    "POST /money": "treasurer",
    "POST /money/reverse": "treasurer",
    "GET /money/surplus": "member treasurer auditor",
    "POST /money/surplus/look": "treasurer",
    "POST /money/surplus": "treasurer",
    "GET /money/surplus/{reference}": "treasurer auditor",
    "GET /money/surplus/{reference}/csv": "treasurer auditor",
    "POST /money/surplus/{reference}/back": "treasurer",
}
OPEN = {
    "GET /sign-in", "POST /sign-in", "GET /sign-in/code", "POST /sign-in/code", "POST /sign-out",
    "POST /language", "GET /manifest.webmanifest", "GET /sw.js", "GET /offline", "GET /places",
    "GET /{_rest}",
}  # fmt: skip


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Cooperative]:
    async with with_office(tmp_path) as running:
        yield running


def served(there: Cooperative) -> set[str]:
    """Every route below the office's base."""
    found = set()
    for route in there.node.app.router.routes():
        path = route.resource.canonical if route.resource else ""
        if route.method != "HEAD" and (path == BASE or path.startswith(f"{BASE}/")):
            found.add(f"{route.method} {path.removeprefix(BASE)}")
    return found


async def test_every_route_is_in_the_list_of_who_may(there: Cooperative) -> None:
    assert served(there) == MAY.keys() | OPEN


@pytest.mark.parametrize("role", PHONES)
async def test_each_role_reaches_what_it_may_and_nothing_else(
    there: Cooperative, role: str
) -> None:
    browser = await signed_in(there, role)
    token = re.search(r'name="_csrf" value="(\w+)"', (await browser.get(f"{BASE}/")).text)
    assert token
    before = there.books(), log(there)
    for route, who in MAY.items():
        method, path = route.split(" ")
        if path == "/board/events":
            continue  # a stream: looked at below
        asked = BASE + path.format(id="none", n="0", reference="none", leg="pickup")
        if method == "GET":
            answer = await browser.get(asked)
        else:
            answer = await browser.post(asked, {"_csrf": token.group(1), "_form": "f" * 20})
        assert (answer.status == 403) == (role not in who.split()), (route, answer.status)
    assert (there.books(), log(there)) == before


@pytest.mark.parametrize("role", sorted(PHONES.keys() - {"dispatcher"}))
async def test_where_drivers_are_is_streamed_to_dispatchers_alone(
    there: Cooperative, role: str
) -> None:
    await there.online("D1")
    browser = await signed_in(there, role)
    assert (await browser.get(f"{BASE}/board/events")).status == 403
    assert "W D1" not in (await browser.get(f"{BASE}/")).text


async def test_whoever_is_not_signed_in_sees_no_page_and_writes_nothing(
    there: Cooperative,
) -> None:
    browser, before = Browsing(there.url), log(there)
    for route in MAY:
        method, path = route.split(" ")
        asked = BASE + path.format(id="none", n="0", reference="none", leg="pickup")
        answer = await (browser.get(asked) if method == "GET" else browser.post(asked, {}))
        assert answer.status == 303, route
        assert answer.headers["Location"].startswith(f"{BASE}/sign-in"), route
    assert log(there) == before


async def test_a_form_of_another_site_or_browser_is_refused(there: Cooperative) -> None:
    browser, before = await signed_in(there, "dispatcher"), log(there)
    fields = {"registration": "W 99", "category": "CAB"}
    page, action = f"{BASE}/drivers", f"{BASE}/vehicles"
    assert (await send(browser, page, action, {**fields, "_csrf": "0" * 64})).status == 403
    answer = await browser.post(action, fields, Sec_Fetch_Site="cross-site")
    assert answer.status == 403
    assert log(there) == before


async def test_an_unknown_phone_gets_the_same_answer_and_no_code(there: Cooperative) -> None:
    browser = Browsing(there.url)
    answer = await send(browser, f"{BASE}/sign-in", f"{BASE}/sign-in", {"phone": "+60199999999"})
    assert answer.status == 303
    assert not (there.node.settings.data_dir / "codes.jsonl").exists()


async def test_who_leaves_the_office_is_out_at_once(there: Cooperative) -> None:
    browser = await signed_in(there, "treasurer")
    assert (await browser.get(f"{BASE}/money")).status == 200
    await there.node.store.transact(lambda s: people.remove(s, "treasurer-1", there.node.now()))
    assert (await browser.get(f"{BASE}/money")).status == 303
    assert log(there)[-1] == ("command", "let_out", "treasurer-1")


async def test_a_role_that_is_taken_away_closes_its_pages_at_once(there: Cooperative) -> None:
    browser = await signed_in(there, "treasurer")
    entry = Entry("treasurer-1", PHONES["treasurer"], "Our member now", ("member",))
    await there.node.store.transact(lambda s: people.put(s, entry, there.node.now()))
    assert (await browser.get(f"{BASE}/log")).status == 403


GOOD = {"id": "x-1", "phone": "+60121111111", "name": "Xin", "roles": ("member",)}


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "Xin Yi"}, {"id": ""}, {"phone": "0121111111"}, {"phone": "+60 12 111 1111"},
        {"name": " "}, {"name": "x" * 101}, {"name": "a\x00b"}, {"roles": ()},
        {"roles": ("member", "chief")}, {"phone": PHONES["auditor"]},
    ],
)  # fmt: skip
async def test_a_person_with_one_thing_wrong_is_not_let_in(
    there: Cooperative, wrong: dict[str, str]
) -> None:
    before = there.node.store.read(people.everybody), log(there)
    with pytest.raises(Declined):
        await there.node.store.transact(
            lambda s: people.put(s, Entry(**{**GOOD, **wrong}), there.node.now())
        )
    assert (there.node.store.read(people.everybody), log(there)) == before


async def test_the_command_lets_people_in_and_out_of_a_running_node(there: Cooperative) -> None:
    body = {"id": "x-1", "phone": "+60121111111", "name": "Xin", "roles": ["auditor"]}
    assert (await there.desk("POST", "office/people", body))[0] == 200
    _, answer = await there.desk("GET", "office/people")
    assert {each["id"]: each["roles"] for each in answer["people"]}["x-1"] == ["auditor"]
    assert (await there.desk("POST", "office/people", {"id": "x-1"}))[0] == 200
    assert (await there.desk("POST", "office/people", {"id": "x-1"}))[0] == 409
    assert (await there.call("POST", "/desk/office/people", body, {}))[0] == 401


async def test_the_log_cannot_be_changed_even_in_the_database(there: Cooperative) -> None:
    with pytest.raises(Conflict, match="append-only"):
        run_sql(there.node.store, "DELETE FROM office_act")


def test_every_kind_of_money_has_words_for_people() -> None:
    assert words.FACTS.keys() == KINDS.keys()
