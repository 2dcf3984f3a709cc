"""A random model compared with an independent differentiator: everything a generated module returns, and its errors."""

import contextlib
import inspect
import itertools
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import sympy as sp
from sympy import Pow, Symbol

from symgrad.errors import SymgradError

if __package__:
    from .independent import Independent
    from .independent_arrays import EmptyReduction
    from .processor_time import Limit
    from .random_arrays import Drawn, K, M, N
else:
    from independent import Independent
    from independent_arrays import EmptyReduction
    from processor_time import Limit
    from random_arrays import Drawn, K, M, N

Sizes = dict[Any, int]
Values = dict[Any, Any]

SECONDS = 10  # of processor time for one model, without that of the numbers to compare with
INDEPENDENT_SECONDS = 60  # for those: JAX compiles every operation once
SIZES: Sizes = {N: 2, M: 3, K: 4}
ONES: Sizes = {N: 1, M: 1, K: 1}

# A random model's value is a sum of some dozens of terms of size one.
TOLERANCE = 1e-9
SINGLE = 3e-3
LARGEST = 1e6  # beyond it, cancellation leaves too few digits to compare with

_SPARSE = 3  # one Hessian of so many is compared as a sparse matrix, too


class Skipped(Exception):
    """The model has no value to compare: it is not finite, or too large."""


class Wrong(AssertionError):
    """A wrong number."""


class Hang(Exception):
    """A model took too long."""


def product_limit() -> Limit:
    """Of everything that the compiler and its module do with one model."""
    return Limit(SECONDS, Hang(f"more than {SECONDS} s of processor time"))


