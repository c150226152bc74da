"""Words between the processes of a node: whoever reaches the carrier may say them."""

from pathlib import Path

import pytest

from protocol_specs.node.store_faults import StoreUnavailable
from protocol_specs.node.workers.hints import AGAIN, Ears, Word, word_of
from protocol_specs.node.workers.workers import Share
from tests.support.queues import open_store


def test_a_word_reads_back_as_it_was_said() -> None:
    for word in (Word(3, None, "roster", ""), Word(0, 17, "owed", "9 two\nlines")):
        assert word_of(word.text()) == word


@pytest.mark.parametrize(
    "text", ["", "x", "one - c a", "1 b c d", "1 -  d", f"1 {'9' * 20} c d", "-1 - c d"]
)
def test_what_has_not_the_form_of_a_word_is_counted_and_passed_over(text: str) -> None:
    ears = Ears(Share(0, 2))
    heard: list[tuple[str, str]] = []
    ears.listen(lambda channel, payload: heard.append((channel, payload)))
    ears.hear(text)
    assert (heard, ears.unread) == ([], 1)


def test_a_process_hears_the_others_and_only_what_concerns_it() -> None:
    ears = Ears(Share(1, 2))
    heard: list[str] = []
    ears.listen(lambda channel, payload: heard.append(payload))
    for word in (
        Word(1, None, "c", "my own"),
        Word(0, 2, "c", "another's conversation"),
        Word(0, 3, "c", "my conversation"),
        Word(0, None, "c", "everybody"),
    ):
        ears.hear(word.text())
    assert heard == ["my conversation", "everybody"]


def test_a_payload_that_its_listener_cannot_read_stops_nothing(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    heard: list[int] = []
    store.listen("numbers", lambda payload: heard.append(int(payload)))
    ears = Ears(Share(0, 2))
    ears.listen(store.hear)
    for payload in ("1", "rubbish", "2"):
        ears.hear(Word(1, None, "numbers", payload).text())
    store.close()
    assert (heard, ears.unread) == ([1, 2], 1)


def test_what_could_not_be_asked_while_the_database_was_away_is_asked_later() -> None:
    ears, heard = Ears(Share(0, 2)), list[str]()
    faults = [StoreUnavailable("away"), StoreUnavailable("away still")]

    def listener(channel: str, payload: str) -> None:
        if faults:
            raise faults.pop()
        heard.append(channel)

    ears.listen(listener)
    ears.hear(Word(1, None, "roster", "").text())
    for _ in range(3):
        ears.ask()
    assert heard == [AGAIN]
