"""Rewrites of functions of matrices: log det, inverses that meet their matrix, orthogonal matrices."""

from collections import Counter
from collections.abc import Iterator, Sequence

from sympy import Abs, Expr, Pow, Product, S, log

from symgrad.graph.build import (
    DET,
    INVERSE,
    LOG_ABS_DET,
    LOGDET,
    SIGN_DET,
    ZERO,
    add,
    apply,
    delta,
    inverse,
    matrix_function,
    mul,
    product_of_powers,
    reduce,
    scale,
    split_coefficient,
)
from symgrad.graph.facts import is_nonnegative
from symgrad.graph.kinds.matrices import diagonal_of_triangular, matrix_of
from symgrad.graph.letters import relabel
from symgrad.graph.nodes import Apply, Contract, Input, Letter, MatrixFunction, Named, Node, Use
from symgrad.graph.symmetry import symmetric, transposed
from symgrad.graph.transform import factors_of, place, see_through, transform
from symgrad.rewrite.merged_axes import lift_merged, of_kronecker, sum_over_merged
from symgrad.rewrite.record import COOKBOOK, AxisRule, record

Factor = tuple[Use, Expr]


@record("log det(A) = logdet(A)", "the determinant overflows, its logarithm does not", COOKBOOK)
def log_determinant(use: Use) -> Use | None:
    """log(s·det(M)^e) = log s + e·logdet(M) with s > 0; log det itself overflows with many rows.

    log(det A · det B) = log |det A| + log |det B| + log(sign(det A)·sign(det B)), the last 0 or not a number.
    """
    if not (isinstance(use.node, Apply) and use.node.head is log):
        return None
    argument = see_through(place(use.node.args[0], use.letters))
    coefficient, rest = split_coefficient(argument)
    signed = not (isinstance(rest.node, Apply) and rest.node.head is Abs)
    if isinstance(rest.node, Apply) and not signed:
        rest = see_through(place(rest.node.args[0], rest.letters))
    factors = [(see_through(f), e) for f, e in factors_of(rest)]
    found = [(f, e) for f, e in factors if isinstance(f.node, MatrixFunction) and f.node.head == DET]
    others = [pair for pair in factors if pair not in found]
    if not coefficient.is_positive or not found or not all(is_nonnegative(f) for f, _ in others):
        return None
    odd = [f for f, e in found if e.is_odd] if signed else []
    whole = odd if len(odd) > 1 else []  # of these only the product has to be positive
    terms = [(e, _log(f)) for f, e in others]
    for factor, exponent in found:
        absolute = not signed or exponent.is_even or factor in whole
        terms.append((exponent, matrix_function(LOG_ABS_DET if absolute else LOGDET, *matrix_of(factor))))
    if whole:
        signs = [matrix_function(SIGN_DET, *matrix_of(factor)) for factor in whole]
        terms.append((S.One, apply(log, [mul(signs)])))
    if coefficient != 1:
        terms.append((S.One, apply(log, [scale(coefficient, mul([]))])))
    return add(terms)


def _log(use: Use) -> Use:
    """log u; of a power bᵉ with b > 0 it is e·log b, which does not overflow."""
    if isinstance(use.node, Apply) and use.node.head is Pow:
        base, exponent = (place(arg, use.letters) for arg in use.node.args)
        return mul([exponent, apply(log, [base])])
    return apply(log, [use])


@record("A⁻¹A = I", "fewer operations", COOKBOOK)
def cancel_inverse(use: Use) -> Use | None:
    """Σ_j A⁻¹[i,j] A[j,k] = δ[i,k]; also where A is part of a product, (A X)⁻¹ A = X⁻¹ with square matrices."""
    node = use.node
    if not isinstance(node, Contract) or not node.bound:
        return None
    factors, bound = list(node.factors), dict(enumerate(node.bound, node.rank))
    made = _cancelled(factors, bound)
    if made is None:
        for n, (factor, exponent) in enumerate(factors):
            chain = _chain(factor) if exponent == 1 else None
            if chain is None:
                continue
            links, inner = chain
            nodes = {links[0].node, links[-1].node}
            if not any(f.node in nodes and set(f.letters) & set(factor.letters) for f, _ in factors):
                continue
            opened = [*factors[:n], *((link, S.One) for link in _inverses(links, factor)), *factors[n + 1 :]]
            candidate = _cancelled(opened, bound | inner)
            if candidate is not None and len(candidate[0]) < len(factors):
                made = candidate
                break
    if made is None:
        return None
    return place(product_of_powers(*made), use.letters)


def _cancelled(factors: list[Factor], bound: dict[Letter, Expr]) -> tuple[list[Factor], dict[Letter, Expr]] | None:
    """The product with every pair of a matrix and its inverse replaced by the identity; None if there is no pair."""
    found = False
    while (pair := next(_pairs(factors, bound), None)) is not None:
        n, m, letter, identity = pair
        found = True
        factors = [factor for k, factor in enumerate(factors) if k not in (n, m)] + [(identity, S.One)]
        bound = {other: length for other, length in bound.items() if other != letter}
        factors, bound = _without_deltas(factors, bound)
    return (factors, bound) if found else None


