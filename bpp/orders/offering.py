"""Jobs offered in turn: one driver after another, each for a while, until somebody takes it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from bpp.dispatch import offers, rounds
from bpp.dispatch.offers import TurnOffer
from bpp.orders import choosing, store
from bpp.orders.choosing import GAVE_IT_UP, Listed
from bpp.orders.handlers import terms_of
from bpp.orders.office import Office
from bpp.orders.order import Order
from protocol_specs.node.store import Conflict, Session, Store

LOOK_AGAIN_S = 10  # at a job for which nobody was free


@dataclass(slots=True)
class Offering:
    """The step of a loop. `_later` says when to look again at a job that nobody was free for: a
    hint that may be lost, the rows are the truth.
    """

    office: Office
    store: Store
    _later: dict[str, int] = field(default_factory=dict)

    async def offer_next(self, now: int) -> bool:
        """Ends one offer whose time is over or whose job is gone, or makes one; False: none."""
        if self.store.read(lambda session: _ended(session, now)) is not None:
            return await self.store.transact(lambda session: _end_one(session, now))
        order = self.store.read(lambda session: self._waiting(session, now))
        if order is None:
            return False
        found = self.store.read(lambda session: _listed(session, self.office, order, now))
        pickup, _ = order.view.fulfillment.route()
        places = [match.place for match in found.matches]
        router, travel_s = await self.office.routing.travel_s(places, pickup)
        is_made = await self.store.transact(
            lambda session: _offer(session, self.office, order, found, travel_s, router, now)
        )
        self._later.pop(order.key, None)
        if not is_made:
            self._later[order.key] = now + LOOK_AGAIN_S
        return True

    def _waiting(self, session: Session, now: int) -> Order | None:
        """The oldest open job without an offer that is to be looked at now."""
        keys = store.open_keys(session)
        self._later = {key: at for key in keys if (at := self._later.get(key, 0)) > now}
        offered = {offer.order_key for offer in offers.every_open(session)}
        waiting = (key for key in keys if key not in self._later and key not in offered)
        kept = next((store.order_by_key(session, key) for key in waiting), None)
        return kept.order if kept else None


def _ended(session: Session, now: int) -> TurnOffer | None:
    """The first open offer whose time is over or whose job is no longer open."""
    for offer in offers.every_open(session):
        if offer.expires_at <= now or not _is_open(session, offer.order_key):
            return offer
    return None


def _end_one(session: Session, now: int) -> bool:
    offer = _ended(session, now)
    if offer is None:
        return False
    is_open = _is_open(session, offer.order_key)
    return offers.end(session, offer.order_key, "expired" if is_open else "withdrawn", now)


def _is_open(session: Session, order_key: str) -> bool:
    kept = store.order_by_key(session, order_key)
    return kept is not None and kept.order.is_open()


def _listed(session: Session, office: Office, order: Order, now: int) -> Listed:
    pickup, _ = order.view.fulfillment.route()
    not_for = offers.not_now(session, order.key, now, office.provider.again_s)
    not_for |= dict.fromkeys(order.not_for, GAVE_IT_UP)
    return choosing.listed(session, office, pickup, terms_of(office, order), now, not_for)


def _offer(
    session: Session,
    office: Office,
    order: Order,
    found: Listed,
    travel_s: Sequence[int | None],
    router: str,
    now: int,
) -> bool:
    """The list and the offer to its first, in one commit; False: nobody, or all has changed."""
    kept = store.order_by_key(session, order.key)
    if kept is None or not kept.order.is_open():
        return False
    round = choosing.ranked(office, found, travel_s, router, now)
    if not round.ranked or store.is_busy(session, round.ranked[0].agent_id):
        return False
    first, expires_at = round.ranked[0].agent_id, now + office.provider.offer_s
    try:
        with session.savepoint():
            n = rounds.keep(session, order.key, round)
            offers.make(session, TurnOffer(order.key, n, first, now, expires_at))
    except Conflict:
        return False
    return True
