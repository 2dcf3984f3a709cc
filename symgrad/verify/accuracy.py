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
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np
from mpmath import mpf

from symgrad.graph.limited_evaluation import LimitedEvaluator
from symgrad.graph.nodes import Node, Use, postorder
from symgrad.verify.arrays import EPS, Array, count, entry_name, largest, moved
from symgrad.verify.calls import BOTH, Arrays, Calls
from symgrad.verify.compiled import UNDEFINED, Compiled
from symgrad.verify.draw import Draw
from symgrad.verify.point import Point
from symgrad.verify.report import Finding, Run
from symgrad.verify.sampling import Sampler
from symgrad.verify.subject import Subject

TOLERANCE = 1e-12
"""Times the condition: about 4,500 rounding errors, of which right code seldom has ten."""

EXPONENTS = (0, *(sign * k for k in (1, 2, 3, 4, 6, 9, 12, 20, 60, 150, 300) for sign in (-1, 1)))
MOST_EVALUATIONS = 600  # of the model at a grid point; what is left out is said
MOST_NUMBERS = 500  # of the inputs: at hundreds of digits each operation takes microseconds
_DIGITS = 100  # of the truth, where inputs are of a usual size; for 10^k it takes 2k more
_SHOWN = 12

_LARGEST, _SMALLEST = mpf(float(np.finfo(np.float64).max)), mpf(10) ** -290
_MOVES = 2


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


def audit(subject: Subject, draw: Draw) -> Run:
    """The findings of an audit, as one run of a report, on a grid that starts from inputs of a usual size."""
    title, compiled = "the digits on a logarithmic grid of each input", subject.compiled
    if compiled is None:
        return Run(title, notes=("not looked at: the formulas are not known",))
    if count(draw.inputs) > MOST_NUMBERS:
        note = f"not looked at: the inputs hold more than {MOST_NUMBERS} numbers; give sizes= that are smaller"
        return Run(title, findings=(Finding("digits on a logarithmic grid", "inconclusive", note),))
    calls, sampler = Calls(subject.module, subject.parameters, draw.sizes), Sampler(subject, draw.sizes, 0)
    points = [point for point in _grid(compiled, draw) if sampler.satisfies(point[0])]
    looked = points[:MOST_EVALUATIONS]
    worst: dict[tuple[str, str], Loss] = {}
    for loss in (loss for point in looked for loss in _Place(compiled, calls, *point).losses()):
        key = (loss.label.partition("[")[0], loss.culprit)
        if key not in worst or worst[key].error < loss.error:
            worst[key] = loss
    findings = [_finding(loss) for loss in list(worst.values())[:_SHOWN]]
    findings = findings or [Finding(f"digits at {len(looked)} points of the grid", "pass")]
    notes = [f"{len(worst) - _SHOWN} more kinds of lost digits"] if len(worst) > _SHOWN else []
    notes += [f"{len(looked)} of {len(points)} points were looked at"] if len(points) > len(looked) else []
    return Run(title, findings=tuple(findings), notes=tuple(notes))


def digit_findings(point: Point) -> Iterator[Finding]:
    """The entries of value and gradient whose digits are wrong at a draw, as it is."""
    if point.subject.compiled is not None:
        at = _Place(point.subject.compiled, point.calls, point.draw.inputs, "these inputs", _DIGITS)
        losses = list(at.losses())
        yield from [_finding(loss) for loss in losses[:_SHOWN]] or [Finding("the digits of value and gradient", "pass")]


def _finding(loss: Loss) -> Finding:
    blame = f"; what loses them: {loss.culprit}" if loss.culprit else "; the operations by themselves are right"
    return Finding(f"digits of {loss.label}", "fail", f"{loss.got!r} at {loss.at}, right is {loss.right!r}{blame}")


def _grid(compiled: Compiled, draw: Draw) -> Iterator[tuple[dict[str, Any], str, int]]:
    """Inputs on the grid, how a report describes them, and how many digits the truth needs."""
    scaled = [argument.name for argument in compiled.program.arguments if not argument.integer]
    groups = [*((name,) for name in scaled), *([tuple(scaled)] if len(scaled) > 1 else [])]
    for exponent, sign, names in itertools.product(EXPONENTS, (1.0, -1.0), groups):
        inputs = dict(draw.inputs)
        for name in names:
            base = np.asarray(draw.inputs[name], dtype=np.float64)
            inputs[name] = (sign * (base / (largest(base) or 1.0)) * 10.0**exponent)[()]
        scale = f"{'-' if sign < 0 else ''}1e{exponent}"
        values = [f"{name} = {float(inputs[name])!r}" for name in names if np.ndim(inputs[name]) == 0]
        at = ", ".join(values) if len(values) == len(names) else f"{', '.join(names)} scaled to {scale}"
        yield inputs, at, _DIGITS + 2 * abs(exponent)


