"""What an extension makes of events it could not take at first: shown, and told, once it can."""

from bpp.orders import store
from bpp.orders.extension import Extension
from bpp.orders.office import Office
from bpp.orders.order import with_tags
from bpp.orders.writing import owe_unsolicited
from protocol_specs.node.store import Session
from protocol_specs.wire.order import TagGroup


def catch_up_next(office: Office, extension: Extension, session: Session, now: int) -> bool:
    """Lets the extension try one order again, in one commit with what follows; False: none is due.

    Once it succeeds the order shows the new tags and, as its peer was told otherwise (with
    on_confirm, say), an unsolicited on_status with them is owed.
    """
    retried = extension.catch_up_next(session, now)
    if retried is None:
        return False
    if retried.tags:
        _tell(session, office, extension.name, retried.order_key, retried.tags, now)
    return True


def _tell(
    session: Session,
    office: Office,
    name: str,
    order_key: str,
    tags: tuple[TagGroup, ...],
    now: int,
) -> None:
    kept = store.order_by_key(session, order_key)
    if kept is None:
        raise LookupError(f"there is no order {order_key}, and yet it has events")
    order = with_tags(kept.order, name, tags)
    if order == kept.order:
        return
    # `updated_at` stays: the order itself did not move, and for a completed one it says when.
    store.change_order(session, order, kept.revision)
    owe_unsolicited(session, office, order, "on_status", now)
