"""The picture of a graph as SVG: values flow to the right in one colour, adjoints back to the left in another."""

from collections import Counter
from html import escape
from itertools import pairwise
from typing import Any

from symgrad.inspect.layers import Place, plan
from symgrad.inspect.picture import Arrow, Block, Picture, picture

_EM = 14.0
_MARGIN = 16.0
_APART = 4.5  # of the two arrows between two boxes
_LABEL_ROOM = 22.0  # of a line of labels below a box
PAGE = 1000.0  # what is wider would have to be made smaller beside the arguments in the report

STYLE = """\
.sg{--fore:#1d4ed8;--back:#c2410c;--ink:#111827;--paper:#ffffff;--box:#f8fafc;--line:#94a3b8;--param:#ecfdf5;
--param-line:#059669;--data:#f1f5f9;--loss:#f5f3ff;--loss-line:#6d28d9;--soft:#475569}
@media screen and (prefers-color-scheme:dark){.sg{--fore:#93c5fd;--back:#fdba74;--ink:#f1f5f9;--paper:#0f172a;
--box:#1e293b;--line:#64748b;--param:#064e3b;--param-line:#34d399;--data:#334155;--loss:#2e1065;--loss-line:#c4b5fd;--soft:#cbd5e1}}
.sg text{font:14px "DejaVu Sans","Segoe UI",system-ui,sans-serif;fill:var(--ink)}
.sg .paper{fill:var(--paper)}
.sg .box{fill:var(--box);stroke:var(--line);stroke-width:1.2}
.sg .parameter .box{fill:var(--param);stroke:var(--param-line)}.sg .data .box{fill:var(--data)}
.sg .loss .box{fill:var(--loss);stroke:var(--loss-line);stroke-width:1.8}
.sg .more .box{stroke-dasharray:5 4}
.sg .title{font-weight:600;text-anchor:middle}.sg .formula{font-size:12px;fill:var(--soft);text-anchor:middle}
.sg .forward,.sg .backward{fill:none;stroke-width:1.6}
.sg .forward{stroke:var(--fore)}.sg .backward{stroke:var(--back);stroke-dasharray:5 3}
.sg .label{font-size:11px;paint-order:stroke;stroke:var(--paper);stroke-width:4px;stroke-linejoin:round}
.sg .shape{fill:var(--fore)}.sg .adjoint{fill:var(--back)}
.sg .tip-fore{fill:var(--fore)}.sg .tip-back{fill:var(--back)}"""


def svg(model: Any, identity: str = "sg") -> str:
    """The graph of a model as an SVG element that needs nothing else.

    Parameters
    ----------
    model : the `Model`.
    identity : what the ids in the element begin with, where a page holds several.
    """
    return render(picture(model), identity)


def render(drawn: Picture, identity: str = "sg") -> str:
    """A picture as an SVG element: from left to right, and downwards where a page would not be wide enough."""
    right, down = (_Arrangement(drawn, down=down) for down in (False, True))
    arranged = right if right.width <= max(PAGE, down.width) else down
    width, height = arranged.width + 2 * _MARGIN, arranged.height + 2 * _MARGIN + 26
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="sg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" role="img" aria-labelledby="{identity}-t {identity}-d">',
        f'<title id="{identity}-t">The graph of {escape(drawn.title)}</title>',
        f'<desc id="{identity}-d">{escape(drawn.summary)}</desc>',
        f"<style>{STYLE}</style>",
        f"<defs>{_marker(identity, 'fore')}{_marker(identity, 'back')}</defs>",
        f'<rect class="paper" width="{width:.0f}" height="{height:.0f}" rx="8"/>',
        f'<g transform="translate({_MARGIN:.0f} {_MARGIN:.0f})">',
    ]
    labelled: set[tuple[str, str, str]] = set()
    labels: list[str] = []
    for arrow in drawn.arrows:
        parts += arranged.arrow(arrow, identity)
        if (key := (arrow.source, arrow.shape, arrow.adjoint)) not in labelled:
            labelled.add(key)
            labels += arranged.labels(arrow)
    parts += [_box(block, *arranged.corner(block.key), *arranged.boxes[block.key]) for block in drawn.blocks]
    parts += labels
    parts += ["</g>", _legend(height), "</svg>"]
    return "\n".join(parts) + "\n"


