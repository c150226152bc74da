"""No personal datum is left in what is kept, and it is judged as the original was."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from protocol_specs.node.ops.masking import Mask
from protocol_specs.validate.rules import judge
from tests.protocol_specs.validate.stories import EVERY, Story, files
from tests.support.planting import conversation_of, places, planted, plants

IDS = [f"{name}-{story.__name__}" for name, story in EVERY]
PEOPLE = ["Asha", "Ravi", "Meena", "9876500000", "9876500001", "9876543210", "9876543211"]
PEOPLE += ["9876543212", "0801234567", "asha@example.org", "books@example.org", "KA01AB"]
NUMBERS = ["1234567890", "HDFC0000001", "coop@upi", "29AAACN2082N1Z8", "4711"]
PLACES = ["12.9233", "77.5521", "12.967555", "77.749666", "Indiranagar", "Domlur", "ring twice"]
MASK = Mask(b"secret of a test")


def masked(document: dict[str, Any]) -> dict[str, Any]:
    return MASK.message(document)


@pytest.mark.parametrize(("name", "story"), EVERY, ids=IDS)
def test_nothing_personal_is_left(name: str, story: Story) -> None:
    for file, document in files(name, story):
        text = json.dumps(masked(document)["message"] if "message" in document else {})
        assert [one for one in (*PEOPLE, *NUMBERS, *PLACES) if one in text] == [], file


@pytest.mark.parametrize(("name", "story"), EVERY, ids=IDS)
def test_a_masked_conversation_has_no_fault(name: str, story: Story) -> None:
    recorded = [(file, masked(document)) for file, document in files(name, story)]
    verdict = judge(conversation_of(recorded))
    assert [(fault.file, fault.code, fault.reason) for fault in verdict.faults] == []


@pytest.mark.parametrize(("name", "story"), EVERY, ids=IDS)
def test_a_faulty_conversation_has_the_same_faults_when_masked(name: str, story: Story) -> None:
    recorded = files(name, story)
    for plant in random.Random(1).sample(plants(recorded), 40):
        faulty = planted(recorded, plant)
        before = judge(conversation_of(faulty))
        after = judge(conversation_of([(file, masked(document)) for file, document in faulty]))
        assert [(one.file, one.path, one.code) for one in before.faults] == [
            (one.file, one.path, one.code) for one in after.faults
        ], plant


def test_one_person_has_one_pseudonym_and_two_have_two() -> None:
    def person(name: str, phone: str) -> dict[str, Any]:
        return {"message": {"person": {"name": name}, "contact": {"phone": phone}}}

    first, again = masked(person("Asha", "9876500000")), masked(person("Asha", "9876500000"))
    other = masked(person("Ravi", "9876500001"))
    assert first == again
    assert first["message"]["person"] != other["message"]["person"]
    assert first["message"]["contact"] != other["message"]["contact"]


def test_a_position_keeps_its_form_and_says_a_part_of_town() -> None:
    told = {"message": {"stop": {"gps": "12.967555, 77.749666"}, "note": "at 12.967555,77.749666"}}
    kept = masked(told)["message"]
    assert kept == {"stop": {"gps": "12.960000, 77.740000"}, "note": "at 12.960000,77.740000"}
    assert list(places(kept)) == ["/stop/gps"]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"phone": "+91 98765-43210"}, r"\+90 0000[0-9]-[0-9]{5}"),
        ({"phone": 9876543210}, "0"),
        ({"email": "asha@example.org"}, r"p[0-9a-f]{6}@masked\.example"),
        ({"registration": "KA 01 AB 0000"}, r"XX [0-9]{2} XX [0-9]{4}"),
        ({"authorization": {"token": "4711"}}, r"\{'token': '[0-9]{4}'\}"),
        ({"code": "linked_provider", "list": [{"code": "name", "value": "Asha"}]}, ".*Masked.*"),
        ({"tracking": {"url": "https://a:b@t.example/u/asha"}}, ".*https://t.example/masked'.*"),
        ({"area_code": "560038"}, "560000"),
        ({"address": {"city": "7, Domlur"}}, r"\{'city': 'Masked [0-9a-f]{6}'\}"),
        ({"instructions": {"code": "2", "long_desc": "key under the mat"}}, ".*'code': '2'.*Mas.*"),
        ({"xinput": {"form": {"data": {"name": "Asha"}}}}, ".*'name': 'masked'.*"),
        ({"note": "write to asha@example.org"}, "write to masked@masked.example"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_each_kind_keeps_its_form(given: dict[str, Any], kept: str) -> None:
    import re

    masked_value = masked({"message": given})["message"]
    value = masked_value if len(masked_value) > 1 else next(iter(masked_value.values()))
    assert re.fullmatch(kept, str(value)), masked_value


def test_a_catalog_does_not_say_where_somebody_wants_to_go() -> None:
    stop = {"location": {"gps": "12.967555,77.749666", "address": "7, Domlur"}}
    told = {"message": {"catalog": {"providers": [{"fulfillments": [{"stops": [stop]}]}]}}}
    kept = json.dumps(masked(told))
    assert "Domlur" not in kept
    assert "12.967" not in kept


def test_what_is_offered_to_everybody_stays_as_it_is() -> None:
    offer = {"descriptor": {"name": "Auto", "short_desc": "three wheels"}, "price": {"value": "1"}}
    told = {"context": {"bap_id": "a@b"}, "message": {"catalog": {"providers": [offer]}}}
    assert masked(told) == told
