"""What a node counts and measures for its operator, in the Prometheus text format.

Labels have few values, all of our own making: actions, statuses, places in the code. Never an id
of a message, a peer's name, a person or a place on a map.
"""

from __future__ import annotations

import math
from collections import Counter as Counted
from collections.abc import Callable, Iterator, Mapping

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from protocol_specs.node.store_faults import StoreUnavailable

COUNTED = ("accepted", "refused", "handled", "sent", "given_up")
WHY = {"refused": "status", "fault": "where", "alarm": "what"}
"""Events counted by one of their fields as well, so that there can be a rule for each kind."""


class Counts(Collector):
    """How many messages of each action: plain numbers, counted twice for each message and made
    metrics of when they are read."""

    def __init__(self) -> None:
        self.of: dict[str, Counted[str]] = {event: Counted() for event in COUNTED}

    def collect(self) -> Iterator[CounterMetricFamily]:
        """One family for each event."""
        for event, by_action in self.of.items():
            family = CounterMetricFamily(f"wayfare_{event}", f"Messages {event}", labels=["action"])
            for action, times in list(by_action.items()):  # another thread may read
                family.add_metric([action], times)
            yield family


class Metrics:
    """The counters and gauges of one node, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._counts = Counts()
        self.registry.register(self._counts)
        self._by_why = {
            "refused": self._counter("wayfare_refusals", "Messages refused", "status"),
            "fault": self._counter("wayfare_faults", "Faults of our own, by place", "where"),
            "alarm": self._counter("wayfare_alarms", "Alarms for people, by kind", "what"),
        }
        self._oldest = self._gauge(
            "wayfare_oldest_age_seconds", "Age of the oldest entry that waits", "queue"
        )
        self._faults = self._gauge("wayfare_ready_fault", "1 while this check of /ready fails")
        self._gauges: dict[str, Gauge] = {}

    def count(self, event: str, action: str, times: int) -> None:
        """Count one of the five events."""
        self._counts.of[event][action] += times

    def count_why(self, event: str, fields: Mapping[str, object], times: int) -> None:
        """Count an event of `WHY` by the field that says why."""
        self._by_why[event].labels(str(fields.get(WHY[event], "unknown"))).inc(times)

    def counted(self, event: str, action: str) -> int:
        """How often `event` was counted for `action` since the start."""
        return self._counts.of[event][action]

    def watch_age(self, queue: str, age_s: Callable[[], float]) -> None:
        """Show `age_s()`, asked at each reading; no number while the database cannot be asked."""

        def known() -> float:
            try:
                return age_s()
            except StoreUnavailable:
                return math.nan

        self._oldest.labels(queue).set_function(known)

    def watch(self, name: str, says: str, value: Callable[[], float]) -> None:
        """Show `value()` as the gauge `name`, asked at each reading. Once each."""
        gauge = Gauge(name, says, registry=self.registry)
        gauge.set_function(value)

    def counter(self, name: str, says: str) -> Counter:
        """A counter that stands at 0. Once each."""
        return Counter(name, says, registry=self.registry)

    def show(self, name: str, says: str, value: float) -> None:
        """The gauge `name` stands at `value` from now on."""
        if name not in self._gauges:
            self._gauges[name] = Gauge(name, says, registry=self.registry)
        self._gauges[name].set(value)

    def show_faults(self, checks: Mapping[str, bool]) -> None:
        """Which checks of /ready fail."""
        for check, fails in checks.items():
            self._faults.labels(check).set(fails)

    def text(self) -> bytes:
        """All of it, in the Prometheus text format."""
        return generate_latest(self.registry)

    def _counter(self, name: str, says: str, label: str) -> Counter:
        return Counter(name, says, [label], registry=self.registry)

    def _gauge(self, name: str, says: str, label: str = "check") -> Gauge:
        return Gauge(name, says, [label], registry=self.registry)
