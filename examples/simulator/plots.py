"""Plain SVG: bars and lines in the page's colours. What they show stands in tables beside them."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import floor, log10

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 640, 240, 52, 34, 12
COLOURS = 2  # the page's style gives each its light and its dark shade
STYLE = (
    ":root{--c0:#1f6f8b;--c1:#c05621}"
    "@media(prefers-color-scheme:dark){:root{--c0:#5fb8d8;--c1:#f0985f}}"
    ".f0{fill:var(--c0)}.f1{fill:var(--c1)}.l0{stroke:var(--c0)}.l1{stroke:var(--c1)}"
    ".l0,.l1{fill:none;stroke-width:2.5}.l1{stroke-dasharray:6 3}"
    ".key{margin-left:.8rem;white-space:nowrap}.key svg{width:1.4rem;height:.8rem}"
    "svg{width:100%;overflow:visible}text{font-size:11px;fill:currentColor}"
    "@media(max-width:40rem){text{font-size:18px}}figure{margin:1.5rem 0}"
)

Series = dict[str, Sequence[float | None]]


def bars(title: str, series: Series, labels: Sequence[str], unit: str) -> str:
    """Stacked bars, one for each label; an empty label is not written."""
    values = [[value or 0 for value in each] for each in series.values()]
    most = _round_up(max((sum(column) for column in zip(*values, strict=True)), default=0))
    step = (WIDTH - LEFT) / len(labels)
    drawn = []
    for n in range(len(labels)):
        base = 0.0
        for colour, each in enumerate(values):
            top, bottom = _y(base + each[n], most), _y(base, most)
            drawn.append(
                f'<rect class="f{colour % COLOURS}" x="{LEFT + n * step + 1:.1f}" y="{top:.1f}" '
                f'width="{step - 2:.1f}" height="{bottom - top:.1f}"/>'
            )
            base += each[n]
    keys = _legend(series, '<rect class="f{}" width="22" height="12"/>')
    return _figure(title, "".join(drawn), labels, most, unit, keys)


def lines(title: str, series: Series, labels: Sequence[str], unit: str) -> str:
    """One line for each series; None leaves a gap, an empty label is not written."""
    most = _round_up(max((value or 0 for each in series.values() for value in each), default=0))
    step = (WIDTH - LEFT) / max(1, len(labels))
    drawn = []
    for colour, each in enumerate(series.values()):
        for part in _parts(each):
            points = " ".join(
                f"{LEFT + (n + 0.5) * step:.1f},{_y(value, most):.1f}" for n, value in part
            )
            drawn.append(f'<polyline class="l{colour % COLOURS}" points="{points}"/>')
    keys = _legend(series, '<polyline class="l{}" points="0,6 22,6"/>')
    return _figure(title, "".join(drawn), labels, most, unit, keys)


def _parts(values: Sequence[float | None]) -> list[list[tuple[int, float]]]:
    parts: list[list[tuple[int, float]]] = [[]]
    for n, value in enumerate(values):
        if value is None:
            parts.append([])
        else:
            parts[-1].append((n, value))
    return [part for part in parts if part]


def _round_up(most: float) -> float:
    """The top of an axis: 1, 2, 3, 4, 5, 6 or 8 of some power of ten, twice of which is even."""
    if most <= 0:
        return 1.0
    power = 10.0 ** floor(log10(most))
    return next(n * power for n in (1, 2, 3, 4, 5, 6, 8, 10) if n * power >= most)


def _y(value: float, most: float) -> float:
    return HEIGHT - BOTTOM - value / most * (HEIGHT - BOTTOM - TOP)


def _legend(series: Series, sign: str) -> str:
    """Of more than one series: a sign and its name each."""
    if len(series) < 2:
        return ""
    return "".join(
        f'<span class="key"><svg viewBox="0 0 22 12" aria-hidden="true">'
        f"{sign.format(n % COLOURS)}</svg> {escape(name)}</span> "
        for n, name in enumerate(series)
    )


def _figure(
    title: str, drawn: str, labels: Sequence[str], most: float, unit: str, keys: str
) -> str:
    step = (WIDTH - LEFT) / max(1, len(labels))
    below = "".join(
        f'<text x="{LEFT + (n + 0.5) * step:.1f}" y="{HEIGHT - 12}" text-anchor="middle">'
        f"{escape(label)}</text>"
        for n, label in enumerate(labels)
        if label
    )
    beside = "".join(
        f'<text x="{LEFT - 6}" y="{_y(most * part, most) + 4:.1f}" text-anchor="end">'
        f"{most * part:,.4g}</text>"
        f'<line x1="{LEFT}" x2="{WIDTH}" y1="{_y(most * part, most):.1f}" '
        f'y2="{_y(most * part, most):.1f}" stroke="#8884"/>'
        for part in (0, 0.5, 1)
    )
    return (
        f"<figure><figcaption><b>{escape(title)}</b> ({escape(unit)}) {keys}</figcaption>"
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">'
        f"{beside}{drawn}{below}</svg></figure>"
    )
