"""camt.054 of ISO 20022, what a bank booked on an account of ours, any version of its message."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from bpp.insurance.remittance.files.bank_words import BankFile, Says, Word
from bpp.ledger import camt
from bpp.ledger.bank_files import BadBankFile
from bpp.ledger.bank_xml import day, every, need, one, parse, text

_NONE = {"NOTPROVIDED", "NONREF"}
_RETURNS = {"RRTN"}  # bank transaction code: a payment came back


@dataclass(frozen=True, slots=True)
class _Booked:
    """One booked entry, and where it stands."""

    place: str
    on: date
    minor: int
    currency: str
    account: str
    is_reversal: bool
    reference: str


def read(raw: bytes, name: str) -> BankFile:
    """What was booked and names a payment (EndToEndId). Raises BadBankFile naming the element."""
    document = parse(raw, name, "camt.054")
    root = one(document, "BkToCstmrDbtCdtNtfctn", name)
    found = [] if root is None else every(root, "Ntfctn")
    if root is None or not found:
        raise BadBankFile(f"{name}: it holds no notification (BkToCstmrDbtCdtNtfctn/Ntfctn)")
    words = tuple(
        word for n, each in enumerate(found, 1) for word in _words(each, f"{name}, Ntfctn[{n}]")
    )
    _each_once(words)
    return BankFile("camt.054", need(root, "GrpHdr/MsgId", name), words)


def _words(notification: Any, place: str) -> Iterator[Word]:
    account = camt.account_number(notification, place)
    kept_in = text(notification, "Acct/Ccy", place)
    for n, entry in enumerate(every(notification, "Ntry"), 1):
        here = f"{place}/Ntry[{n}]"
        if not camt.is_booked(entry, here):
            continue
        minor, currency = camt.entry_amount(entry, kept_in, here)
        booked = _Booked(
            place=here,
            on=day(entry, "BookgDt", here),
            minor=minor,
            currency=currency,
            account=account,
            is_reversal=_says_true(entry, "RvslInd", here) or _is_return(entry, here),
            reference=text(entry, "AcctSvcrRef", here) or "",
        )
        yield from _of_entry(entry, booked)


def _of_entry(entry: Any, booked: _Booked) -> Iterator[Word]:
    """Its transactions that name a payment; one alone moved what the entry moved."""
    details = every(entry, "NtryDtls/TxDtls")
    parts = camt.transactions(entry, booked.minor, booked.currency, booked.place)
    if len(details) == 1:
        parts = [(details[0], booked.minor)]
    for n, each in enumerate(details, 1):
        here = f"{booked.place}/TxDtls[{n}]"
        end_to_end = text(each, "Refs/EndToEndId", here)
        if end_to_end is None or end_to_end in _NONE:
            continue
        if not parts:
            raise BadBankFile(f"{here}: one of several, and not each says its Amt")
        yield _word(each, booked, end_to_end, parts[n - 1][1], here)


def _word(details: Any, booked: _Booked, end_to_end: str, minor: int, place: str) -> Word:
    returned = one(details, "RtrInf", place)
    is_back = returned is not None or booked.is_reversal or _is_return(details, place)
    if is_back and minor < 0:
        raise BadBankFile(f"{place}: money that comes back (RtrInf, RvslInd) is CRDT; this is DBIT")
    says: Says = "paid" if minor < 0 else "rejected" if is_back else "came"
    reason = None
    if returned is not None:
        reason = text(returned, "Rsn/Cd", place) or text(returned, "Rsn/Prtry", place)
    return Word(
        place=place,
        says=says,
        code="BOOK",
        message=text(details, "Refs/MsgId", place),
        end_to_end=end_to_end,
        on=booked.on,
        amount_minor=abs(minor),
        currency=booked.currency,
        account=booked.account,
        reasons=() if reason is None else (reason,),
        reference=text(details, "Refs/AcctSvcrRef", place) or booked.reference,
    )


def _is_return(at: Any, place: str) -> bool:
    return text(at, "BkTxCd/Domn/Fmly/SubFmlyCd", place) in _RETURNS


def _says_true(at: Any, tag: str, place: str) -> bool:
    said = text(at, tag, place)
    if said not in (None, "true", "false", "1", "0"):
        raise BadBankFile(f"{place}/{tag}: {said!r} is neither true nor false")
    return said in ("true", "1")


def _each_once(words: tuple[Word, ...]) -> None:
    """No payment was made twice, and none came back twice."""
    found: dict[tuple[str | None, Says], Word] = {}
    for word in words:
        first = found.setdefault((word.end_to_end, word.says), word)
        if first is not word:
            raise BadBankFile(
                f"{word.place}: {word.end_to_end} was booked alike at {first.place}; ask the bank "
                "whether it was paid twice"
            )
