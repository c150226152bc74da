"""What a provider's word does to a journey: pure decisions, one per kind of answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from bap import views
from bap.consent import Change, Terms, beyond, terms_of, told_terms
from bap.journey import CHOOSING, UNANSWERED, Event, Journey, Outcome, State, unquoted
from bap.progress import (
    UNDER_WAY_RANK,
    cancelled_by,
    is_cancelled,
    is_ended,
    is_only_told,
    rank,
    supersedes,
)
from protocol_specs.wire import strict_json
from protocol_specs.wire.order import Form, Kind, OrderView, Tracking
from protocol_specs.wire.parties import request_of
from protocol_specs.wire.values import replace

QUOTED_BY = {"on_select": State.QUOTED, "on_init": State.READY}


def quoted(journey: Journey, action: str, view: OrderView, message: bytes, now: int) -> Outcome:
    """A price was named (on_select) or the draft with its terms given (on_init)."""
    if journey.state not in CHOOSING:
        return journey, ()
    after = replace(
        journey,
        state=QUOTED_BY[action],
        quote=message,
        quote_stage=action.removeprefix("on_"),
        quote_at=now,
        form=asked_form(journey.form, view.form, action),
        error=None,
    )
    terms = terms_of(view)
    if terms is None:
        return faulty(journey, action, "the cooperative named no price", now)
    document = {"quote": views.quote(after, view), "terms": terms.document()}
    return after, (Event("quote", document),)


def asked_form(known: bytes | None, form: Form | None, action: str) -> bytes | None:
    """The form to be filled in now: a new one goes before one that is known, with what it has."""
    kept = {} if known is None else orjson.loads(known)
    if form is None or form.url is None or form.url == kept.get("url"):
        return known
    shown = {"url": form.url, "required": form.required, "mime_type": form.mime_type}
    return strict_json.dumps({**shown, "stage": request_of(action)})


def is_late(journey: Journey, action: str) -> bool:
    """Whether the citizen has been told the final terms already, and this is about those before."""
    return action == "on_select" and journey.state == State.READY


def faulty(journey: Journey, action: str, reason: str, now: int) -> Outcome:
    """An answer that cannot be used, such as a price whose lines do not sum to the total."""
    error = _error(action, "faulty_answer", f"The cooperative's answer is faulty: {reason}", now)
    before = unquoted(journey) if journey.state in CHOOSING else journey
    return _with_error(before, error)


def refused(journey: Journey, action: str, code: str | None, reason: str, now: int) -> Outcome:
    """The provider answered that it will not, or cannot."""
    error = _error(action, code or "refused", reason, now)
    if action == "on_confirm" and journey.state in UNANSWERED:
        return _with_error(_unconfirmed(journey), error)
    if action == "on_update":
        return _with_error(_unchanged(journey), error)
    if action == "on_cancel":
        return _with_error(replace(journey, agreed_fee_minor=None), error)
    if action == "on_rating":
        return _with_error(replace(journey, ratings=None), error)
    if action == "on_status" and code == "30010" and journey.state == State.CONFIRMING:
        return _with_error(replace(journey, state=State.LOST), error)
    return _with_error(journey, error)


def _unconfirmed(journey: Journey) -> Journey:
    """As before the confirm: what the citizen agreed to there binds nobody."""
    return replace(
        journey, state=State.READY, order_id=None, pickup_code=None, consented=None, granted=None
    )


def _unchanged(journey: Journey) -> Journey:
    """As before a change was asked for; a parcel that could not be said to be ready is not."""
    asked = {} if journey.asked_update is None else orjson.loads(journey.asked_update)
    was_ready = asked.get("change", {}).get("ready_to_ship", False)
    pickup_code = None if was_ready else journey.pickup_code
    return replace(journey, asked_update=None, granted=None, pickup_code=pickup_code)


def unreached(journey: Journey, now: int) -> Outcome:
    """The confirm found no way to the provider in time; whether it arrived is not known."""
    reason = "The cooperative could not be reached in time. We ask whether it took the booking."
    return _with_error(journey, _error("on_confirm", "unreachable", reason, now))


def told(journey: Journey, view: OrderView, message: bytes) -> Outcome:
    """The provider's word about the order itself: on_confirm, on_status, on_update, on_cancel.

    What is older than what is known changes nothing. A price or payee beyond the consent is kept
    as `pending`, next to the order, until the citizen agrees or cancels.
    """
    known = journey.read_order()
    if is_only_told(view) or (known is not None and not supersedes(view, known)):
        return journey, ()
    after = replace(
        journey,
        state=_state(view),
        order_id=view.id or journey.order_id,
        order_message=message,
        error=None,
    )
    return _judged(journey, after, view)


def told_without_price(journey: Journey, view: OrderView, message: bytes, reason: str) -> Outcome:
    """As `told`, for an order whose price cannot be read: it stands, and the citizen is asked."""
    after, events = told(journey, view, message)
    if not events:
        return after, events
    change = Change("quote", "agreed", f"faulty: {reason}", worse=True)
    return _ask_again(after, events, None, (change,))


def fee_told(journey: Journey, view: OrderView, now: int) -> Outcome:
    """What cancelling would cost, in answer to a soft cancel; the order itself is as before."""
    if view.quote is None:
        return faulty(journey, "on_cancel", "asked for the fee, it named none", now)
    if view.id != journey.order_id or view.quote.currency != journey.currency:
        return faulty(journey, "on_cancel", "it is about another order or currency", now)
    known = journey.read_order() or view
    fee = {
        "minor": view.quote.total_minor,
        "currency": view.quote.currency,
        "state": known.fulfillment.state,
    }
    return replace(journey, fee=strict_json.dumps(fee), error=None), (Event("fee", fee),)


def change_told(journey: Journey, view: OrderView, now: int) -> Outcome:
    """What a change would cost, in answer to a soft update; the order itself is as before."""
    terms = terms_of(view)
    if terms is None or view.quote is None or journey.asked_update is None:
        return faulty(journey, "on_update", "asked what the change costs, it named no price", now)
    asked = orjson.loads(journey.asked_update)
    shown = {
        "change": asked["change"],
        "quote_hash": terms.hash,
        "quote": views.price(view.quote),
    }
    kept = strict_json.dumps({**shown, "terms": terms.document()})
    return replace(journey, asked_update=kept, error=None), (Event("change", shown),)


def chosen_from(journey: Journey, callback: str, choices: list[dict[str, Any]]) -> Outcome:
    """A list of reasons or categories; one without entries says nothing."""
    if not choices:
        return journey, ()
    known = {} if journey.choices is None else orjson.loads(journey.choices)
    after = replace(journey, choices=strict_json.dumps({**known, callback: choices}))
    return after, (Event("choices", {callback: choices}),)


def helped(journey: Journey, document: dict[str, Any]) -> Outcome:
    """Whom to call."""
    after = replace(journey, support=strict_json.dumps(document), error=None)
    return after, (Event("support", document),)


def rated(journey: Journey, form: Form | None) -> Outcome:
    """The ratings were taken; a form for more words may come with the thanks."""
    after = replace(journey, form=asked_form(journey.form, form, "on_rating"), error=None)
    return after, (Event("rated", {"has_form": after.form != journey.form}),)


def tracked(journey: Journey, tracking: Tracking, now: int) -> Outcome:
    """Where the vehicle is. An older position does not replace a newer one."""
    document = views.tracking(tracking, now)
    known = orjson.loads(journey.tracking) if journey.tracking else {}
    if (known.get("updated_at") or 0) > (tracking.updated_at or now):
        return journey, ()
    after = replace(journey, tracking=strict_json.dumps(document), error=None)
    return after, (Event("tracking", document),)


def agreed(journey: Journey, terms: Terms) -> Outcome:
    """The citizen accepted what went beyond the earlier consent."""
    consented = strict_json.dumps(terms.document())
    after = replace(journey, consented=consented, granted=None, pending=None)
    return after, (Event("consented", {"quote_hash": terms.hash}),)


def _state(view: OrderView) -> State:
    if is_cancelled(view):
        return State.CANCELLED
    return State.COMPLETED if is_ended(view) else State.BOOKED


def _judged(before: Journey, after: Journey, view: OrderView) -> Outcome:
    """The outcome with the consent looked at: does the order stay within what was agreed?"""
    events = (Event("order", views.order(after, view)),)
    consented = before.read_consented()
    if consented is None:
        return after, events
    terms = told_terms(view, consented)
    worse = _worse(before, view, consented, terms)
    granted = None if is_cancelled(view) or view.quote is None else before.read_granted()
    if granted is not None and _is_made(granted, terms, bool(worse)):
        # From now on its price is what was agreed to, also a lower one.
        return replace(after, consented=before.granted, granted=None, pending=None), events
    if worse:
        return _ask_again(after, events, terms, worse)
    # A word without a price leaves open what was asked about the price.
    return (after if view.quote is None else replace(after, pending=None)), events


def _worse(before: Journey, view: OrderView, consented: Terms, terms: Terms) -> tuple[Change, ...]:
    """What goes beyond the consent; of a cancelled order only what it still asks for."""
    changed = beyond(consented, terms)
    if not is_cancelled(view):
        return changed
    asked = view.quote.total_minor if view.quote else 0
    where = tuple(change for change in changed if change.what in ("currency", "payee"))
    return (*where, *_fee_beyond(before, view, consented, asked)) if asked else ()


def _is_made(granted: Terms, told: Terms, is_worse: bool) -> bool:
    """Whether a change has been made at the price that was granted: what is told lies within that,
    and either beyond what was agreed to before or exactly there."""
    is_within = not beyond(granted, told)
    return is_within and (is_worse or told.total_minor == granted.total_minor)


def _fee_beyond(
    journey: Journey, view: OrderView, consented: Terms, asked: int
) -> tuple[Change, ...]:
    """What a cancelled order asks for beyond the fee that was shown. A provider's own cancelling
    costs the citizen nothing; a parcel that was on its way and nobody took costs its way, and the
    way back at the price that came with the offer."""
    allowed = journey.agreed_fee_minor or 0
    if view.fulfillment.return_leg is not None and _is_on_its_way(journey):
        allowed = consented.total_minor + (journey.return_price_minor or 0)
    elif cancelled_by(view, journey.bpp_id) == "PROVIDER":
        allowed = 0
    if asked <= allowed:
        return ()
    return (Change("cancellation_fee_minor", allowed, asked, worse=True),)


def _is_on_its_way(journey: Journey) -> bool:
    """Whether the parcel was fetched by the provider's earlier words."""
    known = journey.read_order()
    if known is None or journey.kind != Kind.DELIVERY:
        return False
    return rank(known) >= UNDER_WAY_RANK or known.fulfillment.return_leg is not None


def _ask_again(
    journey: Journey, events: tuple[Event, ...], terms: Terms | None, worse: tuple[Change, ...]
) -> Outcome:
    pending = {
        "quote_hash": terms.hash if terms else None,
        "currency": terms.currency if terms else journey.currency,
        "changed": [change.document() for change in worse],
        "terms": terms.document() if terms else None,
    }
    asked = {key: value for key, value in pending.items() if key != "terms"}
    after = replace(journey, pending=strict_json.dumps(pending))
    return after, (*events, Event("consent_needed", asked))


def _error(action: str, code: str, message: str, now: int) -> dict[str, Any]:
    return {"action": request_of(action), "code": code[:40], "message": message[:500], "at": now}


def _with_error(journey: Journey, error: Mapping[str, Any]) -> Outcome:
    return replace(journey, error=strict_json.dumps(error)), (Event("error", error),)
