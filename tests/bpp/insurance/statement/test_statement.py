"""The pass-book says what the books say, to the cent, and shows what is missing."""

import csv
import io
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from bpp.declined import Declined
from bpp.insurance import books
from bpp.insurance.slip_check import check as check_slip
from bpp.insurance.statement import document, missing, plain
from bpp.insurance.statement.telling import Telling
from bpp.insurance.statement.values import Missing, Place, SchemePeriod, Statement
from bpp.insurance.statement.words import LANGUAGES
from protocol_specs.wire.canonical import canonical
from protocol_specs.wire.keys import b64encode, generate_signing_key
from protocol_specs.wire.values import replace
from tests.bpp.insurance.slip_files import slips
from tests.bpp.insurance.statement.support import DAY, random_books, told
from tests.bpp.insurance.support import CARD, MY, NOON, Coop, Story, ka_coop, my_coop

HOSTILE = '=HYPERLINK("http://x")\n+1,"@SUM"\x1b[2J\u202e'


@pytest.fixture(scope="module")
def coop(tmp_path_factory: pytest.TempPathFactory) -> Coop:
    """Books that nobody here writes to."""
    return random_books(tmp_path_factory.mktemp("books"), seed=7)


@pytest.mark.parametrize("seed", range(12))
def test_every_sum_of_the_statement_is_that_of_the_ledgers_accounts(
    tmp_path: Path, seed: int
) -> None:
    coop = random_books(tmp_path, seed)
    found, stands, worker = told(coop), coop.balances(), coop.local("a1")
    numbers = {"pay": 2100, "tips": 2110, "cash_owed": 1220, "other_owed": 1240}
    for name, number in numbers.items():
        assert found.closing_minor(name) == stands.get(f"{number}:{worker}", 0), name  # type: ignore[arg-type]
    for period in found.periods:
        key = f"{MY}:{worker}:{period.period}"
        aside = stands.get(f"2200:{key}", 0) + stands.get(f"2205:{key}", 0)
        assert period.standing("not_due") == aside
        assert period.standing("due") == stands.get(f"2210:{key}", 0)
        assert period.total_minor == aside + period.standing("due")
        orders = [c for job in found.jobs for c in job.contributions if c.period == period.period]
        assert period.orders_minor == sum(each.amount_minor for each in orders)
    assert {each.period for each in found.periods} == {
        each.period for job in found.jobs for each in job.contributions
    }


@pytest.mark.parametrize("seed", range(4))
def test_what_jobs_earned_is_what_their_fare_entries_gave_the_worker(
    tmp_path: Path, seed: int
) -> None:
    """Net of a job is what stands for it on pay, tips and cash in hand, period lines apart."""
    coop = random_books(tmp_path, seed)
    found = told(coop)
    by_jobs: dict[str, int] = {}
    for month in found.months:
        for account in month.accounts:
            by_jobs[account.name] = by_jobs.get(account.name, 0) + account.jobs_minor
    owing = by_jobs["cash_owed"] + by_jobs["other_owed"]
    in_hand = sum(job.fare_minor - job.refund_minor for job in found.jobs if job.is_cash)
    due = sum(period.standing("due") for period in found.periods)
    orders = sum(c.worker_minor for job in found.jobs for c in job.contributions if c.is_due)
    net = sum(job.net_minor for job in found.jobs) - (due - orders)
    assert by_jobs["pay"] + by_jobs["tips"] - owing == net - in_hand


def test_every_slip_of_it_verifies_and_none_is_superseded(coop: Coop) -> None:
    files = {file["slip"]["slip_id"]: file for file in slips(coop, "a1")}
    gone = {file["slip"]["supersedes"] for file in files.values()}
    contributions = [each for job in told(coop).jobs for each in job.contributions]
    assert contributions
    for each in contributions:
        verdict = check_slip(json.dumps(files[str(each.slip_id)]).encode(), coop.key.public)
        assert verdict.slip.order_line.amount_minor == each.amount_minor
        assert each.slip_id not in gone


def test_months_open_with_what_the_ones_before_them_closed_with(coop: Coop) -> None:
    whole = told(coop)
    for before, after in zip(whole.months, whole.months[1:], strict=False):
        assert [a.closing_minor for a in before.accounts] == [
            a.opening_minor for a in after.accounts
        ]
    august = told(coop, first_month="2026-08", last_month="2026-08")
    assert august.months == tuple(each for each in whole.months if each.name == "2026-08")
    assert {period.period for period in august.periods} == {"2026-08"}