class Comparison:
    """The module of a model beside independent numbers, at inputs drawn from a seed.

    Parameters
    ----------
    drawn : the model.
    seed : of the inputs.
    second : whether Hessians are compared, too.
    empty : whether the module is called with an empty axis, too.
    entries : whether all entries are compared with those of `autograd`, and the formulas are evaluated, too.
    """

    def __init__(
        self, drawn: Drawn, seed: int, second: bool = False, empty: bool = False, entries: bool = True
    ) -> None:
        self._drawn, self._seed, self._second, self._empty, self._entries = drawn, seed, second, empty, entries
        self._independent = Independent(drawn.loss, drawn.parameters, drawn.where)
        self._limit = product_limit()
        self._independent_limit = Limit(INDEPENDENT_SECONDS, Skipped("the numbers to compare with take too long"))

    def run(self) -> str:
        """Compare everything; the reason why the model was refused, if it was.

        Raises
        ------
        Wrong : a number differs.
        Hang : the compiler or the module took too long.
        Skipped : there is no number to compare with.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                with self._limit():
                    self._model = self._drawn.model()
                    self._module = self._model.compile(check=False)
            except SymgradError as problem:
                return _short(problem)
            values = self._values(SIZES)
            if self._exists(SIZES, values):
                value, gradient = self._along_a_direction(SIZES, values)
                if self._entries:
                    self._formulas(values, gradient, _scale(value, gradient))
                    self._by_entries(values, gradient, _scale(value, gradient))
                self._in_single_precision(values, abs(value - self._exact))
            ones = self._values(ONES)
            if self._exists(ONES, ones):
                self._along_a_direction(ONES, ones)
            if self._empty:
                self._with_an_empty_axis()
            return self._hessian(values) if self._second and self._exists(SIZES, values) else ""

    def _exists(self, sizes: Sizes, values: Values) -> bool:
        """Whether the model has a value at these sizes."""
        lengths = [side for value in values.values() for side in np.shape(value)]
        least = self._model.program.minimum_sizes
        return min(lengths, default=0) >= 0 and all(sizes[dimension] >= least[dimension] for dimension in least)

    def _along_a_direction(self, sizes: Sizes, values: Values, what: str = "") -> tuple[Any, Any]:
        """Compare value and gradient with those at many digits; the module's."""
        directions = self._directions(values)
        with self._independent_limit():
            exact, slope, _ = self._independent.along(values, sizes, directions)
        self._exact = exact
        if not np.isfinite([exact, slope]).all() or max(abs(exact), abs(slope)) > LARGEST:
            raise Skipped("no moderate value")
        value, gradient = self._call(values, sizes)
        same(f"value{what}", value, exact, max(1.0, abs(exact)))
        for parameter, part in zip(self._drawn.parameters, gradient, strict=True):
            assert np.shape(part) == np.shape(values[parameter]), (parameter, np.shape(part))
        along = sum(float(np.sum(part * move)) for part, move in zip(gradient, directions, strict=True))
        same(f"gradient along a direction{what}", along, slope, 10 * _scale(value, gradient))
        return value, gradient

    def _by_entries(self, values: Values, gradient: Any, scale: float) -> None:
        facts = self._drawn.facts
        with self._independent_limit():
            _, wanted = self._independent.value_and_gradient(values, SIZES)
        for number, parameter in enumerate(self._drawn.parameters):
            expected = projected(parameter, facts, wanted[number])
            if not np.allclose(gradient[number], expected, rtol=1e-7, atol=1e-8 * scale):
                # JAX may be the one that is wrong, where a branch not taken is not a number
                with self._independent_limit():
                    expected = projected(parameter, facts, self._independent.by_differences(values, SIZES, number))
                same(f"gradient by {parameter}", gradient[number], expected, 10 * scale)

    def _formulas(self, values: Values, gradient: Any, scale: float) -> None:
        with self._limit():
            written = [self._model.gradient(parameter) for parameter in self._drawn.parameters]
        with self._independent_limit():
            found = self._independent.formulas(values, SIZES, written)
        for parameter, part, value, formula in zip(self._drawn.parameters, gradient, found, written, strict=True):
            undefined = "pairs" in self._drawn.tags or _has_roots(formula)  # a norm has none at 0; a module takes 0
            if value is not None and (not undefined or np.isfinite(np.asarray(value, float)).all()):
                same(f"gradient by {parameter} and its formula {formula}", part, value, 10 * scale)

    def _in_single_precision(self, values: Values, error: float) -> None:
        """Compare results in float32 with those in float64, unless these say that no digits are left.

        They do by their error, by how far they move with the inputs' rounding errors, by powers beyond float32.
        """
        narrow = {symbol: _of_type(value, np.float32) for symbol, value in values.items()}
        wide = {symbol: _of_type(value, np.float64) for symbol, value in narrow.items()}
        expected, slopes = self._call(wide, SIZES)
        scale = _scale(expected, slopes)
        if 10 * error * np.finfo(np.float32).eps / np.finfo(np.float64).eps > SINGLE * scale:
            return
        for signs in ((1, 1), (1, -1)):
            near = {s: _rounded(value, sign) for (s, value), sign in zip(wide.items(), itertools.cycle(signs))}
            moved, there = self._call(near, SIZES)
            changes = [np.max(np.abs(one - other), initial=0) for one, other in zip(there, slopes, strict=True)]
            if 10 * max(abs(moved - expected), *changes) > SINGLE * scale:
                return
        try:
            value, gradient = self._call(narrow, SIZES)
        except RuntimeWarning as warning:
            if "overflow encountered in power" in str(warning):
                return
            raise
        types = {np.asarray(part).dtype for part in (value, *gradient)}
        assert types == {np.dtype(np.float32)}, f"results of float32 are {types}"
        same("value in float32", value, expected, scale, SINGLE)
        for part, slope in zip(gradient, slopes, strict=True):
            same("gradient in float32", part, slope, scale, SINGLE)

    def _with_an_empty_axis(self) -> None:
        """With no entries along an axis the module gives what sums over nothing are, or says what is missing."""
        for dimension in [d for d in SIZES if d in self._model.program.dimensions][:1]:
            sizes = SIZES | {dimension: 0}
            values = self._values(sizes)
            if min((side for value in values.values() for side in np.shape(value)), default=0) < 0:
                return
            try:
                with contextlib.suppress(Skipped, EmptyReduction, RuntimeWarning):  # as of m mod 0
                    self._along_a_direction(sizes, values, f" with {dimension} = 0")
                    return
                with np.errstate(all="ignore"), warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    self._call(values, sizes)  # an infinite value, or a message
            except (ValueError, IndexError) as problem:
                said = ("expected 0 ... -1", "an axis without entries", "with size 0")
                clear = type(problem) is ValueError or any(one in str(problem) for one in said)
                assert clear, f"{dimension} = 0: {problem!r}"

    def _hessian(self, values: Values) -> str:
        try:
            with self._limit():
                module = self._model.compile(check=False, hessian=True, hvp=True)
        except SymgradError as problem:
            return f"Hessian: {_short(problem)}"
        directions = self._directions(values)
        with self._independent_limit():
            _, _, curvature = self._independent.along(values, SIZES, directions)
        if not np.isfinite(curvature) or abs(curvature) > LARGEST:
            raise Skipped("no moderate curvature")
        arguments = self._arguments(values, SIZES) | {str(d): size for d, size in SIZES.items()}

        def call(function: str, *first: Any) -> Any:
            taken = list(inspect.signature(getattr(module, function)).parameters)[len(first) :]
            with self._limit():
                return getattr(module, function)(*first, **{name: arguments[name] for name in taken})

        hessian, product = call("hessian"), call("hessian_vector_product", tuple(directions))
        blocks = [[np.reshape(part, (np.size(a), np.size(b))) for part, b in zip(row, directions, strict=True)]
                  for row, a in zip(hessian, directions, strict=True)]  # fmt: skip
        scale = 100 * _scale(0.0, [block for row in blocks for block in row])
        whole, move = np.block(blocks), np.concatenate([np.ravel(part) for part in directions])
        same("Hessian along a direction", move @ whole @ move, curvature, scale)
        same("Hessian-vector product", np.concatenate([np.ravel(part) for part in product]), whole @ move, scale)
        if self._seed % _SPARSE == 0:
            self._sparse_hessian(arguments, whole, scale)
        if self._entries:
            with self._independent_limit():
                independent = self._independent.hessian(values, SIZES)
            for row, expected_row in zip(blocks, independent, strict=True):
                for block, expected in zip(row, expected_row, strict=True):
                    if np.isfinite(expected).all() and not self._drawn.facts:
                        same("Hessian", block, np.reshape(expected, block.shape), scale)
        return ""

    def _sparse_hessian(self, arguments: dict[str, Any], whole: Any, scale: float) -> None:
        """Compare the sparse Hessian with the dense one, where there is one."""
        limit = product_limit()
        with limit():
            try:
                module: Any = self._model.compile(check=False, hessian="sparse")
            except SymgradError:
                return
            taken = [name for name in inspect.signature(module.hessian_sparse).parameters if name != "pattern"]
            found = module.hessian_sparse(**{name: arguments[name] for name in taken})
        same("sparse Hessian", found.to_dense(), whole, scale)

    # --- inputs and calls ---------------------------------------------------------------------------------------------

    def _values(self, sizes: Sizes) -> Values:
        """Inputs of the sizes; a size that only occurs as a number is one."""
        rng = np.random.default_rng(self._seed)
        values: Values = {}
        for argument in self._model.arguments:
            shape = tuple(max(0, int(side.subs(sizes))) for side in argument.shape)
            if argument.role == "dimension":
                continue
            if argument.symbol in sizes:
                values[argument.symbol] = sizes[argument.symbol]
            elif argument.integer:
                # under a condition anything may be a label; where it holds, only a place on the axis
                upper = min(2, *sizes.values()) if argument.upper is None else int(argument.upper.subs(sizes))
                values[argument.symbol] = rng.integers(0, max(upper, 1), shape)
            else:
                values[argument.symbol] = factual(argument.symbol, self._drawn.facts, rng.normal(size=shape))
        return values

    def _directions(self, values: Values) -> list[Any]:
        rng = np.random.default_rng(self._seed + 1)
        return [projected(p, self._drawn.facts, rng.normal(size=np.shape(values[p]))) for p in self._drawn.parameters]

    def _arguments(self, values: Values, sizes: Sizes) -> dict[str, Any]:
        made = {a.name: sizes[a.symbol] if a.role == "dimension" else values[a.symbol] for a in self._model.arguments}
        rng = np.random.default_rng(self._seed + 2)
        for name, value in made.items():
            if name.startswith("gap"):  # read only where `seen` is positive: anything may be there elsewhere
                left_out = rng.choice([np.nan, np.inf, -np.inf, 1e30], size=np.shape(value))
                made[name] = np.where(made[f"seen{name[3:]}"] > 0, value, left_out).astype(value.dtype)
        return made

    def _call(self, values: Values, sizes: Sizes) -> tuple[Any, Any]:
        arguments = self._arguments(values, sizes)
        with self._limit():
            value, gradient = self._module.value_and_gradient(**arguments)
        tolerance = TOLERANCE if np.asarray(value).dtype == np.float64 else SINGLE
        same("value alone", self._module.value(**arguments), value, max(1.0, abs(value)), tolerance)
        return value, gradient


