"""Whole conversations in the words of other networks, at the real door, held to their rules."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bpp.orders import store
from protocol_specs.validate.reading import conversations
from protocol_specs.validate.report import lines
from protocol_specs.validate.rules import judge
from protocol_specs.wire.context import new_context
from protocol_specs.wire.order import (
    CancelRequest,
    Contact,
    Fulfillment,
    Intent,
    Kind,
    OrderView,
    Parcel,
    PaymentTerms,
    Place,
    PostalAddress,
    PriceLine,
    Terms,
    UpdateRequest,
    Vehicle,
)
from protocol_specs.wire.parties import callback_of
from protocol_specs.wire.values import replace
from protocol_specs.wire.version import Dialect, named
from tests.bpp.cooperative import Consumer, Cooperative, cooperative
from tests.support.peers import signed_post

RIDES, PARCELS = ("trv10-2.1.0", "trv10-2.0.1"), ("log10-1.2.5", "log-1.2.0")
DOMAINS = dict.fromkeys(RIDES, "ONDC:TRV10") | {
    "log10-1.2.5": "ONDC:LOG10",
    "log-1.2.0": "nic2004:60232",
}
THEIRS = Terms(
    finder_fee_percentage="1",
    settlement_window="PT60M",
    settlement_basis="DELIVERY",
    settlement_type="upi",
    mandatory_arbitration=True,
    court_jurisdiction="Bengaluru",
    delay_interest="2.5",
    static_terms="https://bap.example.org/terms",
)
OURS = {
    "finder_fee_percentage": "1",
    "court_jurisdiction": "Bengaluru",
    "delay_interest": "2.5",
    "static_terms": "https://coop.example.org/terms",
}
CAB = {"category": "CAB", "make": "Maruti", "model": "Dzire"}
ACCOUNT = "HDFC0000001 1234567890 coop@upi"
MG_ROAD = PostalAddress("Siti", "12", "MG Road", "Bengaluru", "Karnataka", "IND", "560001")
PICKUP = Place(3.139, 101.6869, "12, MG Road, Bengaluru, Karnataka", "560001", MG_ROAD)
DROP = replace(PICKUP, lat=3.1579, lon=101.7116)
PERSON = Contact("Siti", "9876500000", "siti@example.org")
BILLED = replace(PERSON, address=MG_ROAD, tax_number="29AAACN2082N1Z8")


@dataclass
class Talk:
    """One conversation of a BAP with the cooperative, in one dialect."""

    there: Cooperative
    dialect: Dialect
    who: Consumer
    transaction_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    async def ask(
        self, action: str, message: dict[str, Any], *, is_judged: bool = True
    ) -> dict[str, Any]:
        """POST the message, expect an ACK, wait for its callback."""
        self.there.clock.at += 1
        message_id, node = str(uuid.uuid4()), self.there.node
        context = new_context(
            action=action,
            domain=DOMAINS[self.dialect.traits.name],
            version=self.dialect.traits.versions[0],
            city="std:080",
            country="IND",
            bap_id=self.who.peer.subscriber_id,
            bap_uri=self.who.peer.url,
            bpp_id=None if action == "search" else node.receiver.subscriber_id,
            bpp_uri=None if action == "search" else node.receiver.url,
            transaction_id=self.transaction_id,
            message_id=message_id,
            now_ms=int(self.there.clock.at * 1000),
            is_flat=self.dialect.traits.is_flat,
        )
        document = {"context": context, "message": message}
        if is_judged:
            self.dialect.schemas("strict").validate(action, document)
        at = int(self.there.clock.at)
        said = await signed_post(self.there.url, self.who.peer, document, created=at)
        assert said.is_ack, said.body
        return await self.who.callback(callback_of(action), message_id=message_id)

    async def view(self, action: str, message: dict[str, Any]) -> OrderView:
        """The order of the answer, which is no error."""
        answer = await self.ask(action, message)
        assert "error" not in answer, answer
        return self.dialect.read_on_order(answer["message"])

    async def heard(self, action: str, n: int = 1) -> OrderView:
        """The n-th callback of this action in this conversation."""
        document = await self.who.callback(action, n=n, transaction_id=self.transaction_id)
        return self.dialect.read_on_order(document["message"])


@asynccontextmanager
async def talk(folder: Path, name: str, **changes: Any) -> AsyncIterator[Talk]:
    """A cooperative that speaks this dialect; what it recorded is judged once it has stopped."""
    domain, dialect = DOMAINS[name], named(name)
    settings: dict[str, Any] = {
        "domain": domain,
        "dialects": {domain: (name,)},
        "schemas": dialect.schemas("strict"),
        "currency": "INR",
        "terms": OURS,
        "payments": ({"collected_by": "BPP", "type": "ON-FULFILLMENT", "account": ACCOUNT},),
        "record": folder / "recording",
        "vehicles": tuple({**CAB, "registration": f"W {code}"} for code in ("D1", "D2")),
        **changes,
    }
    async with cooperative(folder, **settings) as there:
        await there.online("D1")
        yield Talk(there, dialect, there.bap)
    if settings["record"] is not None:
        verdicts = [judge(one) for one in conversations([settings["record"]])]
        assert verdicts
        assert all(verdict.passes for verdict in verdicts), "\n".join(lines(verdicts))


def parcels(**changes: Any) -> dict[str, Any]:
    """The settings of a courier cooperative."""
    vehicle = {"registration": "W D1", "category": "TWO_WHEELER"}
    return {
        "kind": "delivery",
        "categories": ("TWO_WHEELER",),
        "vehicles": (vehicle, {**vehicle, "registration": "W D2"}),
        "cancellation": (),
        "return_percentage": "50",
        "no_driver_reason": "996",
        **changes,
    }


# Rides


async def ride_ready(there: Talk, terms: Terms = THEIRS) -> OrderView:
    """From search to on_init: the draft that can be confirmed."""
    intent = Intent(Kind.RIDE, PICKUP, DROP, bap_terms=terms)
    found = await there.ask("search", there.dialect.write_search(intent))
    (offer,) = there.dialect.read_on_search(found["message"]).offers
    fulfillment = Fulfillment(
        id=offer.fulfillment_id,
        kind=Kind.RIDE,
        pickup=PICKUP,
        drop=DROP,
        customer=PERSON,
        vehicle=Vehicle("CAB"),
    )
    asked = OrderView(
        provider_id=offer.provider_id,
        item_id=offer.item_id,
        fulfillment=fulfillment,
        payments=(PaymentTerms("BPP", "ON-FULFILLMENT", account=ACCOUNT),),
        billing=PERSON,
        bap_terms=terms,
    )
    await there.view("select", there.dialect.write_select(asked))
    draft = await there.view("init", there.dialect.write_init(asked))
    return replace(asked, quote=draft.quote, payments=draft.payments, bpp_terms=draft.bpp_terms)


@pytest.mark.parametrize("name", RIDES)
async def test_a_ride_in_the_words_of_trv10_goes_to_its_end(tmp_path: Path, name: str) -> None:
    async with talk(tmp_path, name) as there:
        draft = await ride_ready(there)
        order = await there.view("confirm", there.dialect.write_confirm(draft))
        assert (order.status, order.fulfillment.state) == ("ACTIVE", "RIDE_ASSIGNED")
        assert order.tags == ()
        assert order.quote == replace(draft.quote or order.quote, id="")  # type: ignore[arg-type]  # on_init has one
        await there.there.carried_out(str(order.id))
        last = await there.view("status", there.dialect.write_status(str(order.id)))
        assert (last.status, last.fulfillment.state) == ("COMPLETED", "RIDE_ENDED") or (
            last.status == "COMPLETE"
        )
        assert last.payments[0].status == "PAID"


@pytest.mark.parametrize("name", RIDES)
async def test_a_rider_asks_the_fee_and_cancels_and_finds_the_order_by_its_transaction(
    tmp_path: Path, name: str
) -> None:
    async with talk(tmp_path, name) as there:
        draft = await ride_ready(there)
        order = await there.view("confirm", there.dialect.write_confirm(draft))
        by_transaction = there.dialect.write_status(there.transaction_id, is_transaction=True)
        assert (await there.view("status", by_transaction)).id == order.id
        wish = CancelRequest(str(order.id), "005", soft=True)
        asked = await there.view("cancel", there.dialect.write_cancel(wish))
        assert (asked.status, asked.fulfillment.state) == ("SOFT_CANCEL", "RIDE_ASSIGNED")
        meant = there.dialect.write_cancel(replace(wish, soft=False))
        over = await there.view("cancel", meant)
        assert (over.status, over.fulfillment.state) == ("CANCELLED", "RIDE_CANCELLED")


async def test_a_tip_is_asked_and_meant_in_two_steps(tmp_path: Path) -> None:
    async with talk(tmp_path, "trv10-2.1.0") as there:
        draft = await ride_ready(there)
        order = await there.view("confirm", there.dialect.write_confirm(draft))
        assert order.quote is not None
        lines = (*order.quote.lines, PriceLine("BUYER_ADDITIONAL_AMOUNT", 500))
        wish = UpdateRequest(
            order_id=str(order.id),
            targets=("quote.breakup",),
            soft=True,
            lines=lines,
            currency="INR",
        )
        told = await there.view("update", there.dialect.write_update(wish))
        assert (told.status, told.quote and told.quote.total_minor) == (
            "SOFT_UPDATE",
            order.quote.total_minor + 500,
        )
        assert there.there.order(str(order.id)).tip_minor == 0
        meant = there.dialect.write_update(replace(wish, soft=False))
        done = await there.view("update", meant)
        assert done.quote is not None
        assert done.quote.total_minor == order.quote.total_minor + 500
        assert there.there.order(str(order.id)).tip_minor == 500


async def test_no_driver_at_confirm_is_the_networks_error_and_no_order(tmp_path: Path) -> None:
    async with talk(tmp_path, "trv10-2.1.0", takes_orders_without_driver=False) as there:
        draft = await ride_ready(there)
        await there.there.drive("D1", "POST", "online", {"online": False})
        before = there.there.books()
        answer = await there.ask("confirm", there.dialect.write_confirm(draft))
        assert (answer["error"]["code"], "message" in answer) == ("90203", False)
        assert there.there.books() == before


async def test_a_driver_found_later_is_told_by_an_update_and_one_never_found_by_a_cancel(
    tmp_path: Path,
) -> None:
    async with talk(tmp_path, "trv10-2.1.0", assignment="offer") as there:
        draft = await ride_ready(there)
        order = await there.view("confirm", there.dialect.write_confirm(draft))
        assert order.fulfillment.state == "RIDE_CONFIRMED"
        assert order.fulfillment.agent is None
        await there.there.drive("D1", "POST", f"jobs/{order.id}/accept")
        assert (await there.heard("on_update")).fulfillment.state == "RIDE_ASSIGNED"
        again = Talk(there.there, there.dialect, there.there.other)
        other = await again.view("confirm", there.dialect.write_confirm(await ride_ready(again)))
        there.there.clock.at += 1000
        over = await again.heard("on_cancel")
        assert (over.id, over.status) == (other.id, "CANCELLED")
        assert over.cancellation is not None
        assert (over.cancellation.cancelled_by, over.cancellation.reason_id) == ("PROVIDER", "011")


async def test_terms_that_the_cooperative_does_not_take_are_refused_at_the_search(
    tmp_path: Path,
) -> None:
    async with talk(tmp_path, "trv10-2.1.0") as there:
        greedy = replace(THEIRS, finder_fee_percentage="9")
        intent = Intent(Kind.RIDE, PICKUP, DROP, bap_terms=greedy)
        answer = await there.ask("search", there.dialect.write_search(intent))
        assert answer["error"]["code"] == "40004"


async def test_one_node_speaks_two_dialects_of_one_domain_each_to_whom_it_is_spoken(
    tmp_path: Path,
) -> None:
    both = {"ONDC:TRV10": RIDES}
    async with talk(tmp_path, "trv10-2.0.1", dialects=both) as old:
        order = await old.view("confirm", old.dialect.write_confirm(await ride_ready(old)))
        heard = old.who.heard[-1]["context"]
        assert (heard["version"], order.status) == ("2.0.1", "ACTIVE")
        new = Talk(old.there, named("trv10-2.1.0"), old.there.other)
        new.who.schemas = new.dialect.schemas("strict")
        await ride_ready(new)
        assert new.who.heard[-1]["context"]["version"] == "2.1.0"


async def test_a_call_that_the_dialect_does_not_have_is_refused_at_the_door(tmp_path: Path) -> None:
    dialects = {"ONDC:TRV10": ("trv10-2.1.0", "core-1.1")}
    async with talk(tmp_path, "trv10-2.1.0", dialects=dialects, record=None) as there:
        with pytest.raises(AssertionError, match="40001"):
            await there.ask("get_rating_categories", {}, is_judged=False)
        there.who.schemas = named("core-1.1").schemas("strict")
        assert (await there.there.ask("get_rating_categories", None))["message"]


# Deliveries


async def parcel_ready(there: Talk) -> OrderView:
    """From search to on_init: the order that can be confirmed."""
    parcel = Parcel(1200, description="Books", category="Others", declared_value_minor=50_000)
    intent = Intent(
        Kind.DELIVERY,
        PICKUP,
        DROP,
        parcel=parcel,
        payment=PaymentTerms("BPP", "ON-FULFILLMENT"),
    )
    found = await there.ask("search", there.dialect.write_search(intent))
    offer = there.dialect.read_on_search(found["message"]).offers[0]
    fulfillment = Fulfillment(
        id=offer.fulfillment_id,
        kind=Kind.DELIVERY,
        pickup=PICKUP,
        drop=DROP,
        pickup_contact=PERSON,
        drop_contact=PERSON,
        customer=PERSON,
    )
    asked = OrderView(
        provider_id=offer.provider_id,
        item_id=offer.item_id,
        service_level=offer.service_level,
        fulfillment=fulfillment,
        payments=(PaymentTerms("BPP", "ON-FULFILLMENT"),),
        billing=BILLED,
        created_at=int(there.there.clock.at),
    )
    draft = await there.view("init", there.dialect.write_init(asked))
    return replace(
        asked,
        id=str(uuid.uuid4()),
        quote=draft.quote,
        fulfillment=replace(fulfillment, parcel=parcel, ready_to_ship=False),
        updated_at=asked.created_at,
    )


def is_ready(order: OrderView, at: float) -> UpdateRequest:
    ready = replace(order.fulfillment, ready_to_ship=True, start_code="7788", return_leg=None)
    return UpdateRequest(
        order_id=str(order.id),
        targets=("fulfillment",),
        fulfillment=ready,
        item_id=order.item_id,
        at=int(at),
    )


async def fetched(there: Talk) -> tuple[OrderView, str]:
    """A parcel that was ordered, is ready, and was picked up: the order and its job's id."""
    order = await there.view("confirm", there.dialect.write_confirm(await parcel_ready(there)))
    ready = there.dialect.write_update(is_ready(order, there.there.clock.at))
    told = await there.view("update", ready)
    assert told.fulfillment.state == "Agent-assigned"
    _, job = await there.there.drive("D1", "GET", "job")
    job_id = job["job"]["order_id"]
    for step, body in (("arrived", None), ("pickup", {"code": "7788"}), ("enroute", None)):
        there.there.clock.at += 60
        status, answer = await there.there.drive("D1", "POST", f"jobs/{job_id}/{step}", body)
        assert status == 200, answer
    return order, job_id


