"""Audits the digits of a generated module: value and gradient on a logarithmic grid of each input, against mpmath.

Every input in turn, and all of them together, is scaled to 10^k for k from -300 to 300, with either sign, as far as the
facts allow it; the truth is the formula at so many digits that no cancellation reaches the last sixteen. An entry loses
digits where it is off by more than `TOLERANCE` relative to its own size and to what rounding errors of the inputs do to
it (the condition of the problem); where the true number is finite, an infinity or a nan is wrong.

What is to blame is found in the graph that the code is printed from: it is evaluated once at the precision of float64
and once exactly, and the first operation that is wrong although its operands are right is named.
"""

import contextlib
import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np
import sympy as sp
from mpmath import mpf
from sympy import Basic

from symgrad.graph.nodes import Apply, Input, Node, Use, postorder
from symgrad.verify.arrays import EPS, count, entry_name, largest, moved
from symgrad.verify.graph_eval import GraphEvaluator
from symgrad.verify.report import Finding, Run
from symgrad.verify.sampling import Draw

TOLERANCE = 1e-12
"""Times the condition: about 4,500 rounding errors, of which right code seldom has ten."""

EXPONENTS = (0, *(sign * k for k in (1, 2, 3, 4, 6, 9, 12, 20, 60, 150, 300) for sign in (-1, 1)))
MOST_EVALUATIONS = 600  # of the model at a grid point; what is left out is said
MOST_NUMBERS = 500  # of the inputs: at hundreds of digits each operation takes microseconds
_DIGITS = 100  # of the truth, where inputs are of a usual size; for 10^k it takes 2k more
_SHOWN = 12

_LARGEST, _SMALLEST = mpf(float(np.finfo(np.float64).max)), mpf(10) ** -290
_MOVES = 2

# The size of an argument, as a power of 2, beyond which mpmath takes too long: exponentials by their exponent's digits.
_WITHOUT_LIMIT = (sp.log, sp.Abs, sp.sign, sp.Max, sp.Min, sp.Pow, sp.floor, sp.ceiling, sp.atan)
_OF_EXPONENTIALS, _OF_OTHERS = 4000, 40
_SUBSCRIPTS = 2**31
_EXPONENTIAL = {
    "exp",
    "sinh",
    "cosh",
    "tanh",
    "sigmoid",
    "softplus",
    "log_sigmoid",
    "expm1",
    "erf",
    "erfc",
    "sin",
    "cos",
}


@dataclass(frozen=True)
class Audited:
    """What is audited.

    Attributes
    ----------
    loss, gradient : the formulas, by the parameters in order.
    computed : the terms that the code computes: the loss, then the gradient.
    parameters : the nodes of the parameters.
    call : `value_and_gradient` of the module, from a dictionary of inputs.
    scaled : the names of the real inputs.
    allowed : whether inputs satisfy the facts.
    text : what a report calls an operation of the graph.
    """

    loss: Use
    gradient: Sequence[Use]
    computed: Sequence[Use]
    parameters: Sequence[Input]
    call: Callable[[Mapping[str, Any]], tuple[Any, Sequence[Any]]]
    scaled: Sequence[str]
    allowed: Callable[[dict[str, Any]], bool]
    text: Callable[[Node], str]


@dataclass(frozen=True)
class Loss:
    """An entry that is wrong at a grid point: what it is and should be, where, and by which operation."""

    label: str
    got: float
    right: float
    at: str
    culprit: str

    @property
    def error(self) -> float:
        """Relative to what is right."""
        return abs(self.got - self.right) / abs(self.right) if math.isfinite(self.got) and self.right else math.inf


def audit(subject: Audited, draw: Draw) -> Run:
    """The findings of an audit, as one run of a report.

    Parameters
    ----------
    subject : the model and its module.
    draw : inputs of a usual size, from which the grid starts.
    """
    title = "the digits on a logarithmic grid of each input"
    if count(draw.inputs) > MOST_NUMBERS:
        note = f"not looked at: the inputs hold more than {MOST_NUMBERS} numbers; give sizes= that are smaller"
        return Run(title, findings=(Finding("digits on a logarithmic grid", "inconclusive", note),))
    points = list(_grid(subject, draw))
    losses = [
        loss for inputs, at, digits in points[:MOST_EVALUATIONS] for loss in _point(subject, draw, inputs, at, digits)
    ]
    worst: dict[tuple[str, str], Loss] = {}
    for loss in losses:
        key = (loss.label.partition("[")[0], loss.culprit)
        if key not in worst or worst[key].error < loss.error:
            worst[key] = loss
    findings = [_finding(loss) for loss in list(worst.values())[:_SHOWN]]
    if not findings:
        findings = [Finding(f"digits at {min(len(points), MOST_EVALUATIONS)} points of the grid", "pass")]
    notes = [f"{len(worst) - _SHOWN} more kinds of lost digits"] if len(worst) > _SHOWN else []
    notes += [f"{MOST_EVALUATIONS} of {len(points)} points were looked at"] if len(points) > MOST_EVALUATIONS else []
    return Run(title, findings=tuple(findings), notes=tuple(notes))


