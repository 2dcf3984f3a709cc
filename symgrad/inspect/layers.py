"""Places boxes in columns from left to right, so that arrows go forward and few of them cross.

The method of K. Sugiyama, S. Tagawa and M. Toda, "Methods for visual understanding of hierarchical system structures",
IEEE Trans. Systems, Man and Cybernetics 11 (1981) 109-125: columns by longest path, invisible boxes where an arrow
passes a column, an order in every column by the mean place of neighbours, then coordinates near those neighbours.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

SWEEPS = 12  # the order settles in a few
GAP = 26.0  # between boxes of a column
STRAIGHT = 50.0  # how much more a box that computes insists on its place than an input does
THIN = 12.0  # what an arrow that passes a column needs


@dataclass(frozen=True)
class Place:
    """The middle of a box's left side is at (x, y)."""

    x: float
    y: float


@dataclass(frozen=True)
class Plan:
    """Where every box is, through which points every arrow goes, and how large the whole is."""

    places: dict[str, Place]
    routes: dict[tuple[str, str], tuple[Place, ...]]
    width: float
    height: float


def plan(sizes: dict[str, tuple[float, float]], arrows: Sequence[tuple[str, str, float]]) -> Plan:
    """Lay out boxes.

    Parameters
    ----------
    sizes : width and height of every box, by key, sources before what uses them.
    arrows : source, target, and the room that the arrow's labels need between two columns.
    """
    columns_of = _columns(sizes, arrows)
    chains, columns = _with_passages(sizes, arrows, columns_of)
    _order(columns, chains)
    heights = {key: sizes[key][1] if key in sizes else THIN for column in columns for key in column}
    ys = _heights(columns, chains, heights)
    xs, width = _widths(columns, sizes, arrows, columns_of)
    widest = [max((sizes[key][0] for key in column if key in sizes), default=0.0) for column in columns]
    targets = {target for _, target, _ in arrows}
    places = {}
    for key, (own_width, _) in sizes.items():
        column = columns_of[key]
        # inputs stand at the right of their column, near what they flow into
        places[key] = Place(xs[column] + (0.0 if key in targets else widest[column] - own_width), ys[key])
    routes = {}
    for (source, target), chain in chains.items():
        first = columns_of[source] + 1
        leaving = Place(xs[first - 1] + widest[first - 1], ys[source])  # level until it has left its column
        routes[source, target] = leaving, *(
            Place(xs[first + n] + side * widest[first + n], ys[key]) for n, key in enumerate(chain[1:-1])
            for side in (0, 1)
        )  # fmt: skip
    top = min(ys[key] - heights[key] / 2 for key in ys)
    bottom = max(ys[key] + heights[key] / 2 for key in ys)
    shift = -top
    return Plan(
        {key: Place(place.x, place.y + shift) for key, place in places.items()},
        {arrow: tuple(Place(point.x, point.y + shift) for point in route) for arrow, route in routes.items()},
        width,
        bottom - top,
    )


def _columns(sizes: dict[str, tuple[float, float]], arrows: Sequence[tuple[str, str, float]]) -> dict[str, int]:
    """The longest way to each box from the left; what nothing leads to stands just before what uses it."""
    column = dict.fromkeys(sizes, 0)
    into: dict[str, list[str]] = {key: [] for key in sizes}
    out: dict[str, list[str]] = {key: [] for key in sizes}
    for source, target, _ in arrows:
        into[target].append(source)
        out[source].append(target)
    waiting = {key: len(into[key]) for key in sizes}
    ready = [key for key in sizes if not waiting[key]]
    while ready:
        key = ready.pop()
        for target in out[key]:
            column[target] = max(column[target], column[key] + 1)
            waiting[target] -= 1
            if not waiting[target]:
                ready.append(target)
    for key in sizes:
        if not into[key] and out[key]:
            column[key] = min(column[target] for target in out[key]) - 1
    return column


Chains = dict[tuple[str, str], list[str]]


def _with_passages(
    sizes: dict[str, tuple[float, float]], arrows: Sequence[tuple[str, str, float]], column: dict[str, int]
) -> tuple[Chains, list[list[str]]]:
    """Each arrow as the keys it passes, one a column, and the keys in each column."""
    columns: list[list[str]] = [[] for _ in range(max(column.values(), default=0) + 1)]
    for key in sizes:
        columns[column[key]].append(key)
    chains: Chains = {}
    for source, target, _ in arrows:
        between = [f"{source}>{target}>{n}" for n in range(column[source] + 1, column[target])]
        for n, key in enumerate(between, column[source] + 1):
            columns[n].append(key)
        chains[source, target] = [source, *between, target]
    return chains, columns


