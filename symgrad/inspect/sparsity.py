"""Where a sparse matrix has its entries, as SVG: a square for each, and lines between the arrays that it is made of."""

from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from symgrad.calls import shortened

WIDTH = 460.0
_LEFT, _TOP, _RIGHT = 84.0, 34.0, 8.0
_FINEST = 300  # squares along a side; of larger matrices several rows and columns share one
_LOWEST, _HIGHEST = 40.0, 460.0  # of the matrix in the picture
_LETTERS = 6.5  # wide is a letter of the labels

Side = Sequence[tuple[str, int]]  # arrays one behind the other, with the numbers of their entries


def sparsity(
    identity: str, title: str, sides: tuple[Side, Side], rows: NDArray[np.intp], columns: NDArray[np.intp]
) -> str:
    """The pattern of a matrix with these arrays as rows and as columns, and entries at these places."""
    height, width = (sum(size for _, size in side) for side in sides)
    across = WIDTH - _LEFT - _RIGHT
    down = min(max(across * height / max(width, 1), _LOWEST), _HIGHEST)
    squares = _squares(rows, columns, (height, width), (down, across))
    frame = f'<rect class="frame" x="{_LEFT}" y="{_TOP}" width="{across:.1f}" height="{down:.1f}"/>'
    parts = [frame, f'<path class="entry" d="{squares}"/>', *_borders(sides, (down, across))]
    share = len(rows) / max(height * width, 1)
    said = f"{height} rows, {width} columns, {len(rows)} entries that may be different from zero: {share:.2g} of all."
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" class="plot" viewBox="0 0 {WIDTH:.0f} {down + _TOP + 8:.0f}" '
            f'role="img" aria-labelledby="{identity}-t {identity}-d">',
            f'<title id="{identity}-t">{escape(title)}</title><desc id="{identity}-d">{escape(said)}</desc>',
            *parts,
            "</svg>",
        ]
    )


def _squares(
    rows: NDArray[np.intp], columns: NDArray[np.intp], shape: tuple[int, int], size: tuple[float, float]
) -> str:
    """The squares as one path."""
    counts = [min(side, _FINEST) for side in shape]
    cells = [np.asarray(at) * n // max(side, 1) for at, n, side in zip((rows, columns), counts, shape, strict=True)]
    tall, wide = (length / max(n, 1) for length, n in zip(size, counts, strict=True))
    places = sorted(set(zip(cells[0].tolist(), cells[1].tolist(), strict=True)))
    square = f"h{wide:.2f}v{tall:.2f}h-{wide:.2f}z"
    return "".join(f"M{_LEFT + column * wide:.2f} {_TOP + row * tall:.2f}{square}" for row, column in places)


def _borders(sides: tuple[Side, Side], size: tuple[float, float]) -> list[str]:
    """Lines between the arrays, and their names where there is room."""
    made: list[str] = []
    for (down, length), side in zip(((True, size[0]), (False, size[1])), sides, strict=True):
        whole, start, free = max(sum(n for _, n in side), 1), 0, -np.inf
        for number, (name, count) in enumerate(side):
            first, last = (length * at / whole for at in (start, start + count))
            start += count
            middle, room = (first + last) / 2, 13.0 if down else _LETTERS * len(name) + 6
            if number:
                made.append(_line(down, first, size))
            if count and middle - room / 2 >= free:
                made.append(_label(down, middle, name))
                free = middle + room / 2
    return made


def _line(down: bool, at: float, size: tuple[float, float]) -> str:
    x1, x2 = (_LEFT, _LEFT + size[1]) if down else (_LEFT + at, _LEFT + at)
    y1, y2 = (_TOP + at, _TOP + at) if down else (_TOP, _TOP + size[0])
    return f'<line class="border" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _label(down: bool, at: float, name: str) -> str:
    most = int((_LEFT - 8) / _LETTERS) if down else len(name)
    x, y, anchor = (_LEFT - 6, _TOP + at + 4, "end") if down else (_LEFT + at, _TOP - 8, "middle")
    return f'<text class="tick" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(shortened(name, most))}</text>'
