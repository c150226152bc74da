"""Insurance put into a provider node: its loops, its checks, and the pages' JSON about money."""

import asyncio
from collections.abc import Callable
from typing import Any

from aiohttp import web

from bpp.insurance import books, reading
from bpp.insurance.extension import Insurance
from bpp.insurance.settings import InsuranceSettings
from bpp.ledger import balances, chart
from bpp.ledger.entry import LedgerError
from bpp.ledger.sealing import Sealer
from bpp.ledger.witness import Witness
from bpp.orders.provider import Provider
from protocol_specs.node.api import ApiError, json_route
from protocol_specs.node.server import Node
from protocol_specs.node.settings import SettingsError, read_secret
from protocol_specs.node.store import Session
from protocol_specs.wire.keys import InvalidKey, SigningKey, signing_key

ALARM_EVERY_S = 600
PENDING_AGE_MAX_S = 60  # an event waits no longer than this once what was broken is mended


def add(
    node: Node,
    settings: InsuranceSettings,
    *,
    provider: Provider,
    driver_of: Callable[[web.Request], str],
    require_desk: Callable[[web.Request], None],
) -> Insurance:
    """Adds all of it to the node and returns the extension for orders.

    `driver_of` gives the agent_id of a request, `require_desk` lets only the desk through; both
    raise ApiError. Raises SettingsError: a pack, a key, or a ledger that its witness contradicts.
    """
    key = ledger_key(settings)
    insurance = Insurance.of(settings, key, node.settings.subscriber_id)
    for scheme in insurance.schemes:
        if scheme.currency != provider.currency:
            raise SettingsError(
                f"insurance.schemes: {scheme.id} is in {scheme.currency}, this cooperative "
                f"trades in {provider.currency}"
            )
    witness = _witness(node, settings)
    sealer = Sealer(key)

    async def witness_next(now: int) -> bool:
        return node.store.read(lambda session: witness.witness_next(session, now))

    node.add_loop("seal", sealer.seal_next, wake=asyncio.Event())
    node.add_loop("witness", witness_next, wake=asyncio.Event())
    node.add_loop(
        "insurance alarms", _alarms(node, settings, provider.currency), wake=asyncio.Event()
    )
    node.add_ready_check("insurance", lambda: _waiting(node))
    _add_routes(node, driver_of, require_desk)
    return insurance


def ledger_key(settings: InsuranceSettings) -> SigningKey:
    """The key that signs slips and heads, from its own file. Raises SettingsError."""
    path = settings.ledger_key
    made_by = f"Make it with: wayfare ledger keygen --out {path}"
    try:
        return signing_key(read_secret(path, key="insurance.ledger_key", made_by=made_by))
    except InvalidKey as error:
        raise SettingsError(f"insurance.ledger_key: {path}: {error}") from None


def _witness(node: Node, settings: InsuranceSettings) -> Witness:
    """The witness, already compared: a node must not go on from an older backup of its books."""
    if settings.witness.is_relative_to(node.settings.data_dir):
        raise SettingsError(
            f"insurance.witness: {settings.witness} is inside the data folder; whoever restores "
            "that folder would restore the witness with it"
        )
    witness = Witness(settings.witness)
    try:
        node.store.read(witness.compare)
    except (LedgerError, OSError) as error:
        raise SettingsError(f"insurance.witness: {error}") from None
    return witness


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


def _add_routes(
    node: Node,
    driver_of: Callable[[web.Request], str],
    require_desk: Callable[[web.Request], None],
) -> None:
    async def slips(request: web.Request) -> dict[str, Any]:
        agent_id = driver_of(request)
        return {"slips": node.store.read(lambda session: reading.slips_of(session, agent_id))}

    async def slip(request: web.Request) -> dict[str, Any]:
        agent_id, slip_id = driver_of(request), request.match_info["slip_id"]
        found = node.store.read(lambda session: reading.slip(session, agent_id, slip_id))
        if found is None:
            raise ApiError(404, "not_found", "you have no slip of this id")
        return found

    async def balance(request: web.Request) -> dict[str, Any]:
        agent_id = driver_of(request)
        return node.store.read(lambda session: reading.earnings(session, agent_id))

    async def desk(request: web.Request) -> dict[str, Any]:
        require_desk(request)
        return {"balances": node.store.read(_balances)}

    node.serve_route("GET", "/driver/slips", json_route(slips))
    node.serve_route("GET", "/driver/slips/{slip_id}", json_route(slip))
    node.serve_route("GET", "/driver/balance", json_route(balance))
    node.serve_route("GET", "/desk/ledger/balances", json_route(desk))


def _balances(session: Session) -> list[dict[str, Any]]:
    return [
        {
            "account": line.account,
            "currency": line.currency,
            "debit_minor": line.debit_minor,
            "credit_minor": line.credit_minor,
            "balance_minor": line.balance_minor,
        }
        for line in balances.balances(session)
    ]
