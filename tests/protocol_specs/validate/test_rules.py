"""Each rule by itself: one thing is wrong, and it is named by its code, in its place."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from protocol_specs.validate.rule import Severity
from protocol_specs.validate.rules import RULES, UNREAD, judge
from tests.protocol_specs.validate.stories import (
    Story,
    delivery,
    driver_late,
    files,
    no_driver,
    returned,
    ride,
    rider_cancels,
)
from tests.support.planting import DELETED, Files, changed, conversation_of

TRV, TRV_20, LOG, CORE = "trv10-2.1.0", "trv10-2.0.1", "log10-1.2.5", "core-1.1"
ORDER = "/message/order"
PRICE = f"{ORDER}/quote/price/value"
STATE = f"{ORDER}/fulfillments/0/state/descriptor/code"

Change = Callable[[Files], Files]


def put(number: int, pointer: str, value: Any) -> Change:
    """Another value in one file; its number counts from 1."""

    def change(recorded: Files) -> Files:
        name, document = recorded[number - 1]
        recorded[number - 1] = (name, changed(document, pointer, value))
        return recorded

    return change


def without(number: int) -> Change:
    return lambda recorded: [*recorded[: number - 1], *recorded[number:]]


def moved(number: int, to: int) -> Change:
    def change(recorded: Files) -> Files:
        one = recorded.pop(number - 1)
        recorded.insert(to - 1, one)
        return recorded

    return change


def again(number: int, **context: Any) -> Change:
    """The same message once more at the end, perhaps with another context."""

    def change(recorded: Files) -> Files:
        document = copy.deepcopy(recorded[number - 1][1])
        document["context"].update(context)
        return [*recorded, (f"{len(recorded) + 1}_again.json", document)]

    return change


def both(*changes: Change) -> Change:
    def change(recorded: Files) -> Files:
        for one in changes:
            recorded = one(recorded)
        return recorded

    return change


LATER = {"message_id": "5b2c0d1e-1111-4222-8333-444455556666"}
LATER |= {"timestamp": "2026-01-02T04:04:05.678Z"}

CASES: list[tuple[str, str, Story, Change, int, str]] = [
    # code, dialect, story, what is wrong, the file that is told of, and the place in it
    (
        "enum",
        TRV,
        ride,
        put(5, f"{ORDER}/payments/0/type", "POST-FULFILLMENT"),
        5,
        "payments/0/type",
    ),
    ("enum", LOG, delivery, put(1, "/message/intent/category/id", "Soon"), 1, "category/id"),
    ("format", TRV, ride, put(1, "/context/timestamp", "2026-01-02T03:04:05Z"), 1, "timestamp"),
    ("format", LOG, delivery, put(1, "/context/ttl", "30"), 1, "/context/ttl"),
    ("missing", TRV, ride, put(5, f"{ORDER}/billing", DELETED), 5, f"{ORDER}/billing"),
    ("type", CORE, ride, put(4, f"{ORDER}/quote/ttl", 30), 4, f"{ORDER}/quote/ttl"),
    ("unknown", TRV, ride, put(8, f"{ORDER}/colour", "red"), 8, f"{ORDER}/colour"),
    ("bounds", CORE, ride, put(5, f"{ORDER}/billing/name", "n" * 300), 5, "billing/name"),
    ("tag.text", LOG, delivery, put(3, f"{ORDER}/tags/0/list/0/value", True), 3, "list/0/value"),
    ("uuid", CORE, ride, put(1, "/context/message_id", "m1"), 1, "/context/message_id"),
    ("dialect.near", TRV_20, ride, put(1, "/context/version", "2.0.0"), 1, "/context/version"),
    (
        "chain.transaction_id",
        TRV,
        ride,
        put(6, "/context/transaction_id", LATER["message_id"]),
        6,
        "",
    ),
    ("chain.message_id", TRV, ride, put(6, "/context/message_id", LATER["message_id"]), 6, ""),
    (
        "chain.ids",
        TRV,
        ride,
        put(1, "/context/message_id", files(TRV, ride)[0][1]["context"]["transaction_id"]),
        1,
        "",
    ),
    ("chain.party", TRV, ride, put(9, "/context/bpp_uri", "https://other.example"), 9, "bpp_uri"),
    ("chain.place", TRV, ride, put(1, "/context/location/city/code", "std:011"), 1, "city/code"),
    ("chain.place", LOG, delivery, put(9, "/context/city", "std:011"), 9, "/context/city"),
    ("chain.domain", CORE, ride, put(9, "/context/domain", "nic2004:60232"), 9, "domain"),
    ("chain.version", TRV, ride, put(9, "/context/version", "2.0.1"), 9, "/context/version"),
    ("chain.timestamp", TRV, ride, put(9, "/context/timestamp", "2026-01-02T00:00:00.000Z"), 9, ""),
    ("chain.early", TRV, ride, put(4, "/context/timestamp", "2026-01-02T03:00:04.400Z"), 4, ""),
    ("chain.late", TRV, ride, put(2, "/context/timestamp", "2026-01-02T03:00:55.000Z"), 2, ""),
    ("chain.addressed", TRV, ride, put(1, "/context/bpp_id", "coop.example.org"), 1, "bpp_id"),
    ("chain.host", TRV, ride, put(1, "/context/bap_uri", "https://x.example.org/beckn"), 1, ""),
    ("chain.repeat", TRV, ride, again(9), 17, ""),
    ("sequence.order", TRV, ride, moved(4, 5), 4, "/context/action"),
    ("sequence.missing", LOG, delivery, without(2), 2, "/context/action"),
    ("sequence.unanswered", TRV, ride, without(11), 10, "/context/action"),
    ("sequence.no_offers", TRV, ride, lambda recorded: recorded[:1], 1, "/context/action"),
    ("sequence.both", TRV, ride, put(4, "/error", {"code": "40000"}), 4, "/error"),
    ("sequence.both", TRV, ride, put(3, "/error", {"code": "40000"}), 3, "/error"),
    ("sequence.ended", TRV, rider_cancels, again(9, **LATER), 13, "/context/action"),
    ("sequence.unfinished", TRV, ride, lambda recorded: recorded[:9], 9, ""),
    ("state.known", CORE, ride, put(9, STATE, "RIDE_FLYING"), 9, STATE),
    ("state.order", TRV, ride, put(12, STATE, "RIDE_ASSIGNED"), 12, STATE),
    ("state.order", LOG, delivery, put(13, STATE, "At-pickup"), 13, STATE),
    ("state.order", TRV, ride, put(14, STATE, "RIDE_CANCELLED"), 14, STATE),
    ("state.agent", TRV, ride, put(9, f"{ORDER}/fulfillments/0/agent", DELETED), 9, "0/agent"),
    (
        "state.agent",
        TRV,
        ride,
        put(6, f"{ORDER}/fulfillments/0/agent", {"person": {"name": "R"}}),
        6,
        "0/agent",
    ),
    (
        "state.agent",
        TRV,
        driver_late,
        put(8, f"{ORDER}/fulfillments/0/agent", {"person": {"name": "R"}}),
        8,
        "0/agent",
    ),
    (
        "state.code",
        TRV,
        ride,
        put(9, f"{ORDER}/fulfillments/0/stops/0/authorization/status", "CLAIMED"),
        9,
        "status",
    ),
    (
        "state.code",
        TRV,
        ride,
        put(13, f"{ORDER}/fulfillments/0/stops/0/authorization/status", "UNCLAIMED"),
        13,
        "status",
    ),
    ("state.status", TRV, ride, put(8, f"{ORDER}/status", "COMPLETED"), 8, f"{ORDER}/status"),
    ("state.status", LOG, delivery, put(5, f"{ORDER}/state", "Accepted"), 5, f"{ORDER}/state"),
    ("state.agree", TRV, ride, put(9, f"{ORDER}/status", "CANCELLED"), 9, f"{ORDER}/status"),
    ("state.agree", LOG, delivery, put(15, f"{ORDER}/state", "In-progress"), 15, f"{ORDER}/state"),
    ("state.payment", TRV, ride, put(9, f"{ORDER}/payments/0/status", "PAID"), 12, "0/status"),
    (
        "state.time",
        LOG,
        delivery,
        put(10, f"{ORDER}/fulfillments/0/start/time/timestamp", DELETED),
        10,
        "timestamp",
    ),
    ("sum.quote", CORE, ride, put(4, PRICE, "146.01"), 4, PRICE),
    ("sum.amount", CORE, ride, put(4, PRICE, "146.001"), 4, PRICE),
    (
        "sum.sign",
        TRV,
        rider_cancels,
        put(10, f"{ORDER}/quote/breakup/3/price/value", "146.00"),
        10,
        "3/price/value",
    ),
    (
        "sum.sign",
        TRV,
        rider_cancels,
        put(10, f"{ORDER}/quote/breakup/3/price/value", "-150.00"),
        10,
        f"{ORDER}/quote",
    ),
    ("sum.currency", CORE, ride, put(9, f"{ORDER}/quote/price/currency", "USD"), 9, "currency"),
    (
        "sum.agreed",
        TRV,
        ride,
        both(put(8, PRICE, "147.00"), put(8, f"{ORDER}/quote/breakup/0/price/value", "31.00")),
        8,
        PRICE,
    ),
    ("id.unknown", TRV, ride, put(3, f"{ORDER}/items/0/id", "I9"), 3, "items/0/id"),
    ("id.unknown", TRV, ride, put(8, f"{ORDER}/items/0/payment_ids/0", "p9"), 8, "payment_ids/0"),
    (
        "id.unknown",
        TRV,
        ride,
        put(2, "/message/catalog/providers/0/items/0/location_ids/0", "L9"),
        2,
        "location_ids/0",
    ),
    (
        "id.unknown",
        LOG,
        delivery,
        put(3, f"{ORDER}/items/0/fulfillment_id", "f9"),
        3,
        "fulfillment_id",
    ),
    (
        "id.twice",
        TRV,
        ride,
        put(2, "/message/catalog/providers/0/locations/1/id", "L1"),
        2,
        "locations/1/id",
    ),
    ("id.order", TRV, ride, put(10, "/message/order_id", "o-9"), 10, "/message/order_id"),
    ("id.order", LOG, delivery, put(6, f"{ORDER}/id", "o-9"), 6, f"{ORDER}/id"),
    ("id.missing", CORE, ride, put(9, f"{ORDER}/id", DELETED), 9, f"{ORDER}/id"),
    ("id.payment", TRV, ride, put(7, f"{ORDER}/payments/0/id", DELETED), 7, "payments/0/id"),
    ("terms.missing", TRV, ride, put(5, f"{ORDER}/tags", []), 5, f"{ORDER}/tags"),
    ("terms.missing", TRV_20, ride, put(5, f"{ORDER}/payments/0/tags", []), 5, "payments/0/tags"),
    ("terms.missing", LOG, delivery, put(3, f"{ORDER}/tags", []), 3, f"{ORDER}/tags"),
    ("terms.changed", TRV, ride, put(7, f"{ORDER}/tags/0/list/0/value", "9"), 7, f"{ORDER}/tags"),
    (
        "terms.changed",
        TRV_20,
        ride,
        put(7, f"{ORDER}/payments/0/tags/0/list/0/value", "9"),
        7,
        "tags",
    ),
    ("terms.refused", LOG, delivery, put(5, f"{ORDER}/tags/0/list/0/value", "no"), 5, "value"),
    (
        "terms.collector",
        TRV,
        ride,
        put(8, f"{ORDER}/payments/0/collected_by", "BAP"),
        8,
        "collected_by",
    ),
]


@pytest.mark.parametrize(
    ("code", "name", "story", "change", "number", "place"),
    CASES,
    ids=[f"{code}-{name}-{n}" for n, (code, name, *_) in enumerate(CASES)],
)
def test_one_thing_wrong_is_named(
    code: str, name: str, story: Story, change: Change, number: int, place: str
) -> None:
    recorded = change(files(name, story))
    verdict = judge(conversation_of(recorded))
    found = [fault for fault in verdict.faults if fault.code == code]
    file = recorded[number - 1][0]
    assert any(one.file == file and one.path.endswith(place) for one in found), verdict.faults


def test_every_rule_has_a_case() -> None:
    assert {code for code, *_ in CASES} == {rule.code for rule in RULES} - set(UNREAD)


def test_a_warning_leaves_the_verdict_and_an_error_does_not() -> None:
    warned = judge(conversation_of(again(9)(files(TRV, ride))))
    assert [fault.severity for fault in warned.faults] == [Severity.WARNING]
    assert warned.passes
    assert not judge(conversation_of(put(4, PRICE, "1.00")(files(TRV, ride)))).passes


def test_another_driver_may_start_anew_before_anyone_is_on_board() -> None:
    agent = f"{ORDER}/fulfillments/0/agent/person/name"
    recorded = both(put(12, STATE, "RIDE_ASSIGNED"), put(12, agent, "Meera"))(files(TRV, ride))
    assert judge(conversation_of(recorded[:12])).passes


def test_what_follows_a_failed_confirm_is_missing_its_order() -> None:
    recorded = [*files(TRV, no_driver), files(TRV, ride)[9]]
    codes = {fault.code for fault in judge(conversation_of(recorded)).faults}
    assert "sequence.unanswered" in codes


def test_a_parcel_that_went_back_ends_in_either_word() -> None:
    recorded = files("log-1.2.0", returned)
    for word in ("Completed", "Cancelled"):
        last = put(len(recorded), f"{ORDER}/state", word)
        assert judge(conversation_of(last(list(recorded)))).passes, word
