"""Audits the digits of a generated module: value and gradient on a logarithmic grid of each input, against mpmath.

Every input in turn, and all of them together, is scaled to 10^k for k from -300 to 300, with either sign, as far as the
facts allow it; the truth is the formula at so many digits that no cancellation reaches the last sixteen. An entry loses
digits where it is off by more than `TOLERANCE` relative to its own size and to what rounding errors of the inputs do to
it (the condition of the problem); where the true number is finite, an infinity or a nan is wrong.

What is told of an operation that loses digits (`blame` finds it) is where that begins and what it does to the result.
Two kinds of losses are notes and no failures. An error of the gradient is *hidden* where it moves the loss, for inputs
that change by their own size, by less than `TOLERANCE` of the loss: no step along the gradient shows it. And beyond
`WITHIN` float64 itself ends, as products of three numbers of that size overflow or vanish.
"""

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import mpmath
import numpy as np
from mpmath import mpf

from symgrad.graph.limited_evaluation import LimitedEvaluator
from symgrad.graph.nodes import Node
from symgrad.verify.arrays import EPS, Array, Inputs, count, entry_name, exactly, is_float, largest
from symgrad.verify.blame import CANCELS, LARGEST, Blame
from symgrad.verify.calls import BOTH, Arrays, Calls
from symgrad.verify.compiled import UNDEFINED, Compiled
from symgrad.verify.draw import Draw, NoInputsError
from symgrad.verify.draws import size_choices
from symgrad.verify.point import Point
from symgrad.verify.report import Finding, Run
from symgrad.verify.sampling import Sampler
from symgrad.verify.subject import Settings, Subject

TOLERANCE = 1e-12
"""Times the condition: about 4,500 rounding errors, of which right code seldom has ten."""

EXPONENTS = (0, *(sign * k for k in (1, 2, 3, 4, 6, 9, 12, 20, 60, 150, 300) for sign in (-1, 1)))
WITHIN = 102  # a third of the largest exponent of float64
MOST_NUMBERS = 500  # of the inputs; smaller sizes are taken where there are more
MOST_WORK = 2_000_000  # numbers that are computed to many digits, in some 20 seconds; what is left out is said
FEWEST = 46  # points that are looked at, however large the model is: all inputs together at each power of ten
_DIGITS = 700  # of the truth: what float64 holds lies within 616 powers of ten; for inputs of 10^k it takes 2k more
_MOST_DIGITS = 1400  # from which on they are no longer doubled where the truth changes by that
_AGREE = 1e-14
_SHOWN = 12

_SMALLEST = mpf(10) ** -290
ENDS = "float64 ends at inputs beyond"
_ADVICE = (
    "cancels: nearly equal numbers are subtracted; an equal form without that difference keeps the digits "
    "(expm1, log1p, log1mexp, softplus, hypot; sigmoid(-x) for 1 - sigmoid(x))"
)
_OUT_OF_RANGE = (
    "overflows, underflows: a number beyond what float64 holds; scale what it is made of, or state the model in "
    "logarithms; facts= limit what is audited to inputs that occur"
)


@dataclass(frozen=True)
class Loss:
    """An entry that is wrong at a grid point.

    Attributes
    ----------
    label, place : the value, or the gradient by a parameter; which entry of it.
    got, right : what it is and should be.
    beside : the largest entry of the same array.
    hidden : whether the rounding of the loss hides the error.
    at, exponent : where: how a report describes the inputs, and the power of ten that they are scaled to.
    culprit, problem : the operation that is to blame and what it does; nothing where none is.
    """

    label: str
    place: str
    got: float
    right: float
    beside: float
    hidden: bool
    at: str
    exponent: int
    culprit: str
    problem: str

    @property
    def error(self) -> float:
        """Relative to what is right."""
        return abs(self.got - self.right) / abs(self.right) if math.isfinite(self.got) and self.right else math.inf

    @property
    def beyond(self) -> bool:
        """Whether float64 ends there."""
        return abs(self.exponent) > WITHIN and self.problem != CANCELS

    def __str__(self) -> str:
        small = abs(self.right) < EPS * abs(self.beside)
        beside = f" (beside entries of {self.beside:.1e})" if small and math.isfinite(self.got) else ""
        return f"{self.place} is {self.got!r} at {self.at}, right is {self.right!r}{beside}"