@pytest.mark.parametrize("name", PARCELS)
async def test_a_parcel_in_the_words_of_log10_goes_from_ready_to_the_door(
    tmp_path: Path, name: str
) -> None:
    async with talk(tmp_path, name, **parcels()) as there:
        order, job_id = await fetched(there)
        assert order.id != job_id
        status, answer = await there.there.drive("D1", "POST", f"jobs/{job_id}/end", {})
        assert status == 200, answer
        last = await there.view("status", there.dialect.write_status(str(order.id)))
        assert (last.status, last.fulfillment.state) == ("COMPLETE", "Order-delivered")
        assert last.payments[0].status == "PAID"


@pytest.mark.parametrize("name", PARCELS)
async def test_a_parcel_that_nobody_takes_comes_back_for_its_fee(tmp_path: Path, name: str) -> None:
    async with talk(tmp_path, name, **parcels()) as there:
        order, job_id = await fetched(there)
        assert order.quote is not None
        fare = order.quote.total_minor
        path = f"jobs/{job_id}"
        why = {"reason_id": "013"}
        status, answer = await there.there.drive("D1", "POST", f"{path}/return", why)
        assert (status, answer["job"]["return_state"]) == (200, "RTO-Initiated")
        back = await there.heard("on_cancel")
        assert back.fulfillment.return_leg is not None
        assert back.quote is not None
        assert back.quote.total_minor == fare + (fare + 1) // 2
        assert (await there.there.drive("D1", "POST", f"{path}/end", {}))[0] == 409
        for _ in range(2):
            there.there.clock.at += 60
            status, answer = await there.there.drive("D1", "POST", f"{path}/returned", {})
            assert (status, answer["job"]["return_state"]) == (200, "RTO-Delivered")
        last = await there.view("status", there.dialect.write_status(str(order.id)))
        assert last.status == "CANCELLED"
        _, earned = await there.there.drive("D1", "GET", "earnings")
        assert [job["minor"] for job in earned["jobs"]] == [back.quote.total_minor]


