"""A statement as plain text for a terminal, and as CSV for a spreadsheet."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

from bpp.insurance.statement.telling import KEY_SHOWN, Telling, harmless
from bpp.insurance.statement.values import (
    ACCOUNTS,
    IN_ORDER,
    Contribution,
    Job,
    Month,
    Movement,
    Statement,
)
from bpp.insurance.table import is_formula

BREAKS = ("\t", "\r", "\n")
FORMULA_STARTS = ("=", "+", "-", "@", *BREAKS, "|", "%")
COLUMNS = (
    "month", "at", "job", "state", "cash", "fare", "commission", "refund", "tip", "scheme",
    "period", "set_aside", "borne_by_worker", "is_due", "slip", "why",
)  # fmt: skip


def text(statement: Statement, language: str = "en") -> str:
    """The whole statement, line by line."""
    lines = _lines(statement, Telling.of(statement, language))
    return "\n".join(map(harmless, lines)) + "\n"


def _lines(statement: Statement, tell: Telling) -> Iterator[str]:
    say = tell.say
    yield f"{say('title')}. {say('of', worker=statement.worker, issuer=statement.issuer)}"
    yield say(
        "span",
        first=statement.first_month,
        last=statement.last_month,
        currency=statement.currency,
        zone=statement.zone,
    )
    yield say("says")
    yield ""
    yield say("summary", month=statement.last_month)
    yield from _standing(statement, tell)
    yield ""
    yield say("periods")
    yield from _periods(statement, tell)
    yield ""
    for answer in statement.answers:
        yield tell.cover(answer)
    yield say("missing")
    told = [tell.missing(each) for each in statement.missing]
    yield from (f"  {each}" for each in told or [say("nothing_missing")])
    for month in statement.months:
        if month.jobs or month.movements or month.notices:
            yield ""
            yield from _month(month, tell)


def standing(statement: Statement, tell: Telling) -> Iterator[tuple[str, int]]:
    """What stands on the worker's accounts at the end, each with its name."""
    for account in statement.months[-1].accounts if statement.months else ():
        yield tell.say(account.name), account.closing_minor
    for held in statement.held:
        if held.excess_minor:
            yield tell.say("excess", institution=held.institution), held.excess_minor
        if held.credit_minor:
            yield tell.say("credit", institution=held.institution), held.credit_minor


def _standing(statement: Statement, tell: Telling) -> Iterator[str]:
    for name, minor in standing(statement, tell):
        yield f"  {name:<48} {tell.amount(minor):>12}"


def _periods(statement: Statement, tell: Telling) -> Iterator[str]:
    heads = [tell.say("set_aside"), *(tell.say(stands) for stands in IN_ORDER)]
    yield f"  {'':<34}" + "".join(f" {head:>14}" for head in heads)
    for period in statement.periods:
        amounts = [period.total_minor, *(period.standing(stands) for stands in IN_ORDER)]
        name = f"{period.scheme} {period.period}"
        yield f"  {name:<34}" + "".join(f" {tell.amount(each):>14}" for each in amounts)
        yield f"    {'; '.join(tell.period_notes(period, statement.answers))}"
        yield from (f"    {tell.step(step)}" for step in period.steps)


def _month(month: Month, tell: Telling) -> Iterator[str]:
    yield tell.say("month", month=month.name)
    heads = ("fare", "off", "tip", "aside", "yours", "net")
    yield f"  {tell.say('day'):<12}{tell.say('job'):<10}" + _cells(tell.say(h) for h in heads)
    for job in month.jobs:
        amounts = [tell.amount(minor) for minor in of_job(job)]
        note = tell.job(job)
        row = f"  {tell.day(job.at):<12}{job.order_key[:KEY_SHOWN]:<10}{_cells(amounts)}"
        yield f"{row}  {note}" if note else row
        for each in job.contributions:
            slip = each.slip_id[:KEY_SHOWN] if each.slip_id else tell.say("no_slip")
            yield f"    {each.scheme} {tell.amount(each.amount_minor)}: {tell.why(each)} ({slip})"
    sums = [sum(column) for column in zip(*map(of_job, month.jobs), strict=True)] or [0] * 6
    yield f"  {tell.say('total', month=month.name):<22}{_cells(tell.amount(s) for s in sums)}"
    for movement in month.movements:
        yield f"  {tell.day(movement.at):<12}{tell.movement(movement)} {_moved(movement, tell)}"
    for notice in month.notices:
        yield f"  {tell.day(notice.at):<12}{notice.text}"


def of_job(job: Job) -> tuple[int, ...]:
    """A row of a job: fare, commission and refund off it, tip, set aside, of it yours, net."""
    off = -job.commission_minor - job.refund_minor
    aside = (job.set_aside_minor, job.borne_minor)
    return (job.fare_minor, off, job.tip_minor, *aside, job.net_minor)


def _moved(movement: Movement, tell: Telling) -> str:
    changed = ((name, getattr(movement, f"{name}_minor")) for name in ACCOUNTS)
    return ", ".join(f"{tell.say(name)} {tell.signed(m)}" for name, m in changed if m)


def _cells(cells: Iterable[str]) -> str:
    return "".join(f" {each:>13}" for each in cells)


def table(statement: Statement, language: str = "en") -> str:
    """CSV (RFC 4180, UTF-8): one row a job and scheme, amounts in major units without grouping."""
    tell, out = Telling.of(statement, language), io.StringIO()
    rows = csv.writer(out, lineterminator="\r\n")
    rows.writerow(COLUMNS)
    for month in statement.months:
        for job in month.jobs:
            facts = [month.name, tell.instant(job.at), job.order_key, job.state, job.is_cash]
            money = (job.fare_minor, job.commission_minor, job.refund_minor, job.tip_minor)
            written = [tell.amount(minor) for minor in money]
            for index, each in enumerate(job.contributions or (None,)):
                amounts = written if index == 0 else [""] * 4  # a job's money once: columns add up
                rows.writerow(cells([*facts, *amounts, *_scheme_cells(each, tell)]))
    return out.getvalue()


def _scheme_cells(each: Contribution | None, tell: Telling) -> list[object]:
    if each is None:
        return [""] * 7
    amounts = [tell.amount(each.amount_minor), tell.amount(each.worker_minor)]
    return [each.scheme, each.period, *amounts, each.is_due, each.slip_id or "", tell.why(each)]


def cells(row: Sequence[object]) -> list[str]:
    """No cell is a formula: text that begins like one gets an apostrophe, a number stays one."""
    return [_cell(each) for each in row]


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    written = str(value)
    if is_formula(written) or written.startswith(BREAKS):
        return f"'{written}"
    return written
