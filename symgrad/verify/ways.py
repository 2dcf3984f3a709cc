"""The check that it does not matter how a function is called: the ways to call one, and that all give the same numbers.

Inputs as small as the check draws are never split into blocks of rows unless the module is told to, and memory that
nobody has written holds by chance what an earlier call left there. Every function goes every way.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from sympy import MatrixSymbol

from symgrad.verify.arrays import Array, Inputs, as_type, in_precision, largest
from symgrad.verify.calls import BOTH, COMPACT, FIRST_ORDER, GRADIENT, MADE_OF, VALUE
from symgrad.verify.differences import Neighbourhood
from symgrad.verify.draw import KINK, ZEROS, same
from symgrad.verify.point import REPEAT, Point, close, difference, finding
from symgrad.verify.report import Finding

_SINGLE_TOLERANCE = 1e-3
_SINGLE_NOISE = 1e3 * 2.0**29  # from float64's rounding errors to a thousand times float32's
_SINGLE_EPS = float(np.finfo(np.float32).eps)
_LEAK = 1e-3  # of float32's rounding errors: far above the 2e-9 that float64 has, and far below all of them
_REPEAT_SINGLE = 1e3 * _SINGLE_EPS


@dataclass(frozen=True)
class Way:
    """A way to call a function.

    Attributes
    ----------
    statement : what holds where it makes no difference.
    inputs : what the function is given, from the inputs of the draw.
    instead : the inputs of an ordinary call that has to give the same; those of the draw where it is not said. With
        one vector of parameters it is compared with the same ones by themselves.
    settings : names of the module, and what they are meanwhile.
    options : more arguments by name.
    functions : which functions can be called so; all where it is not said.
    flattened : the parameters whose derivatives come as vectors.
    relative, absolute : how far numbers may be apart, in units of the largest and beside that.
    strict : whether nothing may overflow, or be no number on the way, that does not with the inputs of the draw.
    """

    statement: str
    inputs: Callable[[Inputs], Inputs] = dict
    instead: Callable[[Inputs], Inputs] | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    functions: Sequence[str] | None = None
    flattened: frozenset[str] = frozenset()
    relative: float = REPEAT
    absolute: Callable[[Point, str, str], float] = Point.allowed
    strict: bool = False


def ways(point: Point) -> Iterator[Way]:
    """The ways that there are for a module; of one written by hand there are fewer."""
    module = point.subject.module
    yield Way("the numbers are the same a second time")
    rows: list[dict[str, Any]] = []
    if hasattr(module, "np"):
        yield Way("no number depends on memory that was not written", settings={"np": _Filled()})
    if hasattr(module, "_block_rows"):
        for count in (1, 2):
            name = f"blocks of rows give the same numbers by {count} thread{'s' * (count > 1)}"
            rows.append({"_block_rows": lambda *_: 1, "BLOCK_BYTES": 0, "THREADS": count, "THREAD_WORK": 0})
            yield Way(name, settings=rows[-1])
    for how, layout in _LAYOUTS.items():
        yield Way(f"the numbers are the same for inputs {how}", partial(_arrays, layout))
    yield from _types(point)
    vectors = {
        argument.name
        for argument in point.subject.arguments
        if isinstance(argument.symbol, MatrixSymbol) and [side == 1 for side in argument.shape].count(True) == 1
    }
    if vectors:
        flat = frozenset(vectors)
        yield Way(
            "the numbers are the same for 1-D inputs",
            lambda inputs: {k: np.reshape(v, -1) if k in flat else v for k, v in inputs.items()},
            functions=(VALUE, GRADIENT, BOTH),
            flattened=flat,
        )
    if hasattr(module, "Workspace"):
        options = {"workspace": point.workspace}
        for settings in ({}, *rows[:1]):
            blocks = " with blocks of rows" if settings else ""
            for again in ("", " a second time", " a third time")[: 1 if settings else 3]:
                name = f"a workspace leaves the numbers as they are{blocks}{again}"
                yield Way(name, settings=settings, options=options, functions=FIRST_ORDER)
        single = partial(in_precision, np.float32)
        name = "a workspace leaves the numbers as they are in float32"
        yield Way(name, single, single, {}, options, FIRST_ORDER, relative=_REPEAT_SINGLE, absolute=_coarse)
        yield Way("a workspace leaves the numbers as they are after float32", options=options, functions=FIRST_ORDER)
    if hasattr(module, "pack"):
        single = partial(in_precision, np.float32)
        name, functions = "one vector of parameters gives the same numbers in float32", tuple(point.calls.vectors)
        yield Way(name, single, single, functions=functions, relative=_REPEAT_SINGLE, absolute=_coarse)
    yield from _chunks(point)


def _types(point: Point) -> Iterator[Way]:
    """Whole numbers in other types, where they fit."""
    inputs = point.draw.inputs
    labels = [a.name for a in point.subject.arguments if a.integer and a.role != "dimension"]
    for kind in (np.int32, np.int8, np.uint8):
        limits = np.iinfo(kind)
        fit = [n for n in labels if np.all((inputs[n] >= limits.min) & (inputs[n] <= limits.max))]
        if fit:
            name = f"the numbers are the same for integers as {np.dtype(kind).name}"
            yield Way(name, partial(_cast, kind, frozenset(fit)))
    real = [a for a in point.subject.arguments if not a.integer and a.role != "dimension"]
    whole = {a.name for a in real if np.all(np.abs(inputs[a.name]) < 2.0**50)}
    for names in (frozenset(whole), frozenset(a.name for a in real if a.role == "data") & whole):
        if names:
            name = f"whole numbers may be integers{' in the data' if len(names) < len(whole) else ''}"
            yield Way(name, partial(_cast, np.int64, names), partial(_rounded, names))


def _chunks(point: Point) -> Iterator[Way]:
    """Rows in chunks, whatever these are, of one row each, too."""
    rounds = getattr(point.subject.module, "ROUNDS", {})
    count = min((len(point.inputs[name]) for name in point.calls.rows), default=0) if rounds else 0
    if count:
        some = sorted({*point.rng.integers(1, count + 1, 2).tolist(), count})
        for name, ends in (("of one row", range(1, count + 1)), ("of several rows", some)):
            yield Way(f"chunks {name} give the same numbers", options={"ends": list(ends)}, functions=tuple(rounds))


def way_findings(point: Point) -> Iterator[Finding]:
    """Whether all functions give the same numbers in all ways, and write to nothing that is not theirs."""
    if point.value is None:
        return
    yield from compared(point, ways(point))
    yield finding("results stay as they are when a function is called again", not (kept := _changed(point)), kept)
    yield finding("the inputs are not written to", not point.wrote, f"changed: {', '.join(dict.fromkeys(point.wrote))}")


def compared(point: Point, ways: Iterable[Way]) -> Iterator[Finding]:
    """Whether all functions give the same numbers in some ways."""
    for way in ways:
        with _set(point.subject.module, way.settings):
            wrong = [_wrong(point, way, function) for function in point.plain]
        yield finding(way.statement, not any(wrong), next(filter(None, wrong), ""))


def _wrong(point: Point, way: Way, function: str) -> str:
    """What is wrong about a function that is called in some way; empty if nothing is."""
    if way.functions is not None and function not in way.functions:
        return ""
    wanted, warnings = point.plain[function], "ignore"
    if way.instead is not None:
        plain = point.computed(point.calls.vectors.get(function, function), way.instead(point.inputs))
        if isinstance(plain, str) or not all(np.isfinite(array).all() for array in plain.values()):
            return ""  # there is nothing to compare with
        wanted = {k: plain[k].reshape(v.shape) for k, v in wanted.items()}
    if way.strict and not isinstance(point.computed(function, point.inputs, "raise"), str):
        warnings = "raise"
    found = point.computed(function, way.inputs(point.inputs), warnings, **way.options)
    if isinstance(found, str):
        return f"{function}: {found}"
    wanted = {k: np.reshape(v, -1) if k in way.flattened else v for k, v in wanted.items()}
    for label, array in wanted.items():
        if label not in found:
            return f"{function}: {label} is not there"
        if not close(found[label], array, way.relative, way.absolute(point, function, label)):
            return f"{function}: {difference(label, found[label], array)}"
    return ""


def _coarse(point: Point, function: str, label: str) -> float:
    return _SINGLE_NOISE * point.allowed(function, label) + 1e2 * _SINGLE_EPS * point.terms


def _changed(point: Point) -> str:
    """A result that a later call has changed; empty if there is none."""
    near = Neighbourhood.of(point.inputs, point.names, np.random.default_rng(0)).points[0]
    spaces = [{}, {"workspace": point.workspace}] if hasattr(point.subject.module, "Workspace") else [{}]
    for function in point.plain:
        for options in spaces if function in FIRST_ORDER else [{}]:
            first = point.computed(function, point.inputs, **options)
            if isinstance(first, str):
                continue
            copies = {label: np.array(array) for label, array in first.items()}
            point.computed(function, near, **options)
            for label, array in first.items():
                if not same(array, copies[label]):
                    return f"{function}: {difference(label, array, copies[label])}"
    return ""


# --- inputs and modules ----------------------------------------------------------------------------------------------


def _arrays(change: Callable[[Array], Array], inputs: Inputs) -> dict[str, Any]:
    """The inputs with their arrays changed."""
    return {k: change(v) if isinstance(v, np.ndarray) and v.ndim else v for k, v in inputs.items()}


def _cast(dtype: Any, names: frozenset[str], inputs: Inputs) -> dict[str, Any]:
    """Some of the inputs as whole numbers of another type."""
    return {k: as_type(dtype, np.round(v)) if k in names else v for k, v in inputs.items()}


def _rounded(names: frozenset[str], inputs: Inputs) -> dict[str, Any]:
    return {k: np.round(v) + 0.0 if k in names else v for k, v in inputs.items()}  # integers have no -0


def _strided(array: Array) -> Array:
    """The same numbers as every second entry of an array, the last first."""
    held = np.zeros((*array.shape[:-1], 2 * array.shape[-1]), dtype=array.dtype)
    view = held[..., ::-2]
    view[...] = array
    return view


_LAYOUTS: dict[str, Callable[[Array], Array]] = {"in Fortran's order": np.asfortranarray, "that are views": _strided}


class _Filled:
    """NumPy, but its new arrays are full of not-a-number, or of an integer that is no subscript."""

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)

    def empty(self, shape: Any, dtype: Any = float, **options: Any) -> Array:
        return self._fill(np.empty(shape, dtype, **options))

    def empty_like(self, prototype: Any, *given: Any, **options: Any) -> Array:
        return self._fill(np.empty_like(prototype, *given, **options))

    def _fill(self, array: Array) -> Array:
        if array.dtype.kind == "f":
            array.fill(np.nan)
        elif array.dtype.kind in "iu":
            array.fill(np.iinfo(array.dtype).max)
        return array


@contextmanager
def _set(module: Any, settings: Mapping[str, Any]) -> Iterator[None]:
    """While this lasts, names of the module have other values."""
    modules = getattr(module, MADE_OF, (module,))
    before = [(one, name, getattr(one, name)) for one in modules for name in settings if hasattr(one, name)]
    try:
        for one, name, _ in before:
            setattr(one, name, settings[name])
        yield
    finally:
        for change in before:
            setattr(*change)


# --- single precision ------------------------------------------------------------------------------------------------


def single_findings(point: Point) -> Iterator[Finding]:
    """Whether float32 in gives float32 out, about the same numbers, and float64 in has no float32 inside.

    What rounding to float32 does to the inputs is no error of the module: the truth is taken there, too. Float32 ends
    at 3e38; to go beyond it inside of the computation is not wrong in itself.
    """
    if point.value is None:
        return
    single = in_precision(np.float32, point.inputs)
    for function in (name for name in point.plain if name not in point.calls.vectors):
        got = point.computed(function, single)
        wanted = point.computed(function, in_precision(np.float64, single))
        if isinstance(got, str) or isinstance(wanted, str):
            yield finding(f"{function} computes in float32", isinstance(wanted, str), str(got))
            continue
        typed = _says_its_type(point, function)
        for label, array in got.items():
            what = label if label == "value" or label not in point.names else f"gradient by {label}"
            number = function == COMPACT and not array.ndim  # such as 2, of any type
            kept = array.dtype == np.float32 or not typed or number or not np.any(array)
            yield finding(f"float32 gives a float32 {what}", kept, f"it is {array.dtype}, from {function}")
            if array.shape == wanted[label].shape:
                yield _near(point, function, label, what, array, wanted[label])
                if function == BOTH and label in point.names and point.draw.kind not in (KINK, ZEROS):
                    yield _leak(point, label, array, wanted[label])  # beside a kink, or a tie, noise is no rounding


def _says_its_type(point: Point, function: str) -> bool:
    """Whether a function is given anything that says which type is wanted."""
    taken = point.calls.taken(function)
    return any(np.asarray(point.draw.inputs[name]).dtype.kind == "f" for name in taken if name in point.draw.inputs)


def _near(point: Point, function: str, label: str, what: str, single: Array, exact: Array) -> Finding:
    name = f"the {what} is near in float32"
    if not np.all(np.isfinite(single)):
        return Finding(name, "inconclusive", f"{function} is not finite there")
    scale = largest(exact)
    noise = largest(point.noises.get(BOTH if label in point.names else function, {}).get(label, 0.0))
    noise += point.noise / point.size(label) if label in point.names else point.noise if label == "value" else 0.0
    off = largest(single.astype(np.float64) - exact)
    allowed = _SINGLE_TOLERANCE * scale + _SINGLE_NOISE * noise + 1e2 * _SINGLE_EPS * point.terms
    detail = f"{difference(what, single, exact)}, of at most {scale:.3g}, by {function}"
    return finding(name, off <= allowed, detail)


def _leak(point: Point, name: str, single: Array, exact: Array) -> Finding:
    """Whether float32 is inside of a computation in float64: its rounding errors are not far below float32's then.

    Ill-conditioned formulas lose the same number of digits in both, so that those of float64 stay 2e-9 of the other.
    """
    off = largest(single.astype(np.float64) - exact) if np.all(np.isfinite(single)) else np.inf
    noise, scale = largest(point.noises[BOTH][name]), largest(exact)
    leaks = _LEAK * max(off, _SINGLE_EPS * scale) < noise < 100 * _SINGLE_EPS * scale
    return finding(f"the gradient by {name} is float64 inside", not leaks, f"its rounding errors are {noise:.1g}")
