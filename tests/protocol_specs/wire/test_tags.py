"""TagGroups and canonical JSON."""

import pytest

from protocol_specs.wire import tags
from protocol_specs.wire.canonical import canonical


def test_a_group_is_written_in_the_core_shape():
    assert tags.group("FARE_POLICY", {"MIN_FARE": "30"}, display=False, name="Fares") == {
        "display": False,
        "descriptor": {"code": "FARE_POLICY", "name": "Fares"},
        "list": [{"descriptor": {"code": "MIN_FARE"}, "value": "30"}],
    }


def test_what_is_written_is_read():
    written = [tags.group("A", {"X": "1", "Y": ""}), tags.group("B", {})]
    assert tags.read(written) == {"A": {"X": "1", "Y": ""}, "B": {}}


def test_the_older_shape_and_numbers_are_read():
    older = [{"code": "A", "list": [{"code": "X", "value": "1"}, {"code": "Y", "value": 2.5}]}]
    assert tags.read(older) == {"A": {"X": "1", "Y": "2.5"}}


def test_of_a_group_or_tag_given_twice_the_first_holds():
    twice = [tags.group("A", {"X": "1"}), tags.group("A", {"X": "2", "Z": "3"})]
    twice[0]["list"].append({"descriptor": {"code": "X"}, "value": "9"})
    assert tags.read(twice) == {"A": {"X": "1"}}


@pytest.mark.parametrize(
    "groups",
    [None, {}, "A", [None], [{}], [{"descriptor": {"code": 1}}], [{"descriptor": "A"}], [[]]],
)
def test_what_has_no_code_is_passed_over(groups):
    assert tags.read(groups) == {}


@pytest.mark.parametrize("value", [None, True, {}, []])
def test_a_value_that_is_no_text_is_passed_over(value):
    assert tags.read([{"code": "A", "list": [{"code": "X", "value": value}, None]}]) == {"A": {}}


def test_canonical_json_does_not_depend_on_order():
    assert canonical({"b": 1, "a": ["é", 1.0]}) == '{"a":["é",1],"b":1}'.encode()


@pytest.mark.parametrize("value", [{"a": 2**60}, {"a": float("nan")}, {"a": b"x"}, {1: 2}])
def test_what_json_cannot_say_has_no_canonical_form(value):
    with pytest.raises(ValueError, match=r"."):
        canonical(value)
