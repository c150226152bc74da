"""The parts of a statement in words: amounts, days, why an amount, what is missing. Pure."""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from bpp.declined import Declined
from bpp.insurance.engine import calendar
from bpp.insurance.slip_words import percent
from bpp.insurance.statement.values import (
    Contribution,
    CoverAnswer,
    Figures,
    Job,
    Missing,
    Movement,
    Place,
    SchemePeriod,
    Statement,
    Step,
)
from bpp.insurance.statement.words import LANGUAGES
from protocol_specs.wire import money

KEY_SHOWN = 8  # characters of an order key or a slip's id that people compare


def words_of(language: str) -> Mapping[str, str]:
    """The texts of a language. Raises Declined naming those there are."""
    try:
        return LANGUAGES[language]
    except KeyError:
        known = ", ".join(LANGUAGES)
        raise Declined(f"there are no texts in {language[:16]!r} yet; there are {known}") from None


@dataclass(frozen=True, slots=True)
class Telling:
    """How one statement is told in one language."""

    words: Mapping[str, str]
    currency: str
    zone: str

    @classmethod
    def of(cls, statement: Statement, language: str) -> "Telling":
        return cls(words_of(language), statement.currency, statement.zone)

    def say(self, key: str, /, **parts: object) -> str:
        """A text with its parts filled in; what a stranger wrote in them is made harmless."""
        return self.words[key].format(**{name: harmless(str(p)) for name, p in parts.items()})

    def amount(self, minor: int) -> str:
        return money.amount(minor, self.currency)

    def signed(self, minor: int) -> str:
        """With its sign, also a plus."""
        return ("+" if minor > 0 else "") + self.amount(minor)

    def day(self, at: int) -> str:
        return calendar.local(at, self.zone).date().isoformat()

    def instant(self, at: int) -> str:
        return f"{calendar.local(at, self.zone):%Y-%m-%d %H:%M}"

    def why(self, contribution: Contribution) -> str:
        """Why this amount, as its slip says it; a sentence without its full stop."""
        found = contribution.figures
        if found is None:
            return self.say("no_slip")
        if found.reason in ("cancelled", "reassigned") and not contribution.amount_minor:
            return self.say(f"reason_{found.reason}")
        return "; ".join(self._why(found, contribution.amount_minor))

    def _why(self, found: Figures, amount_minor: int) -> Iterator[str]:
        exact = Decimal(found.exact).scaleb(-money.exponent(self.currency))
        written = format(exact, "f")
        parts = {"exact": written, "percent": percent(found.value)}
        if found.what in ("rate", "net"):
            less = ""
            for name in ("commission", "refund"):
                if minor := getattr(found, f"{name}_minor"):
                    less += self.say(f"why_{name}", amount=self.amount(minor))
            yield self.say(
                "why_base",
                earned=self.amount(found.earned_minor),
                less=less,
                base=self.amount(found.base_minor),
            )
        if found.what in ("rate", "net") or exact:
            yield self.say(f"why_{found.what}", **parts)
        is_capped = found.cap_minor == amount_minor < Decimal(found.exact)
        if is_capped:
            yield self.say("why_capped", cap=self.amount(amount_minor))
        elif found.what == "rate" and exact != Decimal(self.amount(amount_minor)):
            yield self.say("why_rounded", amount=self.amount(amount_minor))
        if found.reason:
            yield self.say("why_reason", reason=self.say(f"reason_{found.reason}"))
        if not found.verified:
            yield self.say("why_doubt")

    def job(self, job: Job) -> str:
        """What is special about a job; empty for an ordinary one."""
        told = [self.say(f"state_{job.state}"), self.say("cash") if job.is_cash else ""]
        return ", ".join(each for each in told if each)

    def bearer(self, period: SchemePeriod) -> str:
        told = self.say("borne_by", bearer=self.say(period.borne_by))
        if period.borne_by != "both":
            return told
        return f"{told}; {self.say('your_part', amount=self.amount(period.worker_minor))}"

    def cover(self, answer: CoverAnswer) -> str:
        """What an institution signed: its word, with its proof's name."""
        said = self.say(
            "answer",
            institution=answer.institution,
            plan=answer.plan or answer.scheme,
            begins=self.instant(answer.valid_from),
            ends=self.instant(answer.valid_until),
            id=answer.id,
        )
        if answer.revoked_from is None:
            return said
        return f"{said} {self.say('answer_revoked', at=self.instant(answer.revoked_from))}"

    def period_notes(
        self, period: SchemePeriod, answers: Iterable[CoverAnswer] = ()
    ) -> Iterator[str]:
        """What has to be said of a scheme's period beside its amounts, and beside these answers."""
        yield self.bearer(period)
        if period.period_line_minor:
            yield self.say("period_line", amount=self.amount(period.period_line_minor))
        for place in period.places:
            yield from self._place(place)
        yield self._due(period.due_day)
        if not period.verified:
            yield self.say("not_verified", institution=period.institution)
        if period.kind == "fund_levy":
            yield self.say("fee")
            return
        is_answered = any(each.scheme == period.scheme for each in answers)
        key = "cover_apart" if is_answered else "no_cover"
        yield self.say(key, institution=period.institution)

    def _place(self, place: Place) -> Iterator[str]:
        minor = self.amount(place.amount_minor)
        if place.stands == "excess":
            yield self.say("excess_of_period", amount=minor)
        elif place.stands == "credit_used":
            yield self.say("credit_used", amount=minor)
        elif place.stands == "rejected":
            yield self.say("rejected_of_period", amount=minor, remittance=place.remittance)

    def _due(self, day: date | None) -> str:
        return self.say("due_unknown") if day is None else self.say("due_by", day=day)

    def step(self, step: Step) -> str:
        """What became of a remittance, and when."""
        what = self.say(f"step_{step.kind}")
        key = "step_reference" if step.reference else "step"
        return self.say(
            key,
            remittance=step.remittance,
            what=what,
            at=self.day(step.at),
            reference=step.reference,
        )

    def missing(self, missing: Missing) -> str:
        where = missing.where
        if missing.what in ("no_slip", "not_posted"):
            where = where[:KEY_SHOWN]
        return self.say(
            f"missing_{missing.what}",
            where=where,
            scheme=missing.scheme,
            amount=f"{self.amount(missing.amount_minor)} {self.currency}",
            day=missing.due_day,
        )

    def movement(self, movement: Movement) -> str:
        """What kind of money it was; a kind without words of its own is told by its name."""
        key = f"kind_{movement.kind}"
        return self.say(key) if key in self.words else harmless(movement.kind)


def harmless(text: str) -> str:
    """Text of a stranger for one line: no control or format character changes what is read."""
    return "".join(
        " " if unicodedata.category(each) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") else each
        for each in text
    )
