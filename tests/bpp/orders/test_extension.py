"""The seam: a ride goes on whatever an extension does, and no quote is ever sent short."""

import uuid
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import BigInteger, Column, MetaData, String, Table, insert, select

from bpp.fares import Ceiling
from bpp.orders.catching_up import catch_up_next
from bpp.orders.events import OrderEvent, event_document, read_event
from bpp.orders.extension import ExtraLine, JobTerms, Retried
from bpp.tables import METADATA
from protocol_specs.node.messages.tables import Owed
from protocol_specs.node.store import Session, Statement
from protocol_specs.wire import tags
from protocol_specs.wire.errors import QuoteUnavailable
from protocol_specs.wire.order import Quote, TagGroup
from protocol_specs.wire.values import replace
from tests.bpp.cooperative import Cooperative, accepting, cooperative, order_asked
from tests.bpp.factories import FARES, confirmed, office, quoted, ride_provider, worker
from tests.bpp.insured import RIDE_PACK, insured

WITH_NOTES = MetaData()  # the provider's own schema stays as it is, for the other tests
WITH_NOTES.info.update(METADATA.info)
for table in METADATA.sorted_tables:
    table.to_metadata(WITH_NOTES)
_TABLE = Table(  # what the extension under test writes
    "test_noted",
    WITH_NOTES,
    Column("order_key", String, primary_key=True),
    Column("n", BigInteger, primary_key=True),
)
NOTE = Statement(insert(_TABLE))
_OWED = Owed.__table__
OWED_STATUS = Statement(select(_OWED.c.id).where(_OWED.c.action == "on_status"))
NOTED = Statement(select(_TABLE).order_by(_TABLE.c.n))


@pytest.fixture(autouse=True)
def notes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The provider of these tests has the extension's table beside its own."""
    monkeypatch.setattr("bpp.app.METADATA", WITH_NOTES)


@dataclass
class Levy:
    """An extension that notes each event, breaks when told, and charges the customer if asked."""

    name: str = "levy"
    is_broken: bool = False
    lines: tuple[ExtraLine, ...] = ()
    objection: str | None = None
    asked: list[JobTerms] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    waiting: list[OrderEvent] = field(default_factory=list)

    def quote_lines(self, quote: Quote, terms: JobTerms, at: int) -> tuple[ExtraLine, ...]:
        if self.is_broken:
            raise ZeroDivisionError("no rate")
        return self.lines

    def passes_over(self, session: Session, agent_id: str, terms: JobTerms) -> str | None:
        if self.is_broken:
            raise ZeroDivisionError("no rate")
        self.asked.append(terms)
        return self.objection

    def on_event(self, session: Session, event: OrderEvent) -> tuple[TagGroup, ...]:
        session.run(NOTE, order_key=event.order_key, n=event.n)
        if self.is_broken:
            raise ZeroDivisionError("no rate")
        self.seen.append(event.kind)
        return (tags.group("LEVY", {"STATUS": "set_aside"}),)

    def failed(self, session: Session, event: OrderEvent, error: Exception) -> tuple[TagGroup, ...]:
        self.waiting.append(event)
        return (tags.group("LEVY", {"STATUS": "pending"}),)

    def catch_up_next(self, session: Session, now: int) -> Retried | None:
        if self.is_broken or not self.waiting:
            return None
        event = self.waiting.pop(0)
        return Retried(event.order_key, self.on_event(session, event))


def noted(there: Cooperative) -> list[int]:
    return [row["n"] for row in there.node.store.read(lambda session: session.all(NOTED))]


def test_an_event_comes_back_from_its_row_unchanged() -> None:
    for event in confirmed(office(), worker()).events:
        assert read_event(event_document(event)) == event


async def test_an_extension_sees_each_event_and_its_tags_go_out(tmp_path: Path) -> None:
    levy = Levy()
    async with cooperative(tmp_path, (levy,)) as there:
        await there.online("D1")
        order = await there.confirmed()
        assert levy.seen == ["confirmed", "assigned"]
        assert noted(there) == [1, 2]
        assert tags.read(order["tags"])["LEVY"] == {"STATUS": "set_aside"}


async def test_a_line_borne_by_the_customer_is_part_of_the_price_and_others_are_not(
    tmp_path: Path,
) -> None:
    group = tags.group("LEVY", {"AMOUNT": "0.20"})
    levy = Levy(
        lines=(
            ExtraLine("Welfare levy", "LEVY", 25, "customer"),
            ExtraLine("Contribution", "CONTRIBUTION", 20, "worker", (group,)),
        )
    )
    async with cooperative(tmp_path, (levy,)) as there:
        draft = await there.quoted(str(uuid.uuid4()))
        titles = [line["title"] for line in draft["quote"]["breakup"]]
        assert titles == ["BASE_FARE", "DISTANCE_FARE", "LEVY"]
        assert draft["quote"]["breakup"][2]["price"]["value"] == "0.25"
        assert tags.read(draft["tags"])["LEVY"] == {"AMOUNT": "0.20"}


async def test_a_line_that_insurance_has_no_rule_for_refuses_the_quote_not_the_posting_after_it(
    tmp_path: Path,
) -> None:
    levy = Levy(lines=(ExtraLine("Green levy", "GREEN_LEVY", 25, "customer"),))
    insurance = insured(tmp_path, RIDE_PACK, mandates={RIDE_PACK: "file 7"})
    async with cooperative(tmp_path, (levy,), insurance=insurance) as there:
        reply = await there.ask("init", order_asked())
        assert reply["error"]["code"] == "40003"
        assert there.books()["quotes"] == []


