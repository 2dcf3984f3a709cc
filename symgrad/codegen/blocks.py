"""Sums of blocks that are placed in zeros as one `np.block`, and Kronecker products as `np.kron`."""

from collections.abc import Callable, Collection

from symgrad.codegen.sizes import size_text
from symgrad.codegen.values import ATOM, MUL, UNARY, Value, broadcast, number_text, transpose
from symgrad.graph.blocks import Grid, Place
from symgrad.graph.build import number
from symgrad.graph.merge import kronecker_factors
from symgrad.graph.nodes import Merge, Node, Use
from symgrad.graph.transform import own


def block_text(grid: Grid, read: Callable[[Use], Value], dtype: str) -> Value:
    """`np.array` of numbers, `np.concatenate` of vectors, `np.block` of matrices."""

    def cell(corner: tuple[Place, ...]) -> str:
        lengths = [length for _, length in corner]
        shape = ", ".join(map(size_text, lengths)) + ("," if len(corner) == 1 else "")
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
        text = f"{full.at(ATOM)}[None]" if full.letters == grid.letters[1:] else full.text
        whole = {letter for letter, length in zip(grid.letters, lengths, strict=True) if length != 1}
        return text if whole <= set(value.letters) else f"np.broadcast_to({text}, ({shape}))"

    def nested(places: tuple[Place, ...]) -> str:
        if len(places) == len(grid.letters):
            return cell(places)
        return f"[{', '.join(nested((*places, place)) for place in grid.lines[len(places)])}]"

    entries = all(length == 1 for corner in grid.blocks for _, length in corner)
    maker = "array" if entries else "concatenate" if len(grid.letters) == 1 else "block"
    return Value(f"np.{maker}({nested(())}{f', dtype={dtype}' if entries else ''})", ATOM, grid.letters)


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
