"""Scalar functions, relations and conditions, entry by entry.

Normal form: constants folded, a sign pulled out of odd and even functions: sin(v - u) = -sin(u - v).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import Any

from sympy import (
    Abs,
    And,
    Eq,
    Expr,
    Max,
    Min,
    Ne,
    Number,
    Or,
    Pow,
    S,
    asinh,
    atan,
    besseli,
    beta,
    cosh,
    erf,
    erfc,
    exp,
    factorial,
    gamma,
    log,
    loggamma,
    sech,
    sign,
    sinh,
    tanh,
)
from sympy.codegen.cfunctions import log1p, log2, log10
from sympy.logic.boolalg import BooleanFalse, BooleanTrue

from symgrad.arrays import Array
from symgrad.functions import constant, if_else, in_range, log_sigmoid, ndtr, relu, share, sigmoid, softplus
from symgrad.functions.normal import exp_ndtr
from symgrad.functions.values import function_value
from symgrad.graph.evaluation import GraphEvaluator, entrywise
from symgrad.graph.facts import is_integral, is_never_zero, is_nonnegative, may_be_infinite
from symgrad.graph.kinds.leaves import ONE, Const, boolean
from symgrad.graph.kinds.sums import Add, const, is_mirrored, is_zero, number, scale
from symgrad.graph.letters import canonical_order, free_letters, numbered, place, sizes_of
from symgrad.graph.linear_maps import Branch, Slope, axes_of
from symgrad.graph.node import Known, Local, Node, Order, SignRule, Use, intern, nothing
from symgrad.graph.parity import parity
from symgrad.graph.symmetry import between, equal, moved, symmetric

# What is known of the values of functions.
_NONNEGATIVE = (exp, share, sigmoid, softplus, cosh, sech, relu, Abs, ndtr, erfc)
_OF_ONE_SIGN = (Pow, tanh, sinh, atan, asinh, erf)  # not negative where their argument is not
_POSITIVE = (exp, sigmoid, softplus, cosh, sech, ndtr, erfc, exp_ndtr)
LOGARITHMS = (log, log2, log10)
_UNBOUNDED = (softplus, relu, Abs, Max, Min, log_sigmoid, constant)  # infinite where their arguments are
# Functions whose arguments may change places.
_COMMUTATIVE = (Max, Min, And, Or, Eq, Ne)


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Apply(Node):
    """A scalar SymPy function, relation or condition applied entry by entry."""

    shares_letters = True

    head: Any
    args: tuple[Use, ...]

    def uses(self) -> tuple[Use, ...]:
        return self.args

    sum_of_squares = nothing

    def operations(self) -> Expr:
        return prod(self.shape, start=S.One)

    def rebuild(self, uses: Sequence[Use]) -> Use:
        return apply(self.head, uses)

    def local(self, number: int) -> Sequence[Local]:
        use = self.args[number]
        if self.head is not if_else:
            return [Local(use, Slope(axes_of(self), number))]
        if number == 0:
            return []
        # to the branch taken and nowhere else: masked, not multiplied
        return [Local(use, Branch(axes_of(self), self.args[0], number == 1))]

    def evaluate(self, at: GraphEvaluator) -> Array:
        operands = self.args[:2] if self.head is in_range else self.args  # its third is the text of a message
        values = [at.aligned(use, range(self.rank)) for use in operands]
        if self.head is if_else:
            return entrywise(lambda condition, yes, no: yes if condition else no, *values)
        return entrywise(partial(function_value, self.head), *values)

    def sign(self, order: Order) -> SignRule:
        turned = [moved(use, order) for use in self.args]
        if self.head in _COMMUTATIVE:
            return 1 if (yield from equal(turned, self.args)) else None
        signs = set()
        for n, (use, other) in enumerate(zip(turned, self.args, strict=True)):
            if self.head is if_else and n and is_zero(other):
                continue  # as well minus itself
            sign = yield from between(use, other)
            if sign is None or (self.head is if_else and n == 0 and sign != 1):
                return None
            if self.head is not if_else or n:
                signs.add(sign)
        if signs == {1}:
            return 1
        if self.head is if_else:
            return -1 if signs == {-1} else None
        known = parity(self.head) if len(self.args) == 1 else None
        return None if known is None else int(known)

    def nonnegative(self, known: Known) -> bool:
        if self.head is log:
            return _is_at_least_one(self.args[0].node)
        if self.head in (if_else, Min):
            return all(known(arg.node) for arg in self.args[-2:])
        if self.head is Max:
            return any(known(arg.node) for arg in self.args)
        return self.head in _NONNEGATIVE or (self.head in _OF_ONE_SIGN and known(self.args[0].node))

    def positive(self, known: Known) -> bool:
        if self.head is if_else:
            return all(known(arg.node) for arg in self.args[1:])
        if self.head is factorial:
            return is_nonnegative(self.args[0]) or is_integral(self.args[0])
        if self.head is gamma:
            return known(self.args[0].node) or is_integral(self.args[0])
        if self.head in (beta, besseli):
            return all(known(arg.node) for arg in self.args[self.head is besseli :])
        return self.head in _POSITIVE or (self.head is Pow and known(self.args[0].node))

    def never_zero(self, known: Known) -> bool:
        if self.head is exp:
            return not may_be_infinite(self.args[0])
        if self.head is Max:
            return any(known(arg.node) for arg in self.args)
        return self.head is Pow and known(self.args[0].node)

    def probability(self, known: Known) -> bool:
        return self.head in (sigmoid, ndtr)

    def integral(self, known: Known) -> bool:
        if self.head is Pow and not is_nonnegative(self.args[1]):
            return False
        return self.head in (Pow, Abs, Max, Min, sign) and all(known(arg.node) for arg in self.args)

    def infinite(self, known: Known) -> bool:
        if self.head in LOGARITHMS:
            return not is_never_zero(self.args[0])
        if self.head is if_else:
            return any(known(arg.node) for arg in self.args[1:])
        return self.head in (log1p, loggamma) or (self.head in _UNBOUNDED and any(known(a.node) for a in self.args))


def apply(head: Any, args: Sequence[Use]) -> Use:
    """A scalar function, relation or condition of its arguments, entry by entry."""
    values = [number(use) for use in args]
    if all(value is not None for value in values) or (head is exp and values == [S.Zero]):
        folded = head(*values)
        if isinstance(folded, bool | BooleanTrue | BooleanFalse):  # by type: in Python 1 == True
            return boolean(bool(folded))
        if isinstance(folded, Number):
            return const(folded)
    if head is Pow and values[0] == 1:
        return ONE
    if head is if_else:
        condition, yes, no = args
        if isinstance(condition.node, Const):
            return yes if condition.node.value is S.true else no
        if yes == no:
            return yes
    if len(args) == 1:
        inner = args[0]
        if head in (And, Or):
            return inner
        if head is log and isinstance(inner.node, Apply) and inner.node.head is exp:
            return place(inner.node.args[0], inner.letters)
        if isinstance(inner.node, Add) and is_mirrored(inner.node):
            known = parity(head)
            if known is not None:
                return scale(known, apply(head, [scale(S.NegativeOne, inner)]))
    numbers = {letter: n for n, letter in enumerate(free_letters(args))}
    if len(args) > 1 and any(symmetric(use.node) for use in args):  # not by which of two equal spellings was given
        _, numbers = canonical_order([((n,), use) for n, use in enumerate(args)])
    sizes = sizes_of(args)
    node = intern(Apply, tuple(sizes[x] for x in numbers), head, tuple(numbered(use, numbers) for use in args))
    return Use(node, tuple(numbers))


def _is_at_least_one(node: Node) -> bool:
    """Whether a sum has a number of at least one beside terms that are never negative."""
    if not isinstance(node, Add) or not is_nonnegative(Use(node, ())):
        return False
    return any(isinstance(part.node, Const) and c * part.node.value >= 1 for c, part in node.terms)