def test_an_unknown_worker_a_wrong_month_and_a_span_backwards_are_refused(coop: Coop) -> None:
    for worker in ("nobody", "unassigned", "", HOSTILE):
        with pytest.raises(Declined, match="nothing stands in the books"):
            told(coop, worker)
    for month in ("2026-13", "FY2026-27Q1", "July", "2026-7"):
        with pytest.raises(Declined, match="no month"):
            told(coop, first_month=month)
    with pytest.raises(Declined, match="is after"):
        told(coop, first_month="2026-08", last_month="2026-07")


def test_the_signed_file_holds_and_any_single_change_does_not(coop: Coop) -> None:
    found = told(coop, first_month="2026-07", last_month="2026-07")
    file = document.signed(found, coop.key)
    checked = document.check(json.dumps(file).encode(), coop.key.public)
    assert checked.statement == found
    other = generate_signing_key()
    with pytest.raises(document.BadStatement, match="not the key you expect"):
        document.check(json.dumps(file).encode(), other.public)
    file["statement"]["months"][0]["jobs"][0]["fare_minor"] += 1
    with pytest.raises(document.BadStatement, match="signature"):
        document.check(json.dumps(file).encode(), coop.key.public)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda s: s["months"][0]["totals"].update(net_minor=1), "totals"),
        (lambda s: s.update(says="You are covered."), "totals"),
        (lambda s: s.update(covered_from=NOON), "covered_from"),
        (lambda s: s.update(currency="XXX"), "currency"),
        (lambda s: s.update(zone="../etc"), "zone"),
        (lambda s: s["months"][0]["jobs"][0].update(fare_minor="1"), "fare_minor"),
        (lambda s: s["months"][0]["jobs"][0].pop("at"), "at"),
    ],
)
def test_a_cooperative_cannot_sign_what_a_statement_may_not_say(
    coop: Coop, change: Any, says: str
) -> None:
    said = document.document(told(coop))
    change(said)
    file = {"statement": said, "signature": b64encode(coop.key.sign(canonical(said)))}
    with pytest.raises(document.BadStatement, match=says):
        document.check(json.dumps(file).encode(), coop.key.public)


def test_nothing_of_it_claims_cover(coop: Coop) -> None:
    found = told(coop)
    assert "covered" not in json.dumps(document.document(found)).lower()
    said = plain.text(found)
    assert said.count("cover not confirmed by PERKESO") == len(found.periods)
    assert "covered" not in said.lower()


def test_a_fee_says_fee(tmp_path: Path) -> None:
    from bpp.insurance.statement.reading import Book, statement
    from tests.bpp.insurance.support import ka_story

    coop = ka_coop(tmp_path)
    story = ka_story(agent_id="a1")
    coop.happen(story.event("confirmed"), story.event("completed"))
    book = Book.of(coop.schemes, "coop.example", coop.key.public, "INR")
    late = NOON + 200 * DAY
    found = coop.store.read(lambda session: statement(session, book, "a1", late))
    (quarter,) = found.periods
    assert (quarter.kind, quarter.worker_minor, quarter.due_day) == (
        "fund_levy",
        0,
        date(2026, 10, 8),
    )
    assert "A fee, not cover." in plain.text(found)
    assert [(each.what, each.amount_minor) for each in found.missing] == [("not_remitted", 16)]


def test_a_job_whose_posting_waits_is_shown(tmp_path: Path) -> None:
    coop = my_coop(tmp_path)
    story = Story(agent_id="a1", payment=CARD)
    coop.happen(story.event("confirmed"))
    waits = story.event("completed")
    coop.record(waits)
    coop.store.transact_now(
        lambda session: books.note_pending(session, waits.order_key, waits.n, NOON, "why")
    )
    assert [each.what for each in told(coop, now=NOON + DAY).missing] == ["not_posted"]


def period(*places: Place, due_day: date | None = date(2026, 8, 15), **more: Any) -> SchemePeriod:
    values: dict[str, Any] = {
        "scheme": MY, "title": "t", "institution": "PERKESO", "kind": "insurance",
        "borne_by": "worker", "verified": True, "period": "2026-07", "due_day": due_day,
        "orders_minor": 100, "period_line_minor": 0, "worker_minor": 100, "places": places,
        "steps": (), **more,
    }  # fmt: skip
    return SchemePeriod(**values)


