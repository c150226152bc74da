"""Takes a bank's file into the books: what it says of our payments becomes steps of remittances.

All of it or nothing, in the caller's transaction. The same file again changes nothing; a file that
says less than what stands, or the same, changes nothing either.
"""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import bindparam, insert, select

from bpp.insurance.agents.filing import Filer
from bpp.insurance.remittance import reading, states
from bpp.insurance.remittance.files import camt054, made, pain002
from bpp.insurance.remittance.files.bank_words import BankFile, Word
from bpp.insurance.remittance.files.made import Made
from bpp.insurance.remittance.files.making import outstanding_minor
from bpp.insurance.remittance.files.tables import BankFileRead
from bpp.insurance.remittance.states import Step
from bpp.insurance.remittance.values import Remittance
from bpp.ledger.bank_files import BadBankFile
from bpp.ledger.bank_xml import kind_of, root_of
from bpp.refused import Refused
from protocol_specs.node.store import Session, Statement
from protocol_specs.wire import money

_read = BankFileRead.__table__

_READ = Statement(select(_read.c.at).where(_read.c.sha256 == bindparam("sha256")))
_NEW_READ = Statement(insert(_read))
_READERS = {"pain.002": pain002.read, "camt.054": camt054.read}
_IN_TURN = ("pending", "paid", "rejected", "came")  # of one day


@dataclass(frozen=True, slots=True)
class Taken:
    """A bank's file as it arrives: its name for messages, its bytes, who brings it (a short id).

    `filer`: for whom and under which mandate; None: this cooperative itself.
    """

    name: str
    raw: bytes
    by: str
    filer: Filer | None = None

    @property
    def sha256(self) -> str:
        return sha256(self.raw).hexdigest()


def apply(session: Session, taken: Taken, now: int) -> dict[str, Any]:
    """Writes down what the file says; JSON-ready: `is_new`, and what became of what. Raises Refused
    naming the file and the element: it is not about payments of ours, or contradicts them.
    """
    if session.one(_READ, sha256=taken.sha256) is not None:
        return {"is_new": False, "sha256": taken.sha256, "payments": []}
    try:
        bank = _opened(taken)
    except BadBankFile as fault:
        raise Refused(str(fault)) from None
    words = sorted(bank.words, key=lambda word: (word.on, _IN_TURN.index(word.says)))
    told = [each for word in words for each in _take(session, taken, word, now)]
    session.run(
        _NEW_READ,
        sha256=taken.sha256,
        kind=bank.kind,
        bank_id=bank.id,
        at=now,
        by=taken.by,
        words=json.dumps(told),
    )
    return {"is_new": True, "sha256": taken.sha256, "kind": bank.kind, "payments": told}


def _opened(taken: Taken) -> BankFile:
    kind = kind_of(root_of(taken.raw, taken.name))
    if kind not in _READERS:
        raise Refused(
            f"{taken.name}: it is no pain.002 and no camt.054 ({kind or 'unknown'}); a statement "
            "(camt.053) is compared by wayfare ledger match"
        )
    return _READERS[kind](taken.raw, taken.name)


def _take(session: Session, taken: Taken, word: Word, now: int) -> list[dict[str, Any]]:
    """One word of the bank's: which payments it is about, and what it changed of each."""
    about = _about(session, word)
    for each in about:
        _check(each, word, now)
    return [
        {
            "remittance": each.remittance,
            "end_to_end": each.end_to_end,
            "says": word.says,
            "code": word.code,
            "reasons": list(word.reasons),
            "on": word.on.isoformat(),
            "did": _do(session, taken, each, word, now),
        }
        for each in about
    ]


def _about(session: Session, word: Word) -> list[Made]:
    if word.end_to_end is None:
        found = made.credits(session, word.message or "")
        if not found:
            raise Refused(f"{word.place}: no payment file of ours is called {word.message}")
        return found
    one = made.credit(session, word.end_to_end)
    if one is not None:
        return [one]
    if word.says == "came":
        return []  # somebody else's payment to us: wayfare ledger match looks at it
    raise Refused(f"{word.place}: no payment of ours is called {word.end_to_end[:40]}")


