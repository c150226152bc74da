"""camt.053 of ISO 20022, a bank's statement in XML, any version of its message."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from bpp.ledger.bank import BankLine, BankStatement
from bpp.ledger.bank_files import BadBankFile, minor_of, number_of
from bpp.ledger.bank_xml import day, every, money, need, parse, plain, side, text

_REFERENCES = ("AcctSvcrRef", "EndToEndId", "InstrId", "TxId", "PmtInfId", "MsgId")
_NONE = {"NOTPROVIDED", "NONREF"}


def read(raw: bytes, name: str) -> tuple[BankStatement, ...]:
    """Every statement in the message. Raises BadBankFile naming the element."""
    found = every(parse(raw, name, "camt.053"), "BkToCstmrStmt/Stmt")
    if not found:
        raise BadBankFile(f"{name}: it holds no statement (BkToCstmrStmt/Stmt)")
    return tuple(_statement(each, f"{name}, Stmt[{n}]") for n, each in enumerate(found, 1))


def account_number(element: Any, place: str) -> str:
    """The number of a statement's or notification's account. Raises BadBankFile."""
    iban = text(element, "Acct/Id/IBAN", place)
    return number_of(iban or need(element, "Acct/Id/Othr/Id", place))


def is_booked(entry: Any, place: str) -> bool:
    """Whether an entry moved money; pending and informing ones move nothing yet."""
    return (text(entry, "Sts/Cd", place) or _old_status(entry, place)) == "BOOK"


def entry_amount(entry: Any, currency: str | None, place: str) -> tuple[int, str]:
    """An entry's or balance's signed minor units and currency. Raises BadBankFile: another one."""
    found = money(entry, "Amt", place)
    if found is None:
        raise BadBankFile(f"{place}: it has no Amt with its Ccy")
    minor, in_currency = found
    if currency is not None and in_currency != currency:
        raise BadBankFile(f"{place}/Amt: it is in {in_currency}, the account in {currency}")
    return side(entry, place) * minor, in_currency


def references(details: Any, place: str) -> frozenset[str]:
    """All that one transaction is called."""
    found = {text(details, f"Refs/{name}", place) for name in _REFERENCES}
    found |= {plain(each, place) for each in every(details, "RmtInf/Strd/CdtrRefInf/Ref")}
    return frozenset(ref for ref in found if ref and ref not in _NONE)


def _old_status(entry: Any, place: str) -> str | None:
    """Where the status is the text of the element itself (versions 01 to 07)."""
    found = every(entry, "Sts")
    return None if not found or len(found[0]) else text(entry, "Sts", place)


def _statement(stmt: Any, place: str) -> BankStatement:
    number = account_number(stmt, place)
    balances = _balances(stmt, place)
    if "CLBD" not in balances:
        raise BadBankFile(f"{place}: it has no closing balance (Bal CLBD)")
    closing, currency, last = balances["CLBD"]
    opening, opened_in, first = (
        balances.get("OPBD") or balances.get("PRCD") or (None, currency, last)
    )
    entries = list(_entries(stmt, currency, place))
    moved = sum(minor for minor, _ in entries)
    if opened_in != currency or (opening is not None and opening + moved != closing):
        raise BadBankFile(
            f"{place}: the opening balance and its entries do not come to the closing balance"
        )
    _check_summary(stmt, [minor for minor, _ in entries], currency, place)
    lines = tuple(line for _, some in entries for line in some)
    days = [line.on for line in lines]
    return BankStatement(
        number, currency, min([first, *days]), max([last, *days]), opening, closing, lines
    )


def _balances(stmt: Any, place: str) -> dict[str, tuple[int, str, date]]:
    found: dict[str, tuple[int, str, date]] = {}
    for n, bal in enumerate(every(stmt, "Bal"), 1):
        here = f"{place}/Bal[{n}]"
        minor, currency = entry_amount(bal, None, here)
        code = text(bal, "Tp/CdOrPrtry/Cd", here) or ""
        stands = (minor, currency, day(bal, "Dt", here))
        if code in ("CLBD", "OPBD", "PRCD") and found.setdefault(code, stands) != stands:
            raise BadBankFile(f"{here}: {code} stands twice, with two amounts or days")
    return found


def _entries(stmt: Any, currency: str, place: str) -> Iterator[tuple[int, list[BankLine]]]:
    """The booked entries: each one's amount, and its lines."""
    for n, entry in enumerate(every(stmt, "Ntry"), 1):
        here = f"{place}/Ntry[{n}]"
        if not is_booked(entry, here):
            continue
        minor, _ = entry_amount(entry, currency, here)
        yield minor, list(_lines(entry, minor, currency, here))


