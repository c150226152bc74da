"""What providers answer: each callback finds its journey, is decided, and is written down."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial

from bap import calls, choices, decide, matching, offers, rows, views
from bap.journey import Event, Journey, Outcome, State
from bap.matching import Match
from bap.progress import is_only_told
from bap.reading import read_told
from bap.refusals import OutOfSequence, Unasked
from bap.settings import BapSettings
from protocol_specs.node.messages.actions import Durable, Passing
from protocol_specs.node.server import Node
from protocol_specs.node.store import Session
from protocol_specs.wire import strict_json
from protocol_specs.wire.envelope import Envelope
from protocol_specs.wire.errors import Refused
from protocol_specs.wire.order import Offer
from protocol_specs.wire.values import replace

LISTS = (choices.CANCELLATION, choices.RETURN, choices.RATED)
DURABLE = ("on_init", "on_confirm", "on_status", "on_update", "on_cancel", "on_rating")
PASSING = ("on_search", "on_select", "on_track", "on_support", *LISTS)
"""The two classes of docs/architecture.md. on_status is durable even when asked for: it may bring
the first word of an order whose on_confirm was lost."""

Decision = Callable[[Session, Match, Envelope, int], Outcome]


def serve(node: Node, settings: BapSettings) -> None:
    """Opens the node's door for the callbacks. What matches nothing is refused before the ACK."""
    on_search = partial(_on_search, settings)
    decisions: dict[str, Decision] = {
        "on_search": on_search,
        "on_select": _on_quote,
        "on_init": _on_quote,
        "on_track": _on_track,
        "on_cancel": _on_cancel,
        "on_update": _on_update,
        "on_rating": _on_rating,
        "on_support": _on_support,
        **dict.fromkeys(LISTS, _on_list),
    }

    def judge(envelope: Envelope, now: int) -> None:
        node.store.read(
            lambda session: (
                _is_repeat(session, envelope) or _matched(settings, session, envelope, now)
            )
        )

    def handle(session: Session, envelope: Envelope, now: int) -> None:
        decision = decisions.get(envelope.action, _on_order)
        _settle(settings, decision, session, envelope, now)

    async def pass_on(envelope: Envelope, now: int) -> None:
        await node.store.transact(lambda session: handle(session, envelope, now))

    for action in DURABLE:
        node.serve_action(Durable(action, handle, judge=judge))
    for action in PASSING:
        node.serve_action(Passing(action, pass_on, judge=judge))


def _matched(settings: BapSettings, session: Session, envelope: Envelope, now: int) -> Match:
    if envelope.action == "on_search":
        answers_max = settings.journeys.answers_per_provider_max
        return matching.judge_search(session, envelope, now, answers_max=answers_max)
    return matching.match(session, envelope)


def _settle(
    settings: BapSettings, decision: Decision, session: Session, envelope: Envelope, now: int
) -> None:
    """Match, decide, write: in the transaction that handles the callback.

    The match is made again: between ACK and handling the citizen may have asked for something else,
    and then the answer has no effect any more. The lock comes before it, for other workers.
    """
    rows.lock_transaction(session, envelope.transaction_id)
    if _is_repeat(session, envelope):
        return
    try:
        found = _matched(settings, session, envelope, now)
    except (Unasked, OutOfSequence):
        return
    before = found.journey
    after, events = _decided(decision, session, found, envelope, now)
    _close(session, found, envelope)
    if events:
        after = rows.save(session, before, after, events, now)
        rows.prune_events(session, after, settings.journeys.events_per_journey_max)
    else:
        session.notify(rows.CHANNEL, before.id)


def _decided(
    decision: Decision, session: Session, found: Match, envelope: Envelope, now: int
) -> Outcome:
    if decide.is_late(found.journey, envelope.action):
        return found.journey, ()
    if envelope.error is not None:
        return _on_error(found.journey, envelope, now)
    return decision(session, found, envelope, now)


def _is_repeat(session: Session, envelope: Envelope) -> bool:
    """Whether another worker, or this one before a restart, has handled these bytes of a passing
    answer. Those of durable ones the inbox knows."""
    known = envelope.message_id, envelope.peer_id, envelope.digest
    return envelope.action in PASSING and offers.is_counted(session, *known)


def _close(session: Session, found: Match, envelope: Envelope) -> None:
    call = found.call
    if call is not None and envelope.action in PASSING:
        offers.count_answer(session, call.message_id, envelope.peer_id, envelope.digest)
    if call is not None and call.action != "search":
        calls.close_call(session, call.message_id, "answered")


def _on_error(journey: Journey, envelope: Envelope, now: int) -> Outcome:
    """An `error` instead of a message. One provider that has nothing to offer is no news, nor is
    one without a list of its own."""
    if envelope.action == "on_search" or envelope.action in LISTS:
        return journey, ()
    error = envelope.error or {}
    reason = str(error.get("message") or "the cooperative gave no reason")
    return decide.refused(journey, envelope.action, str(error.get("code") or ""), reason, now)


