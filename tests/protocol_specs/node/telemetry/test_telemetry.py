"""Telemetry: ids and counts, never what a message says."""

import asyncio
import json
import logging
from pathlib import Path

import pytest
from sqlalchemy import MetaData

from protocol_specs.node.messages.actions import Durable
from protocol_specs.node.server import Node
from protocol_specs.node.settings import NodeSettings
from protocol_specs.node.store import Session
from protocol_specs.node.telemetry.telemetry import JsonLines, Telemetry
from protocol_specs.wire import strict_json
from protocol_specs.wire.envelope import Envelope
from protocol_specs.wire.parties import SubscriberType
from tests.support import peers
from tests.support.nodes import listening_socket, running, settings_of, url_of
from tests.support.peers import Clock, FakeDirectory, post, signed_post

PHONE, NAME, PLACE = "+60123456789", "Siti binti Canary", "3.139003,101.686855"


async def test_nothing_a_message_says_reaches_the_log_or_the_metrics(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bap, sock, handled = peers.bap(), listening_socket(), asyncio.Event()
    settings = settings_of(
        NodeSettings, tmp_path, sock, subscriber_id="bpp.example.org", log_level="debug"
    )
    directory = FakeDirectory([bap])
    node = Node(
        settings,
        type=SubscriberType.BPP,
        metadata=MetaData(),
        clock=Clock(),
        directory=directory,
    )

    def fails(session: Session, envelope: Envelope, now: int) -> None:
        handled.set()
        raise KeyError(f"{PHONE} {NAME} {PLACE}")

    node.serve_action(Durable("confirm", fails))
    stops = [{"location": {"gps": PLACE}, "contact": {"phone": PHONE}, "type": "START"}]
    customer = {"person": {"name": NAME}, "contact": {"phone": PHONE}}
    document = {
        "context": peers.context_of(
            "confirm", sender=bap, to_id="bpp.example.org", to_url=url_of(sock)
        ),
        "message": {"order": {"fulfillments": [{"stops": stops, "customer": customer}]}},
    }
    async with running(node, sock):
        url = f"http://127.0.0.1:{node.port}"
        assert (await signed_post(url, bap, document)).is_ack
        async with asyncio.timeout(60):
            await handled.wait()
        wrong = {**document, "message": {"order": {"fulfillments": PHONE}}}
        assert (await signed_post(url, bap, wrong)).status == 400
        assert (await post(f"{url}/{PHONE}", strict_json.dumps(document))).status == 404
        metrics = node.telemetry.metrics().decode()
    err = capsys.readouterr().err
    events = [json.loads(line)["event"] for line in err.splitlines()]
    assert {"accepted", "refused", "fault"} <= set(events)
    secrets = [settings.signing_key.read_text().strip(), bap.authorization(b"")[-60:]]
    for word in (PHONE, NAME, PLACE, "Signature keyId", *secrets):
        assert word not in err
        assert word not in metrics
    transaction_id = document["context"]["transaction_id"]
    assert f'"transaction_id":"{transaction_id}"' in err


def test_a_level_above_writes_nothing_and_still_counts() -> None:
    lines: list[str] = []
    telemetry = Telemetry("n", level="error", write=lines.append)
    telemetry.log("accepted", action="confirm", peer="bap.example.org")
    assert lines == []
    assert telemetry.count("accepted", "confirm") == 1


def test_line_breaks_and_long_ids_cannot_forge_a_line() -> None:
    lines: list[str] = []
    telemetry = Telemetry("n", write=lines.append)
    telemetry.log("refused", peer='a"\n{"event":"accepted"}' + "x" * 999)
    (line,) = lines
    assert "\n" not in line
    record = json.loads(line)
    assert (record["event"], len(record["peer"])) == ("refused", 255)


def test_a_lone_surrogate_is_logged_as_unprintable() -> None:
    lines: list[str] = []
    Telemetry("n", write=lines.append).log("refused", peer="\ud800")
    assert json.loads(lines[0])["peer"] == "unprintable"


def test_two_nodes_in_one_process_count_apart() -> None:
    one, two = Telemetry("a", write=print), Telemetry("b", write=print)
    one.log("sent", action="on_confirm", level="debug")
    assert (one.count("sent", "on_confirm"), two.count("sent", "on_confirm")) == (1, 0)


def test_what_libraries_log_is_named_and_not_repeated() -> None:
    lines: list[str] = []
    handler = JsonLines(Telemetry("n", write=lines.append))
    logger = logging.Logger("a.library")
    logger.addHandler(handler)
    logger.error("cannot parse %s", PHONE)
    assert json.loads(lines[0])["logger"] == "a.library"
    assert PHONE not in lines[0]
