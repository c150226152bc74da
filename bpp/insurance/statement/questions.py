"""What drivers ask first, answered out of their statement in plain words. Pure.

That anybody is covered is said only where an institution itself signed it, with the dates and the
name of its proof (bpp/insurance/coverage). Each answer has its figures from the books.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from bpp.declined import Declined
from bpp.insurance.engine.facts import Bought
from bpp.insurance.statement.question_words import ENGLISH, MALAY
from bpp.insurance.statement.telling import KEY_SHOWN, Telling
from bpp.insurance.statement.values import (
    IN_ORDER,
    Contribution,
    CoverAnswer,
    SchemePeriod,
    Statement,
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a question is asked of. `slip` is an id or its beginning; `counts_prepaid` the schemes
    that count what was bought ahead."""

    statement: Statement
    tell: Telling
    slip: str = ""
    bought: tuple[Bought, ...] = ()
    counts_prepaid: frozenset[str] = frozenset()
    limit_minor: int | None = None

    @classmethod
    def of(cls, statement: Statement, language: str, **more: object) -> "Asked":
        """In a language. Raises Declined for one without texts."""
        plain = Telling.of(statement, language)
        words = {**plain.words, **{"en": ENGLISH, "ms": MALAY}[language]}
        tell = Telling(MappingProxyType(words), statement.currency, statement.zone)
        return cls(statement, tell, **more)  # type: ignore[arg-type]  # its own fields

    def say(self, key: str, /, **parts: object) -> str:
        return self.tell.say(f"ask_{key}", **parts)

    def money(self, minor: int) -> str:
        return f"{self.tell.amount(minor)} {self.statement.currency}"

    @property
    def institutions(self) -> list[str]:
        return list(dict.fromkeys(period.institution for period in self.statement.periods))


Lines = Iterator[str]


def covered(asked: Asked) -> Lines:
    """Am I covered now, by whom, and where is the proof?"""
    signed = [each.institution for each in asked.statement.answers]
    for institution in dict.fromkeys((*asked.institutions, *signed)):
        mine = [p for p in asked.statement.periods if p.institution == institution]
        if mine and all(period.kind == "fund_levy" for period in mine):
            yield asked.say("covered_fee", institution=institution)
            continue
        yield from _answered(asked, institution)
        sums = {stands: sum(p.standing(stands) for p in mine) for stands in IN_ORDER}
        yield asked.say(
            "covered_money",
            total=asked.money(sum(period.total_minor for period in mine)),
            acknowledged=asked.money(sums["acknowledged"]),
            institution=institution,
        )
        yield asked.say("covered_proof", institution=institution)
    if not asked.institutions and not signed:
        yield asked.say("nothing_set_aside")


def _answered(asked: Asked, institution: str) -> Lines:
    """Yes only by an answer of theirs that holds now; else what they signed last, or nothing."""
    mine = [each for each in asked.statement.answers if each.institution == institution]
    now = asked.statement.made_at
    told = [each for each in mine if each.holds(now)] or sorted(mine, key=lambda e: e.ends)[-1:]
    for each in told:
        yield asked.say(
            f"covered_{_how(each, now)}",
            institution=institution,
            plan=each.plan or each.scheme,
            begins=asked.tell.instant(each.valid_from),
            ends=asked.tell.instant(each.ends),
            id=each.id,
        )
    if not told:
        yield asked.say("covered_not_confirmed", institution=institution)


def _how(answer: CoverAnswer, now: int) -> str:
    if answer.holds(now):
        return "yes"
    if answer.revoked_from is not None:
        return "revoked"
    return "later" if now < answer.valid_from else "ended"


def where(asked: Asked) -> Lines:
    """Where is my money?"""
    for period in asked.statement.periods:
        total = asked.money(period.total_minor)
        name = f"{period.scheme} {period.period}"
        bearer = asked.tell.say(period.borne_by)
        yield asked.say("where_period", period=name, total=total, bearer=bearer)
        yield from (f"  {line}" for line in _stations(asked, period))
    for held in asked.statement.held:
        if held.excess_minor:
            yield asked.say("held", amount=asked.money(held.excess_minor))
    if not asked.statement.periods:
        yield asked.say("nothing_set_aside")


def _stations(asked: Asked, period: SchemePeriod) -> Lines:
    for stands in IN_ORDER:
        if minor := period.standing(stands):
            yield asked.say(
                f"where_{stands}", amount=asked.money(minor), institution=period.institution
            )
    yield from (asked.tell.step(step) for step in period.steps)
    for missing in asked.statement.missing:
        if (missing.scheme, missing.where) == (period.scheme, period.period):
            yield asked.tell.missing(missing)


