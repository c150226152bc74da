"""Who else has a part in an order, a home producer or a helper, and which lines are whose.

The desk names them, each with a stated amount of the fare, until the order ends.
"""

from bpp.orders.decision import Decision
from bpp.orders.events import Partner
from bpp.orders.order import ACTIVE, TIP_CODES, Order, record
from bpp.orders.provider import Provider
from protocol_specs.wire.errors import ActionNotApplicable
from protocol_specs.wire.order import PriceLine
from protocol_specs.wire.values import replace

PARTNERS_MAX = 4
NOT_SHARED = TIP_CODES | {"TAX", "PARKING_CHARGES", "TOLL_CHARGES", "CANCELLATION_CHARGES"}

Lines = tuple[PriceLine, ...]


def share(
    order: Order, partners: tuple[Partner, ...], provider: Provider, now: int
) -> Decision | None:
    """The order with these partners in place of those it had; None if they are the same.

    Raises ActionNotApplicable.
    """
    if order.status != ACTIVE:
        raise ActionNotApplicable(f"the order is {order.status}; nobody joins it any more")
    if partners == order.partners:
        return None
    _require_distinct(order, partners)
    shared = sum(partner.amount_minor for partner in partners)
    most = sum(line.amount_minor for line in order.quote.lines if _is_shareable(line))
    if any(partner.amount_minor <= 0 for partner in partners) or shared > most:
        raise ActionNotApplicable(
            f"of this fare at most {most} minor units can be others', each part above zero"
        )
    # After this point the fare is shared. The customer's order is as it was: nobody is told.
    joined, event = record(replace(order, partners=partners), "shared", provider, now)
    return Decision(joined, (event,))


def divided(lines: Lines, partners: tuple[Partner, ...]) -> tuple[Lines, tuple[Lines, ...]]:
    """What is left for the assigned worker, and each partner's part, as lines of the same codes.

    A part is taken from the lines that earnings come of, the first ones first; tips, taxes, tolls,
    discounts and refunds stay with the assigned worker. Of a fare that fell below the parts those
    named first get theirs.
    """
    parts: tuple[Lines, ...] = ()
    for partner in partners:
        part, lines = _cut(lines, partner.amount_minor)
        parts += (part,)
    return lines, parts


def _cut(lines: Lines, minor: int) -> tuple[Lines, Lines]:
    """Lines of that much in all (or of what there is), and what is left of each."""
    part, rest = [], []
    for line in lines:
        taken = min(minor, line.amount_minor) if _is_shareable(line) else 0
        if taken:
            part.append(replace(line, amount_minor=taken))
        if not taken or taken < line.amount_minor:
            rest.append(replace(line, amount_minor=line.amount_minor - taken))
        minor -= taken
    return tuple(part), tuple(rest)


def _is_shareable(line: PriceLine) -> bool:
    return line.amount_minor > 0 and line.code not in NOT_SHARED


def _require_distinct(order: Order, partners: tuple[Partner, ...]) -> None:
    names = [partner.agent_id for partner in partners]
    if len({*names}) < len(names):
        raise ActionNotApplicable("somebody is named twice; say one amount for each")
    if order.agent_id in names:
        raise ActionNotApplicable("the driver of this job has the rest of it; name others only")
    if len(names) > PARTNERS_MAX:
        raise ActionNotApplicable(f"at most {PARTNERS_MAX} others can have a part in one job")
