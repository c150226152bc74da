"""The benchmarks' own arithmetic: an aim is reached, or it is not, and by how much."""

from benchmarks import aims
from benchmarks.percentiles import percentiles_ms

FIGURES = {
    "receive": {"durable": {"share_of_floor": 0.2}, "passing": {"share_of_floor": 0.5}},
    "confirm": {"orders_per_s": 500, "resident_mb_after": 100.0, "start_s": 1.0},
    "hop": {"node_us": 125.0, "of_go": 0.4},
    "growth": {"ratio": 1.0},
    "postgres": {"gain_of_two_workers": 1.98},
    "overload": {"share_of_peak": 0.88, "back_to_normal_s": 4.0},
    "dispatch": {"match_ms": 0.625},
    "gateway": {
        "50": {"gateway_us_per_target": 40.0},
        "500": {"ratio": 2.0},
        "2000": {"gateway_us_per_target": 32.0},
    },
    "registry": {"http_key_growth": 1.1, "snapshot_304_share": 0.5},
    "validate": {"messages_per_s": 4000},
    "ledger": {
        "share_of_bare_inserts": 0.55,
        "verify_s_per_million": 20.0,
        "verify_resident_mb": 75.0,
    },
    "close": {"cpu_against_line": 1.2},
    "pages": {
        "citizen": {"page_ms": {"p95": 15.0}},
        "driver": {"page_ms": {"p95": 10.0}},
        "office": {"page_ms": {"p95": 60.0}},
        "live_position_ms": {"p95": 50.0},
        "positions": {"of_a_core": 0.04},
        "first_page_bytes": 80_000,
    },
    "footprint": {
        "registry": {"resident_mb_after": 90.0, "start_s": 0.9},
        "bap": {"resident_mb_after": 104.0, "start_s": 2.5},
    },
}


def test_each_aim_is_judged_by_its_worst_figure() -> None:
    judged = {row["measured"]: (row["of_aim"], row["reached"]) for row in aims.judged(FIGURES)}
    assert judged == {
        0.2: (0.44, False),
        125.0: (2.0, True),
        0.4: (2.5, True),
        500.0: (0.83, False),
        1.0: (1.2, True),
        1.98: (1.1, True),
        0.88: (1.1, True),
        4.0: (2.5, True),
        0.625: (8.0, True),
        2.0: (1.5, True),  # the gateway's; the slowest start is 2.5
        0.8: (1.56, True),
        1.1: (1.14, True),
        0.5: (0.5, False),
        4000.0: (2.0, True),
        0.55: (1.1, True),
        20.0: (3.0, True),
        75.0: (4.0, True),
        1.2: (1.25, True),
        15.0: (2.0, True),
        10.0: (3.0, True),
        60.0: (0.5, False),
        50.0: (20.0, True),
        0.04: (2.0, True),
        80.0: (1.25, True),
        104.0: (1.25, True),
        2.5: (0.6, False),
    }


def test_the_table_says_no_aloud() -> None:
    lines = list(aims.table(aims.judged(FIGURES)))
    said = [line.split()[-1] for line in lines]
    assert said[0] == "reached"
    assert said.count("NO") == 5
    assert said.count("yes") == len(aims.AIMS) - 5


def test_what_could_not_be_measured_here_is_no_row() -> None:
    without_go = {**FIGURES, "hop": {"node_us": 125.0}}
    assert len(aims.judged(without_go)) == len(aims.AIMS) - 1


def test_percentiles_are_of_what_was_measured() -> None:
    took_s = [n / 1000 for n in range(1, 200)]
    assert percentiles_ms(took_s) == {"p50": 100.0, "p95": 190.0, "p99": 198.0}
