"""Plain SVG: bars and lines, with titles and values that a screen reader can read."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 640, 240, 52, 34, 12
COLOURS = ("#1f6f8b", "#c05621", "#4a7c3a", "#7a4f9a")

Series = dict[str, Sequence[float | None]]


def bars(title: str, series: Series, labels: Sequence[str], unit: str) -> str:
    """Stacked bars, one for each label."""
    values = [[value or 0 for value in each] for each in series.values()]
    most = max((sum(column) for column in zip(*values, strict=True)), default=0) or 1
    step = (WIDTH - LEFT) / len(labels)
    drawn = []
    for n in range(len(labels)):
        base = 0.0
        for colour, each in zip(COLOURS, values, strict=False):
            top, bottom = _y(base + each[n], most), _y(base, most)
            drawn.append(
                f'<rect x="{LEFT + n * step + 1:.1f}" y="{top:.1f}" width="{step - 2:.1f}" '
                f'height="{bottom - top:.1f}" fill="{colour}"/>'
            )
            base += each[n]
    return _figure(title, "".join(drawn), labels, step, most, unit, list(series))


def lines(title: str, series: Series, labels: Sequence[str], unit: str) -> str:
    """One line for each series; None leaves a gap."""
    most = max((value or 0 for each in series.values() for value in each), default=0) or 1
    step = (WIDTH - LEFT) / max(1, len(labels))
    drawn = []
    for colour, each in zip(COLOURS, series.values(), strict=False):
        for part in _parts(each):
            points = " ".join(
                f"{LEFT + (n + 0.5) * step:.1f},{_y(value, most):.1f}" for n, value in part
            )
            drawn.append(
                f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
            )
    return _figure(title, "".join(drawn), labels, step, most, unit, list(series))


def _parts(values: Sequence[float | None]) -> list[list[tuple[int, float]]]:
    parts: list[list[tuple[int, float]]] = [[]]
    for n, value in enumerate(values):
        if value is None:
            parts.append([])
        else:
            parts[-1].append((n, value))
    return [part for part in parts if part]


def _y(value: float, most: float) -> float:
    return HEIGHT - BOTTOM - value / most * (HEIGHT - BOTTOM - TOP)


def _figure(
    title: str,
    drawn: str,
    labels: Sequence[str],
    step: float,
    most: float,
    unit: str,
    names: Sequence[str],
) -> str:
    every = max(1, len(labels) // 12)
    below = "".join(
        f'<text x="{LEFT + (n + 0.5) * step:.1f}" y="{HEIGHT - 16}" text-anchor="middle">'
        f"{escape(label)}</text>"
        for n, label in enumerate(labels)
        if n % every == 0
    )
    beside = "".join(
        f'<text x="{LEFT - 6}" y="{_y(most * part, most) + 4:.1f}" text-anchor="end">'
        f"{most * part:.4g}</text>"
        f'<line x1="{LEFT}" x2="{WIDTH}" y1="{_y(most * part, most):.1f}" '
        f'y2="{_y(most * part, most):.1f}" stroke="#8884"/>'
        for part in (0, 0.5, 1)
    )
    legend = " ".join(
        f'<span style="color:{colour}">&#9632; {escape(name)}</span>'
        for colour, name in zip(COLOURS, names, strict=False)
    )
    return (
        f"<figure><figcaption><b>{escape(title)}</b> ({escape(unit)}) {legend}</figcaption>"
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">'
        f"{beside}{drawn}{below}</svg></figure>"
    )
