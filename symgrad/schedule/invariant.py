"""Terms of a sum that need not be computed for each entry: constants, and what depends on data alone."""

from collections.abc import Collection, Sequence

from sympy import Number, S

from symgrad.graph.build import add, mul, product_of_powers
from symgrad.graph.nodes import Add, Apply, Contract, Input, Letter, Named, Node, Shape, Use, postorder
from symgrad.graph.transform import factors_of, place, rebuilt, terms_of, transform
from symgrad.rewrite.record import record

Terms = list[tuple[Number, Use]]


@record("Σₙ (a + b·fₙ + dₙ) = N·a + b·Σₙ fₙ + Σₙ dₙ", "no pass over the entries for a, b or d", "distributive law")
def take_out(roots: Sequence[Use], parameters: Collection[str]) -> list[Use]:
    """Σ_n (log σ + f[n]/σ² + log Γ(y[n])) = N·log σ + (Σ_n f[n])/σ² + Σ_n log Γ(y[n]), where y are data.

    Then the first is no array, the second perhaps needed otherwise, and the third the same for all parameters. Where
    a term that is left is not computed, but part of what the model is given, a difference may be exact: that stays.
    """

    def visit(node: Node, uses: tuple[Use, ...]) -> Use | None:
        made = rebuilt(node, uses)
        if not isinstance(made.node, Contract) or not made.node.bound or len(made.node.factors) != 1:
            return made
        better = _taken_out(made.node, parameters)
        return made if better is None else place(better, made.letters)

    return transform(roots, visit)


def _taken_out(node: Contract, parameters: Collection[str]) -> Use | None:
    ((factor, exponent),) = node.factors
    bound = dict(enumerate(node.bound, node.rank))
    if exponent != 1 or not isinstance(factor.node, Add):
        return None
    constant: Terms = []
    of_data: Terms = []
    rest: Terms = []
    for c, term in terms_of(factor):
        if not bound.keys() & set(term.letters):
            constant.append((c, term))
        elif not bound.keys() <= set(term.letters) or not _is_computed(term.node):
            return None
        else:
            (of_data if _is_costly(term, parameters) else rest).append((c, term))
    if not rest or not (constant or of_data):
        return None
    whole = [(c, product_of_powers([(term, S.One)], bound)) for c, term in constant]
    whole += [(S.One, product_of_powers([(add(part), S.One)], bound)) for part in (of_data,) if part]
    if len(rest) > 1:
        return add([*whole, (S.One, product_of_powers([(add(rest), S.One)], bound))])
    return add([*whole, (rest[0][0], _summed(rest[0][1], bound))])


def _is_computed(node: Node) -> bool:
    """Whether a term has a rounding error of its own, which that of its sum is no more than."""
    return isinstance(node, Apply | Contract) or (isinstance(node, Named) and _is_computed(node.arg.node))


def _is_costly(term: Use, parameters: Collection[str]) -> bool:
    """Whether a term is a function of data alone, beside which a sum of its own does not count."""
    below = list(postorder([term.node]))
    return any(isinstance(node, Apply) for node in below) and not any(
        isinstance(node, Input) and node.name in parameters for node in below
    )


def _summed(term: Use, bound: dict[Letter, Shape]) -> Use:
    """The sum of a term, with what it does not depend on outside."""
    if not isinstance(term.node, Contract) or term.node.bound:
        return product_of_powers([(term, S.One)], bound)
    factors = factors_of(term)
    outside = [(use, e) for use, e in factors if not bound.keys() & set(use.letters)]
    inside = [(use, e) for use, e in factors if bound.keys() & set(use.letters)]
    return mul([product_of_powers(outside), product_of_powers(inside, bound)])
