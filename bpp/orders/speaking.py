"""What goes out, in the words of the peer's network: contexts, orders and errors as documents."""

from bpp.orders.office import Office
from bpp.orders.order import Peer
from protocol_specs.wire import strict_json, version
from protocol_specs.wire.context import new_context, reply_context
from protocol_specs.wire.envelope import Envelope
from protocol_specs.wire.errors import Malformed, Refused, error_object
from protocol_specs.wire.order import OrderView
from protocol_specs.wire.parties import callback_of
from protocol_specs.wire.values import replace
from protocol_specs.wire.version import Dialect

TTL = "PT30S"
Message = dict[str, object]


def order_message(dialect: Dialect, view: OrderView, action: str) -> Message:
    """The order as this network takes it: tags of our own only where it has room for them.

    Only where changes are asked and meant in two steps does it say who would cancel. Raises
    Malformed for an order whose request left out what the network wants in the answer.
    """
    if not dialect.traits.takes_our_tags:
        view = replace(view, tags=())
    if view.status == "SOFT_CANCEL" and not dialect.traits.has_soft_update:
        view = replace(view, cancellation=None)
    try:
        return dialect.write_on_order(view, action=action)
    except ValueError as unsaid:
        reason = f"there is no {action} for this in {dialect.traits.name}: {unsaid}"
        raise Malformed(reason, path="/message/order") from unsaid


def answer(office: Office, envelope: Envelope, message: Message) -> bytes:
    """The callback to a request, as bytes: same transaction and message_id."""
    return strict_json.dumps({"context": _reply_context(office, envelope), "message": message})


def refusal(office: Office, envelope: Envelope, refused: Refused) -> bytes:
    """The callback that says no: an error, by the network's number for it, and no message."""
    error = error_object(refused)
    error["code"] = envelope.dialect.traits.error_codes.get(refused.code, refused.code)
    return strict_json.dumps({"context": _reply_context(office, envelope), "error": error})


def unsolicited(office: Office, peer: Peer, action: str, message_id: str, view: OrderView) -> bytes:
    """A callback nobody asked for."""
    dialect = version.named(peer.dialect)
    context = new_context(
        action=action,
        domain=peer.domain,
        version=peer.version,
        city=peer.city,
        country=peer.country,
        bap_id=peer.bap_id,
        bap_uri=peer.bap_uri,
        bpp_id=office.bpp_id,
        bpp_uri=office.bpp_uri,
        transaction_id=peer.transaction_id,
        message_id=message_id,
        now_ms=office.stamps.next_ms(peer.bap_id, peer.transaction_id),
        ttl=TTL,
        is_flat=dialect.traits.is_flat,
    )
    return strict_json.dumps({"context": context, "message": order_message(dialect, view, action)})


def _reply_context(office: Office, envelope: Envelope) -> dict[str, object]:
    asked = envelope.context
    return reply_context(
        asked,
        action=callback_of(envelope.action),
        now_ms=office.stamps.next_ms(
            envelope.peer_id, envelope.transaction_id, after_ms=asked.timestamp
        ),
        ttl=TTL,
        bpp_id=office.bpp_id,
        bpp_uri=office.bpp_uri,
    )
