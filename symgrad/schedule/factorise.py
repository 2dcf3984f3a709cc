"""Which factorisation of a matrix is computed, and that solves come before products.

A positive definite matrix with a log-determinant is factorised once, S = L Lᵀ: log det S = 2 Σ log L_ii and
S⁻¹ = L⁻ᵀ L⁻¹, for the value and its adjoints. (A matrix that is semidefinite by its form is definite wherever its
log-determinant exists.) A⁻¹ b becomes a term of its own wherever it is part of a product: with
no other use of A⁻¹ it is printed as a solve, else it is computed once. Source: Higham, Accuracy and Stability of
Numerical Algorithms (2002), chapters 9, 10 and 14.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sympy import Abs, Expr, Integer, Product, S, log, sign

from symgrad.graph.build import (
    CHOLESKY,
    INVERSE,
    LOG_ABS_DET,
    LOGDET,
    ONE,
    SIGN_DET,
    add,
    apply,
    inverse,
    matrix_function,
    mul,
    product_of_powers,
    reduce,
    scale,
)
from symgrad.graph.facts import is_nonnegative
from symgrad.graph.kinds.matrices import diagonal_of_triangular, sides_of
from symgrad.graph.letters import relabel
from symgrad.graph.nodes import Add, Contract, Delta, Input, Letter, MatrixFunction, Named, Node, Use, postorder
from symgrad.graph.transform import own, rebuilt, see_through, transform
from symgrad.rewrite.record import COOKBOOK, HIGHAM, record
from symgrad.schedule.adjugate import adjugates

_DEFINITE = "positive_definite"


def factorise(roots: Sequence[Use]) -> list[Use]:
    """The terms over shared factorisations."""
    if all(MatrixFunction not in use.node.contents for use in roots):
        return list(roots)
    semidefinite, definite = _semidefinite(postorder([use.node for use in roots]))
    roots = adjugates(roots, definite)
    shared = {
        node.arg.node
        for node in postorder([use.node for use in roots])
        if isinstance(node, MatrixFunction) and node.head in (LOGDET, LOG_ABS_DET) and node.arg.node in semidefinite
    }

    roots = transform(roots, logdet_of_triangular)
    return transform(share_cholesky(roots, shared), _visit)


@record("S = LLᵀ, log det S = 2·Σ log Lᵢᵢ, S⁻¹ = L⁻ᵀL⁻¹ for positive definite S", "one factorisation for all", HIGHAM)
def share_cholesky(roots: Sequence[Use], shared: Collection[Node]) -> list[Use]:
    """The terms with the logarithms of determinants and the inverses of these matrices over one Cholesky factor."""
    if not shared:
        return list(roots)
    opened: dict[Node, tuple[Use, Use]] = {}  # S⁻¹ as Σ_k L⁻¹[k,i] L⁻¹[k,j]
    called = {
        node.arg.node: node
        for node in postorder([use.node for use in roots])
        if isinstance(node, Named) and _is_factor(node.arg) and node.arg.letters == own(node).letters
    }

    def visit(node: Node, uses: tuple[Use, ...]) -> Use | None:
        if isinstance(node, Contract) and any(use.node in opened for use in uses):
            return _with_factors(node, uses, opened)
        if not isinstance(node, MatrixFunction) or node.arg.node not in shared or node.head == CHOLESKY:
            return None
        row, column, length = sides_of(node)
        made = matrix_function(CHOLESKY, uses[0], row, column, length)
        factor = Use(called.get(made.node, made.node), made.letters)
        if node.head == SIGN_DET:
            return ONE
        if node.head in (LOGDET, LOG_ABS_DET):
            return scale(Integer(2), mul([apply(log, [relabel(factor, {column: row})])], {row: length}))
        if node.head == INVERSE:
            inner: Letter = ("inner", 0)
            left = inverse(relabel(factor, {row: inner, column: row}), inner, row, length)
            whole = mul([left, relabel(left, {row: column})], {inner: length})
            axes = {letter: axis for axis, letter in enumerate(whole.letters)}
            opened[whole.node] = (relabel(left, axes), relabel(relabel(left, {row: column}), axes))
            return whole
        return None

    return transform(roots, visit)


@record("log det T = Σ log |Tᵢᵢ| + log Π sign(Tᵢᵢ) for triangular T", "nothing is to be factorised", COOKBOOK)
def logdet_of_triangular(node: Node, uses: tuple[Use, ...]) -> Use | None:
    """log det of a diagonal or triangular matrix: Σ log |M_ii| + log Π sign(M_ii), the last 0 or not a number."""
    if not isinstance(node, MatrixFunction) or node.head != LOGDET:
        return None
    row, column, length = sides_of(node)
    entries = diagonal_of_triangular(uses[0], row, column)
    if entries is None:
        return None
    if _is_factor(see_through(uses[0])):
        return mul([apply(log, [entries])], {row: length})
    size = mul([apply(log, [apply(Abs, [entries])])], {row: length})
    return add([(S.One, size), (S.One, apply(log, [reduce(Product, apply(sign, [entries]), {row: length})]))])


def _is_factor(use: Use) -> bool:
    """Whether a term is a Cholesky factor, whose diagonal is positive."""
    return isinstance(use.node, MatrixFunction) and use.node.head == CHOLESKY


def _with_factors(node: Contract, uses: Sequence[Use], opened: Mapping[Node, tuple[Use, Use]]) -> Use:
    """A product with S⁻¹ = L⁻ᵀ L⁻¹ taken apart, so that L⁻¹ b comes first."""
    bound: dict[Letter, Expr] = dict(enumerate(node.bound, node.rank))
    factors: list[tuple[Use, Any]] = []
    for n, (use, (_, exponent)) in enumerate(zip(uses, node.factors, strict=True)):
        if use.node not in opened or exponent != 1:
            factors.append((use, exponent))
            continue
        names = dict(enumerate(use.letters)) | {("inner", 0): ("inner", n)}
        factors.extend((relabel(half, names), exponent) for half in opened[use.node])
        bound["inner", n] = use.node.shape[-1]
    return product_of_powers(factors, bound)


def _semidefinite(nodes: Iterable[Node]) -> tuple[set[Node], set[Node]]:
    """The nodes whose matrices are symmetric positive semidefinite, and those of them that are definite.

    By facts and by form: δ, diag(v) with v >= 0, Xᵀ P X, sums and multiples of such, inverses.
    """
    found: set[Node] = set()
    definite: set[Node] = set()
    for node in nodes:
        if _is_semidefinite(node, found):
            found.add(node)
            match node:
                case Input() | Delta():
                    definite.add(node)
                case Named(arg=arg, properties=properties) if arg.node in definite or _DEFINITE in properties:
                    definite.add(node)
                case Add(terms=terms) if any(term.node in definite for _, term in terms):
                    definite.add(node)
    return found, definite


def _is_semidefinite(node: Node, found: Collection[Node]) -> bool:
    """The same for a node of whose operands it is known."""
    if node.rank < 2 or node.shape[-1] != node.shape[-2]:
        return False
    pair = {node.rank - 2, node.rank - 1}
    match node:
        case Delta():
            return True
        case Input(properties=properties) | Named(properties=properties) if _DEFINITE in properties:
            return True
        case Named(arg=arg) | MatrixFunction(head="inverse", arg=arg):
            return arg.node in found and set(arg.letters[-2:]) == pair
        case Add(terms=terms):
            return all(c.is_positive and part.node in found and set(part.letters[-2:]) == pair for c, part in terms)
        case Contract(factors=factors):
            if any(isinstance(part.node, Delta) and set(part.letters) == pair for part, _ in factors):
                return _not_negative(factors)  # diag(v)
            inside = [(part, e) for part, e in factors if not pair.isdisjoint(part.letters)]
            outside = [(part, e) for part, e in factors if pair.isdisjoint(part.letters)]
            if any(e != 1 for _, e in inside):
                return False
            parts = [part for part, _ in inside]
            if len(parts) == 1:  # a multiple of such a matrix
                return _not_negative(outside) and parts[0].node in found and set(parts[0].letters[-2:]) == pair
            middle = [(part, e) for part, e in outside if part.node in found and e == 1]
            rest = [factor for factor in outside if factor not in middle]
            return len(middle) <= 1 and _is_gram(parts, [part for part, _ in middle], rest, pair)
    return False


def _is_gram(parts: Sequence[Use], middle: Sequence[Use], rest: Sequence[Any], pair: Collection[Letter]) -> bool:
    """Xᵀ X, Xᵀ diag(v) X with v >= 0 and Xᵀ P X: the second X is the first with its letters exchanged for their mates.

    Not X∘Xᵀ, nor Xᵀ W X for any symmetric W whose entries are not negative.
    """
    mates = dict(zip(pair, reversed(tuple(pair)), strict=True))
    for matrix in middle:
        row, column = matrix.letters[-2:]
        if row == column or any({row, column} & set(part.letters) for part, _ in rest):
            return False
        mates |= {row: column, column: row}
    if len(parts) != 2 or any(len([x for x in part.letters if x in mates]) != 1 + len(middle) for part in parts):
        return False
    return parts[1] == relabel(parts[0], mates) and _not_negative(rest)


def _not_negative(factors: Iterable[tuple[Use, Expr]]) -> bool:
    return all(e.is_even or is_nonnegative(part) for part, e in factors)


def _visit(node: Node, uses: tuple[Use, ...]) -> Use:
    made = rebuilt(node, uses)
    while (better := solve_first(made)) is not None:
        made = better
    return made


@record("A⁻¹·b·c = (A⁻¹b)·c", "a system is solved instead of inverting A", HIGHAM)
def solve_first(use: Use) -> Use | None:
    """A product that has A⁻¹ b as a factor of its own, if it can."""
    node = use.node
    if not isinstance(node, Contract) or len(node.factors) < 3:
        return None
    factors = list(node.factors)
    bound = dict(enumerate(node.bound, node.rank))
    for n, (factor, exponent) in enumerate(factors):
        if exponent != 1 or not isinstance(factor.node, MatrixFunction) or factor.node.head != INVERSE:
            continue
        *batch, first, second = factor.letters
        for inner, outer in ((second, first), (first, second)):
            partners = [m for m, (other, _) in enumerate(factors) if m != n and inner in other.letters]
            if inner not in bound or inner in batch or len(partners) != 1:
                continue
            (m,) = partners
            other, e = factors[m]
            extra = [letter for letter in other.letters if letter not in (*batch, inner)]
            alone = [f for k, (f, _) in enumerate(factors) if k not in (n, m) and len(f.letters) == 1]
            if e != 1 or outer in other.letters or len(extra) > 1 or any(f.letters[0] in extra for f in alone):
                continue
            solved = mul([factor, other], {inner: bound[inner]})
            rest = [pair for k, pair in enumerate(factors) if k not in (n, m)]
            left = {letter: length for letter, length in bound.items() if letter != inner}
            made = product_of_powers([*rest, (solved, S.One)], left)
            return relabel(made, dict(enumerate(use.letters)))
    return None
