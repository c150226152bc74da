"""Slips of several cooperatives together: one shortfall, one cap, nothing twice, nothing forged."""

import copy
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bpp.declined import Declined
from bpp.insurance.slip import slip_id
from bpp.insurance.statement import merged_words
from bpp.insurance.statement.merging import Merged, merge
from protocol_specs.wire.canonical import canonical
from protocol_specs.wire.keys import b64encode
from tests.bpp.insurance.slip_files import slips
from tests.bpp.insurance.support import NOON, Coop, Story, fare_of, my_coop

DAY = 86_400
MINIMUM = 1310  # 1,050 x 1.25 % = 13.125, to the nearest 0.10
Files = list[tuple[str, bytes]]


def coop_of(folder: Path, name: str, *, cap: str = "none") -> Coop:
    """A cooperative of its own name and key, whose month stops at the plan or does not."""
    coop = my_coop(folder / name, commission_rate="0", options={"cap": cap})
    return _named(coop, name)


def _named(coop: Coop, name: str) -> Coop:
    from bpp.insurance.extension import Insurance
    from tests.bpp.insurance.support import terms_for

    coop.insurance = Insurance.with_schemes(
        coop.schemes,
        terms_for(coop.schemes, coop.commission_rate, coop.options),
        coop.key,
        f"{name}.example",
        None,
    )
    return coop


def jobs(coop: Coop, *bases: int, at: int = NOON, key: str = "") -> Files:
    """Each of these earnings as a job done, a minute apart; the worker's final slips as files."""
    for n, base in enumerate(bases):
        story = Story(
            key=f"{key:f>16}{n:016x}", agent_id="a1", lines=fare_of(base), at=at + n * 300
        )
        coop.happen(story.event("confirmed"), story.event("completed"))
    return files(coop, f"{key}")


def files(coop: Coop, prefix: str, *, newest: bool = True) -> Files:
    found = slips(coop, "a1")
    gone = {file["slip"]["supersedes"] for file in found}
    kept = [f for f in found if not newest or f["slip"]["slip_id"] not in gone]
    issuer = found[0]["slip"]["issuer"]
    return [(f"{prefix}{issuer}-{n}", json.dumps(f).encode()) for n, f in enumerate(kept)]


def unique(given: Files) -> Files:
    """Each file once, whatever it was called."""
    return list({body: (name, body) for name, body in given}.values())


def keys(*coops: tuple[str, Coop]) -> dict[str, bytes]:
    return {f"{name}.example": coop.key.public for name, coop in coops}


def both(tmp_path: Path, a: int, b: int, *, first: str, cap: str) -> tuple[Merged, dict[str, Coop]]:
    """Base a at cooperative A and b at B, one after the other."""
    there = {name: coop_of(tmp_path, name, cap=cap) for name in ("a", "b")}
    at = {"a": NOON, "b": NOON + DAY} if first == "a" else {"a": NOON + DAY, "b": NOON}
    given = jobs(there["a"], a, at=at["a"]) + jobs(there["b"], b, at=at["b"])
    return merge(given, keys(*there.items())), there


def test_two_under_one_cap_keep_by_time_and_the_later_one_owes_the_rest_back(
    tmp_path: Path,
) -> None:
    """900.00 and 400.00: 11.25 and 5.00 are 16.25, at most 13.10: B keeps 1.85, owes 3.15."""
    merged, _ = both(tmp_path, 90_000, 40_000, first="a", cap="plan")
    (july,) = merged.together
    assert [(t.issuer, t.taken_minor, t.kept_minor, t.too_much_minor) for t in july.of] == [
        ("a.example", 1125, 1125, 0),
        ("b.example", 500, 185, 315),
    ]
    assert (july.cap_minor, july.taken_minor, july.total_minor) == (MINIMUM, 1625, MINIMUM)
    assert july.shortfall_minor == 0
    assert [taken.alone_minor for taken in july.of] == [185, 810]
    assert "Claim it from b.example" in merged_words.report(merged)


def test_two_below_the_minimum_lack_once_and_not_twice(tmp_path: Path) -> None:
    """500.00 and 400.00: 6.25 and 5.00 are 11.25, so 1.85 lacks; not 6.85 and 8.10."""
    merged, _ = both(tmp_path, 50_000, 40_000, first="b", cap="none")
    (july,) = merged.together
    assert [t.issuer for t in july.of] == ["b.example", "a.example"]
    assert july.total_minor == 625 + 500
    assert july.shortfall_minor == MINIMUM - (625 + 500) == 185
    assert {t.issuer: t.alone_minor for t in july.of} == {"a.example": 685, "b.example": 810}
    told = merged_words.report(merged)
    assert told.count("lacking to plan") == 1
    assert "1.85 MYR in all" in told


def test_the_shortfall_is_to_the_plan_that_the_worker_chose(tmp_path: Path) -> None:
    there = {name: coop_of(tmp_path, name) for name in ("a", "b")}
    given = jobs(there["a"], 90_000) + jobs(there["b"], 40_000, at=NOON + DAY)
    (july,) = merge(given, keys(*there.items()), "2").together
    assert july.shortfall_minor == 1940 - 1625  # plan 2: 1,550 x 1.25 % = 19.375
    with pytest.raises(Declined, match="no plan '9'"):
        merge(given, keys(*there.items()), "9")


def test_jobs_in_turn_at_both_share_the_cap_job_by_job(tmp_path: Path) -> None:
    """Four jobs of 400.00 in turn, 5.00 each: 5.00, 5.00, 3.10 and nothing are kept."""
    there = {name: coop_of(tmp_path, name, cap="plan") for name in ("a", "b")}
    given: Files = []
    for n, name in enumerate("abab"):
        given += jobs(there[name], 40_000, at=NOON + n * DAY, key=f"{n}")
    (july,) = merge(unique(given), keys(*there.items())).together
    assert [(t.taken_minor, t.kept_minor) for t in july.of] == [(1000, 810), (1000, 500)]


