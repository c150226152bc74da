"""Places by name, the plain map, and files of others that are what they are said to be."""

from __future__ import annotations

import hashlib
import json
import re
from importlib import resources

import pytest

from protocol_specs.web.places import Places, point_of
from protocol_specs.web.sketch import city_map

PLACES = Places.bundled()
WEB = resources.files("protocol_specs.web")


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("kl sent", "KL Sentral"),
        ("SENTRAL", "KL Sentral"),
        ("menara berk", "Petronas Twin Towers"),
        ("klcc", "Petronas Twin Towers"),
        ("iisc", "Indian Institute of Science"),
    ],
)
def test_a_place_is_found_by_the_beginnings_of_any_of_its_names(typed: str, first: str) -> None:
    assert PLACES.find(typed)[0].name == first


@pytest.mark.parametrize("typed", ["", "   ", "entral", "zzz", "%", "\x00", "a" * 5000])
def test_what_names_no_place_finds_none(typed: str) -> None:
    assert PLACES.find(typed) == []


def test_only_places_of_the_city_are_found_and_not_too_many() -> None:
    assert {place.city for place in PLACES.find("m", "std:080")} == {"std:080"}
    assert len(PLACES.find("k", most=3)) <= 3


def test_where_a_point_is_can_be_told() -> None:
    near = PLACES.nearest(3.1342, 101.6866)
    assert near is not None
    assert near.name == "KL Sentral"
    assert PLACES.nearest(0.0, 0.0) is None


@pytest.mark.parametrize("text", ["", "3.1", "x,y", "91,0", "0,181", "nan,0", "1,2,3"])
def test_a_point_that_is_none_is_not_taken(text: str) -> None:
    assert point_of(text) is None


def test_the_plain_map_is_small_repeatable_geojson() -> None:
    places = PLACES.of("std:03")
    drawn = city_map(places, "std:03")
    assert drawn == city_map(places, "std:03")
    assert len(drawn) < 60_000
    document = json.loads(drawn)
    kinds = {feature["properties"]["kind"] for feature in document["features"]}
    assert kinds == {"water", "street", "main"}
    for feature in document["features"]:
        for lon, lat in feature["geometry"]["coordinates"]:
            assert 101 < lon < 102
            assert 2.9 < lat < 3.4


def test_files_taken_over_from_others_are_unchanged() -> None:
    told = WEB.joinpath("THIRD_PARTY.txt").read_text(encoding="utf-8")
    pinned = re.findall(r"^([0-9a-f]{64})  (\S+)", told, re.MULTILINE)
    assert len(pinned) == 3
    for digest, name in pinned:
        assert hashlib.sha256(WEB.joinpath(*name.split("/")).read_bytes()).hexdigest() == digest