def same(what: str, got: Any, wanted: Any, scale: float, tolerance: float = TOLERANCE) -> None:
    """Raises `Wrong` where two arrays differ by more than a part of themselves and of the scale."""
    got, wanted = np.asarray(got, dtype=float), np.asarray(wanted, dtype=float)
    if not np.allclose(got, wanted, rtol=tolerance, atol=tolerance * scale, equal_nan=True):
        raise Wrong(f"{what}: {got} instead of {wanted}")


def _scale(value: Any, parts: Any) -> float:
    return max(1.0, abs(float(value)), *(float(np.max(np.abs(part), initial=0)) for part in parts))


def _has_roots(formula: Any) -> bool:
    """Whether a formula divides by roots."""
    return any(power.exp.is_negative and not power.exp.is_integer for power in formula.atoms(Pow))


def _of_type(value: Any, dtype: Any) -> Any:
    array = np.asarray(value)
    return array.astype(dtype)[()] if array.dtype.kind == "f" else value


def _rounded(value: Any, sign: int) -> Any:
    """An array of floats times 1 plus or minus a rounding error of float32."""
    array = np.asarray(value)
    return array * (1 + sign * np.finfo(np.float32).eps) if array.dtype.kind == "f" else value


def _short(problem: Exception) -> str:
    return f"{type(problem).__name__}: {' '.join(str(problem).split())[:300]}"


