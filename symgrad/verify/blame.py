"""Which operation loses the digits of a result: the one that, by itself in float64, makes the result as wrong as it is.

The terms that the code is printed from are evaluated to many digits. An operation is a *suspect* where float64, which
has its operands right but for the last place, makes another number of them than it should, or cannot hold that number.
Few suspects do harm: exp(-1000) is 0 in float64, and beside 1 that is right. So everything is evaluated once more with
a suspect as float64 has it and all else to many digits, and the suspect is to blame for the entries of the result that
are wrong by that.

Within a recurrence this is done at every step.
"""

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

import mpmath
import numpy as np
from mpmath import mpf

from symgrad.functions.values import as_mpf
from symgrad.graph.limited_evaluation import LimitedEvaluator
from symgrad.graph.nodes import Add, Node, Shape, Use
from symgrad.graph.transform import dependents
from symgrad.verify.arrays import EPS, Array, Inputs
from symgrad.verify.compiled import UNDEFINED

CANCELS, OVERFLOWS, UNDERFLOWS = "cancels", "overflows", "underflows"

LARGEST = mpf(float(np.finfo(np.float64).max))
SMALLEST = mpf(float(np.finfo(np.float64).tiny))  # numbers below it have fewer digits
_PRECISION = np.finfo(np.float64).nmant + 1
_SHARE = 0.1  # of an error that an operation explains: others that are as wrong add up with it
_MOST_SUSPECTS = 40  # that are tried at one place


class Blame:
    """The suspects among the operations of some terms, at some inputs.

    Parameters
    ----------
    terms : what is computed, with its axes.
    inputs, sizes : where.
    digits : of what is exact.
    tolerance : relative to an operation's result, from which on it is wrong.
    """

    def __init__(
        self,
        terms: Sequence[tuple[Use, Shape]],
        inputs: Inputs,
        sizes: Mapping[Any, int],
        digits: int,
        tolerance: float,
    ) -> None:
        self._terms, self._digits, self._tolerance = terms, digits, tolerance
        self._exact = _Watching(inputs, sizes, tolerance)
        with mpmath.workdps(digits):
            self._right = _evaluated(self._exact, self._terms)  # nan where it cannot be evaluated

    def culprits(
        self, wrong: Sequence[int], got: Array, right: Array, first: Sequence[Node] = ()
    ) -> dict[int, tuple[Node, str]]:
        """For the entries of the results that are wrong the operation that is to blame, and what it does.

        Parameters
        ----------
        wrong : which entries, of the results in a row.
        got, right : the results as they are and as they should be.
        first : operations that are tried before others.
        """
        suspects = self._exact.suspects
        order = [*(node for node in first if node in suspects), *(node for node in suspects if node not in first)]
        trials = [(node, False) for node in order[:_MOST_SUSPECTS]]
        trials += [(node, True) for node, _ in trials if suspects[node] == OVERFLOWS or isinstance(node, Add)]
        left = {k for k in wrong if _distance(self._right[k], right[k]) <= self._tolerance * abs(right[k])}
        found, most = dict[int, tuple[Node, str]](), dict[int, Any]()
        for node, wild in trials:
            if not left:
                break
            result = self._with(node, wild)
            for k in list(left):
                effect, error = _distance(result[k], right[k]), _distance(got[k], right[k])
                if mpmath.isinf(effect) != mpmath.isinf(error):
                    continue  # what makes nan of a number does not explain another number, nor that a nan
                if effect > most.get(k, 0) and effect >= _SHARE**2 * error:
                    most[k], found[k] = effect, (node, suspects[node])
                if effect >= _SHARE * error:
                    left.discard(k)
        return found

    def _with(self, node: Node, wild: bool) -> Array:
        """The results with an operation as float64 has it.

        `wild` as bad as it may be: a sum is off by rounding errors of its largest term, and overflows to nan.
        """
        with mpmath.workdps(self._digits):
            return _evaluated(_Instead(self._exact, node, self._terms, wild), self._terms)