class _Arrangement:
    """Where boxes and arrows are when values flow to the right, or down.

    The plan is made for a flow to the right; for one down, across and along change places.
    """

    def __init__(self, drawn: Picture, *, down: bool) -> None:
        self._down = down
        self.boxes = {block.key: _size(block) for block in drawn.blocks}
        needed = dict.fromkeys(self.boxes, 0.0)
        for arrow in drawn.arrows:
            needed[arrow.source] = max(needed[arrow.source], 2 * _widest_label(arrow) + 20)
        sizes = {
            key: (height, max(width, needed[key])) if down else (width, height)
            for key, (width, height) in self.boxes.items()
        }
        self._long = {key: along for key, (along, _) in sizes.items()}
        into = Counter(arrow.target for arrow in drawn.arrows)
        arrows = [(arrow.source, arrow.target, self._room(arrow, into[arrow.target])) for arrow in drawn.arrows]
        self._plan = plan(sizes, arrows)
        self.width, self.height = self._turned(self._plan.width, self._plan.height)

    def _turned(self, along: float, across: float) -> tuple[float, float]:
        return (across, along) if self._down else (along, across)

    def _room(self, arrow: Arrow, beside: int) -> float:
        """What the labels of an arrow need along the flow, and the bends of many arrows into one box."""
        return (_LABEL_ROOM if self._down else _widest_label(arrow)) + 40 + min(8.0 * beside, 60.0)

    def corner(self, key: str) -> tuple[float, float]:
        """The upper left corner of a box."""
        place = self._plan.places[key]
        width, height = self.boxes[key]
        return (place.y - width / 2, place.x) if self._down else (place.x, place.y - height / 2)

    def arrow(self, arrow: Arrow, identity: str) -> list[str]:
        """The paths of an arrow, and of the adjoint back."""
        source, target = self._plan.places[arrow.source], self._plan.places[arrow.target]
        start = Place(source.x + self._long[arrow.source], source.y)
        straight = Place(start.x + (_LABEL_ROOM if self._down else _widest_label(arrow)), source.y)
        _, *rest = self._plan.routes[arrow.source, arrow.target]
        leaving = max(straight, self._plan.routes[arrow.source, arrow.target][0], key=lambda place: place.x)
        points = [start, leaving, *rest, target]
        apart = _APART if arrow.active else 0.0
        path = self._curve(_moved(points, -apart, -1.0))
        made = [f'<path class="forward" marker-end="url(#{identity}-fore)" d="{path}"/>']
        if arrow.active:
            path = self._curve(_moved(points, apart, 0.0)[::-1])
            made.append(f'<path class="backward" marker-end="url(#{identity}-back)" d="{path}"/>')
        return made

    def _curve(self, points: list[Place]) -> str:
        """A smooth way through points, along the flow at each of them."""

        def at(along: float, across: float) -> str:
            x, y = self._turned(along, across)
            return f"{x:.1f} {y:.1f}"

        text = f"M{at(points[0].x, points[0].y)}"
        for before, after in pairwise(points):
            if after.x == before.x:
                continue  # an arrowhead on a piece without length would have no direction
            middle = (before.x + after.x) / 2
            text += f"C{at(middle, before.y)} {at(middle, after.y)} {at(after.x, after.y)}"
        return text

    def labels(self, arrow: Arrow) -> list[str]:
        """The shape and the adjoint at the two sides of the arrows, where they leave a box."""
        place = self._plan.places[arrow.source]
        along = place.x + self._long[arrow.source] + 9
        if self._down:
            shape = f'x="{place.y - 9:.1f}" y="{along + 9:.1f}" text-anchor="end"'
            adjoint = f'x="{place.y + 9:.1f}" y="{along + 9:.1f}"'
        else:
            shape = f'x="{along:.1f}" y="{place.y - 11:.1f}"'
            adjoint = f'x="{along:.1f}" y="{place.y + 20:.1f}"'
        made = [f'<text class="label shape" {shape}>{escape(arrow.shape)}</text>'] if arrow.shape else []
        if arrow.adjoint:
            made.append(f'<text class="label adjoint" {adjoint}>{escape(arrow.adjoint)}</text>')
        return made


def text_width(text: str, size: float = _EM) -> float:
    """About how wide a text is: a little more than it will be."""
    return sum(0.42 if c in ",.·()[]il|² ′" else 1.0 if c in "mMWΣΠ𝟏≤≥⋯−+=∘⊘" else 0.66 for c in text) * size


def _size(block: Block) -> tuple[float, float]:
    width = max(text_width(block.title), text_width(block.formula, 12)) + 22
    return max(width, 40.0), 48.0 if block.formula else 34.0


def _widest_label(arrow: Arrow) -> float:
    return max(text_width(arrow.shape, 11), text_width(arrow.adjoint, 11)) + 12


def _marker(identity: str, colour: str) -> str:
    return (
        f'<marker id="{identity}-{colour}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        f'orient="auto-start-reverse"><path class="tip-{colour}" d="M0 0.6 8 4 0 7.4Z"/></marker>'
    )


def _moved(points: list[Place], down: float, shorter: float) -> list[Place]:
    moved = [Place(point.x, point.y + down) for point in points]
    return [*moved[:-1], Place(moved[-1].x + shorter, moved[-1].y)]


def _box(block: Block, x: float, y: float, width: float, height: float) -> str:
    """A box with its upper left corner at (x, y)."""
    middle, centre = x + width / 2, y + height / 2
    lines = f'<text class="title" x="{middle:.1f}" y="{centre + (-3 if block.formula else 5):.1f}">'
    lines += f"{escape(block.title)}</text>"
    if block.formula:
        lines += f'<text class="formula" x="{middle:.1f}" y="{centre + 15:.1f}">{escape(block.formula)}</text>'
    return (
        f'<g class="{block.kind}"><title>{escape(block.tip or block.title)}</title>'
        f'<rect class="box" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" '
        f'rx="{height / 2 if block.kind in ("parameter", "data") else 7:.1f}"/>{lines}</g>'
    )


def _legend(height: float) -> str:
    y = height - 14
    return (
        f'<g aria-hidden="true"><path class="forward" d="M{_MARGIN} {y}h26"/>'
        f'<text class="label shape" x="{_MARGIN + 32}" y="{y + 4}">values</text>'
        f'<path class="backward" d="M{_MARGIN + 84} {y}h26"/>'
        f'<text class="label adjoint" x="{_MARGIN + 116}" y="{y + 4}">adjoints</text></g>'
    )
