"""camt.053 of ISO 20022, a bank's statement in XML, any version of its message.

The parser resolves no entity, reads no other file and asks no network; a document type is refused.
"""

from collections.abc import Iterator
from typing import Any

from lxml import etree

from bpp.ledger.bank import BankLine, BankStatement
from bpp.ledger.bank_files import BadBankFile, day_of, minor_of, number_of

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053.001."
_REFERENCES = ("AcctSvcrRef", "EndToEndId", "InstrId", "TxId", "PmtInfId", "MsgId")
_NONE = {"NOTPROVIDED", "NONREF"}


def read(raw: bytes, name: str) -> tuple[BankStatement, ...]:
    """Every statement in the message. Raises BadBankFile naming the element."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(raw, parser)
    except etree.XMLSyntaxError as error:
        raise BadBankFile(f"{name}, line {error.lineno}: not XML: {error.msg}") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise BadBankFile(f"{name}: it has a document type; a bank's statement has none")
    space = etree.QName(root).namespace or ""
    if not space.startswith(NAMESPACE):
        raise BadBankFile(f"{name}: it is no camt.053 ({space or 'no namespace'})")
    found = root.findall("{*}BkToCstmrStmt/{*}Stmt")
    if not found:
        raise BadBankFile(f"{name}: it holds no statement (BkToCstmrStmt/Stmt)")
    return tuple(_statement(each, f"{name}, Stmt[{n}]") for n, each in enumerate(found, 1))


def _statement(stmt: Any, place: str) -> BankStatement:
    number = number_of(_text(stmt, "Acct/Id/IBAN") or _need(stmt, "Acct/Id/Othr/Id", place))
    balances = dict(_balances(stmt, place))
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


def _balances(stmt: Any, place: str) -> Iterator[tuple[str, tuple[int, str, Any]]]:
    for n, bal in enumerate(stmt.findall("{*}Bal"), 1):
        here = f"{place}/Bal[{n}]"
        minor, currency = _amount(bal, here)
        day = _need(bal, "Dt/Dt", here) if _text(bal, "Dt/Dt") else _need(bal, "Dt/DtTm", here)
        yield _text(bal, "Tp/CdOrPrtry/Cd") or "", (minor, currency, day_of(day, here))


def _entries(stmt: Any, currency: str, place: str) -> Iterator[tuple[int, list[BankLine]]]:
    """The booked entries: each one's amount, and its lines."""
    for n, entry in enumerate(stmt.findall("{*}Ntry"), 1):
        here = f"{place}/Ntry[{n}]"
        status = _text(entry, "Sts/Cd") or _text(entry, "Sts")
        if status != "BOOK":
            continue  # pending and informing entries move nothing yet
        minor, in_currency = _amount(entry, here)
        if in_currency != currency:
            raise BadBankFile(f"{here}/Amt: it is in {in_currency}, the account in {currency}")
        yield minor, list(_lines(entry, minor, currency, here))


def _lines(entry: Any, minor: int, currency: str, place: str) -> Iterator[BankLine]:
    """One line; or, for a batch whose transactions say their amounts, a line for each."""
    on = day_of(
        _text(entry, "BookgDt/Dt") or _need(entry, "BookgDt/DtTm", place), f"{place}/BookgDt"
    )
    details = entry.findall("{*}NtryDtls/{*}TxDtls")
    own = {ref for name in ("NtryRef", "AcctSvcrRef") if (ref := _text(entry, name))}
    amounts = [_text(each, "Amt") or _text(each, "AmtDtls/TxAmt/Amt") for each in details]
    if len(details) < 2 or None in amounts:
        refs = own.union(*(_references(each) for each in details))
        text = " ".join(filter(None, [_text(entry, "AddtlNtryInf"), *map(_remittance, details)]))
        yield BankLine(place, on, minor, frozenset(refs), text)
        return
    sign, total = (1 if minor > 0 else -1), 0
    for n, (each, amount) in enumerate(zip(details, amounts, strict=True), 1):
        here = f"{place}/TxDtls[{n}]"
        part = sign * minor_of(amount or "", currency, f"{here}/Amt")
        total += part
        yield BankLine(here, on, part, frozenset(_references(each)), _remittance(each))
    if total != minor:
        raise BadBankFile(f"{place}: its transactions do not come to its amount")


def _references(details: Any) -> set[str]:
    found = {_text(details, f"Refs/{name}") for name in _REFERENCES}
    found.add(_text(details, "RmtInf/Strd/CdtrRefInf/Ref"))
    return {ref for ref in found if ref and ref not in _NONE}


def _remittance(details: Any) -> str:
    return " ".join(each.text or "" for each in details.findall("{*}RmtInf/{*}Ustrd"))


def _check_summary(stmt: Any, minors: list[int], currency: str, place: str) -> None:
    """The bank's own counts and sums, where it gives them."""
    kinds = {
        "TtlNtries": minors,
        "TtlCdtNtries": [minor for minor in minors if minor > 0],
        "TtlDbtNtries": [minor for minor in minors if minor < 0],
    }
    for kind, some in kinds.items():
        here = f"{place}/TxsSummry/{kind}"
        count, total = (_text(stmt, f"TxsSummry/{kind}/{name}") for name in ("NbOfNtries", "Sum"))
        if count is not None and count != str(len(some)):
            raise BadBankFile(f"{here}/NbOfNtries: it says {count}, there are {len(some)}")
        if total is not None and minor_of(total, currency, f"{here}/Sum") != sum(map(abs, some)):
            raise BadBankFile(f"{here}/Sum: its entries do not come to {total}")


def _amount(element: Any, place: str) -> tuple[int, str]:
    """Signed minor units, and the currency."""
    amount = element.find("{*}Amt")
    if amount is None or amount.get("Ccy") is None:
        raise BadBankFile(f"{place}: it has no Amt with its Ccy")
    minor = minor_of(amount.text or "", amount.get("Ccy"), f"{place}/Amt")
    side = _need(element, "CdtDbtInd", place)
    if minor < 0 or side not in ("CRDT", "DBIT"):
        raise BadBankFile(f"{place}: an amount without sign, and CdtDbtInd CRDT or DBIT")
    return (minor if side == "CRDT" else -minor), amount.get("Ccy")


def _text(element: Any, path: str) -> str | None:
    found = element.find("/".join(f"{{*}}{name}" for name in path.split("/")))
    text = None if found is None or found.text is None else found.text.strip()
    return text or None


def _need(element: Any, path: str, place: str) -> str:
    text = _text(element, path)
    if text is None:
        raise BadBankFile(f"{place}/{path}: it is missing")
    return text
