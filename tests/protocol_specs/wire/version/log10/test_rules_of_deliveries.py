"""The delivery networks' rules: one thing wrong at a time is refused at its place."""

from __future__ import annotations

import copy
import random
from typing import Any

import jsonschema_rs
import pytest

from protocol_specs.wire.errors import NotServed, SchemaFault
from protocol_specs.wire.schema_documents import action_names, action_schemas
from protocol_specs.wire.schema_oracle import oracle
from protocol_specs.wire.version import Dialects, named
from tests.protocol_specs.wire.version.log10 import deliveries, samples
from tests.protocol_specs.wire.version.trv10.test_agreement_rides import mutants

LOG10, LOG = deliveries.DIALECTS
SEED = 20260102
DELIVERY = "/message/order/fulfillments/0"
PAYLOAD = "/message/intent/@ondc~1org~1payload_details"


def changed(document: dict[str, Any], pointer: str, value: Any) -> dict[str, Any]:
    """A copy with one place set, or removed by `...`."""
    copied = copy.deepcopy(document)
    *parents, last = [
        int(part) if part.isdigit() else part.replace("~1", "/") for part in pointer.split("/")[1:]
    ]
    place: Any = copied
    for part in parents:
        place = place[part]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return copied


WRONG = [
    ("search", "/context/domain", "nic2004:60232"),
    ("search", "/context/core_version", "1.2.0"),
    ("search", "/context/city", ...),
    ("search", "/message/intent/category/id", "Immediate delivery"),
    ("search", "/message/intent/fulfillment/type", "delivery"),
    ("search", "/message/intent/fulfillment/end", ...),
    ("search", "/message/intent/fulfillment/start/location/gps", "12.967555"),
    ("search", "/message/intent/fulfillment/start/location/address/area_code", ...),
    ("search", "/message/intent/provider/time/schedule/holidays", []),
    ("search", "/message/intent/provider/time/range/start", "09:00"),
    ("search", "/message/intent/payment/type", "PRE-ORDER"),
    ("search", f"{PAYLOAD}/weight/unit", "stone"),
    ("search", f"{PAYLOAD}/weight/value", "1.5"),
    ("search", f"{PAYLOAD}/value/value", 450),
    ("on_search", "/message/catalog/bpp~1providers/0/categories/0/time/label", "tat"),
    ("on_search", "/message/catalog/bpp~1providers/0/items/0/time/timestamp", "02-01-2026"),
    ("on_search", "/message/catalog/bpp~1providers/0/items/0/parent_item_id", ...),
    ("on_search", "/message/catalog/bpp~1providers/0/fulfillments/0/start", ...),
    ("init", "/message/order/billing/tax_number", ...),
    ("init", "/message/order/billing/created_at", "yesterday"),
    ("init", f"{DELIVERY}/start/contact/email", ...),
    ("init", f"{DELIVERY}/end/location/address/locality", ...),
    ("init", "/message/order/payment/collected_by", "LSP"),
    ("on_init", "/message/order/quote/ttl", ...),
    ("on_init", "/message/order/quote/breakup/0/@ondc~1org~1title_type", "welfare"),
    ("confirm", "/message/order/state", "Accepted"),
    ("confirm", "/message/order/id", ...),
    ("confirm", "/message/order/@ondc~1org~1linked_order", ...),
    ("confirm", f"{DELIVERY}/start/instructions", ...),
    ("confirm", f"{DELIVERY}/start/instructions/code", "1"),
    ("confirm", f"{DELIVERY}/start/person", ...),
    ("confirm", "/message/order/tags/0/list/0/value", True),
    ("confirm", "/message/order/tags/0/code", "@wayfare/contribution"),
    ("on_confirm", "/message/order/state", "In-progress"),
    ("on_confirm", f"{DELIVERY}/state/descriptor/code", "pending"),
    ("update", "/message/update_target", "fulfillments"),
    ("update", f"{DELIVERY}/tags/0/list/0/value", True),
    ("update", f"{DELIVERY}/tags/0/list", []),
    ("on_update", f"{DELIVERY}/agent", ...),
    ("on_update", "/message/order/state", "In-Progress"),
    ("on_status", f"{DELIVERY}/start/time/timestamp", ...),
    ("on_status", f"{DELIVERY}/end/time/timestamp", ...),
    ("on_status", "/message/order/payment/status", "paid"),
    ("on_cancel", "/message/order/fulfillments/1/state/descriptor/code", "RTO Initiated"),
    ("on_cancel", "/message/order/fulfillments/1/type", "Rto"),
    ("on_cancel", "/message/order/cancellation/reason/id", "12"),
    ("on_track", "/message/tracking/status", "ACTIVE"),
    ("on_track", "/message/tracking/location/time", ...),
    ("cancel", "/message/cancellation_reason_id", "001"),
]


