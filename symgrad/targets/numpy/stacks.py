"""Products in a step of a recurrence with matrices that no step changes: those of one operand are one product.

The matrices are laid out before the loop as the products walk along them, those of one operand as a stack:
`f, i, o, g = h[t - 1] @ stack_U`. On one core, for 32×64 entries by 64×64, four products take 20.5 µs with parts of a
larger matrix and 13.3 with the stack, and 31.4 µs with transposed matrices and 15.9 with copies of these; for 1×16 by
16×16, 3.7 µs and 0.9.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sympy import S

from symgrad.codegen.slices import Entry
from symgrad.graph.nodes import Contract, Node, Use


@dataclass(frozen=True)
class Stack:
    """operand @ matrix for each of some matrices of one shape.

    Attributes
    ----------
    products : the nodes that are these products.
    operands : the operand in the letters of each product.
    matrices : the matrices, in the letters of each product.
    """

    products: tuple[Contract, ...]
    operands: tuple[Use, ...]
    matrices: tuple[Use, ...]

    def inner(self, n: int) -> int:
        """The axis of the n-th matrix over which its product sums."""
        return self.matrices[n].letters.index(self.products[n].rank)


def stacks(nodes: Sequence[Node]) -> list[Stack]:
    """The products of a step by operand, those with matrices that are summed over one axis only."""
    found = [stack for node in nodes if isinstance(node, Contract) and (stack := _product(node)) is not None]
    known: dict[Node, list[Stack]] = {}
    for one in found:
        known.setdefault(one.matrices[0].node, []).append(one)
    groups: dict[object, list[Stack]] = {}
    for one in found:
        (matrix,) = one.matrices
        if len({other.inner(0) for other in known[matrix.node]}) == 1:
            sides = matrix.node.shape[one.inner(0)], matrix.node.shape[1 - one.inner(0)]
            place = one.operands[0].letters.index(one.products[0].rank)
            groups.setdefault((one.operands[0].node, place, sides), []).append(one)
    return [
        Stack(
            tuple(one.products[0] for one in group),
            tuple(one.operands[0] for one in group),
            tuple(one.matrices[0] for one in group),
        )
        for group in groups.values()
    ]


def _product(node: Contract) -> Stack | None:
    """A product of a vector or matrix of a step with a matrix from outside."""
    if len(node.bound) != 1 or len(node.factors) != 2 or any(exponent != S.One for _, exponent in node.factors):
        return None
    uses = [use for use, _ in node.factors]
    matrices = [use for use in uses if _is_matrix(use)]
    if len(matrices) != 1:
        return None
    (matrix,) = matrices
    operand = uses[1 - uses.index(matrix)]
    letters = [*operand.letters, *matrix.letters]
    plain = len(set(operand.letters)) == len(operand.letters) <= 2 and letters.count(node.rank) == 2
    return Stack((node,), (operand,), (matrix,)) if plain and len(set(letters)) == node.rank + 1 else None


def _is_matrix(use: Use) -> bool:
    """Whether a term is a whole matrix that no step changes."""
    node = use.node
    whole = isinstance(node, Entry) and all(offset is None for offset in node.offsets)
    return whole and len(set(use.letters)) == 2 == node.rank
