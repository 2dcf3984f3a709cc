"""Terms as functions of one argument: what `univariate` has stable forms of, read off the graph."""

from collections.abc import Iterator
from typing import NamedTuple

from sympy import Add as SymAdd
from sympy import Expr, Float, Number, Pow, Rational, S, exp, log, sqrt

from symgrad.graph.build import ONE, add, apply, is_zero, mul, number, product_of_powers, scale, split_coefficient
from symgrad.graph.facts import is_integral, is_nonnegative
from symgrad.graph.nodes import Add, Apply, Const, Contract, Use
from symgrad.graph.scalar import lift
from symgrad.graph.transform import factors_of, place, see_through, terms_of
from symgrad.univariate import SCALARS, Univariate, X, order_at_zero

# A function of more parts is no textbook function.
_MOST_PARTS = 40


class Reading(NamedTuple):
    """A term as an expression of X, which stands for the argument."""

    expr: Expr
    argument: Use


def reading(use: Use) -> Reading | None:
    """A term as a function of one argument, that of the exponentials or sines in it; None if there is no such one."""
    parts = list(_parts(use))
    if not parts or len(parts) > _MOST_PARTS:
        return None
    found = list(dict.fromkeys(primitive_of(part) for part in parts if part is not None))
    arguments = {argument for _, argument in found}
    if len(arguments) != 1:
        return None
    (argument,) = arguments
    sizes = {abs(coefficient) for coefficient, _ in found}
    if len(sizes) == 1 and sizes != {1}:
        argument = scale(sizes.pop(), argument)
    if any(rooted(factor, e) == argument for factor, e in _powers(use)):
        argument = root_of_square(argument)
    expr = Reader(argument).read(use)
    return None if expr is None or expr.has(Float) else Reading(expr, argument)


def root_of_square(argument: Use) -> Use:
    """√c·u of an argument c·u² of roots, whose derivatives are functions of that again; any other as it is."""
    coefficient, square = split_coefficient(argument)
    root, factors = sqrt(abs(coefficient)), factors_of(square)
    if not (isinstance(root, Rational) and all(e.is_Integer and e.is_even for _, e in factors)):
        return argument
    return scale(root, product_of_powers([(factor, e / 2) for factor, e in factors]))


def _powers(use: Use) -> Iterator[tuple[Use, Number]]:
    """The factors of the products in a term."""
    for _, term in terms_of(see_through(use)):
        for factor, e in factors_of(see_through(term)):
            yield factor, e
            if isinstance(factor.node, Add) and e == 1:
                yield from _powers(factor)


def near_one(use: Use) -> Reading | None:
    """log(1 + u) as a function of u, whatever functions are inside of that."""
    if not (isinstance(use.node, Apply) and use.node.head is log):
        return None
    inner = see_through(place(use.node.args[0], use.letters))
    argument = _shifted(inner)
    return (
        None if argument == inner or ONE not in [term for _, term in terms_of(inner)] else Reading(log(1 + X), argument)
    )


def _parts(use: Use) -> Iterator[Use | None]:
    """The arguments of the functions in a term; None for every other part of it."""
    stack = [use]
    while stack:
        part = see_through(stack.pop())
        node = part.node
        if isinstance(node, Add) or (isinstance(node, Contract) and not node.bound):
            yield None
            roots = [factor for factor, e in factors_of(part) if rooted(factor, e) is not None]
            yield from (_beyond_one(factor) for factor in roots)
            stack.extend(inner for inner in (place(one, part.letters) for one in node.uses()) if inner not in roots)
        elif isinstance(node, Apply) and is_scalar(node.head):
            inner = place(node.args[0], part.letters)
            yield None
            if number(inner) is not None:
                continue
            if node.head is log and _has_function(inner):
                stack.append(inner)
            else:
                yield _shifted(inner) if node.head is log else inner
        elif isinstance(node, Apply) and node.head is Pow and _has_logarithm(part):
            yield exponent_of(part)


def rooted(factor: Use, exponent: Number) -> Use | None:
    """u of a root of 1 + u; None of anything else."""
    if exponent.is_Integer or not exponent.is_Rational or not isinstance(factor.node, Add) or _has_function(factor):
        return None
    return _beyond_one(factor)


def _beyond_one(total: Use) -> Use | None:
    """u of a sum 1 + u; None of any other."""
    terms = terms_of(total)
    rest = [term for term in terms if term[1] != ONE]
    return add(rest) if rest and (S.One, ONE) in terms else None


def is_scalar(head: object) -> bool:
    return head in SCALARS or (isinstance(head, type) and issubclass(head, Univariate))


def _has_function(use: Use) -> bool:
    return any(part is not None for part in _parts(use))


