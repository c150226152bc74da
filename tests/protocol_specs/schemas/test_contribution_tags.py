"""Contributions on an order are tag groups as documented, and nothing that would name a worker."""

from typing import Any

import pytest

from protocol_specs.wire import tags
from protocol_specs.wire.errors import SchemaFault
from protocol_specs.wire.schema import CONTRIBUTION_CODE, Schemas
from tests.protocol_specs.schemas.samples import message

STRICT = Schemas.load("strict")
GOOD = {
    "STATUS": "set_aside",
    "SCHEME": "my.act872.gig",
    "KIND": "contribution",
    "BORNE_BY": "worker",
    "AMOUNT": "0.20",
    "CURRENCY": "MYR",
    "VERIFIED": "false",
    "LEGAL_NAME": "Gig Workers Act 2025 (Act 872)",
    "SLIP_ID": "slip-7f3a",
}


def group(**changes: str | None) -> dict[str, Any]:
    """A good group with changes; None leaves a tag out."""
    values = {code: value for code, value in (GOOD | changes).items() if value is not None}
    return tags.group(CONTRIBUTION_CODE, values, name="Set aside")


def refusal(*groups: dict[str, Any]) -> SchemaFault:
    with pytest.raises(SchemaFault) as caught:
        STRICT.check_contribution_tags(groups)
    return caught.value


@pytest.mark.parametrize(
    "good",
    [
        group(),
        group(LEGAL_NAME=None, SLIP_ID=None),
        group(KIND="fee", BORNE_BY="cooperative", STATUS="due"),
        group(STATUS="awaiting_worker", AMOUNT=None, CURRENCY=None, SLIP_ID=None),
        group(STATUS="reversed", AMOUNT="0.00"),
        group(STATUS="estimate", SLIP_ID=None),
        tags.group(CONTRIBUTION_CODE, {"STATUS": "pending"}),
        tags.group("FARE_POLICY", {"ANYTHING": "goes"}),
    ],
)
def test_documented_groups_pass_and_fit_a_strict_message(good: dict[str, Any]) -> None:
    STRICT.check_contribution_tags([good])
    document = message("on_confirm")
    document["message"]["order"]["tags"] = [good]
    STRICT.validate("on_confirm", document)


@pytest.mark.parametrize("code", ["SCHEME", "KIND", "BORNE_BY", "AMOUNT", "CURRENCY", "VERIFIED"])
def test_a_missing_tag_is_named(code: str) -> None:
    fault = refusal(group(), group(**{code: None}))
    assert fault.path == "/1/list"
    assert fault.reason.startswith(f"/1/list must contain a tag {code}")


def test_a_group_always_has_a_status() -> None:
    assert "one tag STATUS" in refusal(group(STATUS=None)).reason


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("STATUS", "covered"),
        ("SCHEME", "Act 872"),
        ("KIND", "premium"),
        ("BORNE_BY", "Ravi"),
        ("AMOUNT", "-0.20"),
        ("AMOUNT", "0,20"),
        ("CURRENCY", "RM"),
        ("VERIFIED", "yes"),
        ("SLIP_ID", "slip of Ravi"),
        ("LEGAL_NAME", "x" * 256),
        ("WORKER", "w-17"),
        ("PHONE", "+60123456789"),
    ],
)
def test_a_wrong_or_unknown_tag_is_refused_at_its_place(code: str, value: str) -> None:
    fault = refusal(group(**{code: value}))
    n = list(GOOD | {code: value}).index(code)
    assert fault.path is not None
    assert fault.path.startswith((f"/0/list/{n}/", "/0/list"))


def test_values_are_texts() -> None:
    wrong = group()
    wrong["list"][4]["value"] = 0.2
    fault = refusal(wrong)
    assert fault.path == "/0/list/4/value"
    assert "not the number 0.2" in fault.reason


def test_a_tag_stands_only_once() -> None:
    twice = group(SLIP_ID=None)
    twice["list"].append({"descriptor": {"code": "AMOUNT"}, "value": "0.30"})
    assert refusal(twice).reason == "/0/list must contain a tag AMOUNT only once"
