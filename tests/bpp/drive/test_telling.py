"""What other parts tell a driver in English is told in the driver's language, as they say it."""

from types import SimpleNamespace
from typing import Any

import pytest

from bpp.drive import telling
from bpp.fleet.abilities import Abilities, lack
from bpp.insurance import cash
from bpp.insurance.people.gate import WORDS
from bpp.orders.choosing import GAVE_IT_UP
from protocol_specs.web.languages import LANGUAGES, SOURCE, translations
from protocol_specs.wire.order import Parcel, VehicleNeeds

SMALL = Abilities(load_kg=20, load_cm=(40, 40, 40))
SAYS = [
    *(
        lack(Abilities(), needs, None)
        for needs in (
            VehicleNeeds(wheelchair=True),
            VehicleNeeds(child_seat=True),
            VehicleNeeds(seats=6),
        )
    ),
    lack(SMALL, VehicleNeeds(), Parcel(weight_grams=21_000)),
    lack(SMALL, VehicleNeeds(), Parcel(weight_grams=1, length_cm=41)),
    cash._stopped(cash.Limit(200_00, "MYR"), 260_00),
    GAVE_IT_UP,
    "this is not the notice as it stands now: show the new one",  # bpp/insurance/people/writing.py
    *(words.format(title="100% <Plan> (B)") for words in WORDS.values()),
]
KEPT = ("100% <Plan> (B)", "260.00 MYR", "200.00 MYR", " 6 ")


def visit(language: str) -> Any:
    said = translations(language, ["bpp.drive"]).gettext
    return SimpleNamespace(_=lambda text, **values: said(text) % values if values else said(text))


@pytest.mark.parametrize("language", sorted(set(LANGUAGES) - {SOURCE}))
@pytest.mark.parametrize("sentence", SAYS)
def test_why_a_driver_is_passed_over_is_said_in_their_language(
    sentence: str, language: str
) -> None:
    told = telling.known(visit(language), sentence)
    assert told != sentence
    assert "%(" not in told
    assert [each for each in KEPT if each in sentence] == [each for each in KEPT if each in told]
    assert telling.known(visit(SOURCE), sentence) == sentence


def test_what_is_not_known_is_said_as_it_came() -> None:
    for sentence in ("something new: 50%", ""):
        assert telling.known(visit("ms"), sentence) == sentence
