"""The report: what each provider was offered and how it answered, in two windows, bounded."""

import orjson
import pytest

from gateway.report import DAY_S, HOUR_S, Report, shown
from gateway.sending import Outcome
from tests.support.peers import NOW


def report(providers_max: int = 100) -> Report:
    return Report(now=NOW, providers_max=providers_max)


def line(made: Report, now: int, window: str = "hour", provider: str = "a") -> dict[str, object]:
    lines = made.shown(now)[window]["providers"]
    found = [one for one in lines if one["subscriber_id"] == provider]
    return dict(found[0]) if found else {}


def test_outcomes_are_counted_apart_and_add_up_to_what_was_offered() -> None:
    made = report()
    for number, outcome in enumerate(Outcome, start=1):
        for _ in range(number):
            made.offered("a", outcome, took_s=0.01)
    for _ in range(4):
        made.relayed("a")
    said = line(made, NOW)
    assert [said[outcome.value] for outcome in Outcome] == [1, 2, 3, 4, 5]
    assert (said["offered"], said["answered"], said["relayed"]) == (15, 3, 4)


def test_times_are_of_acks_alone_and_right_within_a_fifth() -> None:
    made = report()
    for ms in range(1, 1001):
        made.offered("a", Outcome.ACKED, took_s=ms / 1000)
    made.offered("a", Outcome.TIMED_OUT, took_s=8)
    said = line(made, NOW)
    assert said["ack_ms_median"] == pytest.approx(500, rel=0.2)
    assert said["ack_ms_p95"] == pytest.approx(950, rel=0.2)


def test_without_an_ack_there_is_no_time() -> None:
    made = report()
    made.offered("a", Outcome.SKIPPED)
    said = line(made, NOW)
    assert (said["ack_ms_median"], said["ack_ms_p95"], said["mean_place"]) == (None, None, None)


def test_the_mean_place_tells_who_is_always_first() -> None:
    made = report()
    for place in range(5):
        made.offered("a", Outcome.ACKED, place=0, of=5)
        made.offered("b", Outcome.ACKED, place=place, of=5)
    assert line(made, NOW)["mean_place"] == 0
    assert line(made, NOW, provider="b")["mean_place"] == 0.5


def test_the_hour_is_forgotten_after_an_hour_and_the_day_after_a_day() -> None:
    made = report()
    made.offered("a", Outcome.ACKED)
    for at in range(NOW, NOW + HOUR_S - 300, 60):
        made.turn(at)
    assert line(made, NOW + HOUR_S - 300)["offered"] == 1
    assert line(made, NOW + HOUR_S) == {}
    assert line(made, NOW + HOUR_S, "day")["offered"] == 1
    assert line(made, NOW + DAY_S, "day") == {}


def test_counts_move_through_the_windows_without_loss() -> None:
    made = report()
    for minute in range(3 * 24 * 60):
        made.turn(NOW + 60 * minute)
        made.offered("a", Outcome.ACKED)
        made.offered("b", Outcome.SKIPPED)
    now = NOW + 3 * DAY_S - 60
    for window, minutes in (("hour", 60), ("day", 24 * 60)):
        shown = made.shown(now)[window]
        held = (now - shown["since"]) // 60 + 1
        assert minutes * 11 / 12 <= held <= minutes
        assert line(made, now, window)["acked"] == held
        assert line(made, now, window, "b")["skipped"] == held


def test_a_long_silence_leaves_nothing_and_since_is_true() -> None:
    made = report()
    made.offered("a", Outcome.ACKED)
    shown = made.shown(NOW + 10 * DAY_S)
    assert (shown["hour"]["providers"], shown["day"]["providers"]) == ([], [])
    assert shown["hour"]["since"] == NOW + 10 * DAY_S
    assert shown["since"] == NOW


def test_a_clock_set_back_loses_nothing() -> None:
    made = report()
    made.offered("a", Outcome.ACKED)
    made.turn(NOW - DAY_S)
    made.offered("a", Outcome.ACKED)
    assert line(made, NOW - DAY_S)["acked"] == 2


def test_memory_is_bounded_by_the_number_of_providers() -> None:
    made = report(providers_max=3)
    for name in "abcdef":
        made.offered(name, Outcome.ACKED)
    assert len(made.shown(NOW)["hour"]["providers"]) == 3


def test_reports_of_two_workers_add_up_and_go_on_in_their_successors() -> None:
    ones = [Report(now=NOW + n, providers_max=10) for n in (0, 5)]
    whole = Report(now=NOW, providers_max=10)
    for n in range(40):
        for report in (ones[n % 2], whole):
            report.turn(NOW + 20 * n)
            outcome = Outcome.ACKED if n % 3 else Outcome.REFUSED
            report.offered("a.example", outcome, took_s=n / 100, place=n % 4, of=4)
            report.relayed("a.example")
    ones[0].offered("b.example", Outcome.SKIPPED)
    whole.offered("b.example", Outcome.SKIPPED)
    now = NOW + 900
    successor = Report(now=now, providers_max=10)
    successor.know(orjson.loads(orjson.dumps(ones[1].known())))
    counted = [ones[0].counted(now), successor.counted(now)]
    told = shown(orjson.loads(orjson.dumps(counted)), now)
    assert told["since"] == NOW
    for window in ("hour", "day"):
        assert told[window]["providers"] == whole.shown(now)[window]["providers"]
    assert successor.shown(now) == ones[1].shown(now)


def test_what_counted_other_things_is_not_gone_on_with() -> None:
    made, successor = report(), report()
    made.offered("a", Outcome.ACKED)
    with pytest.raises(ValueError, match="counts of each provider"):
        successor.know(made.known() | {"size": 3})
    assert not line(successor, NOW)
