"""/metrics of several workers as one: each writes its own beside the others', and whoever is asked
adds them up."""

from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

STALE_S = 15  # a worker that wrote nothing for so long is gone
# Gauges that add up; of all others the largest counts.
ADDED = ("process_", "wayfare_connections", "wayfare_hints_", "wayfare_feed_")


class Summing:
    """The workers' figures in a folder that they share."""

    def __init__(self, folder: Path, slot: int) -> None:
        self._folder, self._own = folder, folder / f"{slot}.prom"
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def keep(self, text: bytes) -> None:
        """This worker's figures as they are now."""
        new = self._own.with_suffix(".new")  # a crash may take it: it is written each second
        new.write_bytes(text)
        new.replace(self._own)

    def whole(self, now: float) -> bytes:
        """Those of all workers that were written lately, added up."""
        kept = sorted(self._folder.glob("*.prom"))
        fresh = [path for path in kept if now - path.stat().st_mtime <= STALE_S]
        return summed([path.read_text(encoding="utf-8") for path in fresh])


def summed(texts: list[str]) -> bytes:
    """Several expositions as one: counters, histograms and summaries are added up."""
    found: dict[str, Metric] = {}
    for text in texts:
        for family in text_string_to_metric_families(text):
            into = found.setdefault(
                family.name, Metric(family.name, family.documentation, family.type)
            )
            _take(into, family)
    registry = CollectorRegistry()
    registry.register(_Found(found))
    return generate_latest(registry)


class _Found(Collector):
    """Families that are there already."""

    def __init__(self, families: dict[str, Metric]) -> None:
        self._families = families

    def collect(self) -> list[Metric]:
        """All of them."""
        return list(self._families.values())


def _take(into: Metric, family: Metric) -> None:
    adds = family.type != "gauge" or family.name.startswith(ADDED)
    adds = adds and not family.name.endswith("_created")
    known = {
        (sample.name, tuple(sorted(sample.labels.items()))): at
        for at, sample in enumerate(into.samples)
    }
    for sample in family.samples:
        at = known.get((sample.name, tuple(sorted(sample.labels.items()))))
        if at is None:
            into.samples.append(sample)
            continue
        both = into.samples[at].value, sample.value
        into.samples[at] = sample._replace(value=sum(both) if adds else max(both))
