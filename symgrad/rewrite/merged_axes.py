"""Merged axes: sums over them taken apart, and functions of Kronecker products as those of their factors."""

from sympy import Expr, S, log

from symgrad.graph.build import (
    INVERSE,
    LOG_ABS_DET,
    LOGDET,
    SIGN_DET,
    add,
    apply,
    matrix_function,
    merge,
    mul,
    power,
    product_of_powers,
    size,
    sizes_of,
    split,
)
from symgrad.graph.kinds.matrices import matrix_of
from symgrad.graph.kinds.reshapes import kronecker_factors
from symgrad.graph.nodes import Add, Apply, Contract, Letter, MatrixFunction, Merge, Use
from symgrad.graph.transform import place
from symgrad.rewrite.record import COOKBOOK, record


@record("a sum over a merged axis is one over its parts", "axes stay apart", "definition")
def sum_over_merged(use: Use) -> Use | None:
    """Σ over a merged axis = Σ over the two axes that it is made of."""
    node = use.node
    if not isinstance(node, Contract) or not node.bound:
        return None
    for letter in range(node.rank, node.rank + len(node.bound)):
        for factor, _ in node.factors:
            inner = factor.node
            if isinstance(inner, Merge) and factor.letters[inner.axis] == letter:
                outer: Letter = ("outer", letter)
                fine: Letter = ("inner", letter)
                bound: dict[Letter, Expr] = {x: n for x, n in enumerate(node.bound, node.rank) if x != letter}
                bound |= dict(zip((outer, fine), inner.lengths, strict=True))
                parts = [(split(f, letter, outer, fine, inner.lengths), e) for f, e in node.factors]
                return place(product_of_powers(parts, bound), use.letters)
    return None


@record("(A⊗B)⁻¹ = A⁻¹⊗B⁻¹ and the like", "smaller factorisations", COOKBOOK)
def of_kronecker(use: Use) -> Use | None:
    """(A ⊗ B)⁻¹ = A⁻¹ ⊗ B⁻¹ and log |det(A ⊗ B)| = m log |det A| + n log |det B| for A of side n and B of side m.

    The sign of the determinant is sign(det A)ᵐ·sign(det B)ⁿ.
    """
    node = use.node
    if not isinstance(node, MatrixFunction) or node.head not in (INVERSE, LOG_ABS_DET, LOGDET):
        return None
    matrix, row, column, _ = matrix_of(use)
    halves = kronecker_factors(matrix)
    if halves is None:
        return None
    sides = [sizes_of([half]) for half in halves]
    n, m = (side["row", k] for k, side in enumerate(sides))
    if any(side["row", k] != side["column", k] for k, side in enumerate(sides)):
        return None

    def of_halves(head: str) -> list[Use]:
        lengths = zip(halves, (n, m), strict=True)
        return [matrix_function(head, half, ("row", k), ("column", k), x) for k, (half, x) in enumerate(lengths)]

    if node.head != INVERSE:
        left, right = of_halves(LOG_ABS_DET)
        terms = [(S.One, mul([size(m), left])), (S.One, mul([size(n), right]))]
        if node.head == LOGDET:
            signs = [power(one, size(x)) for one, x in zip(of_halves(SIGN_DET), (m, n), strict=True)]
            terms.append((S.One, apply(log, [mul(signs)])))
        return add(terms)
    left, right = of_halves(INVERSE)
    rows, columns = matrix.letters
    if {rows, columns} != {row, column}:
        return None
    made = merge(mul([left, right]), ("row", 0), ("row", 1), rows, (n, m))
    return merge(made, ("column", 0), ("column", 1), columns, (n, m))


@record("a function of merged axes is one of its parts", "axes stay apart", "definition")
def lift_merged(use: Use) -> Use | None:
    """f of a merged axis = f of the two axes, merged: a reshape comes last, where a sum over it may undo it."""
    node = use.node
    if not isinstance(node, Add | Apply | Contract):
        return None
    for operand in node.uses():
        inner = operand.node
        if not isinstance(inner, Merge) or operand.letters[inner.axis] >= node.rank:
            continue
        letter = operand.letters[inner.axis]
        outer, fine = ("outer", letter), ("inner", letter)
        parts = [split(part, letter, outer, fine, inner.lengths) for part in node.uses()]
        return place(merge(node.rebuild(parts), outer, fine, letter, inner.lengths), use.letters)
    return None
