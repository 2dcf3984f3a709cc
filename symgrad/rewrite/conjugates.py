"""Differences of two roots, or of a root and what it nearly is: √(a + x) − √a, √(q² + x²) − q, 1 − q/√(q² + x²)."""

from collections.abc import Iterator

from sympy import Integer, Number, S
from sympy.codegen.cfunctions import hypot

from symgrad.functions.norms import reciprocal_root
from symgrad.graph.build import ONE, add, auxiliary, number, product_of_powers, subtract
from symgrad.graph.facts import is_positive
from symgrad.graph.nodes import Add, Apply, Node, Use
from symgrad.graph.transform import factors_of, place, see_through, terms_of
from symgrad.rewrite.record import HIGHAM, record
from symgrad.rewrite.summands import Term, opposite_terms

Powers = dict[Use, Number]

# Squares of more terms are not compared.
_MOST_TERMS = 8


@record("u − v = (u² − v²)/(u + v) for roots u, v > 0", "u and v cancel where they are near each other", HIGHAM)
def difference_of_roots(use: Use) -> Use | None:
    """Two terms with roots of which the squares cancel by their form, also as summands of sums over the same."""
    for one, other, instead in opposite_terms(use):
        made = _difference(one, other)
        if made is not None:
            return instead(made)
    return None


def _difference(first: Use, second: Use) -> Use | None:
    """The difference of two products without cancellation; None if that is not seen to need their squares."""
    over = [_powers(part) for part in (first, second)]
    if not any(_is_root(factor, e) for part in over for factor, e in part.items()):
        return None
    common = {f: min(over[0].get(f, S.Zero), over[1].get(f, S.Zero)) for f in {**over[0], **over[1]}}
    left = [{f: part.get(f, S.Zero) - e for f, e in common.items() if part.get(f, S.Zero) != e} for part in over]
    if not all(is_positive(factor) or _is_root(factor, e) for part in left for factor, e in part.items()):
        return None
    if not any(all(map(_is_never_zero, part)) for part in left):
        return None  # 0/0
    squares = [_square(part) for part in left]
    if None in squares:
        return None
    one, other = (square for square in squares if square is not None)
    gap = subtract(one, other)
    if number(gap) == 0 or len(terms_of(gap)) >= max(len(terms_of(one)), len(terms_of(other))):
        return None
    roots = [product_of_powers(list(part.items())) for part in left]
    total = auxiliary("sum", add([(S.One, root) for root in roots]))
    return product_of_powers([*((f, e) for f, e in common.items() if e), (gap, S.One), (total, S.NegativeOne)])


def _powers(product: Use) -> Powers:
    """The factors of a product, with u^(-1/2) for what is 1/√u, and 0 where u is, of a positive u."""
    made: Powers = {}
    for factor, e in factors_of(product) if product != ONE else []:
        if isinstance(factor.node, Apply) and factor.node.head is reciprocal_root:
            inside = place(factor.node.args[0], factor.letters)
            factor, e = (inside, -e / 2) if _is_never_zero(inside) else (factor, e)
        made[factor] = made.get(factor, S.Zero) + e
    return made


def _is_root(factor: Use, exponent: Number) -> bool:
    node = see_through(factor).node
    return _is_hypot(node) or (exponent.is_Rational and exponent.q == 2 and isinstance(node, Add))


def _is_never_zero(use: Use) -> bool:
    legs = [place(arg, use.letters) for arg in use.node.uses()] if _is_hypot(use.node) else []
    return is_positive(use) or any(map(_is_never_zero, legs))


def _is_hypot(node: Node) -> bool:
    return isinstance(node, Apply) and node.head is hypot


def _square(part: Powers) -> Use | None:
    """The square of a product, multiplied out; None if that has a root left, or many terms."""
    powers = [pair for factor, e in part.items() for pair in _doubled(see_through(factor), 2 * e)]
    if not all(e.is_Integer and e.is_positive for _, e in powers):
        return None
    made = ONE
    for factor, e in powers:
        if not isinstance(factor.node, Add):
            made = add(list(_times(product_of_powers([(factor, e)]), made)))
            continue
        for _ in range(int(e)):
            made = add([(c * d, part) for c, term in terms_of(factor) for d, part in _times(term, made)])
            if len(terms_of(made)) > _MOST_TERMS:
                return None
    return made


def _doubled(factor: Use, exponent: Number) -> list[tuple[Use, Number]]:
    """A power, that of a hypotenuse as one of the sum of squares that it is the root of."""
    if not _is_hypot(factor.node):
        return [(factor, exponent)]
    legs = [place(arg, factor.letters) for arg in factor.node.uses()]
    squares = [factors for leg in legs for factors in _doubled(leg, Integer(2))]
    return [(add([(S.One, product_of_powers([pair])) for pair in squares]), exponent / 2)]


def _times(factor: Use, total: Use) -> Iterator[Term]:
    for c, term in terms_of(total):
        yield c, product_of_powers([(factor, Integer(1)), (term, Integer(1))])