def point_findings(subject: Audited, draw: Draw) -> list[Finding]:
    """The findings of an audit at one draw of inputs, as it is."""
    losses = list(_point(subject, draw, draw.inputs, "these inputs", _DIGITS))
    return [_finding(loss) for loss in losses[:_SHOWN]] or [Finding("the digits of value and gradient", "pass")]


def _finding(loss: Loss) -> Finding:
    blame = f"; what loses them: {loss.culprit}" if loss.culprit else "; the operations by themselves are right"
    return Finding(f"digits of {loss.label}", "fail", f"{loss.got!r} at {loss.at}, right is {loss.right!r}{blame}")


def _grid(subject: Audited, draw: Draw) -> Iterator[tuple[dict[str, Any], str, int]]:
    """Inputs on the grid that satisfy the facts, how a report describes them, and how many digits the truth needs."""
    groups: list[tuple[str, ...]] = [(name,) for name in subject.scaled]
    groups += [tuple(subject.scaled)] if len(groups) > 1 else []
    for exponent, sign, names in itertools.product(EXPONENTS, (1.0, -1.0), groups):
        inputs = dict(draw.inputs)
        for name in names:
            base = np.asarray(draw.inputs[name], dtype=np.float64)
            scaled = sign * (base / (largest(base) or 1.0)) * 10.0**exponent
            inputs[name] = scaled if base.ndim else np.float64(scaled)
        if subject.allowed(inputs):
            scale = f"{'-' if sign < 0 else ''}1e{exponent}"
            values = [f"{name} = {float(inputs[name])!r}" for name in names if np.ndim(inputs[name]) == 0]
            at = ", ".join(values) if len(values) == len(names) else f"{', '.join(names)} scaled to {scale}"
            yield inputs, at, _DIGITS + 2 * abs(exponent)


class TooFar(Exception):
    """A number beyond what can be evaluated."""


class LimitedEvaluator(GraphEvaluator):
    """The values of terms at the precision of the moment, as long as no function takes forever."""

    def _apply(self, node: Apply) -> Any:
        if node.head not in _WITHOUT_LIMIT and isinstance(node.head, sp.FunctionClass):
            most = _OF_EXPONENTIALS if node.head.__name__ in _EXPONENTIAL else _OF_OTHERS
            for use in node.args:
                for number in self._aligned(use, range(node.rank)).flat:
                    if isinstance(number, mpf) and mpmath.isfinite(number) and number and mpmath.mag(number) > most:
                        raise TooFar
        return super()._apply(node)

    def known(self, node: Node) -> Any:
        """The value of a node that has been evaluated; None for a step of a recurrence."""
        return self._values.get(node)


class RoundedEvaluator(LimitedEvaluator):
    """The same with a rounding error in every intermediate result, as in float64: what absorbs or cancels shows.

    The errors are up to an ulp, of no pattern, and always the same. Whole numbers that subscripts may be made of stay.
    """

    def _rule(self, node: Node) -> Any:
        value = super()._rule(node)
        if not isinstance(value, np.ndarray) or isinstance(node, Input):
            return value
        errors = np.random.default_rng(len(self._values)).uniform(-(2.0**-52), 2.0**-52, value.size)
        made = np.empty(value.shape, dtype=object)
        for n, (number, error) in enumerate(zip(value.flat, errors, strict=True)):
            exact = not isinstance(number, mpf) or (abs(number) < _SUBSCRIPTS and number == int(number))
            made[np.unravel_index(n, value.shape)] = number if exact else number * (1 + mpf(error))
        return made


def _point(subject: Audited, draw: Draw, inputs: dict[str, Any], at: str, digits: int) -> Iterator[Loss]:
    """What is wrong at one point of the grid."""
    with np.errstate(all="ignore"):
        try:
            got = _flat(subject.call(inputs))
        except (ArithmeticError, ValueError, np.linalg.LinAlgError):
            got = None
        with mpmath.workdps(digits):
            right = _truth(subject, inputs, draw.sizes)
            if right is None:
                return
            labels = _labels(subject, inputs)
            if got is None or len(got) != len(right):
                got = [math.nan] * len(right)
            wrong = [k for k, pair in enumerate(zip(got, right, strict=True)) if _is_off(*pair, mpf(0))]
            if not wrong:
                return
            noise = _noise(subject, inputs, draw.sizes, right)
            wrong = [k for k in wrong if _is_off(got[k], right[k], noise[k])]
        for k in wrong:
            yield Loss(
                labels[k], float(got[k]), float(right[k]), at, _culprit(subject, inputs, draw.sizes, labels[k], digits)
            )