def _without_deltas(factors: list[Factor], bound: dict[Letter, Expr]) -> tuple[list[Factor], dict[Letter, Expr]]:
    """Σ_j δ[i,j]·f(j) = f(i) on factors that are still to be matched."""
    identity, _ = factors[-1]
    for gone, kept in (identity.letters, identity.letters[::-1]) if identity.letters else ():
        if gone in bound and gone != kept:
            rest = [(relabel(factor, {gone: kept}), e) for factor, e in factors[:-1]]
            return rest, {letter: length for letter, length in bound.items() if letter != gone}
    return factors, bound


def _pairs(factors: list[Factor], bound: dict[Letter, Expr]) -> Iterator[tuple[int, int, Letter, Use]]:
    """The places of a matrix and its inverse, the letter summed over, and the identity that they make."""
    for n, (factor, exponent) in enumerate(factors):
        if exponent != 1 or not isinstance(factor.node, MatrixFunction) or factor.node.head != INVERSE:
            continue
        matrix, row, column, length = matrix_of(factor)
        for m, (other, e) in enumerate(factors):
            if m == n or e != 1 or other.node is not matrix.node:
                continue
            elsewhere = {x for k, (f, _) in enumerate(factors) if k not in (n, m) for x in f.letters}
            for spelled in [other, transposed(other)] if symmetric(other.node) else [other]:
                for inner, outer, moved in ((column, row, {row: column}), (row, column, {column: row})):
                    # Σ_column A⁻¹[row, column]·A[column, far]: A's row letter is `column`, its column letter is `far`
                    if inner not in bound or inner in elsewhere:
                        continue
                    far = spelled.letters[matrix.letters.index(inner)]
                    expected = relabel(matrix, moved | {inner: far})
                    if expected == spelled and far != inner:
                        yield n, m, inner, delta(outer, far, length)


def chain_of(matrix: Use, row: Letter, column: Letter, length: Expr) -> list[Use] | None:
    """The factors of a product of square matrices from left to right, over letters that link them; None if it is none.

    The links between neighbours are letters ("link", k).
    """
    node = matrix.node
    if not isinstance(node, Contract) or not node.bound or any(e != 1 for _, e in node.factors):
        return None
    names: dict[Letter, Letter] = dict(enumerate(matrix.letters))
    names |= {node.rank + k: ("link", k) for k in range(len(node.bound))}
    left = [relabel(f, names) for f, _ in node.factors]
    links, at = [], row
    while left:
        following = [f for f in left if at in f.letters]
        if len(following) != 1 or len(following[0].letters) != 2 or len(set(following[0].letters)) != 2:
            return None
        (link,) = following
        left.remove(link)
        if any(side != length for side in link.node.shape):
            return None
        at = link.letters[1] if link.letters[0] == at else link.letters[0]
        links.append(link)
    return links if at == column and len(links) > 1 else None


def _chain(factor: Use) -> tuple[list[Use], dict[Letter, Expr]] | None:
    """For the inverse of a product of square matrices: the matrices, and letters to link their inverses by."""
    if not isinstance(factor.node, MatrixFunction) or factor.node.head != INVERSE:
        return None
    links = chain_of(*matrix_of(factor))
    if links is None:
        return None
    length = links[0].node.shape[0]
    return links, {("inverse", factor, k): length for k in range(len(links) - 1)}


def _inverses(links: list[Use], factor: Use) -> list[Use]:
    """The inverses of the links whose product is the inverse `factor`: (A B)⁻¹ = B⁻¹ A⁻¹."""
    _, row, column, length = matrix_of(factor)
    middle = [("inverse", factor, k) for k in range(len(links) - 1)]
    ends = [column, *middle, row]  # the first matrix's inverse comes last
    made, at = [], row
    for n, link in enumerate(links):
        left, right = link.letters if link.letters[0] == at else link.letters[::-1]
        at = right
        made.append(relabel(inverse(link, left, right, length), {left: ends[n + 1], right: ends[n]}))
    return made


