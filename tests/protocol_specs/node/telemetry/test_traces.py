"""A traceparent goes with a message through a node and on; spans are made only where asked for."""

import asyncio
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from protocol_specs.node.messages.actions import Durable, Passing
from protocol_specs.node.messages.owing import owe
from protocol_specs.node.server import Node
from protocol_specs.node.settings import OtelSettings
from protocol_specs.node.store import Session
from protocol_specs.node.telemetry import otel
from protocol_specs.wire import traceparent
from protocol_specs.wire.envelope import Envelope
from protocol_specs.wire.errors import Acknowledgement
from tests.protocol_specs.node.plain_node import BAP, a_node
from tests.support import peers
from tests.support.nodes import listening_socket, running
from tests.support.peers import post

WITHIN_S = 60.0
TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACE = f"00-{TRACE_ID}-00f067aa0ba902b7-01"
PHONE = "+60123456789"


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [TRACE, TRACE],
        [f"{TRACE} "],
        [f"{TRACE}\n"],
        [TRACE.upper()],
        [TRACE.replace("00-", "ff-", 1)],
        [TRACE.replace(TRACE_ID, "0" * 32)],
        [TRACE.replace("00f067aa0ba902b7", "0" * 16)],
        [f"{TRACE}-more"],
        ["\u0664" + TRACE[1:]],
    ],
)
def test_what_is_no_traceparent_is_as_if_it_had_not_come(lines: list[str]) -> None:
    assert traceparent.read(lines) is None


def test_a_traceparent_is_read_and_written_the_same() -> None:
    assert traceparent.read([TRACE]) == TRACE
    assert traceparent.write(*traceparent.parts(TRACE)) == TRACE


class Place:
    """A provider that answers a confirm with a message owed, a search with a passing one; and the
    headers of what it sent, by action."""

    def __init__(self, folder: Path) -> None:
        self.sock = listening_socket()
        self.node = a_node(folder, self.sock)
        self.sent: dict[str, Mapping[str, str]] = {}
        self._news = asyncio.Event()
        self.node.client.forward = self._forward  # type: ignore[method-assign]
        self.node.serve_action(Durable("confirm", self._confirm))
        self.node.serve_action(Passing("search", self._search))

    def _confirm(self, session: Session, envelope: Envelope, now: int) -> None:
        owe(
            session,
            receiver_id=BAP.subscriber_id,
            receiver_url=BAP.url,
            transaction_id=envelope.transaction_id,
            action="on_confirm",
            message_id=envelope.message_id,
            body=b"{}",
            now=now,
            expires_at=None,
        )

    async def _search(self, envelope: Envelope, now: int) -> None:
        self.node.passing.put(
            receiver_id=BAP.subscriber_id,
            receiver_url=BAP.url,
            action="on_search",
            transaction_id=envelope.transaction_id,
            message_id=envelope.message_id,
            body=b"{}",
            expires_at=now + 30,
        )

    async def _forward(
        self, *, url: str, action: str, body: bytes, headers: Mapping[str, str]
    ) -> Acknowledgement:
        self.sent[action] = headers
        self._news.set()
        return Acknowledgement(True)

    async def told(self, action: str, message: dict[str, Any], **headers: str) -> str | None:
        """The traceparent of what answers that message."""
        url = f"http://127.0.0.1:{self.node.port}"
        context = peers.context_of(action, sender=BAP, to_id="bpp.example.org", to_url=url)
        body = peers.strict_json.dumps({"context": context, "message": message})
        signed = {"Authorization": BAP.authorization(body), **headers}
        said = await post(f"{url}/{action}", body, signed)
        assert said.is_ack, said.body
        async with asyncio.timeout(WITHIN_S):
            while f"on_{action}" not in self.sent:
                self._news.clear()
                await self._news.wait()
        return self.sent.pop(f"on_{action}").get("traceparent")


ORDER = {"order": {"provider": {"id": "p1"}, "items": [{"id": "i1"}], "x_note": PHONE}}
MESSAGES = {"confirm": ORDER, "search": {"intent": {}}}