def _check(each: Made, word: Word, now: int) -> None:
    """That the bank speaks of the payment that we made."""
    if word.code != "BOOK" and word.message != each.message:
        raise Refused(
            f"{word.place}: {each.end_to_end} stands in our file {each.message}, not in "
            f"{word.message}"
        )
    if word.account is not None and word.account != each.account:
        raise Refused(
            f"{word.place}: {each.end_to_end} is paid from {each.account}, this is about "
            f"{word.account}"
        )
    if word.currency is not None and (word.amount_minor, word.currency) != (
        each.amount_minor,
        each.currency,
    ):
        said = money.amount(word.amount_minor or 0, word.currency)
        ours = money.amount(each.amount_minor, each.currency)
        raise Refused(
            f"{word.place}: it says {said} {word.currency}, our payment {each.end_to_end} is "
            f"{ours} {each.currency}"
        )
    if word.on > _day(now) + timedelta(1):
        raise Refused(f"{word.place}: {word.on} is still to come")
    if word.says == "came":
        raise Refused(
            f"{word.place}: money came under the name of our payment {each.end_to_end}, and the "
            "bank does not call it a return (RtrInf): ask the bank what it is"
        )


def _do(session: Session, taken: Taken, each: Made, word: Word, now: int) -> str:
    found = reading.remittance(session, each.remittance)
    if found is None:
        raise Refused(f"{word.place}: there is no remittance {each.remittance}")
    if word.says == "paid":
        return _paid(session, found, each, word, _step(taken, found, each, word, now))
    if word.says == "rejected":
        return _rejected(session, found, each, word, _step(taken, found, each, word, now))
    return "nothing"


def _paid(session: Session, found: Remittance, each: Made, word: Word, step: Step) -> str:
    if found.state == "rejected":
        raise Refused(
            f"{word.place}: {found.id} was rejected before, and now it is to have been paid: ask "
            "the bank"
        )
    _not_twice(session, found, each, word)
    outstanding = outstanding_minor(found)
    if outstanding == 0:
        return "nothing"  # it was written down as sent before
    if outstanding != each.amount_minor:
        ours = money.amount(outstanding, found.currency)
        raise Refused(
            f"{word.place}: of {found.id} {ours} {found.currency} is left to pay since the file "
            "was made: find out what changed first"
        )
    states.send(session, found.id, step)
    return "sent"


def _not_twice(session: Session, found: Remittance, each: Made, word: Word) -> None:
    """That no other attempt at the same money was paid as well."""
    others = {
        _named(other): other
        for other in made.credits_of(session, found.id)
        if other != each and other.amount_minor == each.amount_minor
    }
    for event in found.events:
        if event.kind == "sent" and event.text in others:
            raise Refused(
                f"{word.place}: {found.id} was paid twice, as {others[event.text].end_to_end} "
                f"before and as {each.end_to_end} now: have the bank bring one back"
            )


def _rejected(session: Session, found: Remittance, each: Made, word: Word, step: Step) -> str:
    if found.state == "rejected" or made.credits_of(session, found.id)[-1] != each:
        return "nothing"  # it came back before, or a later file pays it
    if found.state == "acknowledged":
        raise Refused(
            f"{word.place}: the institution acknowledged {found.id}, and now it is to have come "
            "back: ask both"
        )
    if found.payable_minor != each.amount_minor:
        raise Refused(
            f"{word.place}: {each.end_to_end} is only a part of {found.id}: write down by hand "
            "what came back"
        )
    states.reject(session, found.id, step)
    return "rejected"


def _step(taken: Taken, found: Remittance, each: Made, word: Word, now: int) -> Step:
    """At the end of the bank's day: banks book days, not instants."""
    midnight = datetime(word.on.year, word.on.month, word.on.day, tzinfo=UTC) + timedelta(1)
    at = max(found.at, min(now, int(midnight.timestamp()) - 1))
    reasons = "; ".join(word.reasons)
    return Step(
        by=taken.by,
        reference=f"bank-{taken.sha256[:16]}",
        at=at,
        text=_named(each) if word.says == "paid" else f"{word.code} {reasons}".strip()[:500],
        file_sha256=taken.sha256,
        filer=taken.filer,
    )


def _named(each: Made) -> str:
    return f"paid as {each.end_to_end}"


def _day(now: int) -> date:
    return datetime.fromtimestamp(now, UTC).date()
