"""Jobs offered in turn: one driver after another, each for a while, until somebody takes it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from bpp.dispatch import offers, rounds
from bpp.dispatch.offers import TurnOffer
from bpp.orders import choosing, store
from bpp.orders.choosing import GAVE_IT_UP, Listed
from bpp.orders.office import Office
from bpp.orders.order import Order
from bpp.orders.walk import At, Walk
from protocol_specs.node.store import Conflict, Session, Store


def _open_after(session: Session, after: At, now: int, at_most: int) -> list[At]:
    return store.open_after(session, after, at_most)


@dataclass(slots=True)
class Offering:
    """The step of a loop: one offer or one job each, whatever else is open.

    A job is looked at when it changed or its offer ended, and in its turn: see Walk.
    """

    office: Office
    store: Store
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    _walk: Walk = field(default_factory=lambda: Walk(_open_after))

    def hear(self, order_key: str) -> None:
        """This job changed, or its offer ended."""
        self._walk.name(order_key)
        self.wake.set()

    async def offer_next(self, now: int) -> bool:
        """Ends one offer whose time is over, or looks at one job; False: nothing is to be done."""
        expired = self.store.read(lambda session: offers.first_expired(session, now))
        if expired is not None:
            return await self._end(expired, now)
        key = self.store.read(lambda session: self._walk.next(session, now))
        if key is None:
            return False
        await asyncio.sleep(0)  # many looks in a row find nobody, and await nothing
        order, turn = self.store.read(lambda session: _known(session, key))
        if turn is not None and (order is None or not order.is_open()):
            await self._end(key, now)
        elif turn is None and order is not None and order.is_open():
            await self._offer(order, now)
        return True

    async def _end(self, order_key: str, now: int) -> bool:
        return await self.store.transact(lambda session: _end(session, order_key, now))

    async def _offer(self, order: Order, now: int) -> None:
        found = self.store.read(lambda session: _listed(session, self.office, order, now))
        if not found.matches:
            return
        pickup, _ = order.view.fulfillment.route()
        places = [match.place for match in found.matches]
        router, travel_s = await self.office.routing.travel_s(places, pickup)
        await self.store.transact(
            lambda session: _offer(session, self.office, order, found, travel_s, router, now)
        )


def _known(session: Session, key: str) -> tuple[Order | None, TurnOffer | None]:
    kept = store.order_by_key(session, key)
    return kept.order if kept else None, offers.of_order(session, key)


def _end(session: Session, order_key: str, now: int) -> bool:
    """Ends the job's offer if its time is over or the job is no longer open; says whether."""
    order, turn = _known(session, order_key)
    is_open = order is not None and order.is_open()
    if turn is None or (is_open and turn.expires_at > now):
        return False
    return offers.end(session, order_key, "expired" if is_open else "withdrawn", now)


def _listed(session: Session, office: Office, order: Order, now: int) -> Listed:
    pickup, _ = order.view.fulfillment.route()
    not_for = offers.not_now(session, order.key, now, office.provider.again_s)
    not_for |= dict.fromkeys(order.not_for, GAVE_IT_UP)
    return choosing.listed(session, office, pickup, office.terms_of(order), now, not_for)


def _offer(
    session: Session,
    office: Office,
    order: Order,
    found: Listed,
    travel_s: Sequence[int | None],
    router: str,
    now: int,
) -> None:
    """The list and the offer to its first, in one commit; nothing if all has changed since."""
    kept = store.order_by_key(session, order.key)
    if kept is None or not kept.order.is_open():
        return
    round = choosing.ranked(office, found, travel_s, router, now)
    if not round.ranked or store.is_busy(session, round.ranked[0].agent_id):
        return
    first, expires_at = round.ranked[0].agent_id, now + office.provider.offer_s
    try:
        with session.savepoint():
            n = rounds.keep(session, order.key, round)
            offers.make(session, TurnOffer(order.key, n, first, now, expires_at))
    except Conflict:
        return