@pytest.mark.parametrize("action", MESSAGES)
async def test_without_a_collector_it_flows_through_unchanged(tmp_path: Path, action: str) -> None:
    place = Place(tmp_path)
    async with running(place.node, place.sock):
        assert await place.told(action, MESSAGES[action], traceparent=TRACE) == TRACE
        assert await place.told(action, MESSAGES[action], traceparent="nonsense") is None
        assert await place.told(action, MESSAGES[action]) is None


def collecting(node: Node) -> InMemorySpanExporter:
    """`[otel]` of a node, with a sink of ours in the collector's place."""
    sink = InMemorySpanExporter()
    settings = OtelSettings(endpoint="http://127.0.0.1:1")
    node.telemetry.traces.exporter = otel.exporter(settings, node="bpp.example.org", sink=sink)
    return sink


@pytest.mark.parametrize("action", MESSAGES)
async def test_with_one_the_nodes_own_spans_are_in_the_trace_and_hold_ids_alone(
    tmp_path: Path, action: str
) -> None:
    place = Place(tmp_path)
    sink = collecting(place.node)
    async with running(place.node, place.sock):
        told = await place.told(action, MESSAGES[action], traceparent=TRACE)
    spans = {span.name: span for span in sink.get_finished_spans()}
    assert set(spans) == {f"receive {action}", f"handle {action}", f"send on_{action}"}
    assert {of(span) for span in spans.values()} == {TRACE_ID}
    send, handle = spans[f"send on_{action}"], spans[f"handle {action}"]
    assert told == f"00-{TRACE_ID}-{own(send)}-01"
    assert (parent(send), parent(handle)) == (own(handle), own(spans[f"receive {action}"]))
    assert parent(spans[f"receive {action}"]) == "00f067aa0ba902b7"
    for span in spans.values():
        keys = set(span.attributes or {})
        assert keys <= {"wayfare.action", "wayfare.message_id", "wayfare.peer"}
        assert PHONE not in span.to_json()


def test_who_marks_every_trace_makes_us_export_our_share_of_them_and_few_a_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sink = InMemorySpanExporter()
    settings = OtelSettings(endpoint="http://127.0.0.1:1", share=0.1)
    exporter = otel.exporter(settings, node="bpp.example.org", sink=sink)
    monkeypatch.setattr(otel, "monotonic", lambda: 5.0)

    def receive(trace_id: int) -> None:
        exporter.begin("receive confirm", f"00-{trace_id:032x}-00f067aa0ba902b7-01", {}).end(None)

    for n in range(256):
        receive(n * 2**56 + 7)
    exporter._provider.force_flush()
    assert len(sink.get_finished_spans()) == 26
    for _ in range(400):  # ids that were chosen to be of the share
        receive(7)
    exporter.close()
    assert len(sink.get_finished_spans()) == otel.OUTSIDE_PER_S


async def test_a_fault_is_told_by_its_type_only(tmp_path: Path) -> None:
    place = Place(tmp_path)
    sink = collecting(place.node)
    with pytest.raises(KeyError), place.node.telemetry.traces.span("handle x", None):
        raise KeyError(PHONE)
    place.node.telemetry.traces.close()
    place.node.store.close()
    place.sock.close()
    [span] = sink.get_finished_spans()
    assert span.status.description == "KeyError"
    assert PHONE not in span.to_json()


def test_nothing_of_opentelemetry_is_loaded_unless_it_is_asked_for() -> None:
    code = (
        "import sys, bpp.app, bap.app, gateway.app, registry.app;"
        "print([n for n in sys.modules if n.startswith('opentelemetry')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.strip() == "[]"


def of(span: ReadableSpan) -> str:
    assert span.context is not None
    return f"{span.context.trace_id:032x}"


def own(span: ReadableSpan) -> str:
    assert span.context is not None
    return f"{span.context.span_id:016x}"


def parent(span: ReadableSpan) -> str | None:
    return None if span.parent is None else f"{span.parent.span_id:016x}"
