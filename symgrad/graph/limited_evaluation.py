"""Evaluators of the graph that give up where numbers are too large, and that round as float64 does."""

from functools import lru_cache
from typing import Any

import mpmath
import sympy as sp
from mpmath import mpf

from symgrad.arrays import np
from symgrad.functions import LogSumExp
from symgrad.graph.evaluation import GraphEvaluator
from symgrad.graph.node import own
from symgrad.graph.nodes import Apply, AxisMap, Input, Node, Reduce, Use

# The size of an argument, as a power of 2, beyond which mpmath takes too long: exponentials by their exponent's digits.
_WITHOUT_LIMIT = frozenset(
    [
        *("constant", "finite_maximum", "if_else", "log", "log1p", "Abs", "sign"),
        *("Max", "Min", "floor", "ceiling", "atan", "asinh", "hypot"),
    ]
)
_OF_EXPONENTIALS, _OF_EXPONENTS, _OF_OTHERS = 4000, 500, 40  # powers are multiplied out, by as many digits
_SUBSCRIPTS = 2**31
_EXPONENTIAL = frozenset(
    ["exp", "sinh", "cosh", "tanh", "sigmoid", "softplus", "log_sigmoid", "expm1", "erf", "erfc", "sin", "cos"]
)


class TooFar(Exception):
    """A number beyond what can be evaluated."""


class LimitedEvaluator(GraphEvaluator):
    """The values of terms at the precision of the moment, as long as no function takes forever."""

    def value(self, node: Node) -> Any:
        for use, most in _limits(node):
            for number in self.aligned(use, range(len(use.letters))).flat:
                if isinstance(number, mpf) and number.man and number.exp + number.bc > most:
                    raise TooFar
        return super().value(node)


def _limits(node: Node) -> list[tuple[Use, int]]:
    """The arguments of a function that has limits, with these."""
    if isinstance(node, AxisMap) or (isinstance(node, Reduce) and node.head is LogSumExp):
        return [(own(node.arg.node), _OF_EXPONENTIALS)]
    if not isinstance(node, Apply):
        return []
    if node.head is sp.Pow:
        return [(own(node.args[1].node), _OF_EXPONENTS)]
    if not isinstance(node.head, sp.FunctionClass) or node.head.__name__ in _WITHOUT_LIMIT:
        return []
    most = _OF_EXPONENTIALS if node.head.__name__ in _EXPONENTIAL else _OF_OTHERS
    return [(own(use.node), most) for use in node.args]


class RoundedEvaluator(LimitedEvaluator):
    """The same with a rounding error in every intermediate result, as in float64: what absorbs or cancels shows.

    The errors are up to an ulp, of no pattern, and always the same. Whole numbers that subscripts may be made of stay.
    """

    def value(self, node: Node) -> Any:
        value = super().value(node)
        if not isinstance(value, np.ndarray) or isinstance(node, Input):
            return value
        made = np.empty(value.size, dtype=object)
        factors = _factors(len(self.values), value.size, mpmath.mp.prec)
        for n, (number, factor) in enumerate(zip(value.flat, factors, strict=True)):
            exact = not isinstance(number, mpf) or (number.exp >= 0 and abs(number) < _SUBSCRIPTS)  # a whole number
            made[n] = number if exact else number * factor
        return made.reshape(value.shape)


@lru_cache(4096)
def _factors(seed: int, count: int, precision: int) -> list[mpf]:
    """Rounding errors as what numbers are multiplied by, at a precision of mpmath."""
    return [1 + mpf(error) for error in np.random.default_rng(seed).uniform(-(2.0**-52), 2.0**-52, count)]
