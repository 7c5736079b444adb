"""Plots as SVG: bars with their range, lines over numbers. Nothing but text, so that the repository can keep them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from statistics import median
from typing import Final

COLOURS: Final = ("#555555", "#1f6fb2", "#d1701f", "#3a8f4b", "#8a4fa3")
WIDTH: Final = 720
_LEFT: Final = 230
_ROW: Final = 34
_HEAD: Final = 46


@dataclass(frozen=True)
class Line:
    """One line of a plot."""

    name: str
    points: Sequence[tuple[float, float]]


def bars(title: str, values: Mapping[str, Sequence[float]]) -> str:
    """A bar to the median of each, a thin line from least to greatest."""
    maximum = max(max(each) for each in values.values())
    scale = (WIDTH - _LEFT - 70) / maximum
    parts = []
    for row, (name, each) in enumerate(values.items()):
        y, length = _HEAD + row * _ROW, median(each) * scale
        middle = y + _ROW / 2 - 4
        parts += [
            _text(_LEFT - 8, middle + 4, name, "end"),
            f'<rect x="{_LEFT}" y="{y}" width="{length:.1f}" height="{_ROW - 8}" fill="{COLOURS[row == 0]}"/>',
            _stroke([(_LEFT + min(each) * scale, middle), (_LEFT + max(each) * scale, middle)], "#000000", 2),
            _text(_LEFT + max(each) * scale + 6, middle + 4, f"{median(each):.2f}"),
        ]
    one = _LEFT + scale
    parts.append(_stroke([(one, _HEAD - 6), (one, _HEAD + len(values) * _ROW)], "#999999"))
    return _drawn(title, _HEAD + len(values) * _ROW + 10, parts)


def lines(title: str, axes: tuple[str, str], drawn: Sequence[Line]) -> str:
    """Lines from the origin of both axes on."""
    height, left, bottom = 400, 70, 350
    max_x, max_y = (_above(max(point[axis] for each in drawn for point in each.points)) for axis in (0, 1))

    def place(x: float, y: float) -> tuple[float, float]:
        return left + x / max_x * (WIDTH - left - 150), bottom - y / max_y * (bottom - _HEAD)

    parts = []
    for step in range(6):
        x, y = step * max_x / 5, step * max_y / 5
        parts += [
            _stroke([place(0, y), place(max_x, y)], "#dddddd"),
            _text(left - 6, place(0, y)[1] + 4, f"{y:g}", "end"),
            _text(place(x, 0)[0], bottom + 18, f"{x:g}", "middle"),
        ]
    parts += [_text(left, _HEAD - 10, axes[1]), _text(place(max_x, 0)[0] + 10, bottom + 18, axes[0])]
    for each, colour in zip(drawn, COLOURS, strict=False):
        points = [place(x, y) for x, y in each.points]
        parts.append(_stroke(points, colour, 2))
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in points]
        parts.append(_text(points[-1][0] + 8, points[-1][1] + 4, each.name))
    return _drawn(title, height, parts)


def _above(value: float) -> float:
    """A round number that is not less."""
    step = 10.0 ** (len(str(int(value))) - 1)
    return math.ceil(value / step) * step


def _stroke(points: Sequence[tuple[float, float]], colour: str, width: int = 1) -> str:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}"/>'


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _drawn(title: str, height: int, parts: Sequence[str]) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" font-family="sans-serif" '
        f'font-size="13">\n<rect width="100%" height="100%" fill="white"/>\n'
    )
    return head + "\n".join([_text(12, 24, title), *parts]) + "\n</svg>\n"