@pytest.mark.parametrize("name", PARCELS)
async def test_a_parcel_that_is_ready_at_confirm_has_its_agent_at_once_and_may_be_cancelled(
    tmp_path: Path, name: str
) -> None:
    async with talk(tmp_path, name, **parcels()) as there:
        draft = await parcel_ready(there)
        fulfillment = replace(draft.fulfillment, ready_to_ship=True, start_code="7788")
        confirm = there.dialect.write_confirm(replace(draft, fulfillment=fulfillment))
        order = await there.view("confirm", confirm)
        kept = there.there.node.store.read(
            lambda session: store.order_of_bap(session, there.who.peer.subscriber_id, str(order.id))
        )
        assert kept is not None
        assert kept.order.agent_id is not None
        assert kept.order.view.fulfillment.start_code == "7788"
        wish = CancelRequest(str(order.id), "005")
        over = await there.view("cancel", there.dialect.write_cancel(wish))
        assert over.status == "CANCELLED"
        assert over.cancellation is not None
        assert over.cancellation.party_id == there.who.peer.subscriber_id


@pytest.mark.parametrize(
    ("action", "end", "part"),
    [
        ("init", "start", "contact"),
        ("init", "end", "contact"),
        ("init", "start", "address"),
        ("confirm", "start", "parcel"),
        ("confirm", "end", "time"),
    ],
)
async def test_what_the_answer_needs_and_the_request_left_out_is_told_and_nothing_stored(
    tmp_path: Path, action: str, end: str, part: str
) -> None:
    """Live platforms leave things out; an ACK without an answer would leave them waiting."""
    async with talk(tmp_path, "log10-1.2.5", **parcels(), record=None) as there:
        draft = await parcel_ready(there)
        view = replace(draft, created_at=int(there.there.clock.at))
        message = getattr(there.dialect, f"write_{action}")(view)
        given = message["order"]["fulfillments"][0]
        if part == "parcel":
            del message["order"]["@ondc/org/linked_order"]
            given["tags"] = [tag for tag in given["tags"] if tag["code"] != "linked_order"]
        elif part == "time":
            message["order"]["created_at"] = "9999-12-31T23:59:59.000Z"  # no hour later to promise
        elif part == "address":
            del given[end]["location"][part]
        else:
            del given[end][part]
        before = there.there.books()
        answer = await there.ask(action, message, is_judged=False)
        assert answer["error"]["code"] == "30000"
        assert there.there.books() == before