@pytest.mark.parametrize(("action", "pointer", "value"), WRONG)
def test_one_wrong_thing_is_refused_at_its_place(action: str, pointer: str, value: Any) -> None:
    good = samples.messages(LOG10)[action]
    strict = LOG10.schemas("strict")
    strict.validate(action, good)
    with pytest.raises(SchemaFault) as refused:
        strict.validate(action, changed(good, pointer, value))
    assert refused.value.path == pointer


def test_a_parcel_on_its_way_back_is_in_the_state_rto_in_one_edition_only() -> None:
    pointer = f"{DELIVERY}/state/descriptor/code"
    for dialect, is_good in ((LOG10, True), (LOG, False)):
        document = changed(samples.messages(dialect)["on_cancel"], pointer, "RTO")
        faults = dialect.schemas("strict").faults("on_cancel", document)
        assert (not faults) is is_good


@pytest.mark.parametrize("name", deliveries.NAMES)
def test_a_good_message_of_each_action_passes_and_all_actions_have_one(name: str) -> None:
    written = samples.messages(named(name))
    assert set(written) == set(action_names("log10"))
    for action, document in written.items():
        for profile in ("strict", "receive"):
            named(name).schemas(profile).validate(action, document)


@pytest.mark.parametrize("name", deliveries.NAMES)
@pytest.mark.parametrize("action", action_names("log10"))
def test_both_libraries_give_the_same_verdict_and_a_reason(name: str, action: str) -> None:
    schema = action_schemas("strict", name)[action]
    fast = jsonschema_rs.Draft202012Validator(
        schema, validate_formats=True, pattern_options=jsonschema_rs.RegexOptions()
    )
    slow, dialect = oracle(schema), named(name)
    good = samples.messages(dialect)[action]
    for spoilt in mutants(good, random.Random(f"{SEED} {name} {action}")):
        assert fast.is_valid(spoilt) == slow.is_valid(spoilt), spoilt
        if not fast.is_valid(spoilt):
            with pytest.raises(SchemaFault) as refused:
                dialect.schemas("strict").validate(action, spoilt)
            fault = refused.value
            assert not fault.reason.startswith(f"{fault.path or 'the document'}: "), fault.reason


def test_a_code_word_is_not_repeated_in_a_refusal() -> None:
    good = samples.messages(LOG10)["confirm"]
    pointer = f"{DELIVERY}/start/instructions/short_desc"
    with pytest.raises(SchemaFault) as refused:
        LOG10.schemas("strict").validate("confirm", changed(good, pointer, 4711))
    assert refused.value.path == pointer
    assert "4711" not in refused.value.reason


# Which dialect


@pytest.mark.parametrize("name", deliveries.NAMES)
def test_the_two_editions_are_told_apart_by_domain_and_core_version(name: str) -> None:
    every = Dialects.every()
    for document in samples.messages(named(name)).values():
        assert every.of(document).traits.name == name


def test_one_domain_can_speak_both_editions_and_core() -> None:
    spoken = Dialects({"ONDC:LOG10": ("log10-1.2.5", "log-1.2.0", "core-1.1")})
    document = samples.messages(LOG10)["search"]
    older = changed(document, "/context/core_version", "1.2.0")
    modern = {"context": {"domain": "ONDC:LOG10", "version": "1.1.1"}}
    found = [spoken.of(one).traits.name for one in (document, older, modern)]
    assert found == ["log10-1.2.5", "log-1.2.0", "core-1.1"]


def test_another_core_version_is_not_served_and_told_what_is() -> None:
    document = changed(samples.messages(LOG10)["search"], "/context/core_version", "1.1.0")
    with pytest.raises(NotServed, match=r"send core_version 1\.2\.5") as refused:
        Dialects({"ONDC:LOG10": ("log10-1.2.5",)}).of(document)
    assert refused.value.path == "/context/core_version"


@pytest.mark.parametrize("name", deliveries.NAMES)
def test_what_these_networks_lack_is_neither_read_nor_written(name: str) -> None:
    dialect = named(name)
    assert not dialect.traits.has_select
    assert "select" not in dialect.traits.actions
    with pytest.raises(NotServed):
        dialect.read_select({"order": {}})
    with pytest.raises(ValueError, match="there is no select"):
        dialect.write_select(samples.ORDER)
