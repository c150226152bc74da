"""pain.001.001.09 of ISO 20022, a credit transfer of remittances: values in, the file's bytes out.

One transaction is one scheme's period: the bank never sees a worker. The same values give the same
bytes.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import groupby

from lxml import etree

from bpp.insurance.remittance.files import identifiers
from bpp.insurance.remittance.files.settings import (
    Bank,
    InstitutionSettings,
    PayerSettings,
    words,
)
from protocol_specs.wire import money

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"


class NotWritable(ValueError):
    """The values make no payment that a bank could take; the text says which of them."""


@dataclass(frozen=True, slots=True)
class Credit:
    """One remittance to pay. `end_to_end` is what every bank on the way calls it, and tells it back
    by; `account` is ours, as its bank knows it; `first` and `last` are the days of the scheme's
    period; `text` is for a person at the institution.
    """

    remittance: str
    end_to_end: str
    amount_minor: int
    account: str
    institution: InstitutionSettings
    first: date
    last: date
    text: str


@dataclass(frozen=True, slots=True)
class Payment:
    """One file. `at` (seconds UTC) is when the payment was first written, `on` when it is to be
    made: a day on which banks work.
    """

    message_id: str
    at: int
    on: date
    currency: str
    payer: PayerSettings
    credits: tuple[Credit, ...]


def write(payment: Payment) -> bytes:
    """The file, UTF-8. Raises NotWritable: nothing to pay, an amount not above zero, one remittance
    twice, a text or number that no bank takes.
    """
    _check(payment)
    document = etree.Element(_tag("Document"), nsmap={None: NAMESPACE})  # type: ignore[dict-item]  # stubs lack None
    root = etree.SubElement(document, _tag("CstmrCdtTrfInitn"))
    _header(root, payment)
    by_account = sorted(payment.credits, key=lambda each: (each.account, each.remittance))
    for n, (account, some) in enumerate(groupby(by_account, lambda each: each.account), 1):
        _instruction(root, payment, account, tuple(some), n)
    return etree.tostring(document, xml_declaration=True, encoding="UTF-8", pretty_print=True)


def _check(payment: Payment) -> None:
    names = [credit.remittance for credit in payment.credits]
    if not names:
        raise NotWritable("there is nothing to pay")
    for credit in payment.credits:
        if credit.amount_minor <= 0:
            raise NotWritable(f"{credit.remittance}: {credit.amount_minor} is not above zero")
        if names.count(credit.remittance) > 1:
            raise NotWritable(f"{credit.remittance} stands twice")
    try:
        identifiers.identification(payment.message_id)
        for credit in payment.credits:
            identifiers.identification(credit.end_to_end)
            words(140)(credit.text)
            if identifiers.is_iban_like(credit.account):
                identifiers.iban(credit.account)
    except ValueError as fault:
        raise NotWritable(str(fault)) from None
    if payment.on.weekday() > 4:
        raise NotWritable(f"{payment.on} is a {payment.on:%A}: banks do not pay on it")


def _header(root: etree._Element, payment: Payment) -> None:
    header = etree.SubElement(root, _tag("GrpHdr"))
    _put(header, "MsgId", payment.message_id)
    _put(header, "CreDtTm", f"{datetime.fromtimestamp(payment.at, UTC):%Y-%m-%dT%H:%M:%SZ}")
    _control(header, payment, payment.credits)
    _put(header, "InitgPty/Nm", payment.payer.name)


def _control(at: etree._Element, payment: Payment, credits: tuple[Credit, ...]) -> None:
    total = sum(credit.amount_minor for credit in credits)
    _put(at, "NbOfTxs", str(len(credits)))
    _put(at, "CtrlSum", money.amount(total, payment.currency))


def _instruction(
    root: etree._Element, payment: Payment, account: str, credits: tuple[Credit, ...], n: int
) -> None:
    """Everything paid from one account."""
    info = etree.SubElement(root, _tag("PmtInf"))
    _put(info, "PmtInfId", identifiers.instruction_id(payment.message_id, n))
    _put(info, "PmtMtd", "TRF")
    _put(info, "BtchBookg", "false")  # each is booked, and told back, alone
    _control(info, payment, credits)
    _put(info, "ReqdExctnDt/Dt", payment.on.isoformat())
    _party(info, "Dbtr", payment.payer)
    _account(info, "DbtrAcct", account, is_iban=identifiers.is_iban_like(account))
    _put(info, "DbtrAcct/Ccy", payment.currency)
    _agent(info, "DbtrAgt", payment.payer)
    for credit in credits:
        _transaction(info, payment, credit)


def _transaction(info: etree._Element, payment: Payment, credit: Credit) -> None:
    to = credit.institution
    each = etree.SubElement(info, _tag("CdtTrfTxInf"))
    _put(each, "PmtId/InstrId", credit.end_to_end)
    _put(each, "PmtId/EndToEndId", credit.end_to_end)
    amount = _put(each, "Amt/InstdAmt", money.amount(credit.amount_minor, payment.currency))
    amount.set("Ccy", payment.currency)
    if to.bic is not None or to.bank_code is not None:
        _agent(each, "CdtrAgt", to)
    _party(each, "Cdtr", to)
    _account(each, "CdtrAcct", to.iban or to.account or "", is_iban=to.iban is not None)
    _put(each, "Purp/Cd", to.purpose)
    if to.tax:
        _tax(each, payment, credit)
    _remittance(each, credit)


def _tax(each: etree._Element, payment: Payment, credit: Credit) -> None:
    """The period, and our number at the institution."""
    if credit.institution.our_number is not None:
        _put(each, "Tax/Dbtr/RegnId", credit.institution.our_number)
    _put(each, "Tax/RefNb", credit.end_to_end)
    _put(each, "Tax/Rcrd/Prd/FrToDt/FrDt", credit.first.isoformat())
    _put(each, "Tax/Rcrd/Prd/FrToDt/ToDt", credit.last.isoformat())


def _remittance(each: etree._Element, credit: Credit) -> None:
    """The institution's own reference where it gave one; else words. Banks take one of the two."""
    reference = credit.institution.creditor_reference
    if reference is None:
        _put(each, "RmtInf/Ustrd", credit.text)
        return
    kind = "RmtInf/Strd/CdtrRefInf/Tp"
    if identifiers.is_rf(reference):
        _put(each, f"{kind}/CdOrPrtry/Cd", "SCOR")
        _put(each, f"{kind}/Issr", "ISO")
    _put(each, "RmtInf/Strd/CdtrRefInf/Ref", reference)