def _evaluated(evaluate: LimitedEvaluator, terms: Sequence[tuple[Use, Shape]]) -> Array:
    """The terms in a row; nan for one that cannot be evaluated."""

    def value(term: Use, shape: Shape) -> Array:
        found = np.asarray(mpmath.nan, dtype=object)
        with contextlib.suppress(*UNDEFINED):
            found = evaluate(term, len(shape))
        return np.ravel(np.broadcast_to(found, evaluate.shape(shape)))

    return np.concatenate([value(*term) for term in terms])


def _distance(a: Any, b: Any) -> Any:
    difference = abs(mpf(a) - mpf(b))
    return mpf("inf") if mpmath.isnan(difference) else difference


class _Alone(LimitedEvaluator):
    """An evaluator that can evaluate one operation as float64 does, of operands rounded to it."""

    def in_double(self, node: Node) -> Array:
        """What float64 makes of the operands as they are."""
        whole = self.values
        self.values = {use.node: _rounded(whole[use.node], off=1.0) for use in node.uses()}
        try:
            with mpmath.workprec(_PRECISION):
                found: Array = _rounded(super().value(node))
                return found
        except UNDEFINED:
            return np.full(self.shape(node.shape), mpmath.nan, dtype=object)
        finally:
            self.values = whole

    def wild(self, node: Node, near: Array) -> Array:
        """The same where a sum is off by rounding errors of its largest term, and overflows to nan."""
        if isinstance(node, Add):
            terms = [abs(self.operand(use, node.shape) * as_mpf(coefficient)) for coefficient, use in node.terms]
            near = near + EPS * np.max(np.broadcast_arrays(*terms), axis=0)
        return np.where(abs(near) > LARGEST, mpmath.nan, near)


class _Watching(_Alone):
    """Exact values, and the operations that float64 makes something else of."""

    def __init__(self, inputs: Inputs, sizes: Mapping[Any, int], tolerance: float) -> None:
        super().__init__(inputs, sizes)
        self.suspects: dict[Node, str] = {}
        self._tolerance = mpf(tolerance)

    def value(self, node: Node) -> Any:
        exact = super().value(node)
        if node not in self.suspects and _is_operation(node, exact):
            near = self.in_double(node)
            problem = self._problem(exact, near) or (
                isinstance(node, Add) and self._problem(exact, self.wild(node, near))
            )
            if problem:
                self.suspects[node] = problem
        return exact

    def _problem(self, exact: Array, near: Array) -> str:
        """What float64 does to an operation; nothing if it is right."""
        for a, b in zip(exact.flat, near.flat, strict=True):
            if not isinstance(a, mpf) or not mpmath.isfinite(a):
                continue
            if abs(a) > LARGEST:
                return OVERFLOWS
            if a and abs(a) < SMALLEST:
                return UNDERFLOWS
            if isinstance(b, mpf) and mpmath.isfinite(b) and abs(a - b) > self._tolerance * abs(a):
                return CANCELS
        return ""


class _Instead(_Alone):
    """Values to many digits, but for one operation that is as float64 has it."""

    def __init__(self, exact: LimitedEvaluator, node: Node, terms: Sequence[tuple[Use, Shape]], wild: bool) -> None:
        super().__init__(exact.inputs, exact.sizes, strict=wild)
        after = dependents([use.node for use, _ in terms], [node])
        self.values = {other: value for other, value in exact.values.items() if other not in after}
        self._node, self._wild = node, wild

    def value(self, node: Node) -> Any:
        if node is not self._node:
            return super().value(node)
        found = self.in_double(node)
        return self.wild(node, found) if self._wild else found


def _is_operation(node: Node, value: Any) -> bool:
    """Whether a node is made of others in one step."""
    return isinstance(value, np.ndarray) and bool(node.uses()) and not node.stepwise() and node.definition() is None


def _rounded(value: Any, off: float = 0.0) -> Any:
    """The numbers as float64 holds them, `off` by so many ulp where it does not hold them exactly.

    What is no array of numbers stays as it is.
    """
    if not isinstance(value, np.ndarray):
        return value
    made = np.empty(value.size, dtype=object)
    errors = np.random.default_rng(0).choice([-off * EPS, off * EPS], size=value.size)
    for n, (number, error) in enumerate(zip(value.flat, errors, strict=True)):
        made[n] = number
        if isinstance(number, mpf):
            near = float(number)
            made[n] = number if near == number else mpf(near * (1 + error))
    return made.reshape(value.shape)
