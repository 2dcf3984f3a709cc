"""Functions of one argument that lose digits as they are written, each as one function that keeps them.

exp(u) − 1 − u, log(1 − exp(−u)) or (1 − cos u)/u² is a function of the one argument u, whatever u is; `univariate`
finds out whether plain floating point computes it to all digits, and derives code that does.
"""

from collections.abc import Iterator
from typing import NamedTuple

from sympy import Expr, Float, Number, S, log

from symgrad.graph.build import ONE, add, number, scale, split_coefficient
from symgrad.graph.nodes import Add, Apply, Const, Contract, Use
from symgrad.graph.scalar import lift
from symgrad.graph.transform import factors_of, place, see_through, terms_of
from symgrad.rewrite.record import record
from symgrad.univariate import SCALARS, Univariate, X, stable

# A function of more parts is no textbook function.
_LARGEST = 40

DERIVED = "derived from the definition; Higham, Accuracy and Stability of Numerical Algorithms (2002), section 1.14"


class Reading(NamedTuple):
    """A term as an expression of X, which stands for the argument."""

    expr: Expr
    argument: Use


def reading(use: Use) -> Reading | None:
    """A term as a function of one argument, that of the exponentials or sines in it; None if there is no such one."""
    parts = list(_parts(use))
    if not parts or len(parts) > _LARGEST:
        return None
    found = list(dict.fromkeys(_primitive(part) for part in parts if part is not None))
    arguments = {argument for _, argument in found}
    if len(arguments) != 1:
        return None
    (argument,) = arguments
    sizes = {abs(coefficient) for coefficient, _ in found}
    if len(sizes) == 1 and sizes != {1}:
        argument = scale(sizes.pop(), argument)
    expr = _Reader(argument).read(use)
    return None if expr is None or expr.has(Float) else Reading(expr, argument)


def _parts(use: Use) -> Iterator[Use | None]:
    """The arguments of the functions in a term; None for every other part of it."""
    stack = [use]
    while stack:
        part = see_through(stack.pop())
        node = part.node
        if isinstance(node, Add) or (isinstance(node, Contract) and not node.bound):
            yield None
            stack.extend(place(inner, part.letters) for inner in node.uses())
        elif isinstance(node, Apply) and _is_scalar(node.head):
            inner = place(node.args[0], part.letters)
            yield None
            if number(inner) is not None:
                continue
            if node.head is log and _has_function(inner):
                stack.append(inner)
            else:
                yield _shifted(inner) if node.head is log else inner


def _is_scalar(head: object) -> bool:
    return head in SCALARS or (isinstance(head, type) and issubclass(head, Univariate))


def _has_function(use: Use) -> bool:
    return any(part is not None for part in _parts(use))


def _shifted(use: Use) -> Use:
    """u of 1 + u: what a logarithm near 1 is a function of."""
    terms = terms_of(use)
    rest = [term for term in terms if term[1].node is not ONE.node]
    return add(rest) if len(rest) == 1 and len(terms) == 2 else use


def _primitive(use: Use) -> tuple[Number, Use]:
    """c, u with use = c·u, the same u for every multiple."""
    coefficient, rest = split_coefficient(use)
    if not isinstance(rest.node, Add):
        return coefficient, rest
    first = rest.node.terms[0][0]
    if first == 1:
        return coefficient, rest
    return coefficient * first, scale(S.One / first, rest)


class _Reader:
    """Reads terms as expressions of X in place of an argument."""

    def __init__(self, argument: Use) -> None:
        self.argument = argument
        self.coefficient, self.primitive = _primitive(argument)
        self.powers = dict(factors_of(self.primitive))

    def read(self, use: Use) -> Expr | None:
        value = number(use)
        if value is not None:
            return value
        coefficient, primitive = _primitive(use)
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
        if isinstance(node, Apply) and _is_scalar(node.head):
            inner = self.read(place(node.args[0], target.letters))
            return None if inner is None else node.head(inner)
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

    def power(self, powers: dict[Use, Number]) -> Number:
        """The power of the argument that divides a product; the rest has none of its first factor."""
        first, e = next(iter(self.powers.items()))
        found = powers.get(first, S.Zero) / e
        if not found.is_Integer or any(factor not in powers for factor in self.powers):
            return S.Zero
        return found


@record(
    "f(u) as one function of u",
    "as it is written it cancels or overflows where f(u) has a value",
    DERIVED,
)
def one_argument(use: Use) -> Use | None:
    """A sum, product or logarithm that is a function of one argument, and loses digits as it is written."""
    node = use.node
    if not (isinstance(node, Add | Contract) or (isinstance(node, Apply) and (node.head is log))):
        return None
    if isinstance(node, Contract) and node.bound:
        return None
    found = reading(use)
    if found is None:
        return None
    made = stable(found.expr)
    if made == found.expr and not (isinstance(node, Apply) and not made.has(log)):  # the logarithm has gone already
        return None
    return lift_at(made, found.argument)


def lift_at(expr: Expr, argument: Use) -> Use:
    """An expression of X as a term."""
    return lift(expr, {X: argument})
