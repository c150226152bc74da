"""Orders that nobody takes end by themselves: the customer is told, and may look elsewhere."""

from bpp.orders import store
from bpp.orders.cancel import cancel_by_provider
from bpp.orders.office import Office
from bpp.orders.order import NOT_READY, states_of
from bpp.orders.writing import write
from protocol_specs.node.store import Session

UNREADY_S = 24 * 3600  # how long an order waits for its parcel to be ready


def end_waiting_next(office: Office, session: Session, now: int) -> bool:
    """Ends one order that has waited too long for a driver, free of charge; False: there is none.

    One that is planned waits from its planned start on.
    An unsolicited on_cancel is owed for it.
    """
    provider = office.provider
    unassigned = states_of(provider.kind).unassigned
    kept = store.waiting_since(session, unassigned, now - provider.open_s)
    kept = kept or store.waiting_since(session, NOT_READY, now - UNREADY_S)
    if kept is None:
        return False
    decision = cancel_by_provider(kept.order, provider.no_driver_reason, provider, now)
    write(session, office, decision, now, revision=kept.revision)
    return True
