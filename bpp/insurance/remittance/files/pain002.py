"""pain.002 of ISO 20022, a bank's word on a payment file of ours, any version from 001.03 on."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

from bpp.insurance.remittance.files.bank_words import BankFile, Echo, Says, Word
from bpp.ledger.bank_files import BadBankFile, day_of, number_of
from bpp.ledger.bank_xml import day, every, money, need, one, parse, text
from protocol_specs.wire.values import replace

_SAYS: dict[str, Says] = {
    **dict.fromkeys(("ACSC", "ACCC"), "paid"),
    **dict.fromkeys(("RJCT", "CANC"), "rejected"),
    **dict.fromkeys(
        ("RCVD", "PDNG", "ACTC", "ACFC", "ACCP", "ACSP", "ACWC", "ACWP", "PATC", "PRES"), "pending"
    ),
}
_PART = "PART"  # some were taken and some not: each transaction says


def read(raw: bytes, name: str) -> BankFile:
    """What the bank says of each transaction. Raises BadBankFile naming the element: it contradicts
    itself, rejects without saying which transaction, or has a status that is not known.
    """
    document = parse(raw, name, "pain.002")
    report = one(document, "CstmrPmtStsRpt", name)
    if report is None:
        raise BadBankFile(f"{name}: it holds no report (CstmrPmtStsRpt)")
    place = f"{name}, CstmrPmtStsRpt"
    on = day_of(need(report, "GrpHdr/CreDtTm", place), f"{place}/GrpHdr/CreDtTm")
    words = tuple(_words(report, on, place))
    _each_once(words)
    return BankFile("pain.002", need(report, "GrpHdr/MsgId", place), words)


def _words(report: Any, on: date, place: str) -> Iterator[Word]:
    """Of each transaction, by its own status or that of what it stands in."""
    group = one(report, "OrgnlGrpInfAndSts", place)
    if group is None:
        raise BadBankFile(f"{place}/OrgnlGrpInfAndSts: it is missing")
    here = f"{place}/OrgnlGrpInfAndSts"
    message = need(group, "OrgnlMsgId", here)
    of = need(group, "OrgnlMsgNmId", here)
    if not of.startswith("pain.001"):
        raise BadBankFile(f"{here}/OrgnlMsgNmId: it is about a {of[:20]}, not about a pain.001")
    whole = _status(group, "GrpSts", here)
    instructions = every(report, "OrgnlPmtInfAndSts")
    for n, each in enumerate(instructions, 1):
        yield from _of_instruction(each, message, whole, on, f"{place}/OrgnlPmtInfAndSts[{n}]")
    if not instructions:
        found = _word(group, here, message=message, end_to_end=None, status=whole, on=on)
        yield replace(found, echo=_echo(group, here))


def _of_instruction(
    each: Any, message: str, above: str | None, on: date, place: str
) -> Iterator[Word]:
    status = _agreeing(_status(each, "PmtInfSts", place), above, f"{place}/PmtInfSts")
    instruction = need(each, "OrgnlPmtInfId", place)
    transactions = every(each, "TxInfAndSts")
    for n, transaction in enumerate(transactions, 1):
        here = f"{place}/TxInfAndSts[{n}]"
        own = _agreeing(_status(transaction, "TxSts", here), status, f"{here}/TxSts")
        end_to_end = need(transaction, "OrgnlEndToEndId", here)
        word = _word(transaction, here, message=message, end_to_end=end_to_end, status=own, on=on)
        yield replace(word, instruction=instruction)
    if not transactions:
        word = _word(each, place, message=message, end_to_end=None, status=status, on=on)
        yield replace(word, instruction=instruction, echo=_echo(each, place))


def _echo(at: Any, place: str) -> Echo:
    """Of OrgnlGrpInfAndSts or OrgnlPmtInfAndSts. Raises BadBankFile."""
    made = text(at, "OrgnlCreDtTm", place)
    return Echo(
        made_at=None if made is None else _instant(made, f"{place}/OrgnlCreDtTm"),
        count=text(at, "OrgnlNbOfTxs", place),
        sum=text(at, "OrgnlCtrlSum", place),
    )


def _instant(said: str, place: str) -> int:
    try:
        found = datetime.fromisoformat(said)
    except ValueError:
        raise BadBankFile(f"{place}: {said[:40]!r} is no time") from None
    return int(found.replace(tzinfo=found.tzinfo or UTC).timestamp())


def _payer(at: Any, place: str) -> str | None:
    """The account that a transaction is said to be paid from; None: it does not say."""
    iban = text(at, "OrgnlTxRef/DbtrAcct/Id/IBAN", place)
    number = iban or text(at, "OrgnlTxRef/DbtrAcct/Id/Othr/Id", place)
    return None if number is None else number_of(number)


def _word(
    at: Any, place: str, *, message: str, end_to_end: str | None, status: str | None, on: date
) -> Word:
    if status is None or status == _PART:
        raise BadBankFile(f"{place}: it says of no transaction what became of it")
    says = _SAYS[status]
    if end_to_end is None and says == "rejected":
        raise BadBankFile(
            f"{place}: it rejects and names no transaction (TxInfAndSts/OrgnlEndToEndId); ask the "
            "bank which, and write the rejection down by hand"
        )
    amount = None if end_to_end is None else money(at, "OrgnlTxRef/Amt/InstdAmt", place)
    settled = one(at, "FctvIntrBkSttlmDt", place)
    return Word(
        place=place,
        says=says,
        code=status,
        message=message,
        end_to_end=end_to_end,
        on=on if settled is None else day(at, "FctvIntrBkSttlmDt", place),
        amount_minor=None if amount is None else amount[0],
        currency=None if amount is None else amount[1],
        account=None if end_to_end is None else _payer(at, place),
        reasons=tuple(_reasons(at, place)),
        reference=text(at, "AcctSvcrRef", place) or text(at, "StsId", place) or "",
    )


def _status(at: Any, tag: str, place: str) -> str | None:
    status = text(at, tag, place)
    if status is not None and status != _PART and status not in _SAYS:
        raise BadBankFile(f"{place}/{tag}: {status[:20]!r} is no status that is known here")
    return status


def _agreeing(own: str | None, above: str | None, place: str) -> str | None:
    """Its own status, else that of what it stands in. Raises BadBankFile: the two contradict."""
    if own is None or above is None or _PART in (own, above):
        return own or above
    decided = {_SAYS[own], _SAYS[above]}
    if "rejected" in decided and len(decided) > 1:
        raise BadBankFile(f"{place}: it is {own}, and what it stands in is {above}")
    return own


def _reasons(at: Any, place: str) -> Iterator[str]:
    for n, each in enumerate(every(at, "StsRsnInf"), 1):
        here = f"{place}/StsRsnInf[{n}]"
        code = text(each, "Rsn/Cd", here) or text(each, "Rsn/Prtry", here)
        said = [more.text for more in every(each, "AddtlInf") if more.text]
        yield " ".join([*([code] if code else []), *said])


def _each_once(words: tuple[Word, ...]) -> None:
    """No transaction has two statuses."""
    found: dict[tuple[str | None, str | None], Word] = {}
    for word in words:
        named = word.end_to_end
        first = found.setdefault((named, None if named else word.instruction), word)
        if first is not word:
            name = named or word.instruction
            raise BadBankFile(f"{word.place}: {name} stands at {first.place} already")
