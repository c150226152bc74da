"""select: the price of one offer with all its lines; nothing is stored."""

from bpp.orders import forms
from bpp.orders.office import Office
from bpp.orders.order import Peer
from bpp.orders.pricing import asked_job, draft, price
from protocol_specs.wire.order import OrderView
from protocol_specs.wire.values import replace


def select(office: Office, asked: OrderView, peer: Peer, now: int) -> OrderView:
    """The draft with its quote. Raises Refused.

    The quote binds nobody yet: init prices again and stores.
    """
    provider = office.provider
    job = asked_job(office, asked, domain=peer.domain, city=peer.city, now=now)
    priced = price(provider, office.extensions, job, quote_id=office.new_id(), now=now)
    return replace(
        draft(provider, asked, job, priced.quote, now),
        tags=tuple(tag for _, tags in priced.tags for tag in tags),
        form=forms.offered(provider.form, "select", peer.bap_id, peer.transaction_id),
    )
