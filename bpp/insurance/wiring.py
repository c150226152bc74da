"""Insurance put into a provider node: its loops, its checks, its alarms."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from aiohttp import web

from bpp.declined import Declined
from bpp.insurance import books, cash, money_api, slip_api
from bpp.insurance.agents import api as agents_api
from bpp.insurance.agents import commission
from bpp.insurance.coverage import api as coverage_api
from bpp.insurance.engine.standing import Reason
from bpp.insurance.extension import Insurance
from bpp.insurance.people import api as people_api
from bpp.insurance.people import reading as people_reading
from bpp.insurance.people import writing
from bpp.insurance.people.gate import PeopleGate, Tell
from bpp.insurance.remittance import api as remittance_api
from bpp.insurance.remittance import working
from bpp.insurance.remittance.files import api as bank_files_api
from bpp.insurance.report import api as report_api
from bpp.insurance.settings import InsuranceSettings
from bpp.insurance.statement import api as statement_api
from bpp.insurance.statement.asking import Asks
from bpp.insurance.statement.reading import Book
from bpp.insurance.surplus import api as surplus_api
from bpp.insurance.surplus.booking import Terms
from bpp.ledger import balances, chart, trust
from bpp.ledger.entry import LedgerError
from bpp.ledger.sealing import Sealer
from bpp.ledger.watch import History, Watch
from bpp.ledger.witness import Witness
from bpp.orders.provider import Provider
from protocol_specs.node.server import Node
from protocol_specs.node.settings import SettingsError, read_secret
from protocol_specs.node.store import Session
from protocol_specs.wire.errors import Malformed
from protocol_specs.wire.keys import InvalidKey, SigningKey, signing_key

ALARM_EVERY_S = 600
PENDING_AGE_MAX_S = 60  # an event waits no longer than this once what was broken is mended


@dataclass(frozen=True, slots=True, kw_only=True)
class Insured:
    """What insurance hands on: the extension for orders, and what the pages read and write by."""

    extension: Insurance
    people: writing.People
    asks: Asks
    key: SigningKey
    limit: cash.Limit
    fonts: tuple[Path, ...]
    surplus: Terms


def add(
    node: Node,
    settings: InsuranceSettings,
    *,
    provider: Provider,
    driver_of: Callable[[web.Request], str],
    require_desk: Callable[[web.Request], None],
) -> Insured:
    """Adds all of it to the node, and returns what orders and pages need of it.

    `driver_of` gives the agent_id of a request, `require_desk` lets only the desk through; both
    raise ApiError. Raises SettingsError: a pack, a key, or a ledger that its witness contradicts.
    """
    key = ledger_key(settings)
    limit = _cash_limit(node, settings, provider.currency)
    people = _people(settings, provider, key)
    insurance = Insurance.of(
        settings,
        key,
        node.settings.subscriber_id,
        limit,
        person=people_reading.person,
        gate=PeopleGate(people.ask, node.now, _tell_given(node)),
    )
    for scheme in insurance.schemes:
        if scheme.currency != provider.currency:
            raise SettingsError(
                f"insurance.schemes: {scheme.id} is in {scheme.currency}, this cooperative "
                f"trades in {provider.currency}; take it out of schemes"
            )
    _add_loops(node, settings, key, provider.currency)
    node.store.transact_now(lambda session: cash.review(session, limit, node.now()))
    require_desk = report_api.opened_by_keys(node, require_desk)
    money_api.add(node, limit, driver_of, require_desk)
    slip_api.add(node, key, driver_of)
    issuer = node.settings.subscriber_id
    keys = dict(settings.institution_keys)
    book = Book.of(insurance.schemes, issuer, key.public, provider.currency, keys)
    asks = Asks(book, limit.minor, settings.options)
    statement_api.add(node, asks, key, driver_of, fonts=settings.statement_fonts)
    working.add(node, insurance.keeper)
    remittance_api.add(node, insurance.keeper, driver_of, require_desk)
    bank_files_api.add(node, settings, require_desk)
    people_api.add(node, people, driver_of, require_desk)
    coverage_api.add(node, keys, driver_of, require_desk)
    agents_api.add(
        node,
        public=key.public,
        institution_keys=keys,
        driver_of=driver_of,
        require_desk=require_desk,
    )
    report_api.add(node, limit, driver_of, require_desk)
    surplus_terms = Terms(settings.surplus_by, provider.currency, book.zone)
    surplus_api.add(node, surplus_terms, require_desk)
    return Insured(
        extension=insurance,
        people=people,
        asks=asks,
        key=key,
        limit=limit,
        fonts=settings.statement_fonts,
        surplus=surplus_terms,
    )


def _add_loops(node: Node, settings: InsuranceSettings, key: SigningKey, currency: str) -> None:
    """What goes on by itself, and the check of readiness. Raises SettingsError: the witness."""
    witness = _witness(node, settings)

    async def witness_next(now: int) -> bool:
        return node.store.read(lambda session: witness.witness_next(session, now))

    loops: dict[str, Any] = {
        "seal": Sealer(key).seal_next,
        "witness": witness_next,
        "insurance alarms": _alarms(node, settings, currency),
        "trust account": _trust_check(node),
        "agents' commission": _commission(node),
        "books": _books(node),
        "history": _history(node, key),
    }
    for name, loop in loops.items():
        node.add_loop(name, loop, wake=asyncio.Event())
    node.add_ready_check("insurance", lambda: _waiting(node))


def _people(settings: InsuranceSettings, provider: Provider, key: SigningKey) -> writing.People:
    phone = provider.support.phone if provider.support else None
    try:
        return writing.people_of(settings, writing.whom_to_ask(provider.name, phone), key.seed)
    except Declined as fault:
        raise SettingsError(f"insurance.identity_key: {fault}") from None


def _tell_given(node: Node) -> Tell:
    """An alarm for a job given all the same to who was not told; ids only."""

    def tell(scheme: str, worker: str, reason: Reason) -> None:
        node.telemetry.log(
            "alarm",
            level="error",
            what="job_without_notice",
            scheme=scheme,
            worker=worker,
            reason=reason,
        )

    return tell


def ledger_key(settings: InsuranceSettings) -> SigningKey:
    """The key that signs slips and heads, from its own file. Raises SettingsError."""
    path = settings.ledger_key
    made_by = f"Restore it; for new books make one: wayfare ledger keygen --out {path}"
    try:
        return signing_key(read_secret(path, key="insurance.ledger_key", made_by=made_by))
    except InvalidKey as error:
        raise SettingsError(f"insurance.ledger_key: {path}: {error}") from None


def require_apart(settings: InsuranceSettings, data_dir: Path) -> None:
    """The witness is kept elsewhere than what it is a witness of. Raises SettingsError."""
    if settings.witness.is_relative_to(data_dir):
        raise SettingsError(
            f"insurance.witness: {settings.witness} is inside the data folder; whoever restores "
            "that folder would restore the witness with it. Name a file outside, best on another "
            "disk"
        )


def _witness(node: Node, settings: InsuranceSettings) -> Witness:
    """The witness, already compared: a node must not go on from an older backup of its books."""
    require_apart(settings, node.settings.data_dir)
    witness = Witness(settings.witness)
    try:
        node.store.read(witness.begin)
    except (LedgerError, OSError) as error:
        raise SettingsError(f"insurance.witness: {error}") from None
    return witness


def _cash_limit(node: Node, settings: InsuranceSettings, currency: str) -> cash.Limit:
    """The limit of fare cash, whose crossings are logged by ids once they are committed."""

    def tell(notice: cash.Notice) -> None:
        node.telemetry.log("cash_limit", state=notice.state, worker=notice.worker, n=notice.n)

    try:
        return cash.Limit(settings.cash_debt_limit_minor(currency), currency, tell)
    except Malformed as fault:
        raise SettingsError(f"insurance.cash_debt_limit: {fault.reason}") from None


def _alarms(node: Node, settings: InsuranceSettings, currency: str) -> Callable[[int], Any]:
    """Says aloud, every ten minutes, which confirmed jobs are not completed in time, and more."""
    next_at = 0

    async def alarm_next(now: int) -> bool:
        nonlocal next_at
        if now < next_at:
            return False
        next_at = now + ALARM_EVERY_S
        before = now - settings.completion_alarm_h * 3600
        late = node.store.read(lambda session: books.open_since(session, before))
        if late:
            node.telemetry.log(
                "alarm", level="error", what="job_not_completed", jobs=len(late), orders=late[:20]
            )
        for scheme in node.store.read(lambda session: unfunded(session, settings, currency)):
            node.telemetry.log("alarm", level="error", what="unfunded", scheme=scheme)
        return False

    return alarm_next


def _trust_check(node: Node) -> Callable[[int], Any]:
    """Once a day says each scheme's figures of the trust account; loudly if money is overdue."""
    next_at = 0

    async def trust_next(now: int) -> bool:
        nonlocal next_at
        if now < next_at:
            return False
        next_at = now + trust.DAY_S
        for found in node.store.read(lambda session: trust.standing(session, now)):
            level: Literal["error", "info"] = "error" if found.overdue_minor else "info"
            event = "alarm" if found.overdue_minor else "trust"
            node.telemetry.log(event, level=level, what="trust_account", **trust.shown(found))
        return False

    return trust_next