def why(asked: Asked) -> Lines:
    """Why this amount on this slip?"""
    each = _of_slip(asked)
    yield asked.say("why", amount=asked.money(each.amount_minor), scheme=each.scheme)
    yield f"{asked.tell.why(each)}."
    for period in asked.statement.periods:
        is_its = (period.scheme, period.period) == (each.scheme, each.period)
        if is_its and period.period_line_minor:
            yield asked.say(
                "why_period",
                period=period.period,
                orders=asked.money(period.orders_minor),
                total=asked.money(period.total_minor),
            )
    if each.worker_minor != each.amount_minor:
        yield asked.say("why_yours", amount=asked.money(each.worker_minor))


def _of_slip(asked: Asked) -> Contribution:
    every = [each for job in asked.statement.jobs for each in job.contributions]
    with_slip = [each for each in every if each.slip_id is not None]
    if not asked.slip:
        shown = ", ".join(str(each.slip_id)[:KEY_SHOWN] for each in with_slip[-5:])
        raise Declined(f"say which slip, such as one of the newest: {shown or 'there is none'}")
    found = [each for each in with_slip if str(each.slip_id).startswith(asked.slip)]
    if len(found) != 1:
        what = "several slips begin" if found else "no slip of this worker that holds begins"
        raise Declined(
            f"{what} with {asked.slip[:40]!r}: give its id (a newer one may stand for it)"
        )
    return found[0]


def prepaid(asked: Asked) -> Lines:
    """Why again, if I prepaid?"""
    for each in asked.bought:
        key = "prepaid_seen" if each.is_seen else "prepaid_told"
        yield asked.say(key, plan=each.plan, month=each.first_month, months=each.months)
    if not asked.bought:
        yield asked.say("prepaid_none")
    for scheme in sorted(
        {p.scheme for p in asked.statement.periods if p.borne_by != "cooperative"}
    ):
        mine = [p for p in asked.statement.periods if p.scheme == scheme]
        key = "prepaid_counts" if scheme in asked.counts_prepaid else "prepaid_counts_not"
        total = asked.money(sum(period.worker_minor for period in mine))
        yield asked.say(key, scheme=scheme, institution=mine[0].institution, total=total)
    excess = sum(held.excess_minor for held in asked.statement.held)
    yield asked.say("held" if excess else "held_none", amount=asked.money(excess))


def both(asked: Asked) -> Lines:
    """I drive for two cooperatives: what does that mean?"""
    for period in asked.statement.periods:
        name = f"{period.scheme} {period.period}"
        yield asked.say("both_own", period=name, total=asked.money(period.total_minor))
    yield asked.say("both_unseen")
    yield asked.say("both_merge")


def owe(asked: Asked) -> Lines:
    """What do I owe?"""
    cash = asked.statement.closing_minor("cash_owed")
    other = asked.statement.closing_minor("other_owed")
    if cash <= 0 and other <= 0:
        yield asked.say("owe_nothing")
    if cash > 0:
        yield asked.say("owe_cash", amount=asked.money(cash))
    if other > 0:
        yield asked.say("owe_other", amount=asked.money(other))
    if asked.limit_minor is not None:
        yield asked.say("owe_limit", limit=asked.money(asked.limit_minor))


def leave(asked: Asked) -> Lines:
    """What is my balance if I leave?"""
    statement = asked.statement
    pay, tips = statement.closing_minor("pay"), statement.closing_minor("tips")
    cash, other = statement.closing_minor("cash_owed"), statement.closing_minor("other_owed")
    yield asked.say("leave_to_you", pay=asked.money(pay), tips=asked.money(tips))
    yield asked.say("leave_you_owe", cash=asked.money(cash), other=asked.money(other))
    net = pay + tips - cash - other
    yield asked.say("leave_get" if net >= 0 else "leave_pay", amount=asked.money(abs(net)))
    waiting = sum(p.standing("not_due", "due", "declared", "sent") for p in statement.periods)
    yield asked.say("leave_set_aside", amount=asked.money(waiting))
    for held in statement.held:
        if held.excess_minor:
            yield asked.say("held", amount=asked.money(held.excess_minor))
        if held.credit_minor:
            amount = asked.money(held.credit_minor)
            yield asked.say("leave_credit", amount=amount, institution=held.institution)
    yield asked.say("leave_slips")


QUESTIONS: Mapping[str, Callable[[Asked], Lines]] = MappingProxyType(
    {each.__name__: each for each in (covered, where, why, prepaid, both, owe, leave)}
)


def listed() -> dict[str, str]:
    """Every question by its name, in words."""
    return {name: str(each.__doc__) for name, each in QUESTIONS.items()}


def answer(question: str, asked: Asked) -> list[str]:
    """The lines of the answer. Raises Declined: no such question, or no such slip."""
    found = QUESTIONS.get(question)
    if found is None:
        raise Declined(f"{question[:40]!r} is no question; there are {', '.join(QUESTIONS)}")
    return list(found(asked))
