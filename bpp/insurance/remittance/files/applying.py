"""Takes a bank's file into the books: what it says of our payments becomes steps of remittances.

All of it or nothing, in the caller's transaction. The same file again changes nothing; a file that
says less than what stands, or the same, changes nothing either.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import bindparam, insert, select

from bpp.declined import Declined
from bpp.insurance.agents.filing import Filer
from bpp.insurance.remittance import reading, states
from bpp.insurance.remittance.files import camt054, identifiers, made, pain002
from bpp.insurance.remittance.files.bank_words import BankFile, Word
from bpp.insurance.remittance.files.made import Made
from bpp.insurance.remittance.files.making import outstanding_minor
from bpp.insurance.remittance.files.tables import BankFileRead
from bpp.insurance.remittance.states import Step
from bpp.insurance.remittance.values import Remittance
from bpp.ledger.bank_files import BadBankFile, minor_of
from bpp.ledger.bank_xml import kind_of, root_of
from protocol_specs.node.store import Session, Statement
from protocol_specs.wire import money

_read = BankFileRead.__table__

_READ = Statement(select(_read.c.at).where(_read.c.sha256 == bindparam("sha256")))
_NEW_READ = Statement(insert(_read))
_SAID = Statement(select(_read.c.words).where(_read.c.words.contains(bindparam("end_to_end"))))
_DUPLICATES = ("AM05", "DU01", "DU02", "DU03", "DU04", "DU05")
"""Reasons (ExternalStatusReason1Code) that refuse a copy: the first one is not touched by it."""
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
    """Writes down what the file says; JSON-ready: `is_new`, and what became of what. Raises
    Declined naming the file and the element: it is not about payments of ours, or contradicts them.
    """
    if session.one(_READ, sha256=taken.sha256) is not None:
        return {"is_new": False, "sha256": taken.sha256, "payments": []}
    try:
        bank = _opened(taken)
    except BadBankFile as fault:
        raise Declined(str(fault)) from None
    words = sorted(bank.words, key=lambda word: (word.on, _IN_TURN.index(word.says)))
    told: list[dict[str, Any]] = []
    for word in words:
        told += _take(session, taken, word, now, told)
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
        raise Declined(
            f"{taken.name}: it is no pain.002 and no camt.054 ({kind or 'unknown'}); a statement "
            "(camt.053) is compared by wayfare ledger match"
        )
    return _READERS[kind](taken.raw, taken.name)


def _take(
    session: Session, taken: Taken, word: Word, now: int, told: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """One word of the bank's: which payments it is about, and what it changed of each. `told` is
    what the same file said before it."""
    about = _about(session, word)
    for each in about:
        _check(each, word, now)
        if word.says == "paid":
            _not_twice(session, each, word, told)
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
            raise Declined(f"{word.place}: no payment file of ours is called {word.message}")
        some = found if word.instruction is None else _instructed(found, word)
        _check_echo(session, some, word)
        return some
    one = made.credit(session, word.end_to_end)
    if one is not None:
        return [one]
    if word.says == "came":
        return []  # somebody else's payment to us: wayfare ledger match looks at it
    raise Declined(f"{word.place}: no payment of ours is called {word.end_to_end[:40]}")


def _instructed(found: list[Made], word: Word) -> list[Made]:
    """Those of the file that one instruction paid: pain001 makes one of each account, in turn."""
    accounts = sorted({each.account for each in found})
    for n, account in enumerate(accounts, 1):
        if identifiers.instruction_id(found[0].message, n) == word.instruction:
            return [each for each in found if each.account == account]
    raise Declined(f"{word.place}: {word.message} has no instruction {str(word.instruction)[:40]}")


def _check_echo(session: Session, some: list[Made], word: Word) -> None:
    """That what the bank says of the whole of it is what we wrote."""
    echo, file = word.echo, made.file(session, some[0].message)
    if echo is None or file is None:
        return
    if echo.made_at is not None and echo.made_at != file.at:
        raise Declined(f"{word.place}/OrgnlCreDtTm: our file {file.message} was written at another")
    if echo.count is not None and echo.count != str(len(some)):
        raise Declined(
            f"{word.place}/OrgnlNbOfTxs: it says {echo.count[:20]}, ours has {len(some)}"
        )
    if echo.sum is None:
        return
    currency = some[0].currency
    ours = sum(each.amount_minor for each in some)
    try:
        is_ours = minor_of(echo.sum, currency, f"{word.place}/OrgnlCtrlSum") == ours
    except BadBankFile as fault:
        raise Declined(str(fault)) from None
    if not is_ours:
        raise Declined(
            f"{word.place}/OrgnlCtrlSum: it says {echo.sum[:20]}, our payments come to "
            f"{money.amount(ours, currency)} {currency}"
        )


def _check(each: Made, word: Word, now: int) -> None:
    """That the bank speaks of the payment that we made."""
    if word.code != "BOOK" and word.message != each.message:
        raise Declined(
            f"{word.place}: {each.end_to_end} stands in our file {each.message}, not in "
            f"{word.message}"
        )
    if word.account is not None and word.account != each.account:
        raise Declined(
            f"{word.place}: {each.end_to_end} is paid from {each.account}, this is about "
            f"{word.account}"
        )
    if word.currency is not None and (word.amount_minor, word.currency) != (
        each.amount_minor,
        each.currency,
    ):
        said = money.amount(word.amount_minor or 0, word.currency)
        ours = money.amount(each.amount_minor, each.currency)
        raise Declined(
            f"{word.place}: it says {said} {word.currency}, our payment {each.end_to_end} is "
            f"{ours} {each.currency}"
        )
    if word.on > _day(now) + timedelta(1):
        raise Declined(f"{word.place}: {word.on} is still to come")
    if word.says == "came":
        raise Declined(
            f"{word.place}: money came under the name of our payment {each.end_to_end}, and the "
            "bank does not call it a return (RtrInf): ask the bank what it is"
        )


def _do(session: Session, taken: Taken, each: Made, word: Word, now: int) -> str:
    found = reading.remittance(session, each.remittance)
    if found is None:
        raise Declined(f"{word.place}: there is no remittance {each.remittance}")
    if word.says == "paid":
        return _paid(session, found, each, word, _step(taken, found, each, word, now))
    if word.says == "rejected":
        if any(reason.startswith(_DUPLICATES) for reason in word.reasons):
            return "nothing"  # a copy was refused
        return _rejected(session, found, each, word, _step(taken, found, each, word, now))
    return "nothing"


def _paid(session: Session, found: Remittance, each: Made, word: Word, step: Step) -> str:
    if found.state == "rejected":
        raise Declined(
            f"{word.place}: {found.id} was rejected before, and now it is to have been paid: ask "
            "the bank"
        )
    outstanding = outstanding_minor(session, found)
    if outstanding == 0 or _is_sent(found, each):
        return "nothing"  # it was written down as sent before
    if outstanding != each.amount_minor:
        ours = money.amount(outstanding, found.currency)
        raise Declined(
            f"{word.place}: of {found.id} {ours} {found.currency} is left to pay since the file "
            "was made: find out what changed first"
        )
    states.send(session, found.id, step)
    return "sent"


def _is_sent(found: Remittance, each: Made) -> bool:
    """Whether this very payment was written down as sent; what is left to pay is interest."""
    return any(event.text == _named(each) for event in found.events)


def _not_twice(session: Session, each: Made, word: Word, told: Sequence[Mapping[str, Any]]) -> None:
    """That no bank said of another attempt at the same money that it was paid as well."""
    for other in made.credits_of(session, each.remittance):
        if other == each or other.amount_minor != each.amount_minor:
            continue
        rows = session.all(_SAID, end_to_end=json.dumps(other.end_to_end))
        said = [*told, *(one for row in rows for one in json.loads(row["words"]))]
        if any((s["end_to_end"], s["says"]) == (other.end_to_end, "paid") for s in said):
            raise Declined(
                f"{word.place}: {each.remittance} was paid twice, as {other.end_to_end} before "
                f"and as {each.end_to_end} now: have the bank bring one back"
            )


def _rejected(session: Session, found: Remittance, each: Made, word: Word, step: Step) -> str:
    if found.state == "rejected" or made.credits_of(session, found.id)[-1] != each:
        return "nothing"  # it came back before, or a later file pays it
    if found.state == "acknowledged":
        raise Declined(
            f"{word.place}: the institution acknowledged {found.id}, and now it is to have come "
            "back: ask both"
        )
    if found.payable_minor != each.amount_minor:
        raise Declined(
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
