"""What is kept of a run can be read, and memory that grows is seen."""

import json
from pathlib import Path

import pytest
from lxml import etree

from benchmarks import aims, report, soak
from tests.benchmarks.test_aims import FIGURES

WAITS = {"p50": 10.0, "p95": 20.0, "p99": 30.0}
AT_LOAD = {
    load: {"confirm_to_on_confirm_ms": WAITS, "search_to_first_offer_ms": WAITS}
    for load in ("30%", "80%")
}


def test_a_saved_report_has_machine_versions_aims_and_plots(tmp_path: Path) -> None:
    figures = {
        **FIGURES,
        "machine": "2 cores",
        "confirm": {**FIGURES["confirm"], "at_load": AT_LOAD},
    }
    report.save(tmp_path, figures, aims.judged(figures))
    document = json.loads((tmp_path / "report.json").read_text())
    assert document["versions"]["aiohttp"]
    assert len(document["aims"]) == len(aims.AIMS)
    for plot, bars in (("aims.svg", len(aims.AIMS)), ("latency.svg", 12)):
        root = etree.fromstring((tmp_path / plot).read_text())
        assert len(root.findall("{*}rect")) == bars + 1  # and the ground
    words = (tmp_path / "report.md").read_text()
    assert "2 cores" in words
    assert words.count("(not reached)") == 5
    assert "| at_load, 30%, confirm_to_on_confirm_ms, p95 | 20.0 |" in words


@pytest.mark.parametrize(
    ("samples", "flat"),
    [
        ([80.0, 100.0, 120.0, 120.0, 121.0, 120.0, 122.0, 121.0, 120.0], True),
        ([80.0, 90.0, 100.0, 110.0, 120.0, 130.0, 140.0, 150.0, 160.0], False),
    ],
)
def test_caches_may_fill_but_memory_may_not_go_on_growing(samples: list[float], flat: bool) -> None:
    assert soak.is_flat(samples) is flat
