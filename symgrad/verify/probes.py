"""What is looked at where a module is checked: independent probes, each a function of a point, in one list."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from symgrad.verify.accuracy import digit_findings
from symgrad.verify.agreement import agreement_findings
from symgrad.verify.arrays import EPS, Array, Rng, largest
from symgrad.verify.calls import BOTH, FIRST_ORDER, HESSIAN, PRODUCT, SPARSE, VALUE, Arrays
from symgrad.verify.chain import chain_links
from symgrad.verify.derivatives import Along, Derivative, along, chosen_directions, judged, moving, taylor_order
from symgrad.verify.directions import Direction
from symgrad.verify.draw import EMPTY, KINK, MARGIN, ORDINARY, SCALED, WHOLE, ZEROS, Kind
from symgrad.verify.formulas import formula_findings
from symgrad.verify.guarded import guarded
from symgrad.verify.left_out import left_out_findings
from symgrad.verify.point import Point, Raised, finding
from symgrad.verify.report import Finding, Item, Run, Slope, Verdict
from symgrad.verify.stated import quantity_findings, reference_findings
from symgrad.verify.ways import single_findings, way_findings

AGAINST_LOSS = "the value against the loss"

_RANDOM_DIRECTIONS = 3
_REFUSALS = ("the model needs", "the sizes do not fit")  # how a module says that it is none of such sizes
_FEWEST = 4  # entries of a second derivative by each parameter


def result_findings(point: Point) -> Iterator[Item]:
    """What every function gives: whether it computes, and arrays of the right shapes, in float64, of finite numbers."""
    for function in point.calls.names:
        found = point.computed(function, point.inputs)
        undefined = _undefined(point, function, found) if point.draw.kind == EMPTY else None
        if undefined is not None:
            yield undefined
            if function == VALUE:
                return
            continue
        if isinstance(found, str):
            yield finding(f"{function} computes", False, found)
            continue
        known = {label: wanted for label in found if (wanted := _shapes(point, function, label)) is not None}
        for label, wanted in known.items():
            whose, shape = f"the gradient by {label}" if label in point.names else label, found[label].shape
            yield finding(f"{whose} has its shape", shape in wanted, f"{shape} instead of {wanted[0]}")
        if any(found[label].shape not in wanted for label, wanted in known.items()):
            continue
        if function in (VALUE, BOTH):
            yield from _finite(point, function, found)
        if function != VALUE or np.isfinite(found["value"]):
            point.plain[function] = found
        if function == VALUE and VALUE not in point.plain:
            return


def _undefined(point: Point, function: str, found: Arrays | Raised) -> Item | None:
    """Why a function need not have a result with an empty axis, if it has none.

    A module may refuse an axis without entries, whatever the loss is: that is no wrong number. Nor is a value or a
    derivative that is no number where its formula divides by zero, as a mean of nothing does, even though the loss, a
    sum over nothing, does not need it.
    """
    subject, empty = point.subject, " = ".join(str(d) for d, size in point.draw.sizes.items() if size == 0)
    if function == VALUE:
        said = found if isinstance(found, str) else f"value is {float(found['value'])!r}"
        finite = not isinstance(found, str) and math.isfinite(found["value"])
        try:
            reference = subject.reference
            defined = finite if reference is None else math.isfinite(reference(point.draw.inputs, point.draw.sizes))
        except IndexError:  # the loss reads an entry, such as X[0, 0], that is not there
            defined = False
        if finite:
            name = "value is not finite where the loss is not defined"
            return None if defined else Finding(name, "inconclusive", f"{said}, the loss is no number")
        if not defined or (isinstance(found, str) and found.refuses):
            return f"there is no value without {empty}: {said}"
    if isinstance(found, str) and function not in FIRST_ORDER and any(said in found for said in _REFUSALS):
        return f"there is no {function} without {empty}: {found}"
    if isinstance(found, str) or function not in FIRST_ORDER:
        return None
    wild = {label: ~np.isfinite(array) for label, array in found.items() if not np.isfinite(array).all()}
    exact = subject.exactly(point.draw)
    if not wild or any(np.any(lost & np.isfinite(exact[k].reshape(lost.shape))) for k, lost in wild.items() if exact):
        return None
    names = f"value is {float(found['value'])!r}" if function == VALUE else f"the derivative by {', '.join(wild)}"
    if not exact:
        return Finding(f"there is a gradient without {empty}", "inconclusive", f"{names} is not finite")
    names += "" if function == VALUE else " is no number"
    return f"{names}: its formula divides by {empty} = 0, as that of a mean does"


def _shapes(point: Point, function: str, label: str) -> list[tuple[int, ...]] | None:
    """The shapes that an array may have; None of one of which nothing is known."""
    if label == "value":
        return [()]
    if label in point.names:
        return [point.shape(label)]
    kind, *names = label.split(".")
    if kind == "H" and function == HESSIAN:
        return [(*point.axes(names[0]), *point.axes(names[1]))]
    if kind == "Hv":
        return [point.shape(names[0])]
    if kind.startswith("J_"):
        value = np.asarray(point.subject.second.quantities[kind[2:]](point.draw.inputs))
        sides = value.size, math.prod(point.shape(names[0]))  # of a sparse matrix
        return [(*value.shape, *point.axes(names[0])), sides]
    return None


def _finite(point: Point, function: str, found: Arrays) -> Iterator[Finding]:
    for label, array in found.items():
        whose = "value" if label == "value" else f"the gradient by {label}"
        if function == BOTH and label != "value":
            yield finding(f"{whose} is float64", array.dtype == np.float64, f"it is {array.dtype}")
        if function == BOTH or label == "value":
            finite = bool(np.all(np.isfinite(array)))
            detail = f"it is {float(array)!r}" if label == "value" else f"{array}"
            # numbers that leave the range of floating point are for the audit of digits to judge
            wrong: Verdict = "inconclusive" if point.draw.kind == SCALED else "fail"
            yield Finding(f"{whose} is finite", "pass" if finite else wrong, "" if finite else detail)


# --- derivatives -----------------------------------------------------------------------------------------------------


def gradient_entries(point: Point) -> Iterator[Item]:
    """The gradient against numerical derivatives of the loss, and how fast the remainders of Taylor's formula fall."""
    gradients = point.gradients
    if point.value is None or gradients is None:
        return
    all_tangents = list(point.tangents.values())
    few = sum(map(len, all_tangents)) <= point.most
    share = max(1, point.most // (2 * len(all_tangents)))
    sharp = count = 0
    for name, tangents, part in zip(point.names, all_tangents, gradients, strict=True):
        directions = chosen_directions(tangents, len(tangents) if few else share, share, _RANDOM_DIRECTIONS, point.rng)
        noise = point.noises[BOTH][name]
        one = along(np.reshape(part, (1, -1)), np.reshape(noise, (1, -1)), directions)
        of = Derivative(name, "", point.differentiated, np.asarray(point.noise), one)
        entries, sharpened = judged(of, point.draw, lambda analytic: [0], point.subject.complex_step)
        yield from entries
        sharp, count = sharp + sharpened, count + len(entries)
    if sharp:
        yield f"{sharp} of {count} numerical derivatives by a complex step"
    for tangents, part in zip(all_tangents, gradients, strict=True):
        for direction in tangents.random(1, point.rng):
            at = moving(point.differentiated, point.draw.inputs, [direction])
            slope = float(np.sum(part * direction.vector))
            order = taylor_order(lambda t, at=at: float(at(t)[0]), slope, point.noise, point.draw.first_step)  # type: ignore[misc]
            yield Slope(tangents.name, order)


def second_entries(point: Point) -> Iterator[Item]:
    """Second derivatives and Jacobians against differences of the gradient and of the named quantities."""
    names, quantities, wanted = point.names, point.subject.second.quantities, point.subject.second.request
    pairs = len(names) ** 2 * (wanted.hessian or wanted.sparse or wanted.hvp) + len(quantities) * len(names)
    share = max(_FEWEST, math.isqrt(point.most // max(1, pairs)))
    for of in _second_derivatives(point, share):
        yield from judged(of, point.draw, partial(_rows, share, point.rng))[0]


def _second_derivatives(point: Point, share: int) -> Iterator[Derivative]:
    plain, names = point.plain, point.names
    chosen = {name: chosen_directions(own, share, share, 1, point.rng) for name, own in point.tangents.items()}

    def by(function: str, label: str, q: str) -> list[Along]:
        matrix, noise = (of[function][label].reshape(-1, math.prod(point.shape(q))) for of in (plain, point.noises))
        return along(matrix, noise, chosen[q])

    gradients = (
        {p: (p, partial(point.differentiated, parameter=k), point.noises[BOTH][p]) for k, p in enumerate(names)}
        if BOTH in plain
        else {}
    )
    for function in (name for name in (HESSIAN, SPARSE) if name in plain):
        for p, q in ((p, q) for q in names for p in gradients):
            yield Derivative(f"H.{p}.{q}", *gradients[p], by(function, f"H.{p}.{q}", q))
    if PRODUCT in plain:
        for moved in _products(point):
            inputs = {f"direction_{name}": point.vector(name, moved) for name in names}
            found = point.computed(PRODUCT, {**point.inputs, **inputs})
            if isinstance(found, str):
                continue
            for p in gradients:
                analytic = np.ravel(found[f"Hv.{p}"])
                error = np.ravel(point.noises[PRODUCT][f"Hv.{p}"]) + 1e2 * EPS * largest(analytic)
                one = Along(tuple(moved.values()), analytic, error)
                yield Derivative(f"Hv.{p}", *gradients[p], [one])
    for name, quantity in point.subject.second.quantities.items():
        if f"jacobian_{name}" in plain:
            noise = EPS * np.abs(np.asarray(quantity(point.draw.inputs), dtype=np.float64))
            for q in names:
                label = f"J_{name}.{q}"
                yield Derivative(label, name, quantity, noise, by(f"jacobian_{name}", label, q))


def _products(point: Point) -> Iterator[dict[str, Direction]]:
    """Directions of products with the Hessian: in all parameters, in each alone, and in one entry of each alone."""
    yield point.directions
    for name, tangents in point.tangents.items():
        if len(point.directions) > 1 and name in point.directions:
            yield {name: point.directions[name]}
        if point.shape(name):
            for direction in tangents.entries(1, point.rng):
                yield {name: direction}


def _rows(share: int, rng: Rng, analytic: Array) -> list[int]:
    """Which entries to look at: all if they are few, else a sample with those first that should not be zero."""
    if len(analytic) <= share:
        return list(range(len(analytic)))
    order = rng.permutation(len(analytic))
    alive = [int(k) for k in order if analytic[k] != 0]
    rest = [int(k) for k in order if analytic[k] == 0]
    kept = max(share // 2, share - len(rest))
    return sorted([*alive[:kept], *rest[: share - min(kept, len(alive))]])


# --- all of them -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Probe:
    """Something to look at.

    Attributes
    ----------
    place : what it looks at, for the report on a probe that raises.
    find : what is found at a point: derivatives, properties, notes.
    at : the kinds of draws at which it has something to say.
    """

    place: str
    find: Callable[[Point], Iterable[Item]]
    at: frozenset[Kind]


_SMOOTH = frozenset({ORDINARY, WHOLE, EMPTY, ZEROS})
_ANY = _SMOOTH | {KINK}

SECOND = Probe("second derivatives", second_entries, frozenset({ORDINARY}))  # a tie of zeros has no second one
PROBES: tuple[Probe, ...] = (
    Probe("the functions", result_findings, _ANY | {SCALED}),
    Probe(AGAINST_LOSS, reference_findings, _ANY),
    Probe("the quantities against their definitions", quantity_findings, _ANY),
    Probe("the derivatives", gradient_entries, _SMOOTH),
    Probe("the agreement of functions", agreement_findings, _ANY),
    Probe("the ways to call it", way_findings, _ANY),
    Probe("float32", single_findings, _ANY),
    Probe("what conditions leave out", left_out_findings, _ANY),
    SECOND,
    Probe("formulas", formula_findings, frozenset({ZEROS, SCALED, EMPTY})),
)

CHAIN = Probe("the chain", chain_links, frozenset({ORDINARY, KINK}))
DIGITS = Probe("the digits", digit_findings, frozenset({ORDINARY}))


def look(point: Point, probes: Sequence[Probe] = PROBES) -> Run:
    """Everything that the probes find at a point; one that raises is a finding itself."""
    draw = point.draw
    items: list[Item] = [*draw.notes, *(f"not tested on the inputs: {fact}" for fact in draw.untested)]
    for probe in probes:
        if draw.kind in probe.at:
            items += guarded(probe.place, probe.find(point))
    if draw.distance < MARGIN and draw.kind != KINK:
        items.append(f"the nearest kink is at a relative distance of {draw.distance:.1g}")
    return Run.of(draw.said, items)