@dataclass(frozen=True)
class _Place:
    """Inputs, how a report describes them, and how many digits the truth needs there."""

    compiled: Compiled
    calls: Calls
    inputs: dict[str, Any]
    at: str
    digits: int

    def losses(self) -> Iterator[Loss]:
        """The numbers that are wrong."""
        with np.errstate(all="ignore"), mpmath.workdps(self.digits):
            # nan where they are not defined, or too far away
            truth = self.compiled.values(self.inputs, self.calls.sizes, self.digits, strict=False)
            right, got = _in_a_row(truth), self._computed(truth)
            wrong = [k for k in range(len(right)) if mpmath.isfinite(right[0]) and _is_off(got[k], right[k], mpf(0))]
            noise = self._noise(right) if wrong else right
            labels = [
                label if label == "value" else f"gradient.{entry_name(label, place)}"
                for label, array in truth.items()
                for place in np.ndindex(array.shape)
            ]
            for k in (k for k in wrong if _is_off(got[k], right[k], noise[k])):
                yield Loss(labels[k], float(got[k]), float(right[k]), self.at, self._culprit(labels[k]))

    def _computed(self, truth: Arrays) -> Array:
        """What the module gives; nan where that is nothing."""
        try:
            got = self.calls(BOTH, self.inputs)
        except (ArithmeticError, ValueError, np.linalg.LinAlgError):
            got = {}
        fits = {label: label in got and got[label].size == array.size for label, array in truth.items()}
        return _in_a_row({label: got[label] if fits[label] else array * np.nan for label, array in truth.items()})

    def _noise(self, right: Array) -> Array:
        """How far a rounding error in every input moves the true numbers."""
        rng = np.random.default_rng(0)
        near = (moved(self.inputs, rng, exact=True) for _ in range(_MOVES))
        others = [_in_a_row(self.compiled.values(at, self.calls.sizes, self.digits, strict=False)) for at in near]
        if not all(mpmath.isfinite(other[0]) for other in others):
            return np.full(len(right), mpf("inf"))  # at the border of the domain nothing can be said of its condition
        return np.asarray(np.max([abs(other - right) for other in others], axis=0))

    def _culprit(self, label: str) -> str:
        """The first operation that is wrong in float64 although its operands are right; nothing if there is none."""
        terms = self.compiled.computed[: 1 if label == "value" else None]
        with mpmath.workdps(self.digits):
            exact = self._evaluated(terms)
        with mpmath.workprec(np.finfo(np.float64).nmant + 1):
            rounded = self._evaluated(terms)
        right: set[Node] = set()
        for node in postorder([term.node for term in terms]):
            true, near = exact.values.get(node), rounded.values.get(node)
            if true is None or near is None or isinstance(true, list):
                continue
            problem = _problem(np.ravel(true), np.ravel(near))
            if not problem:
                right.add(node)
            elif all(use.node in right for use in node.uses()):
                return f"{self.compiled.text(node)} ({problem})"
        return ""

    def _evaluated(self, terms: Sequence[Use]) -> LimitedEvaluator:
        """An evaluator that has seen the terms, as far as they can be evaluated."""
        evaluate = LimitedEvaluator(self.inputs, self.calls.sizes)
        with contextlib.suppress(*UNDEFINED):
            for term in terms:
                evaluate(term, max((letter + 1 for letter in term.letters), default=0))
        return evaluate


def _in_a_row(arrays: Mapping[Any, Array]) -> Array:
    return np.concatenate([np.ravel(array) for array in arrays.values()])


def _is_off(got: float, right: Any, noise: Any) -> bool:
    if not mpmath.isfinite(right) or abs(right) > _LARGEST:
        return False
    if not math.isfinite(got):
        return True
    return bool(abs(mpf(got) - right) > TOLERANCE * abs(right) + TOLERANCE / EPS * noise + _SMALLEST)


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
