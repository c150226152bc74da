"""Money: exact both ways, refused when it is not money."""

from decimal import Decimal, Inexact

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol_specs.wire import money
from protocol_specs.wire.errors import Malformed


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("249.50", "INR", 24950),
        ("249.5", "MYR", 24950),
        ("249", "MYR", 24900),
        ("0.29", "INR", 29),
        ("-12.30", "INR", -1230),
        ("-0.05", "INR", -5),
        ("007.00", "INR", 700),
        ("249.500", "INR", 24950),
        ("1500", "JPY", 1500),
        ("1500.00", "JPY", 1500),
        ("1.234", "KWD", 1234),
        ("999999999999.99", "INR", 99999999999999),
    ],
)
def test_decimal_text_becomes_minor_units(text, currency, minor):
    assert money.minor_units(text, currency) == minor


@pytest.mark.parametrize(
    "text",
    [
        "",
        " 1",
        "1 ",
        "1\n",
        "+1",
        ".5",
        "1.",
        "1,000",
        "1e3",
        "NaN",
        "Infinity",
        "-",
        "--1",
        "0x10",
        "1_000",
        "１２",
        "٣",
        "1.2345",
        "starting from 50",
        "1" * 13,
        "1.005",
        "₹50",
        "1.2.3",
    ],
)
def test_what_is_no_amount_is_refused(text):
    with pytest.raises(Malformed):
        money.minor_units(text, "INR")


def test_an_amount_finer_than_its_currency_is_refused_not_rounded():
    with pytest.raises(Malformed, match="JPY, which has 0 decimals"):
        money.minor_units("10.50", "JPY")


@pytest.mark.parametrize("currency", ["", "XYZ", "inr", "INR ", "US", "XAU", "ＩＮＲ"])
def test_an_unknown_currency_is_refused(currency):
    with pytest.raises(Malformed, match="currency"):
        money.minor_units("1", currency)
    with pytest.raises(Malformed, match="currency"):
        money.amount(1, currency)


@given(st.integers(-(10**12) + 1, 10**12 - 1), st.sampled_from(["INR", "MYR", "JPY", "KWD", "EUR"]))
def test_money_survives_the_wire(minor, currency):
    assert money.minor_units(money.amount(minor, currency), currency) == minor


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (24950, "INR", "249.50"),
        (5, "INR", "0.05"),
        (-5, "INR", "-0.05"),
        (0, "INR", "0.00"),
        (7, "JPY", "7"),
        (0, "JPY", "0"),
        (1, "KWD", "0.001"),
    ],
)
def test_amounts_are_written_with_the_places_of_their_currency(minor, currency, text):
    assert money.amount(minor, currency) == text


def test_a_rate_is_applied_exactly():
    assert money.apply_rate(24950, Decimal("0.0125")) == Decimal("311.875")


def test_a_result_that_cannot_be_exact_is_an_error():
    with pytest.raises(Inexact):
        money.apply_rate(10**30 - 1, Decimal("0." + "1" * 40))


@pytest.mark.parametrize(
    ("value", "rounded"),
    [("0.5", 1), ("1.5", 2), ("2.5", 3), ("2.4999", 2), ("-0.5", -1), ("-2.5", -3), ("3", 3)],
)
def test_halves_round_away_from_zero(value, rounded):
    assert money.round_half_up(Decimal(value)) == rounded