def _books(node: Node) -> Callable[[int], Any]:
    """Each minute a look whether the books balance; while they do not, nothing is posted."""

    def tell(found: dict[str, Any]) -> None:
        node.telemetry.log("alarm", level="error", what="books_unbalanced", **found)

    watch = Watch(node.store, tell)
    node.telemetry.shown.watch(
        "wayfare_books_unbalanced",
        "Places in the books where debits and credits differ",
        lambda: watch.unbalanced,
    )
    return watch.look_next


def _history(node: Node, key: SigningKey) -> Callable[[int], Any]:
    """Each minute some sealed entries are held against their signed blocks."""

    def tell(block: int, fault: str) -> None:
        node.telemetry.log("alarm", level="error", what="books_changed", block=block, says=fault)

    history = History(node.store, key.public, tell)
    node.telemetry.shown.watch(
        "wayfare_books_changed",
        "Blocks of the books that are not what was sealed",
        lambda: history.changed,
    )
    return history.look_next


def _commission(node: Node) -> Callable[[int], Any]:
    """Reckons what agents earned anew, remittance by remittance, every ten minutes: what came back
    to a worker since is taken off."""
    next_at, after = 0, ""

    async def commission_next(now: int) -> bool:
        nonlocal next_at, after
        if now < next_at and not after:
            return False
        next_at = now + ALARM_EVERY_S
        issuer, was = node.settings.subscriber_id, after
        after = await node.store.transact(
            lambda session: commission.settle_next(session, issuer, was, now)
        )
        return bool(after)

    return commission_next


def unfunded(session: Session, settings: InsuranceSettings, currency: str) -> list[str]:
    """Schemes paid out of commission that cost more than all commission there was."""
    earned = balances.balance_minor(session, chart.commission(), currency)
    paid_from = [name for name, source in settings.funded_by.items() if source == "commission"]
    costs = {
        name: balances.balance_minor(session, chart.platform_borne_contributions(name), currency)
        for name in paid_from
    }
    return [name for name in paid_from if sum(costs.values()) > earned and costs[name]]


def _waiting(node: Node) -> str | None:
    since = node.store.read(books.oldest_pending)
    if since is None or node.now() - since <= PENDING_AGE_MAX_S:
        return None
    return f"a contribution waits since {since}: see the table pending for the reason"