async def test_a_driver_who_finds_no_passenger_ends_the_ride(tmp_path: Path) -> None:
    async with talk(tmp_path, "trv10-2.1.0") as there:
        draft = await ride_ready(there)
        order = await there.view("confirm", there.dialect.write_confirm(draft))
        await there.there.drive("D1", "POST", f"jobs/{order.id}/cancel", {"reason_id": "012"})
        over = await there.heard("on_cancel")
        assert over.cancellation is not None
        assert (over.status, over.cancellation.reason_id) == ("CANCELLED", "012")


async def test_two_platforms_may_make_the_same_order_id_and_each_has_its_own(
    tmp_path: Path,
) -> None:
    async with talk(tmp_path, "log10-1.2.5", **parcels()) as one:
        two = Talk(one.there, one.dialect, one.there.other)
        asked = replace(await parcel_ready(one), id="A-1")
        mine = await one.view("confirm", one.dialect.write_confirm(asked))
        theirs = replace(await parcel_ready(two), id="A-1")
        await two.view("confirm", two.dialect.write_confirm(theirs))
        assert mine.id == "A-1"
        _, desk = await one.there.desk("GET", "orders")
        assert [order["consumer_order_id"] for order in desk["orders"]] == ["A-1", "A-1"]
        assert len({order["order_id"] for order in desk["orders"]}) == 2
        before = one.there.books()
        again = Talk(one.there, one.dialect, one.who)
        twice = replace(await parcel_ready(again), id="A-1")
        quotes = one.there.books()["quotes"]
        answer = await again.ask("confirm", again.dialect.write_confirm(twice))
        assert answer["error"]["code"]
        assert one.there.books() == {**before, "quotes": quotes}
