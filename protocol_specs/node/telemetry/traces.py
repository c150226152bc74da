"""The trace that goes on now: taken from a message, kept with what follows from it, sent on.

Without `[otel]` a traceparent flows through a node unchanged. With it the node has spans of its own
in that trace, exported to the operator's collector: kind, action and ids of messages, nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Protocol, TypeVar

from protocol_specs.wire import traceparent

if TYPE_CHECKING:
    from protocol_specs.node.settings import OtelSettings

A = TypeVar("A")
T = TypeVar("T")
CURRENT: ContextVar[str | None] = ContextVar("trace", default=None)
"""The traceparent under which whatever happens now happens."""


class Span(Protocol):
    """One piece of work that was begun. `trace` is its own traceparent."""

    trace: str

    def end(self, fault: BaseException | None) -> None:
        """It is done, or this ended it."""


class Exporter(Protocol):
    """Who makes spans, if `[otel]` asks for them (otel.py)."""

    def begin(self, name: str, parent: str | None, ids: dict[str, str]) -> Span: ...

    def close(self) -> None: ...


class Traces:
    """The traces that one node takes part in."""

    def __init__(self) -> None:
        self.exporter: Exporter | None = None

    def open(self, settings: OtelSettings | None, *, node: str) -> None:
        """Make spans from now on, if `[otel]` is set. Raises SettingsError: no such packages."""
        if settings is not None:
            from protocol_specs.node.telemetry import otel  # its packages are an extra, and heavy

            self.exporter = otel.exporter(settings, node=node)

    def span(self, name: str, parent: str | None, **ids: str) -> Spanned:
        """What the block does belongs to the trace of `parent`, and is a span of it if any are
        made. None: of no trace, or of one that begins here."""
        if self.exporter is None:
            return Spanned(parent, None)
        begun = self.exporter.begin(name, parent, ids)
        return Spanned(begun.trace, begun)

    def close(self) -> None:
        """Send what waits to be exported."""
        if self.exporter is not None:
            self.exporter.close()


class Spanned:
    """The block of `Traces.span`; a generator would cost three times as much."""

    __slots__ = ("_span", "_token", "_trace")

    def __init__(self, trace: str | None, span: Span | None) -> None:
        self._trace, self._span = trace, span

    def __enter__(self) -> None:
        self._token = CURRENT.set(self._trace)

    def __exit__(self, kind: object, fault: BaseException | None, _: object) -> None:
        CURRENT.reset(self._token)
        if self._span is not None:
            self._span.end(fault)


def carried() -> dict[str, str]:
    """The header that takes the trace that goes on now to the next node; none, if none does."""
    trace = CURRENT.get()
    return {} if trace is None else {traceparent.HEADER: trace}


def bound(unit: Callable[[A], T]) -> Callable[[A], T]:
    """`unit` under the trace that goes on now, whoever runs it later and in whichever thread."""
    trace = CURRENT.get()

    def run(argument: A) -> T:
        token = CURRENT.set(trace)
        try:
            return unit(argument)
        finally:
            CURRENT.reset(token)

    return run
