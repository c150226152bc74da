"""A run kept as files: report.json, report.md, and two plots drawn as SVG."""

import json
import os
import platform
import re
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

PACKAGES = (
    "aiohttp", "httptools", "jiter", "jsonschema-rs", "msgspec", "orjson", "psycopg", "PyNaCl",
    "SQLAlchemy", "uvloop",
)  # fmt: skip
BAR_PX, ROW_PX, LABEL_PX, WIDTH_PX = 16, 24, 430, 760
RATIO_MAX = 3.0  # of an aim; longer bars say no more
COLOURS = {"p50": "#2a6f97", "p95": "#e09f3e", "p99": "#9e2a2b"}


def machine() -> str:
    """Cores, processor, system, and who else is at work on it just now."""
    told = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    model = re.search(r"^model name\s*: (.+)$", told, re.MULTILINE)
    return (
        f"{os.cpu_count()} cores ({platform.machine() if model is None else model[1]}), "
        f"{platform.system()} {platform.release()}, load before {os.getloadavg()[0]:.1f}"
    )


def save(folder: Path, figures: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    """Writes all of it into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    versions = {name: version(name) for name in PACKAGES} | {"Python": platform.python_version()}
    document = {"versions": versions, **figures, "aims": rows}
    (folder / "report.json").write_text(json.dumps(document, indent=1) + "\n")
    (folder / "aims.svg").write_text(aims_plot(rows))
    (folder / "latency.svg").write_text(latency_plot(figures["confirm"]["at_load"]))
    (folder / "report.md").write_text("\n".join(_words(figures, versions, rows)) + "\n")


def aims_plot(rows: list[dict[str, Any]]) -> str:
    """Each figure as a share of its aim; the line is 1, where an aim is reached."""
    scale = (WIDTH_PX - LABEL_PX - 60) / RATIO_MAX
    parts = []
    for n, row in enumerate(rows):
        colour = "#2b8a3e" if row["reached"] else "#9e2a2b"
        width = scale * min(RATIO_MAX, row["of_aim"])
        parts.append(_bar(n, row["aim"], width, colour, f"{row['of_aim']:g}"))
    line = LABEL_PX + scale
    parts.append(f'<path d="M{line:.0f} 0V{ROW_PX * len(rows)}" stroke="#333" fill="none"/>')
    return _svg(parts, len(rows))


def latency_plot(at_load: dict[str, Any]) -> str:
    """p50, p95 and p99 of both waits at each load, milliseconds."""
    bars = [
        (f"{what.removesuffix('_ms').replace('_', ' ')}, {load} load, {name}", name, value)
        for load, told in at_load.items()
        for what in ("search_to_first_offer_ms", "confirm_to_on_confirm_ms")
        for name, value in told[what].items()
    ]
    scale = (WIDTH_PX - LABEL_PX - 80) / max(value for _, _, value in bars)
    drawn = [
        _bar(n, label, scale * value, COLOURS[name], f"{value:g} ms")
        for n, (label, name, value) in enumerate(bars)
    ]
    return _svg(drawn, len(bars))


def _bar(n: int, label: str, width: float, colour: str, value: str) -> str:
    y = ROW_PX * n + (ROW_PX - BAR_PX) // 2
    text = f"{y + BAR_PX - 4}"
    return (
        f'<text x="{LABEL_PX - 8}" y="{text}" text-anchor="end">{label}</text>'
        f'<rect x="{LABEL_PX}" y="{y}" width="{width:.1f}" height="{BAR_PX}" fill="{colour}"/>'
        f'<text x="{LABEL_PX + width + 6:.0f}" y="{text}">{value}</text>'
    )


def _svg(parts: list[str], rows: int) -> str:
    size = f'width="{WIDTH_PX}" height="{ROW_PX * rows}"'
    style = 'font-family="sans-serif" font-size="12"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>'
    return "\n".join([head, '<rect width="100%" height="100%" fill="#fff"/>', *parts, "</svg>\n"])


def _words(
    figures: dict[str, Any], versions: dict[str, str], rows: list[dict[str, Any]]
) -> Iterator[str]:
    yield "# Benchmarks"
    yield ""
    yield f"{figures['machine']}. " + ", ".join(f"{k} {v}" for k, v in versions.items()) + "."
    yield ""
    yield "| aim | wanted | measured | of aim |"
    yield "|---|---|---|---|"
    for row in rows:
        mark = "" if row["reached"] else " (not reached)"
        yield f"| {row['aim']} | {row['wanted']} | {row['measured']:g} | {row['of_aim']:g}{mark} |"
    yield ""
    yield "![Share of each aim](aims.svg)"
    yield ""
    yield "![How long a citizen waits](latency.svg)"
    for part, found in figures.items():
        if isinstance(found, dict):
            yield from ("", f"## {part}", "", "| figure | measured |", "|---|---|")
            yield from (f"| {name} | {value} |" for name, value in _flat(found))


def _flat(found: dict[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in found.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{above}{name}, ")
        else:
            yield f"{above}{name}", value
