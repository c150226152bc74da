"""init: the terms of the order, with the quote that confirm will be held to."""

import hashlib

from msgspec import Struct, json

from bpp.orders import forms, terms
from bpp.orders.forms import Answers, Submission
from bpp.orders.items import NOTHING
from bpp.orders.office import Office
from bpp.orders.order import Peer
from bpp.orders.pricing import asked_job, draft, price
from bpp.orders.provider import accepted_payment
from protocol_specs.wire import strict_json, version
from protocol_specs.wire.order import OrderView, TagGroup, VehicleNeeds
from protocol_specs.wire.values import replace


class StoredQuote(Struct, frozen=True, kw_only=True):
    """What we offered to one transaction of one BAP, until when, and for exactly which job.

    `priced_at` is the moment whose hour made the price, `tariff` the number of the fares that did.
    """

    bap_id: str
    transaction_id: str
    priced_at: int
    tariff: int
    expires_at: int
    job_hash: str
    category: str
    city: str
    view: OrderView
    tags: tuple[tuple[str, tuple[TagGroup, ...]], ...] = ()
    answers: Answers = ()
    needs: VehicleNeeds = NOTHING

    def shown(self) -> OrderView:
        """The draft as on_init shows it."""
        return replace(self.view, tags=tuple(tag for _, tags in self.tags for tag in tags))


def init(
    office: Office, asked: OrderView, peer: Peer, now: int, submitted: Submission | None = None
) -> StoredQuote:
    """The quote to store and answer with. Raises Refused.

    `submitted` is the form that was filled in for this transaction.
    """
    provider = office.provider
    terms.require_acceptable(provider.terms, asked.bap_terms)
    has_forms = version.named(peer.dialect).traits.takes_our_tags
    answers = forms.require_submitted(
        provider.form, ("search", "select"), submitted, asked.form, has_place=has_forms
    )
    job = asked_job(office, asked, domain=peer.domain, city=peer.city, now=now)
    priced = price(provider, office.extensions, job, quote_id=office.new_id(), now=now)
    view = draft(provider, asked, job, priced.quote, now)
    payment = replace(
        accepted_payment(provider, asked.payments),
        id=office.new_id(),
        amount_minor=priced.quote.total_minor,
        currency=provider.currency,
    )
    return StoredQuote(
        bap_id=peer.bap_id,
        transaction_id=peer.transaction_id,
        priced_at=job.priced_at(now),
        tariff=provider.tariff.number(job.priced_at(now)),
        expires_at=now + provider.quote_ttl_s,
        job_hash=job_hash(asked),
        category=job.category,
        city=peer.city,
        view=replace(
            view,
            payments=(payment,),
            cancellation_terms=provider.cancellation,
            bap_terms=asked.bap_terms,
            bpp_terms=provider.terms,
            form=forms.offered(provider.form, "init", peer.bap_id, peer.transaction_id),
        ),
        tags=priced.tags,
        answers=answers,
        needs=job.needs,
    )


def job_hash(view: OrderView) -> str:
    """A hash of what is to be done: provider, item and stops, as they stand on the wire."""
    pickup, drop = view.fulfillment.route()
    parts = {
        "provider": view.provider_id,
        "item": view.item_id,
        "stops": [f"{place.lat:.6f},{place.lon:.6f}" for place in (pickup, drop)],
    }
    return hashlib.sha256(strict_json.dumps(parts)).hexdigest()  # ours alone, always in this order


_READ = json.Decoder(StoredQuote)


def quote_document(quote: StoredQuote) -> bytes:
    """The stored quote as JSON bytes, for its row."""
    return json.encode(quote)


def read_quote(document: bytes) -> StoredQuote:
    """The stored quote back from its row."""
    return _READ.decode(document)