def _party(at: etree._Element, tag: str, party: PayerSettings | InstitutionSettings) -> None:
    _put(at, f"{tag}/Nm", party.name)
    for name, value in (("TwnNm", party.town), ("Ctry", party.country)):
        if value is not None:
            _put(at, f"{tag}/PstlAdr/{name}", value)


def _agent(at: etree._Element, tag: str, bank: Bank) -> None:
    """The bank of an account; the schema asks for the payer's even where nobody needs it."""
    inside = f"{tag}/FinInstnId"
    if bank.bic is not None:
        _put(at, f"{inside}/BICFI", bank.bic)
    elif bank.bank_code is not None:
        if bank.clearing_system is not None:
            _put(at, f"{inside}/ClrSysMmbId/ClrSysId/Cd", bank.clearing_system)
        _put(at, f"{inside}/ClrSysMmbId/MmbId", bank.bank_code)
    else:
        _put(at, f"{inside}/Othr/Id", "NOTPROVIDED")


def _account(at: etree._Element, tag: str, number: str, *, is_iban: bool) -> None:
    _put(at, f"{tag}/Id/IBAN" if is_iban else f"{tag}/Id/Othr/Id", number)


def _put(at: etree._Element, path: str, text: str) -> etree._Element:
    """A new last element with that text, below those of the path, which are made if missing."""
    *parents, leaf = map(_tag, path.split("/"))
    for tag in parents:
        is_there = len(at) > 0 and at[-1].tag == tag
        at = at[-1] if is_there else etree.SubElement(at, tag)
    made = etree.SubElement(at, leaf)
    made.text = text
    return made


def _tag(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"