def _is_off(got: float, right: Any, noise: Any) -> bool:
    if not mpmath.isfinite(right) or abs(right) > _LARGEST:
        return False
    if not math.isfinite(got):
        return True
    return bool(abs(mpf(got) - right) > TOLERANCE * abs(right) + TOLERANCE / EPS * noise + _SMALLEST)


def _flat(result: tuple[Any, Sequence[Any]]) -> list[float]:
    value, gradient = result
    return [float(value), *(float(entry) for part in gradient for entry in np.ravel(part))]


def _labels(subject: Audited, inputs: Mapping[str, Any]) -> list[str]:
    found = ["value"]
    for name in (node.name for node in subject.parameters):
        found += [entry_name(name, place) for place in np.ndindex(np.shape(inputs[name]))]
    return [label if k == 0 else f"gradient.{label}" for k, label in enumerate(found)]


def _truth(subject: Audited, inputs: Mapping[str, Any], sizes: Mapping[Basic, int]) -> list[Any] | None:
    """Loss and gradient at the precision of the moment; None where they are not defined, or too far away."""
    evaluate = LimitedEvaluator(inputs, sizes)
    try:
        found = [evaluate(subject.loss).item()]
        for node, use in zip(subject.parameters, subject.gradient, strict=True):
            found += list(np.broadcast_to(evaluate(use, node.rank), evaluate.shape(node.shape)).ravel())
    except (TooFar, ArithmeticError, ValueError, IndexError, mpmath.libmp.ComplexResult):
        return None
    return found if all(mpmath.isfinite(number) for number in found[:1]) else None


def _noise(subject: Audited, inputs: dict[str, Any], sizes: Mapping[Basic, int], right: Sequence[Any]) -> list[Any]:
    """How far a rounding error in every input moves the true numbers."""
    rng = np.random.default_rng(0)
    most = [mpf(0)] * len(right)
    for _ in range(_MOVES):
        other = _truth(subject, moved(inputs, rng, exact=True), sizes)
        if other is None:  # at the border of the domain nothing can be said of its condition
            return [mpf("inf")] * len(right)
        most = [max(a, abs(b - c)) for a, b, c in zip(most, other, right, strict=True)]
    return most


def _culprit(subject: Audited, inputs: Mapping[str, Any], sizes: Mapping[Basic, int], label: str, digits: int) -> str:
    """The first operation that is wrong in float64 although its operands are right; nothing if there is none."""
    terms = subject.computed[:1] if label == "value" else subject.computed
    with mpmath.workdps(digits):
        exact = _evaluated(terms, inputs, sizes)
    with mpmath.workprec(np.finfo(np.float64).nmant + 1):
        rounded = _evaluated(terms, inputs, sizes)
    right: set[Node] = set()
    for node in postorder([term.node for term in terms]):
        true, near = exact.known(node), rounded.known(node)
        if true is None or near is None or isinstance(true, list):
            continue
        problem = _problem(np.ravel(true), np.ravel(near))
        if not problem:
            right.add(node)
        elif all(use.node in right for use in node.uses()):
            return f"{subject.text(node)} ({problem})"
    return ""


def _evaluated(terms: Sequence[Use], inputs: Mapping[str, Any], sizes: Mapping[Basic, int]) -> LimitedEvaluator:
    """An evaluator that has seen the terms, as far as they can be evaluated."""
    evaluate = LimitedEvaluator(inputs, sizes)
    with contextlib.suppress(TooFar, ArithmeticError, ValueError, IndexError):
        for term in terms:
            evaluate(term, max((letter + 1 for letter in term.letters), default=0))
    return evaluate


def _problem(true: Any, near: Any) -> str:
    """What is wrong with the numbers of a node, in a word or two."""
    for a, b in zip(true, near, strict=True):
        if isinstance(a, bool | np.bool_) or not mpmath.isfinite(a):
            continue
        if abs(a) > _LARGEST:
            return "overflows"
        if a and abs(a) < mpf(10) ** -307:
            return "underflows"
        if not mpmath.isfinite(b) or abs(a - b) > mpf(TOLERANCE) * abs(a):
            return "cancels"
    return ""
