"""What a node says about itself: one JSON line per event on standard error, and counters.

Lines carry ids only. Never a body, a header, a key, a name, a phone number or a place;
that is why exceptions are logged by type and place, not by their text.
"""

from __future__ import annotations

import logging
import sys
import time
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import orjson

from protocol_specs.node.telemetry.hops import Hop, Hops
from protocol_specs.node.telemetry.metrics import COUNTED, WHY, Metrics
from protocol_specs.node.telemetry.traces import Traces

if TYPE_CHECKING:
    from protocol_specs.wire.envelope import Envelope

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
LEVEL_OF = {"refused": "warning", "given_up": "warning", "fault": "error"}
ID_LENGTH_MAX = 255


def write_line(line: str) -> None:
    """Write to standard error; a reader that went away must not stop the node."""
    try:
        sys.stderr.write(line + "\n")
    except (OSError, ValueError):
        return


class Telemetry:
    """Logs and counters of one node, with a metrics registry of its own."""

    def __init__(
        self,
        node: str,
        *,
        level: str = "info",
        clock: Callable[[], float] = time.time,
        write: Callable[[str], None] = write_line,
    ) -> None:
        self.shown, self.hops, self.traces = Metrics(), Hops(), Traces()
        self._node, self._clock, self._write = node, clock, write
        self._threshold = LEVELS[level]

    def log(
        self,
        event: str,
        *,
        envelope: Envelope | None = None,
        action: str | None = None,
        transaction_id: str | None = None,
        message_id: str | None = None,
        peer: str | None = None,
        level: str | None = None,
        times: int = 1,
        **fields: str | int | float | bool | list[str] | None,
    ) -> None:
        """Remember the hop, count `event` if it is one of the five, write its line if the level
        is on.

        One line may stand for `times` messages. Ids that are not given come from `envelope`.
        `fields` are ids, codes and numbers only.
        """
        bap_id = None
        if envelope is not None:
            context = envelope.context
            action, peer = action or context.action, peer or envelope.sender.subscriber_id
            transaction_id, message_id = context.transaction_id, context.message_id
            bap_id = context.bap_id
        if transaction_id is not None:
            hop = Hop(self._clock(), event, action, message_id, peer, fields)
            self.hops.note(transaction_id, hop, bap_id=bap_id)
        if event in COUNTED:
            self.shown.count(event, action or "unknown", times)
        if event in WHY:
            self.shown.count_why(event, fields, times)
        level = level or LEVEL_OF.get(event, "info")
        if LEVELS[level] < self._threshold:
            return
        ids = {
            "action": action,
            "transaction_id": transaction_id,
            "message_id": message_id,
            "peer": peer,
        }
        self._line(level, event, {**ids, **fields})

    def fault(self, where: str, error: BaseException, *, envelope: Envelope | None = None) -> None:
        """An exception nobody expected: its type and where it was raised, never its text.

        The text of operating system errors is kept: it names files and ports, not people.
        """
        frames = traceback.extract_tb(error.__traceback__)[-6:]
        self.log(
            "fault",
            where=where,
            error=type(error).__name__,
            says=str(error) if isinstance(error, OSError) else None,
            frames=[f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
            envelope=envelope,
        )

    def watch_age(self, queue: str, age_s: Callable[[], float]) -> None:
        """Show `age_s()`, seconds since the oldest entry of `queue` came, 0 when it is empty."""
        self.shown.watch_age(queue, age_s)

    def metrics(self) -> bytes:
        """The Prometheus text format of everything counted here."""
        return self.shown.text()

    def count(self, event: str, action: str) -> int:
        """How often `event` was counted for `action` since the start."""
        return self.shown.counted(event, action)

    def _line(self, level: str, event: str, fields: dict[str, Any]) -> None:
        record: dict[str, Any] = {
            "at": round(self._clock(), 3),
            "level": level,
            "node": self._node,
            "event": event,
        }
        for name, value in fields.items():
            if value is not None:
                record[name] = value[:ID_LENGTH_MAX] if isinstance(value, str) else value
        try:
            self._write(orjson.dumps(record).decode())
        except orjson.JSONEncodeError:  # a lone surrogate: such an id was refused, its text is not
            self._write(orjson.dumps({**record, **dict.fromkeys(fields, "unprintable")}).decode())


class JsonLines(logging.Handler):
    """Sends what libraries log (warnings and up) into the node's own lines."""

    def __init__(self, telemetry: Telemetry) -> None:
        super().__init__(logging.WARNING)
        self._telemetry = telemetry

    def emit(self, record: logging.LogRecord) -> None:
        """One line naming the library and the place; the message's text is not kept."""
        error = record.exc_info[1] if record.exc_info else None
        level = "error" if record.levelno >= logging.ERROR else "warning"
        self._telemetry.log(
            "library",
            level=level,
            logger=record.name,
            where=f"{record.pathname}:{record.lineno}",
            error=type(error).__name__ if error else None,
        )
