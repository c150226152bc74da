"""Frozen values: replaced whole, never changed."""

from dataclasses import dataclass

import pytest
from msgspec import ValidationError, json

from protocol_specs.wire.order import Place, PriceLine, Quote
from protocol_specs.wire.values import replace


@dataclass(frozen=True, slots=True)
class Spot:
    name: str
    place: Place


def test_a_value_with_another_part_leaves_the_first_one_as_it_was() -> None:
    line = PriceLine("BASE_FARE", 300)
    assert replace(line, amount_minor=500) == PriceLine("BASE_FARE", 500)
    spot = Spot("stand", Place(3.1, 101.6))
    assert replace(spot, name="gate") == Spot("gate", Place(3.1, 101.6))
    assert (line.amount_minor, spot.name) == (300, "stand")


@pytest.mark.parametrize("value", [PriceLine("TIP", 1), Spot("stand", Place(3.1, 101.6))])
def test_a_value_has_no_other_parts_than_its_own(value: object) -> None:
    with pytest.raises(TypeError):
        replace(value, fare=1)


def test_a_value_of_the_order_model_cannot_be_changed_in_place() -> None:
    line = PriceLine("BASE_FARE", 300)
    with pytest.raises(AttributeError):
        line.amount_minor = 500  # type: ignore[misc]
    assert line.amount_minor == 300


def test_a_quote_with_other_lines_is_judged_as_a_new_one() -> None:
    quote = Quote("q1", "MYR", (PriceLine("BASE_FARE", 300),))
    with pytest.raises(ValueError, match="negative"):
        replace(quote, lines=(PriceLine("BASE_FARE", 300), PriceLine("REFUND", -301)))


@pytest.mark.parametrize("minor", [b"300.0", b'"300"', b"true", b"null"])
def test_money_in_a_row_is_an_integer_or_the_row_is_not_read(minor: bytes) -> None:
    row = json.encode(Quote("q1", "MYR", (PriceLine("BASE_FARE", 300),)))
    with pytest.raises(ValidationError):
        json.decode(row.replace(b"300", minor), type=Quote)
    assert json.decode(row, type=Quote).total_minor == 300


def test_a_row_whose_quote_comes_to_less_than_nothing_is_not_read() -> None:
    row = json.encode(Quote("q1", "MYR", (PriceLine("BASE_FARE", 300),)))
    with pytest.raises(ValidationError, match="negative"):
        json.decode(row.replace(b"300", b"-300"), type=Quote)