def test_periods_and_schemes_stand_apart(tmp_path: Path) -> None:
    coop = coop_of(tmp_path, "a")
    given = jobs(coop, 40_000) + jobs(coop, 40_000, at=NOON + 31 * DAY, key="0")
    merged = merge(unique(given), {})
    assert [each.period for each in merged.together] == ["2026-07", "2026-08"]


def test_what_is_forged_doubled_or_superseded_is_named_and_does_not_count(tmp_path: Path) -> None:
    there = {name: coop_of(tmp_path, name) for name in ("a", "b")}
    good = jobs(there["a"], 90_000)
    every = files(there["a"], "all-", newest=False)
    forged = json.loads(jobs(there["b"], 40_000)[0][1])
    forged["slip"]["order_line"]["amount_minor"] += 1
    given = [*every, ("again", good[0][1]), ("forged", json.dumps(forged).encode())]
    merged = merge(given, keys(*there.items()))
    assert {each.name: each.why for each in merged.left_out} == {
        "all-a.example-1": "superseded",
        "again": "doubled",
        "forged": "does_not_hold",
    }
    (july,) = merged.together
    assert july.taken_minor == 1125
    assert [each.name for each in merged.left_out if each.is_refused] == ["forged"]


def test_a_slip_signed_by_another_key_than_the_issuers_does_not_count(tmp_path: Path) -> None:
    real, fake = coop_of(tmp_path, "a"), coop_of(tmp_path / "x", "a")
    given = [("real", jobs(real, 90_000)[0][1]), ("fake", jobs(fake, 40_000, key="0")[0][1])]
    merged = merge(given, keys(("a", real)))
    assert [(each.name, each.why) for each in merged.left_out] == [("fake", "does_not_hold")]
    assert merged.together[0].taken_minor == 1125
    nobody = merge(given, {})
    assert nobody.together == ()
    assert {each.why for each in nobody.left_out} == {"other_key"}


def test_two_slips_of_one_id_that_differ_count_neither(tmp_path: Path) -> None:
    coop = coop_of(tmp_path, "a")
    file: dict[str, Any] = json.loads(jobs(coop, 90_000)[0][1])
    other = copy.deepcopy(file)
    other["slip"]["liable_source"] = "another law"
    other["signature"] = b64encode(coop.key.sign(canonical(other["slip"])))
    given = [("one", json.dumps(file).encode()), ("two", json.dumps(other).encode())]
    merged = merge(given, keys(("a", coop)))
    assert [each.why for each in merged.left_out] == ["contradicts", "contradicts"]
    assert merged.together == ()


def test_slips_of_two_people_are_not_merged(tmp_path: Path) -> None:
    coop = coop_of(tmp_path, "a")
    given = jobs(coop, 90_000)
    story = Story(key="e" * 32, agent_id="a2")
    coop.happen(story.event("confirmed"))
    given.append(("other", json.dumps(slips(coop, "a2")[0]).encode()))
    with pytest.raises(Declined, match="2 workers"):
        merge(given, {})


def test_a_slip_that_is_not_here_is_missed_and_a_cooperative_that_is_not_cannot_be(
    tmp_path: Path,
) -> None:
    coop = coop_of(tmp_path, "a")
    given = jobs(coop, 40_000, 40_000, 40_000)
    newest = max(given, key=lambda file: json.loads(file[1])["slip"]["issued_at"])
    merged = merge([newest], keys(("a", coop)))
    assert merged.together[0].of[0].unseen == "1000"  # two jobs of 5.00
    told = merged_words.report(merged)
    assert "slips of a.example are missing here" in told
    assert merged_words.UNSEEN in told
    assert merge(given, keys(("a", coop))).together[0].of[0].unseen == "0"


def test_the_order_in_which_files_are_given_changes_nothing(tmp_path: Path) -> None:
    there = {name: coop_of(tmp_path, name, cap="plan") for name in ("a", "b")}
    given = jobs(there["a"], 30_000, 60_000) + jobs(there["b"], 40_000, 700, at=NOON + 200)
    known = keys(*there.items())
    straight: Sequence[Any] = merge(given, known).together
    assert merge(given[::-1], known).together == straight


def test_files_that_are_no_slips_are_named(tmp_path: Path) -> None:
    merged = merge([("a", b"{}"), ("b", b"\xff"), ("c", b"WFS1:x")], {})
    assert [each.why for each in merged.left_out] == ["does_not_hold"] * 3


@pytest.mark.parametrize("end", ["x1", "\u00b2", "1" * 5000, "-1", ""])
def test_a_slip_whose_entry_says_no_event_is_refused_by_name(tmp_path: Path, end: str) -> None:
    """Anybody can sign a slip with a key of their own, and put into it what they like."""
    coop = coop_of(tmp_path, "one.example")
    (name, body), *_ = jobs(coop, 2000)
    file = json.loads(body)
    place = file["slip"]["entry"]["id"].rpartition("/")[0]
    file["slip"]["entry"]["id"] = f"{place}/{end}"
    file["slip"]["slip_id"] = slip_id(f"{place}/{end}")
    file["proof"] = "pending"
    file["signature"] = b64encode(coop.key.sign(canonical(file["slip"])))
    found = merge([(name, json.dumps(file).encode())], {})
    assert [each.why for each in found.left_out] == ["does_not_hold"]
    assert "order, worker slot and event" in found.left_out[0].detail
    assert found.together == ()
