"""Makes the payment file of remittances out of the books and the settings, and notes what it was.

The same remittances give the same bytes whenever they are asked for. A file is never made over with
other content, and no remittance stands in two files unless somebody says that the first was lost.
"""

from collections.abc import Container
from dataclasses import dataclass
from datetime import date, timedelta

from bpp.declined import Declined
from bpp.insurance.agents import filing
from bpp.insurance.agents.filing import Filer
from bpp.insurance.engine import calendar
from bpp.insurance.holidays import holidays
from bpp.insurance.remittance import reading
from bpp.insurance.remittance.files import identifiers, made, pain001
from bpp.insurance.remittance.files.pain001 import Credit, NotWritable, Payment
from bpp.insurance.remittance.files.settings import InstitutionSettings, PayerSettings
from bpp.insurance.remittance.values import Remittance
from bpp.insurance.scheme import NotInsurable, Scheme
from bpp.insurance.scheme_file import load
from bpp.insurance.settings import InsuranceSettings
from bpp.ledger import balances, chart
from protocol_specs.node.store import Session
from protocol_specs.wire import money


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which remittances are to be paid in one file, by whose wish (a short id).

    `on` None: the next working day. `anew`: the bank never took the file made before. `filer`: for
    whom and under which mandate; None: this cooperative itself.
    """

    remittances: tuple[str, ...]
    by: str
    on: date | None = None
    anew: bool = False
    filer: Filer | None = None


def payment_file(
    session: Session, settings: InsuranceSettings, wanted: Wanted, now: int
) -> tuple[str, bytes]:
    """The MsgId and the file, in the caller's transaction. Raises Declined, and keeps nothing."""
    names = tuple(sorted(set(wanted.remittances)))
    found = [_remittance(session, name) for name in names]
    if len({each.currency for each in found}) != 1:
        raise Declined("one file pays in one currency: make a file for each")
    whose = wanted.filer.principal if wanted.filer else filing.SELF
    attempt = 1
    while made.file(session, identifiers.message_id(names, whose, attempt)) is not None:
        attempt += 1
    if attempt > 1 and not wanted.anew:
        before = identifiers.message_id(names, whose, attempt - 1)
        return _again(session, settings, found, wanted, before)
    day = _day(found, wanted, now)
    payment = Payment(
        message_id=identifiers.message_id(names, whose, attempt),
        at=now,
        on=day,
        currency=found[0].currency,
        payer=_payer(settings),
        credits=tuple(_new(session, settings, each, wanted) for each in found),
    )
    _check_trust(session, found)
    document = _written(payment)
    for each in found:
        _note(session, each, wanted, now)
    made.keep(session, payment, document, wanted.by)
    return payment.message_id, document


def _note(session: Session, found: Remittance, wanted: Wanted, now: int) -> None:
    """Who files it for whom. Raises Declined: the mandate does not reach."""
    filing.note(
        session,
        found.scheme,
        action="file",
        subject=found.id,
        by=wanted.by,
        at=now,
        filer=wanted.filer,
    )


def outstanding_minor(session: Session, found: Remittance) -> int:
    """What is still to leave for the institution: what `states.send` would send."""
    if found.state == "rejected":
        return 0
    stands = [
        balances.balance_minor(session, account, found.currency)
        for account in (
            chart.contribution_declared(found.id),
            chart.remittance_in_transit(found.id),
        )
    ]
    return stands[0] - stands[1]


def own_minor(session: Session, found: Remittance) -> int:
    """What of that the cooperative bears, and has to put on the trust account before the day."""
    minor = outstanding_minor(session, found)
    is_sent = any(event.kind == "sent" for event in found.events)  # then interest alone is left
    own = minor if is_sent else reading.own_minor(session, found.id) + found.interest_minor
    return min(minor, own)


def own_parts(session: Session, message: str) -> list[dict[str, str]]:
    """Of the file of that MsgId: what is still to be brought to which account, JSON-ready."""
    found: dict[tuple[str, str], int] = {}
    for each in made.credits(session, message):
        own = own_minor(session, _remittance(session, each.remittance))
        found[each.account, each.currency] = found.get((each.account, each.currency), 0) + own
    return [
        {"account": account, "amount": money.amount(minor, currency), "currency": currency}
        for (account, currency), minor in sorted(found.items())
        if minor > 0
    ]


def _check_trust(session: Session, found: list[Remittance]) -> None:
    """That the accounts hold what workers put by. Raises Declined: the bank would pay with less."""
    for scheme in sorted({each.scheme for each in found}):
        some = [each for each in found if each.scheme == scheme]
        trust = chart.contribution_trust_bank(scheme)
        held = balances.balance_minor(session, trust, some[0].currency)
        wanted = sum(outstanding_minor(session, e) - own_minor(session, e) for e in some)
        if held < wanted:
            shown = [f"{money.amount(each, some[0].currency)}" for each in (held, wanted)]
            raise Declined(
                f"the trust account of {scheme} holds {shown[0]} {some[0].currency}, the workers' "
                f"part is {shown[1]}: wayfare ledger post trust-sweep first"
            )


