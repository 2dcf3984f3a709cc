"""The report's plots as SVG: analytic against numerical derivatives, and errors against step size."""

import math
from collections.abc import Sequence
from html import escape

from symgrad.inspect.measure import Curve
from symgrad.verify.report import Entry

WIDTH, HEIGHT = 460.0, 320.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 62.0, 14.0, 14.0, 46.0


class _Axes:
    """Logarithmic axes: from powers of ten to places in the picture."""

    def __init__(self, xs: Sequence[float], ys: Sequence[float]) -> None:
        self.x = _decades(xs)
        self.y = _decades(ys)

    def place(self, x: float, y: float) -> tuple[float, float]:
        across = (math.log10(x) - self.x[0]) / (self.x[1] - self.x[0])
        up = (math.log10(y) - self.y[0]) / (self.y[1] - self.y[0])
        return _LEFT + across * (WIDTH - _LEFT - _RIGHT), HEIGHT - _BOTTOM - up * (HEIGHT - _TOP - _BOTTOM)

    def grid(self, x_label: str, y_label: str) -> list[str]:
        made = []
        for exponent in _ticks(*self.x):
            x, _ = self.place(10.0**exponent, 10.0 ** self.y[0])
            made.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{HEIGHT - _BOTTOM}"/>')
            made.append(_tick(x, HEIGHT - _BOTTOM + 16, exponent, "middle"))
        for exponent in _ticks(*self.y):
            _, y = self.place(10.0 ** self.x[0], 10.0**exponent)
            made.append(f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
            made.append(_tick(_LEFT - 6, y + 4, exponent, "end"))
        middle = (_LEFT + WIDTH - _RIGHT) / 2
        centre = (_TOP + HEIGHT - _BOTTOM) / 2
        made.append(
            f'<text class="axis" x="{middle:.0f}" y="{HEIGHT - 8}" text-anchor="middle">{escape(x_label)}</text>'
        )
        made.append(
            f'<text class="axis" transform="translate(13 {centre:.0f}) rotate(-90)" text-anchor="middle">'
            f"{escape(y_label)}</text>"
        )
        return made


def _decades(values: Sequence[float]) -> tuple[int, int]:
    low = math.floor(min(math.log10(value) for value in values))
    high = math.ceil(max(math.log10(value) for value in values))
    return low, max(high, low + 1)


def _ticks(low: int, high: int) -> range:
    return range(low, high + 1, max(1, math.ceil((high - low) / 7)))


def _tick(x: float, y: float, exponent: int, anchor: str) -> str:
    power = str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f'<text class="tick" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">10{power}</text>'


def _picture(identity: str, title: str, description: str, parts: Sequence[str]) -> str:
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" class="plot" viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}" role="img" '
            f'aria-labelledby="{identity}-t {identity}-d">',
            f'<title id="{identity}-t">{escape(title)}</title><desc id="{identity}-d">{escape(description)}</desc>',
            *parts,
            "</svg>",
        ]
    )


def agreement(entries: Sequence[Entry]) -> str:
    """Every derivative as a point: the numerical one across, the analytic one up, both by magnitude.

    Empty where there is none.
    """
    pairs = [(abs(e.numeric), abs(e.analytic), e) for e in entries if math.isfinite(e.numeric + e.analytic)]
    seen = [value for x, y, _ in pairs for value in (x, y) if value > 0]
    if not seen:
        return ""
    floor = max(min(seen), max(seen) * 1e-16)
    values = [max(value, floor) for value in seen]
    axes = _Axes(values, values)
    parts = axes.grid("|numerical derivative|", "|analytic derivative|")
    low, high = (10.0**exponent for exponent in axes.x)
    (x1, y1), (x2, y2) = axes.place(low, low), axes.place(high, high)
    parts.append(f'<line class="ideal" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>')
    for numeric, analytic, entry in pairs:
        x, y = axes.place(max(numeric, floor), max(analytic, floor))
        title = f"<title>{escape(str(entry))}</title>"
        parts.append(f'<circle class="point {entry.verdict}" cx="{x:.1f}" cy="{y:.1f}" r="3.2">{title}</circle>')
    wrong = sum(entry.verdict == "fail" for entry in entries)
    outcome = f"{wrong} of them are wrong." if wrong else "all lie on the diagonal."
    return _picture(
        "agreement", "Analytic against numerical derivatives", f"{len(pairs)} derivatives; {outcome}", parts
    )


def step_sizes(curves: Sequence[Curve]) -> str:
    """The error of central differences against their step, a line for each parameter; empty without any."""
    if not curves:
        return ""
    errors = [error for curve in curves for error in (*curve.errors, curve.reached)]
    axes = _Axes([step for curve in curves for step in (*curve.steps, curve.chosen)], errors)
    parts = axes.grid("step h, relative to the parameter", "relative error")
    for number, curve in enumerate(curves):
        places = [axes.place(x, y) for x, y in zip(curve.steps, curve.errors, strict=True)]
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        name = escape(curve.parameter)
        parts.append(f'<polyline class="curve c{number}" points="{points}"><title>{name}</title></polyline>')
        x, y = axes.place(curve.chosen, curve.reached)
        title = f"<title>{name}: extrapolated, smallest step {curve.chosen:.1e}, error {curve.reached:.1e}</title>"
        parts.append(f'<circle class="chosen c{number}" cx="{x:.1f}" cy="{y:.1f}" r="5">{title}</circle>')
        parts += _key(curve.parameter, number)
    best = min(min(curve.errors) for curve in curves)
    description = (
        "Central differences: with a large step the truncation error, which falls as h², with a small one the rounding "
        f"error, which grows as 1/h; the best single step leaves {best:.0e}. Circles mark the extrapolated result."
    )
    return _picture("steps", "Error of differences against step size", description, parts)


def _key(name: str, number: int) -> list[str]:
    """The line of the legend, at the top in the middle, between the arms of the V."""
    x, y = _LEFT + 0.42 * (WIDTH - _LEFT - _RIGHT), _TOP + 14 + 16 * number
    line = f'<line class="curve c{number}" x1="{x:.0f}" x2="{x + 20:.0f}" y1="{y - 4}" y2="{y - 4}"/>'
    return [line, _text("tick", x + 26, y, name, "start")]


def _text(kind: str, x: float, y: float, text: str, anchor: str) -> str:
    return f'<text class="{kind}" x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}">{escape(text)}</text>'
