"""What the desk does about an order's money after its end: it came after all, or it goes back."""

from typing import Literal

from bpp.orders.decision import Decision
from bpp.orders.order import COMPLETE, Order, later, paid, priced, record
from bpp.orders.provider import Provider
from protocol_specs.wire.errors import ActionNotApplicable
from protocol_specs.wire.order import PriceLine
from protocol_specs.wire.values import replace

REFUND = "REFUND"


def confirm_paid(order: Order, now: int) -> Decision:
    """The money of a job that ended unpaid came to the cooperative: a last on_status says so.

    It stays due from the customer in the books until it is settled there.
    Raises ActionNotApplicable.
    """
    if not order.is_done():
        raise ActionNotApplicable(f"the job is not done ({order.status}, {order.state})")
    if order.payment.collected_by != "BPP" or order.payment.status == "PAID":
        raise ActionNotApplicable("there is nothing to collect for this order")
    # After this point it is paid.
    settled = paid(order, "PAID")
    return Decision(_as_of(settled, now), (), ("on_status",))


def refund(
    order: Order,
    *,
    reference: str,
    amount_minor: int,
    borne_by: Literal["worker", "cooperative"],
    agent_id: str | None = None,
    provider: Provider,
    now: int,
) -> Decision | None:
    """Money back for a job that was done and paid: a line of the quote and the event `refunded`.

    Borne by a worker, it is the assigned one, or the partner `agent_id`. Once per reference: None
    if this very refund was made before. Raises ActionNotApplicable.
    """
    made = dict(order.refunds)
    if made.get(reference) == amount_minor:
        return None
    if reference in made:
        raise ActionNotApplicable(
            f"refund {reference!r} was made before, of {made[reference]} minor units"
        )
    if order.status != COMPLETE or order.payment.status != "PAID":
        raise ActionNotApplicable("only what was done and paid can be paid back")
    if not 0 < amount_minor <= order.fare_minor:
        raise ActionNotApplicable(f"at most {order.fare_minor} minor units can be paid back")
    is_partner = agent_id in [partner.agent_id for partner in order.partners]
    if agent_id is not None and not (borne_by == "worker" and is_partner):
        raise ActionNotApplicable("agent_id names the partner in this job who bears the refund")
    # After this point it is owed.
    less = priced(order, (*order.quote.lines, PriceLine(REFUND, -amount_minor)))
    less = replace(_as_of(less, now), refunds=(*order.refunds, (reference, amount_minor)))
    less, event = record(
        less,
        "refunded",
        provider,
        now,
        refund_minor=amount_minor,
        refund_borne_by=borne_by,
        refund_agent_id=agent_id,
    )
    return Decision(less, (event,), ("on_status",))


def _as_of(order: Order, now: int) -> Order:
    return replace(order, view=replace(order.view, updated_at=later(order, now)))
