"""Arrays that equations define: x with F(x, p) = 0.

Inside, the array is a placeholder (`Unknown`), so that the left sides F are ordinary terms, and so is their Jacobian
∂F/∂x, which `calculus.implicit` adds. From outside the placeholder is the solution itself.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from sympy import Basic, Expr, S

from symgrad.arrays import Array
from symgrad.functions.newton import newton
from symgrad.graph.evaluation import GraphEvaluator
from symgrad.graph.kinds.matrices import inverse
from symgrad.graph.kinds.products import reciprocal
from symgrad.graph.kinds.sums import const
from symgrad.graph.letters import relabel
from symgrad.graph.linear_maps import times
from symgrad.graph.node import (
    Leaf,
    Local,
    Node,
    Shape,
    Use,
    each_operand_once,
    intern,
    missing,
    no_sign,
    nothing,
    own,
    postorder,
)
from symgrad.graph.transform import dependents, substitute


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Unknown(Leaf):
    """In equations, the array that solves them: bound by the `Solution` of the same key."""

    key: str
    symbol: Basic

    nonnegative = positive = never_zero = sum_of_squares = probability = integral = infinite = nothing
    sign = no_sign

    def evaluate(self, at: GraphEvaluator) -> Array:
        if self.key not in at.states:
            raise missing(self, "evaluation outside of its equations")
        return at.states[self.key][self.symbol]


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Solution(Node):
    """The array at which `equations`, a term over its axes, are 0, reached from `start`.

    Attributes
    ----------
    coupled : whether entries along the last axis depend on each other; those along the others never do.
    equations : the left sides; of a stationary point that is not differentiated yet the scalar function.
    jacobian : over the axes, of which the last is that of the equations if they are coupled, and one more for that of
        the array then; None as long as it is not known.
    minimum : the number of constraints, where the array is a minimum under these, with their multipliers.
    """

    unknown: Unknown
    coupled: bool
    equations: Use
    jacobian: Use | None
    start: Use
    minimum: Expr | None

    def uses(self) -> tuple[Use, ...]:
        return (self.equations, self.start) if self.jacobian is None else (self.equations, self.start, self.jacobian)

    nonnegative = positive = never_zero = sum_of_squares = probability = integral = infinite = nothing
    operations = each_operand_once
    sign = no_sign

    def rebuild(self, uses: Sequence[Use]) -> Use:
        equations, start, *jacobian = uses
        return solution(self.unknown, self.coupled, equations, jacobian[0] if jacobian else None, start, self.minimum)

    def local(self, number: int) -> Sequence[Local]:
        """ẋ = −(∂F/∂x)⁻¹ Ḟ; the rest has no part in where the equations hold."""
        if self.jacobian is None:
            raise missing(self, "the derivative of equations whose Jacobian is not known")
        if number:
            return []
        jacobian = from_outside(self.jacobian, [self])
        if not self.coupled:
            return [times(self, self.equations, [const(S.NegativeOne), reciprocal(jacobian)])]
        last, row = self.rank - 1, "row"
        length = self.shape[last]
        # of the Jacobian the last letter but one is the equation, of its inverse the entry of the array
        turned = inverse(relabel(jacobian, {last: row, self.rank: last}), row, last, length)
        factors = [const(S.NegativeOne), relabel(turned, {row: last, last: row})]
        return [times(self, relabel(self.equations, {last: row}), factors, {row: length})]

    def stepwise(self) -> Collection[Node]:
        return within(self)

    def evaluate(self, at: GraphEvaluator) -> Array:
        if self.jacobian is None:
            raise missing(self, "evaluation of equations whose Jacobian is not known")
        jacobian, inside = self.jacobian, within(self)
        sides = (*self.shape, *self.shape[self.rank - 1 :]) if self.coupled else self.shape

        def value(of: Use, shape: Shape) -> Callable[[Array], Array]:
            def at_point(x: Array) -> Array:
                at.states[self.unknown.key] = {self.unknown.symbol: x}
                at.again(of.node, inside)
                return at.operand(of, shape)

            return at_point

        left, slopes = value(self.equations, self.shape), value(jacobian, sides)
        found = newton(left, slopes, at.operand(self.start, self.shape), self.coupled)
        for part in inside:
            at.values.pop(part, None)
        at.states.pop(self.unknown.key, None)
        return found


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Solving(Node):
    """A solution whose equations are seen from inside only; `operands` are what these read of what is outside."""

    unknown: Unknown
    coupled: bool
    equations: Use
    jacobian: Use
    start: Use
    minimum: Expr | None
    operands: tuple[Use, ...]

    nonnegative = positive = never_zero = sum_of_squares = probability = integral = infinite = nothing
    operations = each_operand_once
    sign = no_sign

    def uses(self) -> tuple[Use, ...]:
        return (self.start, *self.operands)


def unknown(key: str, symbol: Basic, shape: Shape) -> Unknown:
    return intern(Unknown, shape, key, symbol)


def solution(
    of: Unknown, coupled: bool, equations: Use, jacobian: Use | None, start: Use, minimum: Expr | None = None
) -> Use:
    """The solution in its own letters."""
    return own(intern(Solution, of.shape, of, coupled, equations, jacobian, start, minimum))


def within(node: Solution) -> set[Node]:
    """The nodes that differ from one step of Newton's method to the next."""
    roots = [node.equations.node, *([] if node.jacobian is None else [node.jacobian.node])]
    return dependents(roots, [node.unknown])


def solutions(roots: Iterable[Node]) -> list[Solution]:
    """All that terms are made of."""
    return [node for node in postorder(list(roots)) if isinstance(node, Solution)]


def from_outside(use: Use, found: Sequence[Solution]) -> Use:
    """A term of equations with what solves them in place of the placeholders."""
    below = list(postorder([use.node])) if found else []
    images = {own(node.unknown): own(node) for node in found if node.unknown in below}
    if not images:
        return use
    (made,) = substitute([use], images, {node for node in below if isinstance(node, Solution)})
    return made