def _shifted(use: Use) -> Use:
    """u of 1 + u: what a logarithm near 1 is a function of."""
    terms = terms_of(use)
    rest = [term for term in terms if term[1].node is not ONE.node]
    return add(rest) if len(rest) == 1 and len(terms) == 2 else use


def primitive_of(use: Use) -> tuple[Number, Use]:
    """c, u with use = c·u, the same u for every multiple; common factors of the terms of a sum stand in front."""
    coefficient, rest = split_coefficient(use)
    if isinstance(rest.node, Contract) and not rest.node.bound:
        parts = [
            (primitive_of(factor) if isinstance(factor.node, Add) and e.is_Integer else (S.One, factor), e)
            for factor, e in factors_of(rest)
        ]
        for (inner, _), e in parts:
            coefficient *= inner**e
        return coefficient, product_of_powers([(factor, e) for (_, factor), e in parts])
    if not isinstance(rest.node, Add) or is_zero(rest):
        return coefficient, rest
    common = _common_factors(rest)
    if common:
        inside = add(
            [(c, product_of_powers([*factors_of(term), *((f, -e) for f, e in common)])) for c, term in terms_of(rest)]
        )
        if is_zero(inside):  # on a diagonal, as A − Aᵀ is
            return S.One, inside
        inner, left = primitive_of(inside)
        return coefficient * inner, product_of_powers([*common, (left, S.One)])
    content, left = split_coefficient(product_of_powers([(rest, S.One)]))  # as products have it
    if not isinstance(left.node, Add) or left.node.terms[0][0].is_positive:
        return coefficient * content, left
    return -coefficient * content, scale(S.NegativeOne, left)


def _common_factors(total: Use) -> list[tuple[Use, Number]]:
    """The factors that all terms of a sum have, with their powers where these are the same."""
    first, *rest = (dict(factors_of(term)) for _, term in terms_of(total))
    return [(f, e) for f, e in first.items() if f.node is not ONE.node and all(other.get(f) == e for other in rest)]


class Reader:
    """Reads terms as expressions of X in place of an argument."""

    def __init__(self, argument: Use) -> None:
        self.argument = argument
        self.coefficient, self.primitive = primitive_of(argument)
        self.powers = dict(factors_of(self.primitive))

    def read(self, use: Use) -> Expr | None:
        value = number(use)
        if value is not None:
            return value
        coefficient, primitive = primitive_of(use)
        if primitive == self.primitive:
            return coefficient / self.coefficient * X
        target = see_through(use)
        node = target.node
        if isinstance(node, Const) and node.value.is_extended_real and node.value.is_finite:
            return node.value
        if isinstance(node, Add):
            return self._sum(target, node)
        if isinstance(node, Contract) and not node.bound:
            return self._product(target)
        if isinstance(node, Apply) and is_scalar(node.head):
            inner = self.read(place(node.args[0], target.letters))
            return None if inner is None else node.head(inner)
        if isinstance(node, Apply) and node.head is Pow and _has_logarithm(target):
            inner = self.read(exponent_of(target))
            return None if inner is None else exp(inner)
        return None

    def _sum(self, use: Use, node: Add) -> Expr | None:
        total = S.Zero
        for coefficient, term in terms_of(use):
            part = self.read(term)
            if part is None:
                return None
            total += coefficient * part
        return total

    def _product(self, use: Use) -> Expr | None:
        powers = dict(factors_of(use))
        times = self.power(powers)
        product = (X / self.coefficient) ** times
        for factor, e in powers.items():
            own = self.powers.get(factor, 0) * times
            if own == e:
                continue
            part = None if own else self.read(factor)
            if part is None:
                return None
            product *= part**e
        return product

    def power(self, powers: dict[Use, Number], strict: bool = True) -> Number:
        """The power of the argument that divides a product; the rest has none of its first factor.

        If that is `strict`, all its factors have to be there.
        """
        first, e = next(iter(self.powers.items()))
        found = powers.get(first, S.Zero) / e
        if not found.is_Integer or (strict and any(factor not in powers for factor in self.powers)):
            return S.Zero
        return found


def _has_logarithm(power: Use) -> bool:
    """Whether b^y has the logarithm y·log b: a whole power also has a value where b is negative."""
    base, exponent = power.node.uses()
    return is_nonnegative(base) or not is_integral(exponent)


def exponent_of(power: Use) -> Use:
    """y·log b for the power b^y."""
    base, exponent = (place(arg, power.letters) for arg in power.node.uses())
    return mul([exponent, apply(log, [base])])


def lift_at(expr: Expr, argument: Use) -> Use:
    """An expression of X as a term."""
    return lift(expr, {X: argument})


def cancels(total: Expr) -> bool:
    """Whether a sum vanishes at 0 to a higher order than its terms."""
    lowest = min((order_at_zero(part) or 0 for part in SymAdd.make_args(total)), default=0)
    return (order_at_zero(total) or 0) > lowest