@pytest.mark.parametrize("action", ["select", "init"])
async def test_a_quote_is_refused_rather_than_sent_short(tmp_path: Path, action: str) -> None:
    async with cooperative(tmp_path, (Levy(is_broken=True),)) as there:
        before = there.books()
        reply = await there.ask(action, order_asked())
        assert reply["error"]["code"] == "40003"
        assert "message" not in reply
        assert there.books() == before


async def test_a_ride_is_confirmed_though_the_extension_fails_and_is_caught_up_once_mended(
    tmp_path: Path,
) -> None:
    levy = Levy()
    async with cooperative(tmp_path, (levy,)) as there:
        await there.online("D1")
        transaction = str(uuid.uuid4())
        draft = await there.quoted(transaction)
        levy.is_broken = True
        reply = await there.ask("confirm", accepting(draft), transaction_id=transaction)
        order = reply["message"]["order"]
        assert order["status"] == "ACTIVE"
        assert tags.read(order["tags"])["LEVY"] == {"STATUS": "pending"}
        assert noted(there) == []  # what it wrote before it broke is undone
        assert len(there.books()["events"]) == 2
        levy.is_broken = False
        told = await there.bap.callback("on_status")  # owed by the loop, which nobody wakes
        assert told["context"]["transaction_id"] == transaction
        assert told["context"]["message_id"] != reply["context"]["message_id"]
        assert tags.read(told["message"]["order"]["tags"])["LEVY"] == {"STATUS": "set_aside"}
        assert noted(there) == [1, 2]
        shown = await there.ask("status", {"order_id": order["id"]})
        assert tags.read(shown["message"]["order"]["tags"])["LEVY"] == {"STATUS": "set_aside"}


async def test_a_driver_whom_an_extension_passes_over_is_not_sent_offered_or_taken(
    tmp_path: Path,
) -> None:
    levy = Levy(objection="not today")
    async with cooperative(tmp_path, (levy,)) as there:
        await there.online("D1")
        order = await there.confirmed()
        assert there.order(order["id"]).agent_id is None
        assert (await there.drive("D1", "GET", "offers"))[1] == {"offers": []}
        before = there.books()
        status, answer = await there.drive("D1", "POST", f"jobs/{order['id']}/accept")
        assert (status, answer["error"]["message"]) == (409, "not today")
        assert there.books() == before
        assert {terms.payment.collected_by for terms in levy.asked if terms.payment} == {"BPP"}
        levy.objection = None
        assert (await there.drive("D1", "POST", f"jobs/{order['id']}/accept"))[0] == 200


async def test_an_extension_that_cannot_say_stops_no_driver(tmp_path: Path) -> None:
    levy = Levy()
    async with cooperative(tmp_path, (levy,)) as there:
        await there.online("D1")
        transaction = str(uuid.uuid4())
        draft = await there.quoted(transaction)
        levy.is_broken = True
        reply = await there.ask("confirm", accepting(draft), transaction_id=transaction)
        assert there.order(reply["message"]["order"]["id"]).agent_id is not None


async def test_what_is_caught_up_without_changing_the_tags_is_not_told_again(
    tmp_path: Path,
) -> None:
    levy = Levy()
    async with cooperative(tmp_path, (levy,)) as there:
        await there.online("D1")
        order = await there.confirmed()
        key = there.order(order["id"]).key

        class Again(Levy):
            def catch_up_next(self, session: Session, now: int) -> Retried | None:
                return Retried(key, (tags.group("LEVY", {"STATUS": "set_aside"}),))

        before = there.books()["orders"]
        where = office(extensions=(Again(),))
        assert await there.node.store.transact(
            lambda session: catch_up_next(where, Again(), session, 0)
        )
        assert there.books()["orders"] == before
        assert there.node.store.read(lambda session: session.all(OWED_STATUS)) == []


class TenPercent(Levy):
    """A levy of a tenth of the fare, borne by the customer."""

    def quote_lines(self, quote: Quote, terms: JobTerms, at: int) -> tuple[ExtraLine, ...]:
        return (ExtraLine("Levy", "LEVY", quote.total_minor // 10, "customer"),)


@given(st.integers(0, 1_000))
def test_the_ceiling_holds_for_the_total_with_every_line_the_customer_bears(fixed: int) -> None:
    fares = replace(FARES, ceiling=Ceiling(fixed))
    where = office(ride_provider(fares=fares), extensions=(TenPercent(),))
    quote = quoted(where).view.quote
    assert quote is not None
    assert quote.total_minor <= fixed
    fare = sum(line.amount_minor for line in quote.lines if line.code != "LEVY")
    levy = sum(line.amount_minor for line in quote.lines if line.code == "LEVY")
    assert levy == fare // 10


def test_a_levy_that_alone_exceeds_the_ceiling_refuses_the_quote() -> None:
    fares = replace(FARES, ceiling=Ceiling(100))
    levy = Levy(lines=(ExtraLine("Levy", "LEVY", 101, "customer"),))
    where = office(ride_provider(fares=fares), extensions=(levy,))
    with pytest.raises(QuoteUnavailable, match="ceiling"):
        quoted(where)