def at(stands: Any, minor: int = 100) -> Place:
    return Place(stands, minor, minor, "r/1", "2026-07")


@pytest.mark.parametrize(
    ("found", "today", "lacks"),
    [
        (period(at("due")), date(2026, 8, 15), []),
        (period(at("due")), date(2026, 8, 16), ["not_remitted"]),
        (period(at("declared")), date(2026, 8, 16), ["not_remitted"]),
        (period(at("sent")), date(2026, 8, 15), []),
        (period(at("sent")), date(2026, 8, 16), ["not_acknowledged"]),
        (period(at("acknowledged")), date(2027, 8, 16), []),
        (period(at("due"), at("rejected")), date(2026, 8, 1), ["rejected"]),
        (period(at("due"), due_day=None), date(2026, 7, 31), []),
        (period(at("due"), due_day=None), date(2026, 8, 1), ["no_due_day"]),
        (period(at("due", 99)), date(2026, 8, 1), ["gap"]),
        (period(), date(2026, 8, 1), ["gap"]),
        (period(at("excess", 40), at("acknowledged", 60)), date(2026, 9, 1), []),
    ],
)
def test_what_is_missing_is_named_from_its_day_on(
    found: SchemePeriod, today: date, lacks: list[str]
) -> None:
    assert [each.what for each in missing.found((), [found], [], today)] == lacks


def test_every_language_has_every_text_with_the_same_names_in_it() -> None:
    import string

    from bpp.insurance.statement import question_words

    def names(words: Any) -> dict[str, set[str | None]]:
        parse = string.Formatter().parse
        return {key: {part[1] for part in parse(text)} - {None} for key, text in words.items()}

    for words in LANGUAGES.values():
        assert names(words) == names(LANGUAGES["en"])
    assert names(question_words.MALAY) == names(question_words.ENGLISH)


def test_no_language_is_made_up(coop: Coop) -> None:
    with pytest.raises(Declined, match="there are en, ms"):
        plain.text(told(coop), "xx")


def hostile(found: Statement) -> Statement:
    """The same with hostile text wherever somebody else wrote some."""
    told_missing = Missing("no_slip", HOSTILE, HOSTILE, 1, None)
    months = tuple(
        replace(
            month,
            jobs=tuple(
                replace(
                    job,
                    order_key=HOSTILE,
                    contributions=tuple(
                        replace(each, scheme=HOSTILE, period=HOSTILE) for each in job.contributions
                    ),
                )
                for job in month.jobs
            ),
            movements=tuple(replace(m, kind=HOSTILE, reference=HOSTILE) for m in month.movements),
        )
        for month in found.months
    )
    periods = tuple(replace(p, title=HOSTILE, institution=HOSTILE) for p in found.periods)
    return replace(found, issuer=HOSTILE, months=months, periods=periods, missing=(told_missing,))


def test_no_cell_of_the_csv_is_a_formula_and_amounts_stay_numbers(coop: Coop) -> None:
    found = hostile(told(coop))
    rows = list(csv.reader(io.StringIO(plain.table(found))))
    assert tuple(rows[0]) == plain.COLUMNS
    assert len({len(row) for row in rows}) == 1
    cells = [cell for row in rows[1:] for cell in row]
    begins = [cell for cell in cells if cell.startswith(plain.FORMULA_STARTS)]
    assert begins == [cell for cell in begins if cell.replace(".", "").lstrip("-").isdigit()]
    assert f"'{HOSTILE}" in cells
    whole = sum(job.fare_minor for job in found.jobs)
    column = plain.COLUMNS.index("fare")
    assert sum(round(float(row[column] or 0) * 100) for row in rows[1:]) == whole


def test_hostile_text_breaks_no_line_of_a_terminal(coop: Coop) -> None:
    said = plain.text(hostile(told(coop)))
    assert "\x1b" not in said
    assert "\u202e" not in said


def test_why_an_amount_is_told_step_by_step(tmp_path: Path) -> None:
    coop = my_coop(tmp_path)
    story = Story(agent_id="a1", payment=CARD)
    coop.happen(story.event("confirmed"), story.event("completed"))
    found = told(coop, now=NOON + DAY)
    (each,) = found.jobs[0].contributions
    assert Telling.of(found, "en").why(each) == (
        "20.00 less 4.00 commission is 16.00; 1.25 % of that is 0.20; the figure is not confirmed"
    )
    assert "tolak 4.00 komisen" in Telling.of(found, "ms").why(each)