@record("QᵀQ = I for orthogonal Q", "a fact states it", COOKBOOK)
def orthogonal(use: Use) -> Use | None:
    """Σ_k Q[k,i] Q[k,j] = δ[i,j] and Σ_k Q[i,k] Q[j,k] = δ[i,j] of a square matrix that a fact calls orthogonal."""
    node = use.node
    if not isinstance(node, Contract) or not node.bound:
        return None
    factors, bound = list(node.factors), dict(enumerate(node.bound, node.rank))
    for n, (first, e) in enumerate(factors):
        if e not in (1, 2) or not is_orthogonal(first):
            continue
        for m in [n] if e == 2 else range(n + 1, len(factors)):
            second, other = factors[m]
            if second.node is not first.node or other != e:
                continue
            for axis, other_axis in ((-2, -1), (-1, -2)):
                letter = first.letters[axis]
                elsewhere = {x for k, (f, _) in enumerate(factors) if k not in (n, m) for x in f.letters}
                kept = (first.letters[other_axis], second.letters[other_axis])
                stack = first.letters[:-2]
                if stack != second.letters[:-2] or letter != second.letters[axis]:
                    continue
                if letter not in bound or letter in elsewhere or letter in (*kept, *stack):
                    continue
                identity = delta(*kept, first.node.shape[-1])
                rest = [pair for k, pair in enumerate(factors) if k not in (n, m)]
                left = {x: length for x, length in bound.items() if x != letter}
                return place(product_of_powers([*rest, (identity, S.One)], left), use.letters)
    return None


@record("Q⁻¹ = Qᵀ for orthogonal Q", "nothing is to be solved", COOKBOOK)
def inverse_of_orthogonal(use: Use) -> Use | None:
    """Q⁻¹ = Qᵀ."""
    node = use.node
    if isinstance(node, MatrixFunction) and node.head == INVERSE and is_orthogonal(node.arg):
        matrix, row, column, _ = matrix_of(use)
        if set(matrix.letters[-2:]) == {row, column}:
            return relabel(matrix, {row: column, column: row})
    return None


@record("log |det Q| = 0 for orthogonal Q", "nothing is to be factorised", COOKBOOK)
def determinant_of_orthogonal(use: Use) -> Use | None:
    """log |det Q| = 0."""
    node = use.node
    if not isinstance(node, MatrixFunction) or node.head not in (LOGDET, LOG_ABS_DET) or not is_orthogonal(node.arg):
        return None
    matrix, row, column, _ = matrix_of(use)
    return ZERO if set(matrix.letters[-2:]) == {row, column} else None


def is_orthogonal(use: Use) -> bool:
    node = use.node
    return isinstance(node, Input | Named) and "orthogonal" in node.properties and node.rank >= 2


@record("det(L) = Π Lᵢᵢ for triangular L", "nothing is to be factorised", COOKBOOK)
def determinant_of_triangular(use: Use) -> Use | None:
    """det L = Π L_ii; log |det L| = Σ log |L_ii|."""
    node = use.node
    if not isinstance(node, MatrixFunction) or node.head not in (DET, LOG_ABS_DET):
        return None
    matrix, row, column, length = matrix_of(use)
    diagonal = diagonal_of_triangular(matrix, row, column)
    if diagonal is None:
        return None
    if node.head == DET:
        return reduce(Product, diagonal, {row: length})
    return mul([apply(log, [apply(Abs, [diagonal])])], {row: length})


@record("logdet(AAᵀ) = 2·log |det A|", "a smaller factorisation", COOKBOOK)
def log_determinant_of_square(use: Use) -> Use | None:
    """logdet(A·Aᵀ) = 2 log |det A| for square matrices of which each occurs an even number of times."""
    node = use.node
    if not isinstance(node, MatrixFunction) or node.head not in (LOGDET, LOG_ABS_DET):
        return None
    matrix, row, column, length = matrix_of(use)
    chain = chain_of(matrix, row, column, length)
    if chain is None or any(count % 2 for count in Counter(link.node for link in chain).values()):
        return None
    ends = [(link, *link.letters) for link in chain]
    return add([(S.One, matrix_function(LOG_ABS_DET, link, first, second, length)) for link, first, second in ends])


@record("D = diag(D₁₁, D₂₂, …) for diagonal D", "a fact states it: the other entries do not matter", COOKBOOK)
def use_diagonals(roots: Sequence[Use]) -> list[Use]:
    """Every matrix that a fact calls diagonal, D, as δ[i,j]·D[i,i]: its other entries do not matter."""

    def visit(node: Node, uses: tuple[Use, ...]) -> Use | None:
        spelled = tuple(map(_as_diagonal, uses))
        return None if spelled == uses else node.rebuild(spelled)

    return transform(roots, visit)


def _as_diagonal(use: Use) -> Use:
    node = use.node
    if not isinstance(node, Input | Named) or "diagonal" not in node.properties or node.rank < 2:
        return use
    row, column = use.letters[-2:]
    return mul([delta(row, column, node.shape[-1]), relabel(use, {column: row})])


RECOGNISE: tuple[AxisRule, ...] = (
    inverse_of_orthogonal,
    determinant_of_orthogonal,
    log_determinant,
    log_determinant_of_square,
    determinant_of_triangular,
    sum_over_merged,
    lift_merged,
    of_kronecker,
)
CANONICAL: tuple[AxisRule, ...] = (cancel_inverse, orthogonal)
