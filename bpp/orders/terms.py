"""What two platforms agree on between themselves: our published terms against those we are told."""

from decimal import Decimal, InvalidOperation

from protocol_specs.wire import duration
from protocol_specs.wire.errors import Malformed, PaymentNotSupported
from protocol_specs.wire.order import Terms

PATH = "/message/order/payments/0"


def require_acceptable(ours: Terms | None, theirs: Terms | None) -> None:
    """Raises PaymentNotSupported for a consumer's terms that are worse for us than our own.

    A finder fee above ours, a later settlement, or another basis or way of settling. What is left
    out means ours; a cooperative without terms compares nothing.
    """
    if ours is None or theirs is None:
        return
    fee, most = _percentage(theirs), _percentage(ours)
    if fee is not None and fee > (most or 0):
        raise _refused(f"a finder fee of {fee} % is too much; at most {most or 0} % is paid here")
    _require_window(ours, theirs)
    for name in ("settlement_basis", "settlement_type"):
        wanted, said = getattr(ours, name), getattr(theirs, name)
        if wanted and said and wanted.upper() != said.upper():
            raise _refused(f"{name} {said[:40]!r} is not taken here; it is {wanted!r}")


def require_ours(ours: Terms | None, repeated: Terms | None) -> None:
    """Raises PaymentNotSupported if a confirm repeats our terms with other fees or settlement."""
    if ours is None or repeated is None:
        return
    if _percentage(repeated) not in (None, _percentage(ours)):
        raise _refused("the finder fee repeated as ours is not the one of on_init")
    for name in ("settlement_window", "settlement_basis", "settlement_type"):
        wanted, said = getattr(ours, name), getattr(repeated, name)
        if wanted and said and wanted.upper() != said.upper():
            raise _refused(f"{name} {said[:40]!r} repeated as ours is not {wanted!r} of on_init")


def _require_window(ours: Terms, theirs: Terms) -> None:
    if not ours.settlement_window or not theirs.settlement_window:
        return
    try:
        later = duration.seconds(theirs.settlement_window) > duration.seconds(
            ours.settlement_window
        )
    except Malformed:
        raise _refused("settlement_window must be a duration such as PT60M") from None
    if later:
        raise _refused(
            f"settlement after {theirs.settlement_window} is too late; "
            f"at most {ours.settlement_window} is agreed to here"
        )


def _percentage(terms: Terms) -> Decimal | None:
    if terms.finder_fee_percentage is None:
        return None
    try:
        fee = Decimal(terms.finder_fee_percentage)
    except InvalidOperation:
        raise _refused("the finder fee must be a percentage such as 1 or 1.5") from None
    if not fee.is_finite() or fee < 0:
        raise _refused("the finder fee must be a percentage of 0 or more")
    return fee


def _refused(reason: str) -> PaymentNotSupported:
    return PaymentNotSupported(reason, path=PATH)
