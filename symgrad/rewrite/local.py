"""Simplifies elementwise clusters: sums and products of the same entries, seen as a rational function of their parts.

The adjoint of y = σ(z) in a log-loss is (-t/y + (1-t)/(1-y))·y·(1-y); as a rational function of t and y it cancels to
y - t. SymPy does the algebra on placeholders; a cost function decides whether the result is taken.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from math import prod
from typing import NamedTuple

from sympy import Add as SymAdd
from sympy import Dummy, Expr, Float, Mul, Number, Pow, S, Symbol, exp, expand, factor_terms

from symgrad.graph.build import (
    ONE,
    ZERO,
    add,
    common_content,
    is_mirrored,
    is_zero,
    mul,
    product_of_powers,
    scale,
    size,
    split_coefficient,
    summand,
)
from symgrad.graph.facts import is_nonnegative
from symgrad.graph.letters import relabel
from symgrad.graph.nodes import Add, Apply, Contract, Letter, Node, Shape, Use
from symgrad.graph.scalar import lift
from symgrad.graph.symmetry import as_known
from symgrad.graph.transform import factors_of, place, see_through, terms_of
from symgrad.rewrite.polynomials import factored, reduced, without_opposites
from symgrad.rewrite.record import record
from symgrad.rewrite.rounding import keeps_digits

# Beyond this many operations SymPy's polynomial arithmetic may take seconds; such clusters do not cancel in practice.
MAX_OPERATIONS = 40

# ... and beyond this many terms multiplying out does not pay.
MAX_TERMS = 200

_placeholders = {
    sign: [Dummy(f"u{n}", real=True, nonnegative=sign, dummy_index=1000 + n) for n in range(MAX_OPERATIONS + 1)]
    for sign in (True, None)
}


@record(
    "a·b/b = a, as rational functions of the parts", "fewer operations", "SymPy: cancel, factor, expand", name="cancel"
)
def simplify_cluster(node: Node) -> Use | None:
    """A cheaper term equal to the node, in its letters, or None."""
    if not isinstance(node, Add | Contract) or simplify_cluster in node.found:
        return None
    made = _simpler(node) if _has_sums(node) else None
    if made is None:  # it is as cheap as it can be: what else is there does not count, and it is met in every round
        node.found[simplify_cluster] = True
    return made


def _has_sums(node: Add | Contract) -> bool:
    """Whether there may be anything to cancel, as `_may_improve` has it: a sum in a product, or quotients in a sum."""
    if isinstance(node, Contract):
        return any(_has_sum(use.node) for use in node.operands)
    divided = len(node.terms) > 1 and any(
        isinstance(use.node, Contract) and any(e.is_negative for _, e in use.node.factors) for use in node.operands
    )
    divided |= len(node.terms) > 1 and exp in node.contents  # one may be a negative power of another
    return divided or any(_has_sum(use.node) for use in node.operands)


def _has_sum(node: Node) -> bool:
    """Whether a sum is seen in a term of a cluster."""
    if isinstance(node, Contract) and not node.bound:
        return any(_has_sum(use.node) for use in node.operands)
    return isinstance(node, Add)


def _simpler(node: Add | Contract) -> Use | None:
    if isinstance(node, Contract):
        body = summand(node) if node.bound else Use(node, tuple(range(node.rank)))
        bound = dict(enumerate(node.bound, node.rank))
    else:
        body, bound = Use(node, tuple(range(node.rank))), {}
    leaves: dict[Use, Symbol] = {}
    expr = cluster(body, leaves, iter(range(4 * MAX_OPERATIONS)))
    if expr is None or expr.has(Float):
        return None
    expr = _with_powers(expr, leaves)
    better = _cheapest(expr)
    if better == expr:
        return None
    made = lift(better, {symbol: use for use, symbol in leaves.items()})
    return product_of_powers([(made, S.One)], bound)


@record(
    "Σ a − Σ b = Σ (a − b), where terms of a and b cancel",
    "one pass over what is left, and no difference of two large sums",
    "linearity of sums",
    name="cancel between sums",
)
def joined_sums(node: Node) -> Use | None:
    """Sums over the same axes as one, if that leaves fewer terms: Σ p(1 − t) − Σ t(1 − p) = Σ (p − t)."""
    if not isinstance(node, Add):
        return None
    sums = {n: found for n, (_, use) in enumerate(node.terms) if (found := _as_sum(use)) is not None}
    for bound in dict.fromkeys(found.bound for found in sums.values()):
        counted = {n: found for n, (_, use) in enumerate(node.terms) if (found := _as_count(use, bound)) is not None}
        here = {n: found for n, found in sums.items() if found.bound == bound}
        for places in [{**here, **counted}, here] if counted else [here]:
            joined = None if len(places) < 2 else _joined([(node.terms[n][0], one) for n, one in places.items()], bound)
            if joined is not None:
                return add([*(term for n, term in enumerate(node.terms) if n not in places), (S.One, joined)])
    return None


class _Summed(NamedTuple):
    """A sum times other factors: its body over its own letters, then what it binds; and these factors."""

    body: Use
    bound: Shape
    others: list[tuple[Use, Number]]


def _as_sum(use: Use) -> _Summed | None:
    """A term that is a sum, or one times numbers."""
    powers = factors_of(use)
    sums = [(factor, factor.node, e) for factor, e in powers if isinstance(factor.node, Contract) and factor.node.bound]
    if len(sums) != 1 or sums[0][2] != 1 or any(factor.letters for factor, _ in powers if factor != sums[0][0]):
        return None
    ((whole, contract, _),) = sums
    letters = (*whole.letters, *_over(contract.bound))
    body = relabel(summand(contract), dict(enumerate(letters)))
    return _Summed(body, contract.bound, [power for power in powers if power[0] != whole])


def _as_count(use: Use, bound: Shape) -> _Summed | None:
    """N·c as Σ c, with N summands."""
    powers = factors_of(use)
    if len(bound) != 1 or (size(bound[0]), S.One) not in powers:
        return None
    return _Summed(ONE, bound, [power for power in powers if power != (size(bound[0]), S.One)])


def _over(bound: Shape) -> list[Letter]:
    return [("joined", k) for k in range(len(bound))]


def _joined(terms: Sequence[tuple[Number, _Summed]], bound: Shape) -> Use | None:
    """The sum of sums over the same axes as one sum of fewer terms than they have together; None if it has as many."""
    leaves: dict[Use, Symbol] = {}
    room = iter(range(4 * MAX_OPERATIONS))
    parts: list[Expr] = []
    for coefficient, summed in terms:
        part = cluster(product_of_powers([(summed.body, S.One), *summed.others]), leaves, room, transposed=True)
        if part is None or part.has(Float):
            return None
        parts.append(coefficient * part)
    expr = _with_powers(SymAdd(*parts), leaves)
    if sum(map(_terms, parts)) > MAX_TERMS or cost(expr) > MAX_OPERATIONS:
        return None
    apart = sum(len(SymAdd.make_args(expand(part))) for part in parts)
    if len(SymAdd.make_args(expand(expr))) >= apart:
        return None
    better = _best_of(expr, lambda form: [expand(form), factored(form)], cost(expr) + 1, (_is_raised,))
    if better is None:
        return None
    made = lift(_signed(better), {symbol: use for use, symbol in leaves.items()})
    return mul([made], dict(zip(_over(bound), bound, strict=True)))


@record(
    "Σ (x − m) = 0 for the mean m of x",
    "it is zero by definition, as Σ (p + δ) is 2 for shares p",
    "definition of the mean",
    name="sum of differences",
)
def vanishing_sum(node: Node) -> Use | None:
    """Σ_i (x_i - m) = 0 for the mean m = Σ_i x_i / N, named or not; also as one of several terms under a sum.

    So is a sum of terms all of whose sums are known, as those of deltas and of the shares of a softmax are.
    """
    if not isinstance(node, Contract) or len(node.factors) != 1 or not node.bound:
        return None
    ((factor, exponent),) = node.factors
    if exponent != 1 or not isinstance(factor.node, Add):
        return None
    bound = dict(enumerate(node.bound, node.rank))
    terms = terms_of(factor)
    if is_zero(add([(c, mul([see_through(term)], bound)) for c, term in terms])):
        return ZERO
    sums = [(c, mul([term], bound)) for c, term in terms]
    if not any(isinstance(part.node, Contract) and part.node.bound for _, one in sums for part, _ in factors_of(one)):
        return add(sums)
    kept = [(c, term) for c, term in terms if not _vanishes(mul([term], bound))]
    return mul([add(kept)], bound) if len(kept) < len(terms) else None


def _vanishes(product: Use) -> bool:
    return any(e == 1 and vanishing_sum(factor.node) == ZERO for factor, e in factors_of(product))


def cluster(use: Use, leaves: dict[Use, Symbol], room: Iterator[int], transposed: bool = False) -> Expr | None:
    """The cluster below a term as a SymPy expression of placeholders; None if it is too large to be worth it.

    `room` has an element for every part that may still be written out. If `transposed`, what is symmetric has one
    placeholder for both orders of its letters. (A common factor exp(s[i, j]) of n[i] and n[j] could not be shifted.)
    """
    node = use.node
    if next(room, None) is None:
        return None
    if isinstance(node, Add) and node.terms:
        parts = [(cluster(place(term, use.letters), leaves, room, transposed), c) for c, term in node.terms]
        return None if any(p is None for p, _ in parts) else SymAdd(*(c * p for p, c in parts))
    if isinstance(node, Contract) and not node.bound and all(e.is_Integer for _, e in node.factors):
        powers = [(cluster(place(factor, use.letters), leaves, room, transposed), e) for factor, e in node.factors]
        return None if any(p is None for p, _ in powers) else Mul(*(p**e for p, e in powers))
    if getattr(node, "value", None) is S.One:
        return S.One
    if transposed:
        use = as_known(use, leaves)
    if use not in leaves:
        if len(leaves) >= MAX_OPERATIONS:
            return None
        leaves[use] = _placeholders[is_nonnegative(use) or None][len(leaves)]
    return leaves[use]


def _with_powers(expr: Expr, leaves: Mapping[Use, Symbol]) -> Expr:
    """The cluster with exp(−2u) as exp(u)⁻², where both are among its leaves and terms cancel so."""
    groups: dict[Use, list[tuple[Number, Symbol]]] = {}
    for use, symbol in leaves.items():
        if isinstance(use.node, Apply) and use.node.head is exp:
            factor, exponent = _multiple(place(use.node.args[0], use.letters))
            groups.setdefault(exponent, []).append((factor, symbol))
    images: dict[Symbol, Expr] = {}
    for group in groups.values():
        least, base = min(group, key=lambda pair: (abs(pair[0]), bool(pair[0].is_negative)))
        powers = {symbol: factor / least for factor, symbol in group}
        if len(group) > 1 and all(power.is_Integer for power in powers.values()):
            images |= {symbol: base**power for symbol, power in powers.items()}
    if not images or _terms(expr) > MAX_TERMS:
        return expr
    made = expr.xreplace(images)  # of sums of exponentials that do not cancel the shared factors overflow
    fewer = len(SymAdd.make_args(expand(made))) < len(SymAdd.make_args(expand(expr)))
    return made if fewer else expr


def _multiple(use: Use) -> tuple[Number, Use]:
    """c, u with use = c·u, the same u for use and −use."""
    if not isinstance(use.node, Add):
        return split_coefficient(use)
    content, rest = common_content(use)
    mirrored = isinstance(rest.node, Add) and is_mirrored(rest.node)
    return (-content, scale(S.NegativeOne, rest)) if mirrored else (content, rest)


@lru_cache(maxsize=4096)
def _cheapest(expr: Expr) -> Expr:
    if not _may_improve(expr) or cost(expr) > MAX_OPERATIONS or _terms(expr) > MAX_TERMS:
        return expr
    best = _best_of(expr, _forms, cost(expr), (_is_raised, _is_inside))
    if best is None and (left := without_opposites(expr)) != expr:
        return _cheapest(left)
    return expr if best is None else _signed(best)


def _forms(expr: Expr) -> list[Expr]:
    """A rational function multiplied out and factored, as a whole and in part."""
    opened, product = expand(expr), factored(expr)
    if len(SymAdd.make_args(opened)) > MAX_OPERATIONS:  # with or without common factors, more than there may be
        return [product, reduced(product)]
    return [opened, product, factor_terms(opened), reduced(product)]


def _best_of(
    expr: Expr,
    forms: Callable[[Expr], Sequence[Expr]],
    limit: int,
    closings: Sequence[Callable[[Sequence[Expr]], bool]],
) -> Expr | None:
    """The form of least cost, below the limit, that keeps the digits; None if none does.

    Where none does, as where (x − y)² is multiplied out, sums that a closing says stay as they are.
    """
    found = (_closed(expr, closing) for closing in closings)
    for closed, sums in chain([(expr, {})], (one for one in found if one[1])):
        candidate = min((one.xreplace(sums) for one in forms(closed)), key=cost)
        if cost(candidate) < limit and keeps_digits(expr, candidate):
            return candidate
    return None


def _is_raised(parents: Sequence[Expr]) -> bool:
    """(x − y)² and 1/(x − y)."""
    return bool(parents) and isinstance(parents[-1], Pow)


def _is_inside(parents: Sequence[Expr]) -> bool:
    """These, and c − 1 in a·(b·(c − 1)/a + d), which is b·(c − 1) + a·d."""
    return any(isinstance(parent, SymAdd | Pow) for parent in parents)


def _closed(expr: Expr, within: Callable[[Sequence[Expr]], bool]) -> tuple[Expr, dict[Expr, Expr]]:
    """The expression with a symbol for each sum that stands `within` such parents, and what the symbols stand for."""
    made: dict[Expr, Expr] = {}

    def visit(part: Expr, parents: tuple[Expr, ...]) -> Expr:
        if not part.args:
            return part
        if isinstance(part, SymAdd) and within(parents):
            negated = part.could_extract_minus_sign()
            base = -part if negated else part
            symbol = made.setdefault(base, Dummy(f"sum{len(made)}", real=True))  # SymPy orders by names
            return -symbol if negated else symbol
        return part.func(*(visit(arg, (*parents, part)) for arg in part.args))

    found = visit(expr, ())
    return found, {symbol: base for base, symbol in made.items()}


def _signed(expr: Expr) -> Expr:
    """The same with the signs that people write: (y - t)/(y·(1 - y)), not (t - y)/(y·(y - 1))."""
    if isinstance(expr, SymAdd):
        return SymAdd(*(_signed(term) for term in expr.args))
    if not isinstance(expr, Mul):
        return expr
    factors = [part.as_base_exp() for part in expr.args]
    flipped = [e.is_odd and b.is_Add and (b.as_coeff_Add()[0] == -1 or _is_negative(b)) for b, e in factors]
    if expr.could_extract_minus_sign() != bool(sum(flipped) % 2):  # one more: a difference has no sign of its own
        plain = [
            n
            for n, (b, e) in enumerate(factors)
            if e.is_odd and b.is_Add and b.as_coeff_Add()[0] == 0 and not (_is_negative(b) or _is_negative(-b))
        ]
        for n in plain[:1]:
            flipped[n] = True
    if not any(flipped):
        return expr
    sign = S.NegativeOne ** sum(flipped)
    return Mul(sign, *((-b if flip else b) ** e for (b, e), flip in zip(factors, flipped, strict=True)))


def _is_negative(total: Expr) -> bool:
    """Whether all terms of a sum have a minus sign."""
    return all(term.as_coeff_Mul()[0].is_negative for term in total.args)


def _terms(expr: Expr) -> int:
    """At most so many terms has the expression when it is multiplied out."""
    if isinstance(expr, SymAdd):
        return sum(map(_terms, expr.args))
    if isinstance(expr, Mul):
        return prod(map(_terms, expr.args))
    if isinstance(expr, Pow) and expr.exp.is_Integer:
        return int(_terms(expr.base) ** min(abs(int(expr.exp)), MAX_TERMS))
    return 1


def _may_improve(expr: Expr) -> bool:
    """Only products of sums, and sums of quotients, have anything to cancel; and no part that is there but once."""
    sums = expr.atoms(SymAdd)
    divided = any(p.exp.is_negative for p in expr.atoms(Pow))
    return bool(sums) and (isinstance(expr, Mul) or len(sums) > 1 or divided) and (divided or _has_repetition(expr))


def _has_repetition(expr: Expr) -> bool:
    """Whether a polynomial has a symbol twice, or a coefficient, so that there may be something to take out."""
    seen: set[Expr] = set()
    stack = [expr]
    while stack:
        part = stack.pop()
        if part in seen or (isinstance(part, Mul) and part.args[0].is_Number and part.args[0] is not S.NegativeOne):
            return True
        if isinstance(part, Symbol):
            seen.add(part)
        stack += part.args
    return False


def cost(expr: Expr) -> int:
    """Operations, a division counting as two."""
    total = 0
    stack = [expr]
    while stack:
        part = stack.pop()
        if isinstance(part, SymAdd | Mul):
            total += len(part.args) - 1
            if isinstance(part, Mul):  # a sign is free; one division by the product of all divisors
                total -= part.args[0] is S.NegativeOne
                total += any(isinstance(arg, Pow) and arg.exp.is_negative for arg in part.args)
        elif isinstance(part, Pow) and isinstance(part.exp, Number):
            total += part.exp not in (1, -1)
        stack.extend(part.args)
    return total
