"""Which dialect a message is in: by domain, version and the shape of its context."""

import pytest

from protocol_specs.wire.errors import NotServed
from protocol_specs.wire.version import CORE, NAMES, Dialects, named

RIDES = "ONDC:TRV10"
SHAPED = {"location": {"city": {"code": "std:080"}}}


def test_a_domain_that_is_not_named_speaks_core_whatever_number_is_written_over_it() -> None:
    ride = {"context": {"domain": RIDES, "version": "2.1.0", **SHAPED}}
    assert Dialects({}).of(ride).traits.name == CORE


def test_the_shape_of_core_0_9_is_refused_where_only_core_1_1_is_spoken() -> None:
    flat = {"context": {"domain": RIDES, "core_version": "1.1.1", "city": "std:080"}}
    with pytest.raises(NotServed, match=r"send version 1\.1\.1") as refused:
        Dialects({}).of(flat)
    assert refused.value.path == "/context/core_version"


@pytest.mark.parametrize(
    "document",
    [{}, {"context": None}, {"context": []}, {"context": {"domain": RIDES}}],
)
def test_a_message_without_a_usable_context_goes_to_the_first_schema_to_be_refused(
    document,
) -> None:
    assert Dialects({}).of(document).traits.name == CORE


def test_every_dialect_is_found_by_its_name_and_has_both_profiles() -> None:
    for name in NAMES:
        assert named(name).traits.name == name
        for profile in ("strict", "receive"):
            assert "search" in named(name).schemas(profile).actions
