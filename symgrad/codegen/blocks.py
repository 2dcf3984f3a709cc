"""Sums of blocks that are placed in zeros as one `np.block`, and Kronecker products as `np.kron`."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from sympy import Expr, Number, S, expand

from symgrad.codegen.subscripts import along_one
from symgrad.codegen.values import ATOM, MUL, UNARY, Value, broadcast, number_text, transpose
from symgrad.graph.build import number
from symgrad.graph.letters import relabel
from symgrad.graph.merge import kronecker_factors
from symgrad.graph.nodes import Add, Letter, Merge, Node, Scatter, Use
from symgrad.graph.transform import own

Place = tuple[Expr, Expr]  # where a block starts along an axis, and its length


@dataclass(frozen=True)
class Grid:
    """Blocks by their places along each letter, and the places of the grid's lines along each letter."""

    letters: tuple[Letter, ...]
    blocks: dict[tuple[Place, ...], tuple[Number, Use]]
    lines: tuple[list[Place], ...]


def grid_of(node: Add) -> Grid | None:
    """The scattered blocks of a sum; None unless it has nothing else, and they lie in rows and columns without gaps."""
    blocks: dict[tuple[Place, ...], tuple[Number, Use]] = {}
    letters: tuple[Letter, ...] = ()
    sizes: tuple[Expr, ...] = ()
    for coefficient, use in node.terms:
        if not isinstance(use.node, Scatter):
            return None
        if not letters:
            letters = tuple(sorted(use.letters))
            sizes = tuple(use.node.shape[use.letters.index(letter)] for letter in letters)
        found = _places(use, letters)
        if found is None or found[0] in blocks:
            return None
        blocks[found[0]] = (coefficient, found[1])
    if len(blocks) < 2 or len(letters) > 2:
        return None
    lines = [_chain({corner[axis] for corner in blocks}, size) for axis, size in enumerate(sizes)]
    found_lines = tuple(line for line in lines if line is not None)
    return Grid(letters, blocks, found_lines) if len(found_lines) == len(lines) else None


def _places(use: Use, letters: Sequence[Letter]) -> tuple[tuple[Place, ...], Use] | None:
    """Where a scattered block lies along each letter, and the block over those letters."""
    node = use.node
    if not isinstance(node, Scatter) or set(use.letters) != set(letters) or len(use.letters) != len(letters):
        return None
    lengths = dict(enumerate((*node.shape, *node.bound)))
    own_places: dict[Letter, Place] = {}
    names: dict[Letter, Letter] = {}
    for letter, sub in zip(use.letters, node.subs, strict=True):
        found = along_one(sub)
        if found is None or (found[0] is not None and (found[1] != 1 or found[0] in names)):
            return None
        inner, _, start = found
        own_places[letter] = (start, S.One if inner is None else lengths[inner])
        if inner is not None:
            names[inner] = letter
    body = relabel(node.value, names)
    whole = {letter for letter, (_, length) in own_places.items() if length != 1}
    return (tuple(own_places[letter] for letter in letters), body) if set(body.letters) == whole else None


def _chain(places: Collection[Place], size: Expr) -> list[Place] | None:
    """The places one after another from 0 to the size, without gaps; None if they are not."""
    left, at, ordered = dict(places), S.Zero, []
    if len(left) != len(places):
        return None
    while left:
        start = next((start for start in left if expand(start - at) == 0), None)
        if start is None:
            return None
        ordered.append((start, left.pop(start)))
        at += ordered[-1][1]
    return ordered if expand(at - size) == 0 else None


def block_text(grid: Grid, read: Callable[[Use], Value], dtype: str) -> Value:
    """`np.array` of numbers, `np.concatenate` of vectors, `np.block` of matrices."""

    def cell(corner: tuple[Place, ...]) -> str:
        shape = ", ".join(str(length) for _, length in corner) + ("," if len(corner) == 1 else "")
        if corner not in grid.blocks:
            return "0" if entries else f"np.zeros(({shape}), dtype={dtype})"
        coefficient, use = grid.blocks[corner]
        value = read(use)
        if number(use) == 1:
            value = Value(number_text(coefficient), UNARY, ())
        elif coefficient != 1:
            value = Value(f"{number_text(coefficient)} * {value.at(UNARY)}", MUL, value.letters)
        if not value.letters:
            return value.text if entries else f"np.full(({shape}), {value.text}, dtype={dtype})"
        if len(value.letters) == len(grid.letters):
            return transpose(value, grid.letters).text
        full = broadcast(value, grid.letters)
        return f"{full.at(ATOM)}[None]" if full.letters == grid.letters[1:] else full.text

    entries = all(length == 1 for corner in grid.blocks for _, length in corner)
    if len(grid.letters) == 1:
        inside = ", ".join(cell((place,)) for place in grid.lines[0])
        text = f"np.array([{inside}], dtype={dtype})" if entries else f"np.concatenate([{inside}])"
    else:
        rows = [f"[{', '.join(cell((row, column)) for column in grid.lines[1])}]" for row in grid.lines[0]]
        text = f"np.array([{', '.join(rows)}], dtype={dtype})" if entries else f"np.block([{', '.join(rows)}])"
    return Value(text, ATOM, grid.letters)


def kronecker_of(node: Node, known: Collection[Node]) -> tuple[Use, Use] | None:
    """The factors of a Kronecker product, if both are computed anyway."""
    halves = kronecker_factors(own(node)) if isinstance(node, Merge) else None
    return halves if halves is not None and all(half.node in known for half in halves) else None


def kronecker_text(left: Value, right: Value) -> Value:
    """A ⊗ B over the axes 0 and 1."""
    turned = all(half.letters == (("column", n), ("row", n)) for n, half in enumerate((left, right)))  # Aᵀ ⊗ Bᵀ
    order = ("column", "row") if turned else ("row", "column")
    texts = [transpose(half, [(side, n) for side in order]).text for n, half in enumerate((left, right))]
    return Value(f"np.kron({', '.join(texts)})", ATOM, (1, 0) if turned else (0, 1))
