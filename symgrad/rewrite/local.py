"""Simplifies elementwise clusters: sums and products of the same entries, seen as a rational function of their parts.

The adjoint of y = σ(z) in a log-loss is (-t/y + (1-t)/(1-y))·y·(1-y); as a rational function of t and y it cancels to
y - t. SymPy does the algebra on placeholders; a cost function decides whether the result is taken.
"""

from functools import lru_cache

from sympy import Add as SymAdd
from sympy import Dummy, Expr, Float, Mul, Number, Pow, S, Symbol, cancel, expand, factor, factor_terms

from symgrad.graph.build import product_of_powers
from symgrad.graph.nodes import Add, Contract, Node, Use
from symgrad.graph.scalar import lift
from symgrad.graph.transform import place

# Beyond this many operations SymPy's polynomial arithmetic may take seconds; such clusters do not cancel in practice.
MAX_OPERATIONS = 40

_placeholders = [Dummy(f"u{n}", real=True, dummy_index=1000 + n) for n in range(MAX_OPERATIONS + 1)]


def simplify_cluster(node: Node) -> Use | None:
    """A cheaper term equal to the node, in its letters, or None."""
    if isinstance(node, Contract):
        body = product_of_powers(node.factors) if node.bound else Use(node, tuple(range(node.rank)))
        bound = dict(enumerate(node.bound, node.rank))
    elif isinstance(node, Add):
        body, bound = Use(node, tuple(range(node.rank))), {}
    else:
        return None
    leaves: dict[Use, Symbol] = {}
    expr = _expression(body, leaves)
    if expr is None or expr.has(Float):
        return None
    better = _cheapest(expr)
    if better == expr:
        return None
    made = lift(better, {symbol: use for use, symbol in leaves.items()})
    return product_of_powers([(made, S.One)], bound)


def _expression(use: Use, leaves: dict[Use, Symbol]) -> Expr | None:
    """The cluster below a term as a SymPy expression of placeholders; None if it is too large to be worth it."""
    node = use.node
    if isinstance(node, Add) and node.terms:
        parts = [(_expression(place(term, use.letters), leaves), c) for c, term in node.terms]
        return None if any(p is None for p, _ in parts) else SymAdd(*(c * p for p, c in parts))
    if isinstance(node, Contract) and not node.bound and all(e.is_Integer for _, e in node.factors):
        powers = [(_expression(place(factor, use.letters), leaves), e) for factor, e in node.factors]
        return None if any(p is None for p, _ in powers) else Mul(*(p**e for p, e in powers))
    if getattr(node, "value", None) is S.One:
        return S.One
    if use not in leaves:
        if len(leaves) >= MAX_OPERATIONS:
            return None
        leaves[use] = _placeholders[len(leaves)]
    return leaves[use]


@lru_cache(maxsize=4096)
def _cheapest(expr: Expr) -> Expr:
    if not _may_improve(expr) or cost(expr) > MAX_OPERATIONS:
        return expr
    candidates = [expr, expand(expr), factor(expr), factor_terms(expand(expr)), cancel(expr)]
    best = min(candidates, key=cost)
    return best if cost(best) < cost(expr) else expr


def _may_improve(expr: Expr) -> bool:
    """Only products of sums, and sums of quotients, have anything to cancel."""
    sums = expr.atoms(SymAdd)
    return bool(sums) and (isinstance(expr, Mul) or len(sums) > 1 or any(p.exp.is_negative for p in expr.atoms(Pow)))


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
