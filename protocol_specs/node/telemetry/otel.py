"""Spans for an OpenTelemetry collector; imported only where `[otel]` names one (extra `otel`)."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from protocol_specs.node.buckets import Buckets
from protocol_specs.node.settings import SettingsError, needs_packages
from protocol_specs.wire import traceparent

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span, Tracer

    from protocol_specs.node.settings import OtelSettings

OUTSIDE_PER_S = 50  # traces of others that are heeded: whoever marks all of theirs costs no more
SEND_S = 5  # each try; what the collector does not take in time is dropped
FLUSH_MS = 2_000


class OtelSpan:
    """One span of the collector's."""

    def __init__(self, span: Span) -> None:
        self._span, context = span, span.get_span_context()
        self.trace = traceparent.write(context.trace_id, context.span_id, context.trace_flags)

    def end(self, fault: BaseException | None) -> None:
        """Ends it; of a fault only its type is told: texts carry names and phones."""
        if fault is not None:
            from opentelemetry.trace import Status, StatusCode

            self._span.set_status(Status(StatusCode.ERROR, type(fault).__name__))
        self._span.end()


class OtelExporter:
    """Makes spans and hands them to the SDK, which sends them in a thread of its own."""

    def __init__(self, provider: TracerProvider, share: float) -> None:
        self._provider, self._ids_below = provider, round(share * 2**64)
        self._tracer: Tracer = provider.get_tracer("wayfare")
        self._outside = Buckets(OUTSIDE_PER_S, burst=OUTSIDE_PER_S)

    def begin(self, name: str, parent: str | None, ids: dict[str, str]) -> OtelSpan:
        """A span in the trace of `parent`, or the first of a new one. What is received comes with
        the mark of somebody that is not known yet: it is heeded for our share of traces alone."""
        from opentelemetry import trace
        from opentelemetry.context import Context

        context = Context()
        if parent is not None:
            trace_id, span_id, flags = traceparent.parts(parent)
            if name.startswith("receive ") and not self._is_heeded(trace_id):
                flags = 0
            there = trace.SpanContext(
                trace_id, span_id, is_remote=True, trace_flags=trace.TraceFlags(flags)
            )
            context = trace.set_span_in_context(trace.NonRecordingSpan(there), context)
        attributes = {f"wayfare.{name}": value for name, value in ids.items()}
        span = self._tracer.start_span(
            name, context=context, attributes=attributes, record_exception=False
        )
        return OtelSpan(span)

    def _is_heeded(self, trace_id: int) -> bool:
        """The same traces at each node with this share, as the SDK chooses those that begin."""
        is_of_share = trace_id & (2**64 - 1) < self._ids_below
        return is_of_share and self._outside.take("", monotonic()) == 0

    def close(self) -> None:
        """Sends what waits, for two seconds at most."""
        self._provider.force_flush(FLUSH_MS)
        self._provider.shutdown()


def exporter(
    settings: OtelSettings, *, node: str, sink: SpanExporter | None = None
) -> OtelExporter:
    """Exports to the collector at `settings.endpoint`; `sink` takes its place in tests.

    Raises SettingsError where the packages of the extra are not installed.
    """
    try:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
    except ImportError:
        raise SettingsError(f"key 'otel': OpenTelemetry {needs_packages('otel')}") from None
    provider = TracerProvider(
        sampler=ParentBased(TraceIdRatioBased(settings.share)),
        resource=Resource({"service.name": "wayfare", "service.instance.id": node}),
        shutdown_on_exit=False,
    )
    provider.add_span_processor(BatchSpanProcessor(sink or _to(settings.endpoint)))
    return OtelExporter(provider, settings.share)


def _to(endpoint: str) -> SpanExporter:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=SEND_S)