def _again(
    session: Session,
    settings: InsuranceSettings,
    found: list[Remittance],
    wanted: Wanted,
    message: str,
) -> tuple[str, bytes]:
    """The bytes made before. Raises Declined if they would be others today."""
    before = made.file(session, message)
    names = {each.remittance: each for each in made.credits(session, message)}
    if before is None:
        raise Declined(f"no file {message} was made")
    on = wanted.on or before.on
    if on == before.on and any(outstanding_minor(session, each) <= 0 for each in found):
        return message, before.document  # paid since: nothing can be compared any more
    payment = Payment(
        message_id=message,
        at=before.at,
        on=on,
        currency=found[0].currency,
        payer=_payer(settings),
        credits=tuple(
            _credit(session, settings, each, names[each.id].end_to_end) for each in found
        ),
    )
    if _written(payment) != before.document:
        raise Declined(
            f"the file {message} was made with other content (sha256 {before.sha256}, to be paid "
            f"on {before.on}); a bank takes a MsgId once. If it never took that file, or interest "
            "came on top, ask for one more with --anew"
        )
    return message, before.document


def _new(
    session: Session, settings: InsuranceSettings, found: Remittance, wanted: Wanted
) -> Credit:
    earlier = made.credits_of(session, found.id)
    if earlier and not wanted.anew:
        raise Declined(
            f"{found.id} stands in the file {earlier[-1].message} already; if the bank never took "
            "that file, or interest came on top, ask for one more with --anew"
        )
    return _credit(session, settings, found, identifiers.end_to_end_id(found.id, len(earlier) + 1))


def _credit(
    session: Session, settings: InsuranceSettings, found: Remittance, end_to_end: str
) -> Credit:
    minor = outstanding_minor(session, found)
    if minor <= 0:
        raise Declined(f"{found.id} is {found.state}: nothing of it is left to pay")
    return Credit(
        remittance=found.id,
        end_to_end=end_to_end,
        amount_minor=minor,
        account=_account(settings, found.scheme),
        institution=_institution(settings, found.scheme),
        first=calendar.first_day(found.period),
        last=calendar.last_day(found.period),
        text=f"{found.scheme} {found.period}",
    )


def _written(payment: Payment) -> bytes:
    try:
        return pain001.write(payment)
    except NotWritable as fault:
        raise Declined(f"{payment.message_id}: {fault}") from None


def _remittance(session: Session, name: str) -> Remittance:
    found = reading.remittance(session, name)
    if found is None:
        raise Declined(f"there is no remittance {name}; wayfare remit list shows all")
    return found


def _payer(settings: InsuranceSettings) -> PayerSettings:
    if settings.payer is None:
        raise Declined(
            "insurance.payer: say who pays, by name and bank, as docs/remittance-files.md says"
        )
    return settings.payer


def _institution(settings: InsuranceSettings, scheme: str) -> InstitutionSettings:
    found = settings.institutions.get(scheme)
    if found is None:
        raise Declined(
            f'insurance.institutions: it has no "{scheme}"; say the institution\'s name and account'
        )
    return found


def _account(settings: InsuranceSettings, scheme: str) -> str:
    numbers = settings.bank_accounts
    found = numbers.get(f"1110:{scheme}") or numbers.get("1110")
    if found is None:
        raise Declined(f'insurance.bank_accounts: it has no "1110:{scheme}", which pays {scheme}')
    return found


def _day(found: list[Remittance], wanted: Wanted, now: int) -> date:
    """The day asked for, or the next on which banks and institutions work."""
    schemes = [load(each.scheme) for each in found]
    today = max(calendar.local(now, scheme.zone).date() for scheme in schemes)
    try:
        day = wanted.on or today + timedelta(1)
        while wanted.on is None and not _is_working(schemes, day):
            day += timedelta(1)
        if day < today or not _is_working(schemes, day):
            raise Declined(f"{day}: banks do not pay on it; say a working day from {today} on")
    except NotInsurable as fault:
        raise Declined(str(fault)) from None
    return day


def _is_working(schemes: list[Scheme], day: date) -> bool:
    return all(calendar.is_working(day, _holidays(scheme, day)) for scheme in schemes)


def _holidays(scheme: Scheme, day: date) -> Container[date]:
    """Those that the scheme's due days keep to; none where it names none."""
    name = next((rule.holidays for rule in scheme.due if rule.holidays is not None), None)
    return holidays(name)
