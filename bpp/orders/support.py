"""support: whom to call at the cooperative."""

from bpp.orders.provider import Provider
from protocol_specs.wire.errors import SupportUnavailable
from protocol_specs.wire.order import Support
from protocol_specs.wire.values import replace


def contact(provider: Provider, asked: Support) -> Support:
    """The cooperative's contact, about what was asked. Raises SupportUnavailable without any."""
    if provider.support is None:
        raise SupportUnavailable("this cooperative gives no contact for support")
    return replace(provider.support, ref_id=asked.ref_id)
