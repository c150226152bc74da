"""The terms between two platforms, and the times of what we say: pure."""

import pytest

from bpp.orders.confirm import confirm
from bpp.orders.init import init
from bpp.orders.search import Asker, search
from bpp.orders.stamps import CONVERSATIONS_MAX, Stamps
from bpp.orders.terms import require_acceptable, require_ours
from protocol_specs.wire.errors import PaymentNotSupported
from protocol_specs.wire.order import Intent, Kind, Terms
from protocol_specs.wire.values import replace
from tests.bpp.factories import KL, KLCC, NOW, PEER, accepting, asked, office, ride_provider

OURS = Terms(
    finder_fee_percentage="1",
    settlement_window="PT60M",
    settlement_basis="DELIVERY",
    settlement_type="UPI",
    static_terms="https://coop.example/terms",
)


@pytest.mark.parametrize(
    "theirs",
    [
        None,
        Terms(),
        Terms(finder_fee_percentage="1.0", settlement_window="PT1H", settlement_type="upi"),
        Terms(finder_fee_percentage="0", static_terms="https://bap.example/terms"),
    ],
)
def test_terms_that_are_no_worse_than_ours_are_agreed_to(theirs: Terms | None) -> None:
    require_acceptable(OURS, theirs)


@pytest.mark.parametrize(
    "theirs",
    [
        Terms(finder_fee_percentage="1.01"),
        Terms(finder_fee_percentage="-1"),
        Terms(finder_fee_percentage="one"),
        Terms(finder_fee_percentage="NaN"),
        Terms(settlement_window="P1D"),
        Terms(settlement_window="soon"),
        Terms(settlement_basis="INVOICE_RECEIPT"),
        Terms(settlement_type="NEFT"),
    ],
)
def test_worse_terms_are_refused_at_search_init_and_confirm(theirs: Terms) -> None:
    where = office(ride_provider(terms=OURS))
    stored = init(where, asked(where), PEER, NOW)
    with pytest.raises(PaymentNotSupported) as refused:
        search(
            where,
            Intent(Kind.RIDE, KL, KLCC, bap_terms=theirs),
            lambda _: False,
            NOW,
            Asker("bap.example.org", "t1", "nic2004:60221", "std:03"),
        )
    assert refused.value.code == "40004"
    with pytest.raises(PaymentNotSupported):
        init(where, asked(where, bap_terms=theirs), PEER, NOW)
    view = accepting(where, stored, bap_terms=theirs)
    with pytest.raises(PaymentNotSupported):
        confirm(where, view, PEER, NOW, stored=stored, existing=None, worker=None)


def test_a_confirm_repeats_our_terms_as_they_are_or_not_at_all() -> None:
    for said in (None, OURS, Terms(finder_fee_percentage="1.00")):
        require_ours(OURS, said)
    for other in ("finder_fee_percentage", "settlement_window", "settlement_type"):
        with pytest.raises(PaymentNotSupported):
            require_ours(OURS, replace(OURS, **{other: "3"}))


def test_an_order_keeps_the_terms_of_both_sides() -> None:
    where = office(ride_provider(terms=OURS))
    theirs = Terms(finder_fee_percentage="0.5")
    stored = init(where, asked(where, bap_terms=theirs), PEER, NOW)
    view = accepting(where, stored)
    order = confirm(where, view, PEER, NOW, stored=stored, existing=None, worker=None).order
    assert (order.view.bap_terms, order.view.bpp_terms) == (theirs, OURS)


def test_times_rise_within_a_conversation_even_if_the_clock_stands_or_goes_back() -> None:
    now = [1000.0]
    stamps = Stamps(lambda: now[0])
    said = [stamps.next_ms("bap", "t1") for _ in range(3)]
    now[0] = 999.0
    said.append(stamps.next_ms("bap", "t1", after_ms=1_000_500))
    assert said == [1_000_000, 1_000_001, 1_000_002, 1_000_501]
    assert stamps.next_ms("bap", "t2") == 999_000


def test_conversations_are_remembered_within_bounds() -> None:
    stamps = Stamps(lambda: 1.0)
    for n in range(CONVERSATIONS_MAX + 10):
        stamps.next_ms("bap", f"t{n}")
    assert stamps.next_ms("bap", "t0") == 1000
    assert stamps.next_ms("bap", f"t{CONVERSATIONS_MAX + 9}") == 1001