def _lines(entry: Any, minor: int, currency: str, place: str) -> Iterator[BankLine]:
    """One line; or, for a batch whose transactions say their amounts, a line for each."""
    on = day(entry, "BookgDt", place)
    parts = transactions(entry, minor, currency, place)
    if len(parts) < 2:
        details = every(entry, "NtryDtls/TxDtls")
        own = {ref for name in ("NtryRef", "AcctSvcrRef") if (ref := text(entry, name, place))}
        refs = own.union(*(references(each, place) for each in details))
        said = [text(entry, "AddtlNtryInf", place), *map(_remittance, details)]
        yield BankLine(place, on, minor, frozenset(refs), " ".join(filter(None, said)))
        return
    for n, (each, part) in enumerate(parts, 1):
        here = f"{place}/TxDtls[{n}]"
        yield BankLine(here, on, part, references(each, here), _remittance(each))


def transactions(entry: Any, minor: int, currency: str, place: str) -> list[tuple[Any, int]]:
    """An entry's transactions with their signed amounts, where each of several says its own in the
    account's currency; else none. Raises BadBankFile: they do not come to the entry's.
    """
    details = every(entry, "NtryDtls/TxDtls")
    parts = [
        (each, _part(each, minor, currency, f"{place}/TxDtls[{n}]"))
        for n, each in enumerate(details, 1)
    ]
    known = [(each, part) for each, part in parts if part is not None]
    if len(known) < max(2, len(details)):
        return []
    if sum(part for _, part in known) != minor:
        raise BadBankFile(f"{place}: its transactions do not come to its amount")
    return known


def _part(details: Any, minor: int, currency: str, place: str) -> int | None:
    """Newer versions say which way a transaction went, older ones let it go as the entry did."""
    found = money(details, "Amt", place) or money(details, "AmtDtls/TxAmt/Amt", place)
    if found is None:
        return None
    part, in_currency = found
    if in_currency != currency:
        raise BadBankFile(f"{place}/Amt: it is in {in_currency}, the account in {currency}")
    says_side = text(details, "CdtDbtInd", place) is not None
    return part * (side(details, place) if says_side else 1 if minor > 0 else -1)


def _remittance(details: Any) -> str:
    return " ".join(each.text or "" for each in every(details, "RmtInf/Ustrd"))


def _check_summary(stmt: Any, minors: list[int], currency: str, place: str) -> None:
    """The bank's own counts and sums, where it gives them."""
    kinds = {
        "TtlNtries": minors,
        "TtlCdtNtries": [minor for minor in minors if minor > 0],
        "TtlDbtNtries": [minor for minor in minors if minor < 0],
    }
    for kind, some in kinds.items():
        path = f"TxsSummry/{kind}"
        count = text(stmt, f"{path}/NbOfNtries", place)
        total = text(stmt, f"{path}/Sum", place)
        here = f"{place}/{path}"
        if count is not None and count != str(len(some)):
            raise BadBankFile(f"{here}/NbOfNtries: it says {count}, there are {len(some)}")
        if total is not None and minor_of(total, currency, f"{here}/Sum") != sum(map(abs, some)):
            raise BadBankFile(f"{here}/Sum: its entries do not come to {total}")