def factual(symbol: Any, facts: Sequence[Any], value: Any) -> Any:
    """The entries changed so that the facts about the symbol hold."""
    if isinstance(symbol, Symbol) and symbol.is_positive:
        return np.abs(value)[()] + 0.1
    for name in _facts_about(symbol, facts):
        if name == "positive_definite":
            return value @ value.T + np.eye(len(value))
        if name == "orthogonal":
            return np.linalg.qr(value)[0] if value.size else value
    return projected(symbol, facts, value)[()]


def projected(symbol: Any, facts: Sequence[Any], value: Any) -> Any:
    """The part of a gradient or a direction that lies in the space of matrices that the facts leave."""
    for name in _facts_about(symbol, facts):
        if name in ("positive_definite", "symmetric"):
            return (value + value.T) / 2
        if name == "diagonal":
            return np.diag(np.diag(value))
        if name == "lower_triangular":
            return np.tril(value)
    return value


def _facts_about(symbol: Any, facts: Sequence[Any]) -> list[str]:
    return [str(fact.function.name) for fact in facts if fact.arguments[0] == symbol]


_HEAD = """\
from sympy import *
from sympy.core.symbol import Str
from sympy.functions.elementary.piecewise import ExprCondPair
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.matexpr import MatrixElement

from symgrad import *
from symgrad.functions import *
from symgrad.matrix_functions import *
"""


def short_text(drawn: Drawn) -> str:
    """The model as SymPy prints it, a line for each part."""
    parts = [f"loss: {drawn.loss}", f"parameters: {', '.join(map(str, drawn.parameters))}"]
    return "\n".join(
        [*parts, *(f"where: {e.lhs} = {e.rhs}" for e in drawn.where), *(f"fact: {f}" for f in drawn.facts)]
    )


def program_text(drawn: Drawn) -> str:
    """A Python program that checks the model."""
    lists = {"where": drawn.where, "facts": drawn.facts}
    parts = [f"{name}=[{', '.join(map(sp.srepr, values))}]" for name, values in lists.items()]
    call = f"Model({sp.srepr(drawn.loss)}, [{', '.join(map(sp.srepr, drawn.parameters))}], {', '.join(parts)})"
    comments = "\n".join(f"# {line}" for line in short_text(drawn).splitlines())
    return f"{comments}\n{_HEAD}\nmodel = {call}\nprint(model.check())\n"