def _neighbours(chains: Chains) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    before: dict[str, list[str]] = {}
    after: dict[str, list[str]] = {}
    for chain in chains.values():
        for first, second in pairwise(chain):
            after.setdefault(first, []).append(second)
            before.setdefault(second, []).append(first)
    return before, after


def _order(columns: list[list[str]], chains: Chains) -> None:
    """Sort every column by the mean relative place of neighbours, to and fro; the order with fewest crossings stays."""
    before, after = _neighbours(chains)
    best, fewest = [list(column) for column in columns], _crossings(columns, after)
    for sweep in range(SWEEPS):
        around = before if sweep % 2 == 0 else after
        walk = columns if sweep % 2 == 0 else columns[::-1]
        rank = {key: (n + 0.5) / len(column) for column in columns for n, key in enumerate(column)}
        for column in walk:
            means = {key: _mean([rank[other] for other in around.get(key, [])], rank[key]) for key in column}
            column.sort(key=lambda key, means=means: means[key])  # type: ignore[misc]
            rank |= {key: (n + 0.5) / len(column) for n, key in enumerate(column)}
        crossings = _crossings(columns, after)
        if crossings < fewest:
            best, fewest = [list(column) for column in columns], crossings
    for column, kept in zip(columns, best, strict=True):
        column[:] = kept


def _crossings(columns: Sequence[Sequence[str]], after: dict[str, list[str]]) -> int:
    total = 0
    for column, following in pairwise(columns):
        rank = {key: n for n, key in enumerate(following)}
        ends = [rank[target] for key in column for target in sorted(after.get(key, []), key=rank.__getitem__)]
        total += sum(ends[n] > later for n in range(len(ends)) for later in ends[n + 1 :])
    return total


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _heights(columns: Sequence[Sequence[str]], chains: Chains, heights: dict[str, float]) -> dict[str, float]:
    """The middle of each key: near its neighbours, in the order of its column, with room between."""
    before, after = _neighbours(chains)
    y: dict[str, float] = {}
    for column in columns:
        _spread(column, dict.fromkeys(column, 0.0), heights, y, dict.fromkeys(column, 1.0))
    for sweep in range(4 * SWEEPS):
        for column in columns if sweep % 2 == 0 else reversed(columns):
            around = {key: [*before.get(key, []), *after.get(key, [])] for key in column}
            # what computes stays in line with what computes; inputs make way
            around = {
                key: [other for other in others if other in before] or others if key in before else others
                for key, others in around.items()
            }
            wanted = {key: _mean([y[other] for other in around[key]], y[key]) for key in column}
            _spread(column, wanted, heights, y, {key: STRAIGHT if key in before else 1.0 for key in column})
    return y


def _spread(
    column: Sequence[str],
    wanted: dict[str, float],
    heights: dict[str, float],
    y: dict[str, float],
    weights: dict[str, float],
) -> None:
    """Places in order, at least GAP apart, as near as possible to those wanted (pool adjacent violators)."""
    offsets = []
    offset = 0.0
    for n, key in enumerate(column):
        if n:
            offset += (heights[column[n - 1]] + heights[key]) / 2 + GAP
        offsets.append(offset)
    groups: list[tuple[float, float, int]] = []  # the mean of wanted places less offsets, its weight, how many
    for key, offset in zip(column, offsets, strict=True):
        group = (wanted[key] - offset, weights[key], 1)
        while groups and groups[-1][0] > group[0]:
            mean, weight, count = groups.pop()
            both = weight + group[1]
            group = ((mean * weight + group[0] * group[1]) / both, both, count + group[2])
        groups.append(group)
    n = 0
    for mean, _, count in groups:
        for _ in range(count):
            y[column[n]] = mean + offsets[n]
            n += 1


def _widths(
    columns: Sequence[Sequence[str]],
    sizes: dict[str, tuple[float, float]],
    arrows: Sequence[tuple[str, str, float]],
    column: dict[str, int],
) -> tuple[list[float], float]:
    """The left side of every column, and where the last one ends."""
    room = [0.0] * len(columns)
    for source, _, needed in arrows:
        room[column[source]] = max(room[column[source]], needed)
    xs, x = [], 0.0
    for n, keys in enumerate(columns):
        xs.append(x)
        x += max((sizes[key][0] for key in keys if key in sizes), default=0.0)
        x += room[n] if n < len(columns) - 1 else 0.0
    return xs, x
