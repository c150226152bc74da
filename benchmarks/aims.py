"""What the figures should be, and whether they are."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

Figures = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Aim:
    """One figure that is to be at least, or at most, so much."""

    name: str
    read: Callable[[Figures], float | None]  # None: it could not be measured here
    wanted: float
    at_least: bool = False

    def judged(self, figures: Figures) -> dict[str, Any] | None:
        """The aim beside what was measured; `of_aim` is 1 or more where it is reached."""
        measured = self.read(figures)
        if measured is None:
            return None
        of_aim = measured / self.wanted if self.at_least else self.wanted / measured
        return {
            "aim": self.name,
            "wanted": f"{'>=' if self.at_least else '<='} {self.wanted:g}",
            "measured": measured,
            "of_aim": round(of_aim, 2),
            "reached": of_aim >= 1,
        }


def _most(name: str) -> Callable[[Figures], float]:
    """The largest of the nodes' figures."""
    return lambda figures: max(
        node[name] for node in (figures["confirm"], *figures["footprint"].values())
    )


def _page(name: str) -> Callable[[Figures], float]:
    """The time within which 95 of 100 pages of that kind are served."""
    return lambda figures: float(figures["pages"][name]["page_ms"]["p95"])


def _share_of_floor(kind: str) -> Callable[[Figures], float]:
    return lambda figures: float(figures["receive"][kind]["share_of_floor"])


AIMS = (
    *(
        Aim(
            f"receive, {kind}: share of verify + digest + parse + schema",
            _share_of_floor(kind),
            0.45,
            at_least=True,
        )
        for kind in ("durable", "passing")
    ),
    Aim(
        "adapter hop: CPU per message, us",
        lambda figures: float(figures["hop"]["node_us"]),
        250,
    ),
    Aim(
        "adapter hop: CPU, times that of Go with the same checks",
        lambda figures: figures["hop"].get("of_go"),  # None: no go here, or not its modules
        1,
    ),
    Aim(
        "confirm to on_confirm: insured orders a second",
        lambda figures: float(figures["confirm"]["orders_per_s"]),
        600,
        at_least=True,
    ),
    Aim(
        "confirm: CPU with very many orders stored, times with few",
        lambda figures: float(figures["growth"]["ratio"]),
        1.2,
    ),
    Aim(
        "postgresql: orders per CPU second of two workers, times one's",
        lambda figures: float(figures["postgres"]["gain_of_two_workers"]),
        1.8,
        at_least=True,
    ),
    Aim(
        "overload: finished at ten times the load, of the peak",
        lambda figures: float(figures["overload"]["share_of_peak"]),
        0.8,
        at_least=True,
    ),
    Aim(
        "overload: normal again, s",
        lambda figures: float(figures["overload"]["back_to_normal_s"]),
        10,
    ),
    Aim(
        "dispatch: one match among 10,000 drivers, ms",
        lambda figures: float(figures["dispatch"]["match_ms"]),
        5,
    ),
    Aim(
        "gateway: CPU per target of 500, times a lean client's",
        lambda figures: float(figures["gateway"]["500"]["ratio"]),
        3,
    ),
    Aim(
        "gateway: CPU per target of 2000, times that of 50",
        lambda figures: (
            figures["gateway"]["2000"]["gateway_us_per_target"]
            / figures["gateway"]["50"]["gateway_us_per_target"]
        ),
        1.25,
    ),
    Aim(
        "registry: CPU per look-up at the most, times at 100",
        lambda figures: float(figures["registry"]["http_key_growth"]),
        1.25,
    ),
    Aim(
        "registry: CPU of an unchanged snapshot, of a whole",
        lambda figures: float(figures["registry"]["snapshot_304_share"]),
        0.25,
    ),
    Aim(
        "validate: messages a second, from files to verdict",
        lambda figures: float(figures["validate"]["messages_per_s"]),
        2000,
        at_least=True,
    ),
    Aim(
        "ledger: entries posted and sealed, of bare inserts",
        lambda figures: float(figures["ledger"]["share_of_bare_inserts"]),
        0.5,
        at_least=True,
    ),
    Aim(
        "ledger: verifying a million entries, CPU s",
        lambda figures: float(figures["ledger"]["verify_s_per_million"]),
        60,
    ),
    Aim(
        "ledger: resident while verifying, MB",
        lambda figures: float(figures["ledger"]["verify_resident_mb"]),
        300,
    ),
    Aim(
        "close: CPU per job of the largest month, times that of the next",
        lambda figures: float(figures["close"]["cpu_against_line"]),
        1.5,
    ),
    *(
        Aim(f"pages: the {name}'s for 50 visitors, p95 in ms", _page(name), 30)
        for name in ("citizen", "driver", "office")
    ),
    Aim(
        "pages: from a driver's post to the citizen's page, p95 in ms",
        lambda figures: float(figures["pages"]["live_position_ms"]["p95"]),
        1000,
    ),
    Aim(
        "pages: 900 drivers' positions, of a core",
        lambda figures: float(figures["pages"]["positions"]["of_a_core"]),
        0.08,
    ),
    Aim(
        "pages: weight of the first one, kB",
        lambda figures: figures["pages"]["first_page_bytes"] / 1000,
        100,
    ),
    Aim("resident after the run, the largest node, MB", _most("resident_mb_after"), 130),
    Aim("start, the slowest node, s", _most("start_s"), 1.5),
)


def judged(figures: Figures) -> list[dict[str, Any]]:
    """Every aim that was measured beside its figure."""
    rows = (aim.judged(figures) for aim in AIMS)
    return [row for row in rows if row is not None]


def table(rows: list[dict[str, Any]]) -> Iterator[str]:
    """The same as lines of text."""
    yield f"{'aim':<68}{'wanted':>10}{'measured':>10}{'of aim':>8}  reached"
    for row in rows:
        yield (
            f"{row['aim']:<68}{row['wanted']:>10}{row['measured']:>10g}{row['of_aim']:>8.2f}  "
            f"{'yes' if row['reached'] else 'NO'}"
        )
