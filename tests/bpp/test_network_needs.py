"""A cooperative that could not be told on a network hears at the start which setting lacks."""

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from bpp.settings import BppSettings
from protocol_specs.node.settings import SettingsError
from tests.conversations.network import DELIVERIES, RIDES, Language, cooperative_of
from tests.support.nodes import listening_socket, settings_of

TRV_20, TRV_21, LOG = RIDES[1], RIDES[2], DELIVERIES[1]
CASH = {"collected_by": "BPP", "type": "ON-FULFILLMENT"}
TERMS = {"static_terms": "https://bpp.example.org/terms", "delay_interest": "5"}


def cooperative(folder: Path, language: Language, **changes: Any) -> BppSettings:
    with listening_socket() as sock:
        return settings_of(
            BppSettings,
            folder,
            sock,
            subscriber_id="bpp.example.org",
            domains=(language.domain,),
            dialects={language.domain: (language.dialect,)},
            **{**cooperative_of(language), **changes},
        )


@pytest.mark.parametrize("language", [*RIDES, *DELIVERIES], ids=lambda one: one.dialect)
def test_acooperative_of_with_all_that_its_network_wants_starts(
    language: Language, tmp_path: Path
) -> None:
    assert cooperative(tmp_path, language).roster().vehicles


@pytest.mark.parametrize(
    ("language", "changes", "says"),
    [
        (TRV_21, {"kind": "delivery", "cancellation": ()}, "no work of kind delivery, only ride"),
        (LOG, {"kind": "ride", "cancellation": ()}, "no work of kind ride, only delivery"),
        (TRV_21, {"categories": ("RICKSHAW",)}, "categories: trv10-2.1.0 has no RICKSHAW"),
        (TRV_21, {"payments": ({**CASH, "type": "POST-FULFILLMENT"},)}, "payments: .*no POST-FULF"),
        (LOG, {"payments": ({**CASH, "type": "PRE-FULFILLMENT"},)}, "payments: .*no PRE-FULF"),
        (TRV_20, {"payments": (CASH,)}, "payments: .*an account with each"),
        (TRV_20, {"payments": ({**CASH, "account": "HDFC0000001 123"},)}, "an account with each"),
        (TRV_20, {"terms": None}, "terms: trv10-2.0.1 wants finder_fee_percentage"),
        (TRV_21, {"terms": None}, "terms: trv10-2.1.0 wants static_terms, delay_interest"),
        (TRV_21, {"terms": {**TERMS, "static_terms": None}}, "wants static_terms$"),
    ],
)
def test_what_a_network_has_no_words_for_or_wants_is_named_by_its_key(
    language: Language, changes: dict[str, Any], says: str, tmp_path: Path
) -> None:
    with pytest.raises(ValidationError) as refused:
        cooperative(tmp_path, language, **changes)
    (fault,) = refused.value.errors()
    assert re.search(says, fault["msg"])


@pytest.mark.parametrize("lost", ["make", "model"])
def test_a_vehicle_without_make_or_model_does_not_go_on_the_ride_network(
    lost: str, tmp_path: Path
) -> None:
    (vehicle,) = cooperative_of(TRV_21)["vehicles"]
    without = {key: value for key, value in vehicle.items() if key != lost}
    settings = cooperative(tmp_path, TRV_21, vehicles=(without,))
    with pytest.raises(SettingsError, match=r"KA 05 A 1234: trv10-2\.1\.0 wants make and model"):
        settings.roster()
    assert cooperative(tmp_path / "core", RIDES[0], vehicles=(without,)).roster()
