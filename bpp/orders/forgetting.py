"""Orders that forget who carried them out, once that person is erased: no name, phone or plate."""

from collections.abc import Iterable

from sqlalchemy import bindparam, select

from bpp.orders import store
from bpp.orders.tables import OrderRow
from protocol_specs.node.store import Session, Statement
from protocol_specs.wire.order import Vehicle
from protocol_specs.wire.values import replace

_order = OrderRow.__table__

_DONE = Statement(
    select(_order.c.key).where(_order.c.agent_id == bindparam("agent"), _order.c.is_done == 1)
)


def forget_agent(session: Session, agent_id: str, others: Iterable[str] = ()) -> int:
    """Takes the person out of what this agent carried out, and of the `others` (order keys) if they
    were theirs; how many orders that were. The facts know an agent by the random id alone.
    """
    done = {row["key"] for row in session.all(_DONE, agent=agent_id)}
    return sum(_forget(session, agent_id, key) for key in sorted(done | set(others)))


def _forget(session: Session, agent_id: str, key: str) -> bool:
    kept = store.order_by_key(session, key)
    if kept is None or kept.order.agent_id != agent_id:
        return False
    order, fulfillment = kept.order, kept.order.view.fulfillment
    nobody = replace(fulfillment, agent=None, vehicle=Vehicle(category=order.category))
    forgotten = replace(order, view=replace(order.view, fulfillment=nobody))
    store.change_order(session, forgotten, kept.revision)
    return True