def audit(subject: Subject, draw: Draw) -> Run:
    """The findings of an audit, as one run of a report, on a grid that starts from inputs of a usual size."""
    title, compiled = "the digits on a logarithmic grid of each input", subject.compiled
    if compiled is None:
        return Run(title, notes=("not looked at: the formulas are not known",))
    draw, note = _affordable(subject, draw)
    if count(draw.inputs) > MOST_NUMBERS:
        return Run(title, findings=(Finding("digits on a logarithmic grid", "inconclusive", note),))
    calls, sampler = Calls(subject.module, subject.parameters, draw.sizes), Sampler(subject, draw.sizes, 0)
    with np.errstate(all="ignore"):
        points = [point for point in _grid(compiled, draw) if sampler.satisfies(point.inputs)]
    looked = _chosen(points, MOST_WORK // _work(compiled, draw))
    known: list[Node] = []
    losses = [loss for point in looked for loss in _Place(compiled, calls, point, known).losses()]
    findings, notes, beneath = _told(losses, f"digits at {len(looked)} points of the grid")
    notes = [*([note] if note else []), *notes]
    notes += [f"{len(looked)} of the {len(points)} points of the grid were looked at"] * (len(points) > len(looked))
    return Run(title, findings=tuple(findings), notes=tuple(notes), beneath=beneath)


def digit_findings(point: Point) -> Iterator[Finding]:
    """The entries of value and gradient whose digits are wrong at a draw, as it is."""
    if point.subject.compiled is not None:
        at = _GridPoint(point.draw.inputs, "these inputs", 0)
        losses = list(_Place(point.subject.compiled, point.calls, at, []).losses())
        yield from _told(losses, "the digits of value and gradient")[0]


# ---- what is told ----------------------------------------------------------------------------------------------------


def _told(losses: Sequence[Loss], everything: str) -> tuple[list[Finding], list[str], int]:
    """A finding for each operation that loses digits, with where it begins; notes on the rest, and advice.

    The last is how many operations lose digits that the loss does not show.
    """
    shown = _by_operation(loss for loss in losses if not loss.hidden and not loss.beyond)
    hidden = _by_operation(loss for loss in losses if loss.hidden and not loss.beyond)
    beyond = _by_operation(loss for loss in losses if loss.beyond)
    findings = [Finding(f"digits of {_labels(those)}", "fail", _detail(those)) for those in shown[:_SHOWN]]
    notes = [f"{len(shown) - _SHOWN} more kinds of lost digits"] if len(shown) > _SHOWN else []
    problems = {those[0].problem for those in shown}
    notes += [_ADVICE] * (CANCELS in problems) + [_OUT_OF_RANGE] * bool(problems - {CANCELS, ""})
    notes += [
        f"beneath the rounding of the loss, digits of {_labels(those)}: {_detail(those)}" for those in hidden[:_SHOWN]
    ]
    notes += [f"{len(hidden) - _SHOWN} more operations lose such digits"] if len(hidden) > _SHOWN else []
    if beyond:
        first, *others = beyond
        also = f"; so do {len(others)} more operations" if others else ""
        notes.append(f"{ENDS} 1e±{WITHIN}: {_detail(first[:1])}{also}")
    as_far = ", as far as the loss shows them" if hidden else ""
    return findings or [Finding(f"{everything}{as_far}", "pass")], notes, len(hidden)


def _by_operation(losses: Iterable[Loss]) -> list[list[Loss]]:
    """The losses by their culprits, each from the least scale on."""
    kinds: dict[tuple[str, str], list[Loss]] = {}
    for loss in sorted(losses, key=lambda loss: abs(loss.exponent)):
        kinds.setdefault((loss.culprit, loss.problem), []).append(loss)
    return list(kinds.values())


def _labels(losses: Sequence[Loss]) -> str:
    return ", ".join(dict.fromkeys(loss.label for loss in losses))


def _detail(losses: Sequence[Loss]) -> str:
    first, worst = losses[0], max(losses, key=lambda loss: loss.error)
    blame = f"{first.culprit} {first.problem}" if first.culprit else "no operation does it by itself"
    places = len({loss.at for loss in losses})
    more = f"; at {places} points, worst: {worst}" if places > 1 and worst is not first else ""
    return f"{blame}: {first}{more}"


# ---- where it is looked ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _GridPoint:
    """Inputs, how a report describes them, and the power of ten that they are scaled to."""

    inputs: dict[str, Any]
    at: str
    exponent: int
    together: bool = True
    digits: int = _DIGITS  # of the truth


def _affordable(subject: Subject, draw: Draw) -> tuple[Draw, str]:
    """The draw, or one of smaller sizes where it holds too many numbers, and what is to be said of that."""
    if count(draw.inputs) <= MOST_NUMBERS:
        return draw, ""
    for sizes in size_choices(subject, Settings(), {}):
        try:
            smaller = Sampler(subject, sizes, 0).draw()
        except NoInputsError:
            continue
        if count(smaller.inputs) <= MOST_NUMBERS:
            return smaller, f"at the smaller sizes {', '.join(f'{name}={size}' for name, size in sizes.items())}"
    return draw, f"not looked at: the inputs hold more than {MOST_NUMBERS} numbers; give sizes= that are smaller"


def _grid(compiled: Compiled, draw: Draw) -> Iterator[_GridPoint]:
    """The points of the grid, those of a usual size first."""
    scaled = [argument.name for argument in compiled.program.arguments if not argument.integer]
    groups = [*((name,) for name in scaled), *([tuple(scaled)] if len(scaled) > 1 else [])]
    for exponent, sign, names in itertools.product(EXPONENTS, (1.0, -1.0), groups):
        inputs = dict(draw.inputs)
        for name in names:
            base = np.asarray(draw.inputs[name], dtype=np.float64)
            inputs[name] = (sign * (base / (largest(base) or 1.0)) * 10.0**exponent)[()]
        scale = f"{'-' if sign < 0 else ''}1e{exponent}"
        values = [f"{name} = {float(inputs[name])!r}" for name in names if np.ndim(inputs[name]) == 0]
        what = "everything" if len(names) > 1 else names[0]
        at = ", ".join(values) if len(values) == len(names) else f"{what} scaled to {scale}"
        yield _GridPoint(inputs, at, exponent, len(names) == len(scaled), _DIGITS + 2 * abs(exponent))


def _chosen(points: Sequence[_GridPoint], most: int) -> list[_GridPoint]:
    """All points if they are few; else those where all inputs are scaled, and others evenly spread."""
    if len(points) <= max(most, FEWEST):
        return list(points)
    order = np.random.default_rng(0).permutation(len(points)).tolist()
    order.sort(key=lambda k: not points[k].together)
    return [points[k] for k in sorted(order[: max(most, FEWEST)])]


class _Counting(LimitedEvaluator):
    """Counts the numbers that it computes."""

    work = 1

    def value(self, node: Node) -> Any:
        self.work += max([1, *(np.size(self.values[use.node]) for use in node.uses() if use.node in self.values)])
        return super().value(node)


def _work(compiled: Compiled, draw: Draw) -> int:
    """How many numbers are computed for value and gradient."""
    evaluate = _Counting(draw.inputs, draw.sizes, strict=False)
    with mpmath.workdps(_DIGITS):
        for _, use, shape in compiled.terms:
            try:
                evaluate(use, len(shape))
            except UNDEFINED:
                continue
    return evaluate.work


@dataclass(frozen=True)
class _Place:
    """A point of the grid where the module is compared with the truth; `known` operations have lost digits before."""

    compiled: Compiled
    calls: Calls
    point: _GridPoint
    known: list[Node]

    def losses(self) -> Iterator[Loss]:
        """The numbers that are wrong, of each array and operation the worst."""
        with np.errstate(all="ignore"), mpmath.workdps(self.point.digits):
            # nan where they are not defined, or too far away
            truth = self._values(self.point.inputs)
            right, got = _in_a_row(truth), self._computed(truth)
            if not mpmath.isfinite(right[0]) or abs(right[0]) > LARGEST:
                return  # of a loss that float64 cannot hold nothing is asked
            wrong = [k for k in range(len(right)) if _is_off(got[k], right[k], mpf(0))]
            if not wrong:
                return
            if self.point.digits < _MOST_DIGITS:
                # where exponentials cancel the truth has no digit right until it has more of them
                further = replace(self, point=replace(self.point, digits=2 * self.point.digits))
                again = _in_a_row(further._values(self.point.inputs))
                if any(not again[k] or _is_off(again[k], right[k], mpf(0), _AGREE) for k in wrong):
                    yield from further.losses()
                    return
            noise = self._noise(right)
            wrong = [k for k in wrong if _is_off(got[k], right[k], noise[k])]
            if wrong:
                yield from self._worst(truth, wrong, got, right)

    def _worst(self, truth: Arrays, wrong: Sequence[int], got: Array, right: Array) -> Iterator[Loss]:
        labels = [(label, place) for label, array in truth.items() for place in np.ndindex(array.shape)]
        beside = {label: float(max((abs(x) for x in np.ravel(array)), default=0)) for label, array in truth.items()}
        culprits = self._culprits(wrong, got, right)
        worst: dict[tuple[str, Node | None], Loss] = {}
        for k in wrong:
            (label, place), (node, problem) = labels[k], culprits.get(k, (None, ""))
            is_value = label == "value"
            loss = Loss(
                label if is_value else f"gradient.{label}",
                label if is_value else f"gradient.{entry_name(label, place)}",
                float(got[k]),
                float(right[k]),
                beside[label],
                not is_value and abs(mpf(got[k]) - right[k]) <= self._floor(label, right[0]),
                self.point.at,
                self.point.exponent,
                "" if node is None else self.compiled.text(node),
                problem,
            )
            key = (label, node)
            if key not in worst or worst[key].error < loss.error:
                worst[key] = loss
        yield from worst.values()

    def _floor(self, parameter: str, value: Any) -> Any:
        """What an entry of the gradient may be off by, so that the loss does not show it."""
        size = largest(np.asarray(self.point.inputs[parameter], dtype=np.float64))
        return TOLERANCE * abs(value) / size if size and abs(value) <= LARGEST else mpf(0)

    def _values(self, inputs: Mapping[str, Any]) -> Arrays:
        return self.compiled.values(inputs, self.calls.sizes, self.point.digits, strict=False)

    def _computed(self, truth: Arrays) -> Array:
        """What the module gives; nan where that is nothing."""
        try:
            got = self.calls(BOTH, self.point.inputs)
        except (ArithmeticError, ValueError, np.linalg.LinAlgError):
            got = {}
        fits = {label: label in got and got[label].size == array.size for label, array in truth.items()}
        return _in_a_row({label: got[label] if fits[label] else array * np.nan for label, array in truth.items()})

    def _noise(self, right: Array) -> Array:
        """How far a rounding error in every input moves the true numbers."""
        rng = np.random.default_rng(0)
        exact = {name: exactly(x) for name, x in self.point.inputs.items() if is_float(x)}
        errors = {name: x * (EPS * rng.uniform(-1, 1, x.shape)) for name, x in exact.items()}

        def moved(sign: int) -> Inputs:
            # to both sides, so that what is 0 but for rounding has either sign
            return {**self.point.inputs, **{name: np.asarray(x + sign * errors[name]) for name, x in exact.items()}}

        others = [_in_a_row(self._values(moved(sign))) for sign in (-1, 1)]
        if not all(mpmath.isfinite(other[0]) for other in others):
            return np.full(len(right), mpf("inf"))  # at the border of the domain nothing can be said of its condition
        return np.asarray(np.max([abs(other - right) for other in others], axis=0))

    def _culprits(self, wrong: Sequence[int], got: Array, right: Array) -> dict[int, tuple[Node, str]]:
        """For wrong entries the operation that is to blame, and what it does."""
        point, known = self.point, self.known
        blame = Blame(self.compiled.computed, point.inputs, self.calls.sizes, point.digits, TOLERANCE)
        found = blame.culprits(wrong, got, right, known)
        known += [node for node in dict.fromkeys(node for node, _ in found.values()) if node not in known]
        return found


def _in_a_row(arrays: Mapping[Any, Array]) -> Array:
    return np.concatenate([np.ravel(array) for array in arrays.values()])


def _is_off(got: Any, right: Any, noise: Any, tolerance: float = TOLERANCE) -> bool:
    if not mpmath.isfinite(right) or abs(right) > LARGEST:
        return False
    if not mpmath.isfinite(got):
        return True
    return bool(abs(mpf(got) - right) > tolerance * abs(right) + tolerance / EPS * noise + _SMALLEST)