def _on_search(
    settings: BapSettings, session: Session, found: Match, envelope: Envelope, now: int
) -> Outcome:
    """Offers of one provider: as many as one may make, in the money of the market."""
    journey, limits = found.journey, settings.journeys
    try:
        catalog = envelope.dialect.read_on_search(envelope.message)
    except Refused:
        return journey, ()
    known = {shown["offer_id"]: shown for shown in offers.every(session, journey.id)}
    theirs = sum(1 for shown in known.values() if shown["bpp_id"] == envelope.peer_id)
    kept = []
    for offer in catalog.offers:
        document = views.offer(_offer_id(envelope.peer_id, offer), envelope.peer_id, offer)
        is_new = document["offer_id"] not in known
        full = (
            theirs >= limits.offers_per_provider_max or len(known) >= limits.offers_per_journey_max
        )
        if not _wanted(journey, offer) or (is_new and full):
            continue
        theirs += is_new
        known[document["offer_id"]] = document
        offers.keep(session, journey.id, document, now)
        kept.append(views.shown_offer(document))
    return journey, ((Event("offers", {"offers": kept}),) if kept else ())


def _wanted(journey: Journey, offer: Offer) -> bool:
    """Whether an offer can be compared with the others at all."""
    return (
        offer.kind == journey.kind and offer.currency == journey.currency and offer.price_minor >= 0
    )


def _offer_id(bpp_id: str, offer: Offer) -> str:
    """The same for the same offer said again, and never shared by two providers."""
    name = strict_json.dumps([bpp_id, offer.provider_id, offer.item_id, offer.fulfillment_id])
    return hashlib.sha256(name).hexdigest()[:16]


def _on_quote(session: Session, found: Match, envelope: Envelope, now: int) -> Outcome:
    """on_select and on_init: a price for the offer that was chosen, and for no other."""
    journey, message = found.journey, envelope.message
    chosen = offers.find(session, journey.id, journey.offer_id or "")
    try:
        view = envelope.dialect.read_on_order(message)
    except Refused as refused:
        return decide.faulty(journey, envelope.action, refused.reason, now)
    if chosen is None or (view.provider_id, view.item_id) != (
        chosen["provider_id"],
        chosen["item_id"],
    ):
        return decide.faulty(journey, envelope.action, "it is about another offer", now)
    if view.quote is not None and view.quote.currency != journey.currency:
        return decide.faulty(journey, envelope.action, "it is in another currency", now)
    return decide.quoted(journey, envelope.action, view, strict_json.dumps(message), now)


def _on_order(session: Session, found: Match, envelope: Envelope, now: int) -> Outcome:
    """on_confirm, on_status and on_update: the provider's word about the order."""
    journey = found.journey
    try:
        said = read_told(envelope.dialect, envelope.message)
    except Refused as refused:
        return decide.faulty(journey, envelope.action, refused.reason, now)
    if said.view.id is None or journey.order_id not in (None, said.view.id):
        return decide.faulty(journey, envelope.action, "it names no order, or another one", now)
    if journey.consented is None:
        return decide.faulty(journey, envelope.action, "nothing was confirmed there", now)
    message = strict_json.dumps(said.message)
    if said.fault is not None:
        return decide.told_without_price(journey, said.view, message, said.fault)
    return decide.told(journey, said.view, message)


def _on_cancel(session: Session, found: Match, envelope: Envelope, now: int) -> Outcome:
    """The end of the order, or in answer to a soft cancel what ending it would cost."""
    if found.call is not None and found.call.soft and found.journey.state == State.BOOKED:
        try:
            view = envelope.dialect.read_on_order(envelope.message)
        except Refused as refused:
            return decide.faulty(found.journey, envelope.action, refused.reason, now)
        if view.status != "CANCELLED":
            return decide.fee_told(found.journey, view, now)
    return _on_order(session, found, envelope, now)


def _on_update(session: Session, found: Match, envelope: Envelope, now: int) -> Outcome:
    """The order changed; or in answer to a soft update what changing it would cost."""
    if found.call is None:
        return _on_order(session, found, envelope, now)
    journey = found.journey
    if not found.call.soft:
        done = replace(found, journey=replace(journey, asked_update=None))
        return _on_order(session, done, envelope, now)
    try:
        view = envelope.dialect.read_on_order(envelope.message)
    except Refused as refused:
        return decide.faulty(journey, envelope.action, refused.reason, now)
    if is_only_told(view) and view.id == journey.order_id:
        return decide.change_told(journey, view, now)
    return _on_order(session, found, envelope, now)


def _on_rating(session: Session, found: Match, envelope: Envelope, now: int) -> Outcome:
    """The ratings were taken; perhaps there is a form for more words."""
    try:
        form = envelope.dialect.read_on_rating(envelope.message)
    except Refused as refused:
        return decide.faulty(found.journey, envelope.action, refused.reason, now)
    return decide.rated(found.journey, form)


def _on_support(session: Session, found: Match, envelope: Envelope, now: int) -> Outcome:
    """Whom to call."""
    try:
        support = envelope.dialect.read_support(envelope.message)
    except Refused as refused:
        return decide.faulty(found.journey, envelope.action, refused.reason, now)
    return decide.helped(found.journey, views.support(support))


def _on_list(session: Session, found: Match, envelope: Envelope, now: int) -> Outcome:
    """Reasons or categories; a list that cannot be read is as none."""
    callback = envelope.action
    try:
        listed = envelope.dialect.read_reasons(envelope.message, action=callback)
    except Refused:
        return found.journey, ()
    return decide.chosen_from(found.journey, callback, choices.usable(callback, listed))


def _on_track(session: Session, found: Match, envelope: Envelope, now: int) -> Outcome:
    try:
        tracking = envelope.dialect.read_on_track(envelope.message)
    except Refused as refused:
        return decide.faulty(found.journey, envelope.action, refused.reason, now)
    return decide.tracked(found.journey, tracking, now)
