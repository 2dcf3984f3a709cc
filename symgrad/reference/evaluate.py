"""The value of a SymPy loss at any number of digits: its rules, applied to inputs."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import mpmath
import numpy as np
import sympy as sp
from mpmath import mpf
from sympy.matrices.expressions.matexpr import MatrixElement

from symgrad.dimensions import concrete
from symgrad.errors import ModelError, SymgradError, UnsupportedError
from symgrad.functions.values import Matrix, number
from symgrad.reference.matrices import item, table, whole
from symgrad.reference.rules import Rule, Rules, Scope
from symgrad.reference.trace import Place, Trace

# Digits carried beyond those asked for. A loss is a sum of thousands of terms at most, which costs four or five.
_GUARD_DIGITS = 10

# Names from `where` that may be evaluated inside one another before the evaluator starts again at the innermost: even
# thirty Python frames a name stay below CPython's limit of a thousand.
_NESTED_NAMES = 20

# A name from `where` and the subscripts of the entry wanted; None for the whole of a matrix or a scalar.
_Entry = tuple[sp.Basic, tuple[int, ...] | None]


def evaluate(
    expr: sp.Basic,
    values: Mapping[sp.Basic, Any],
    sizes: Mapping[sp.Basic, int],
    where: Sequence[sp.Basic] = (),
    digits: int = 50,
    trace: Trace | None = None,
) -> mpf:
    """The value of a scalar SymPy expression, read literally.

    Sums over an empty range are 0 and products 1 (not Karr's convention); only the branch taken of a `Piecewise` or
    `if_else` is evaluated, and so are only those terms of a sum whose `KroneckerDelta` is not 0; a bound index hides an
    outer one of the same name.

    Parameters
    ----------
    expr : a scalar expression; a 1x1 matrix counts.
    values : `MatrixSymbol`, `IndexedBase` or `Symbol` to an array (or nested lists, or a number) of that shape. A
        `MatrixSymbol` with a side of 1 may have a 1-D array.
    sizes : dimension symbol to its size.
    where : `Eq(z[i], ...)`, `Eq(H, ...)`, `Eq(s, ...)`. Of several for one name, the one whose left side has the most
        literal subscripts that fit is meant: `Eq(h[0, k], ...)` is the base case of `Eq(h[t, k], ...)`.
    digits : decimal digits of the result. They are right unless the expression itself cancels more than ten.
    trace : is told what the evaluation sees.

    Returns
    -------
    The value as an mpmath `mpf`.

    Raises
    ------
    UnsupportedError
        If a part of the expression has no rule here; the message names it.
    ModelError
        If a symbol has no value, or an equation of `where` defines nothing.
    IndexError
        If a subscript is out of range (a negative one, too) or no integer.
    ValueError
        If an array has another shape than its symbol, or a value is not real.
    ZeroDivisionError
        If the expression divides by zero.

    Examples
    --------
    >>> from sympy import IndexedBase, Sum, log, symbols
    >>> i, N = symbols("i N", integer=True)
    >>> x = IndexedBase("x", shape=(N,))
    >>> value = evaluate(Sum(log(x[i]), (i, 0, N - 1)), {x: [1.0, 2.0]}, {N: 2})
    >>> print(mpmath.nstr(value, 20))
    0.69314718055994530942
    """
    with mpmath.workdps(digits + _GUARD_DIGITS):
        value = Reading(expr, values, sizes, where, wanted=Rules.scalar, trace=trace)()
    with mpmath.workdps(digits):
        return mpf(value)


def shortfall(
    condition: sp.Basic,
    holds: bool,
    place: Place,
    values: Mapping[sp.Basic, Any],
    sizes: Mapping[sp.Basic, int],
    where: Sequence[sp.Basic] = (),
    digits: int = 20,
) -> float:
    """How far a condition is from holding (or from not holding): 0 where it does, inf where it has no value.

    Of a relation it is the difference of its sides; of several conditions the sum, or the least of what one of them
    lacks.
    """
    with mpmath.workdps(digits + _GUARD_DIGITS):
        try:
            bound = dict(place.bound)
            for variable, (matrix, entry) in place.entries.items():
                others = [index for index in bound if index != variable]
                found = Reading(matrix, values, sizes, where, others)
                bound[variable] = found(*(bound[index] for index in others))[entry]
            wanted = _HOLDS if holds else _FAILS
            return float(Reading(condition, values, sizes, where, tuple(bound), wanted)(*bound.values()))
        except (SymgradError, ArithmeticError, ValueError, IndexError):
            return math.inf


Wanted = Callable[[Rules, Any], Rule]
_HOLDS: Wanted = lambda rules, condition: rules.lacking(condition, True)  # noqa: E731
_FAILS: Wanted = lambda rules, condition: rules.lacking(condition, False)  # noqa: E731


class Equation(NamedTuple):
    """A definition of entries: of each subscript on its left the index, if any, and its value; and the right side."""

    left: tuple[tuple[sp.Basic | None, Rule, sp.Basic], ...]
    right: Rule


class Program(NamedTuple):
    """The rules of an expression, of the matrices and scalars that `where` names, and of the entries of arrays."""

    result: Rule
    wholes: dict[sp.Basic, Rule]
    entries: dict[sp.Basic, list[Equation]]


@lru_cache(256)
def _program(expr: sp.Basic, where: Sequence[sp.Basic], known: frozenset[sp.Basic], wanted: Wanted) -> Program:
    """The rules of an expression and its names; no subscript on a left side is an index of the symbols that are known.

    Raises
    ------
    ModelError
        If an equation defines nothing.
    """
    rules = Rules()
    program = Program(wanted(rules, expr), {}, {})
    for equation in where:
        if not isinstance(equation, sp.Eq):
            raise ModelError(
                f"where needs equations Eq(name, value), but holds {equation} "
                "(SymPy makes False of an Eq between matrices of different shapes)."
            )
        left, right = equation.args
        if isinstance(left, (sp.Indexed, MatrixElement)):
            patterns = tuple((_index(pattern, known), rules.scalar(pattern), pattern) for pattern in left.args[1:])
            program.entries.setdefault(left.args[0], []).append(Equation(patterns, rules.value(right)))
        elif isinstance(left, (sp.MatrixSymbol, sp.Symbol)):
            program.wholes[left] = rules.value(right)
        else:
            raise ModelError(f"{left} names nothing: where holds Eq(z[i], ...), Eq(H, ...) or Eq(s, ...).")
    return program


def _index(pattern: sp.Basic, known: frozenset[sp.Basic]) -> sp.Basic | None:
    """The index in a subscript on a left side, if there is one."""
    unknown = list(pattern.free_symbols - known)
    if len(unknown) > 1:
        raise UnsupportedError(f"the subscript {pattern} on a left side in where holds several indices.")
    return unknown[0] if unknown else None


def _base(left: sp.Basic) -> sp.Basic:
    return left.args[0] if isinstance(left, (sp.Indexed, MatrixElement)) else left


class Reading:
    """An expression at some inputs, as a function of the values of indices that are free in it.

    It is evaluated at the precision of the moment, and remembers what it has evaluated.
    """

    def __init__(
        self,
        expr: sp.Basic,
        values: Mapping[sp.Basic, Any],
        sizes: Mapping[sp.Basic, int],
        where: Sequence[sp.Basic] = (),
        free: Sequence[sp.Basic] = (),
        wanted: Wanted = Rules.value,
        trace: Trace | None = None,
    ) -> None:
        self._values, self.sizes, self.trace, self._free = values, sizes, trace, tuple(free)
        self._where = tuple(where)
        self._program = _program(expr, tuple(where), frozenset((*values, *sizes)), wanted)
        self._arrays: dict[sp.Basic, np.ndarray[Any, Any]] = {}
        self._shapes: dict[sp.Basic, tuple[int, ...] | None] = {}
        self._known: dict[_Entry, Any] = {}
        self._nested = 0
        self.remembered: dict[Any, Any] = {}

    def __call__(self, *indices: Any) -> Any:
        """The value; entries of names that lie too deep are put on a stack and evaluated first."""
        waiting: list[_Entry] = []
        while True:
            self._nested = 0
            try:
                if not waiting:
                    return self._program.result(Scope(self, zip(self._free, indices, strict=True)))
                self._named(*waiting[-1])
                waiting.pop()
            except _TooDeep as deep:
                if deep.entry in waiting:
                    raise ModelError(f"{_shown(deep.entry)} is defined by itself in where.") from None
                waiting.append(deep.entry)

    def beside(self, name: sp.Basic, value: Any, expr: sp.Basic, free: Sequence[sp.Basic]) -> "Reading":
        """Another expression at the same inputs and a value of a name that `where` defines; none if it has none yet."""
        given = self._values if value is None else {**self._values, name: value}
        others = [equation for equation in self._where if _base(equation.args[0]) != name]
        return Reading(expr, given, self.sizes, others, free)

    # --- what rules ask for -------------------------------------------------------------------------------------------

    def entry(self, base: sp.Basic, *subscripts: Any) -> Any:
        """A size, or an entry of an input or of a name; a scalar has no subscripts."""
        if not subscripts and base in self.sizes:
            return self.sizes[base]
        at = tuple([s if type(s) is int else whole(s) for s in subscripts])
        if base in self._program.wholes:
            found = self._named(base, None)
            return item(found, base, *at) if at else found
        defined = base in self._program.entries
        shape = self._shape(base) if defined else self._array(base).shape
        if any(s < 0 for s in at) or (shape is not None and not _is_inside(at, shape)):
            raise IndexError(f"{_shown((base, at))} is out of range: {base} has shape {shape}.")
        if defined:
            return self._named(base, at)
        if self.trace is not None:
            self.trace.read.add((base, at))
        return number(self._array(base)[at])

    def array(self, base: Any) -> Matrix:
        """All of an input or a name that has axes."""
        if base in self._program.wholes:
            return self._named(base, None)  # type: ignore[no-any-return]
        shape = self._shape(base)
        if shape is None:
            shape = self._array(base).shape
        return table(shape, [self.entry(base, *at) for at in np.ndindex(shape)])

    # --- inputs and names ---------------------------------------------------------------------------------------------

    def _shape(self, symbol: sp.Basic) -> tuple[int, ...] | None:
        """The declared shape, or None where there is none."""
        if symbol not in self._shapes:
            declared = getattr(symbol, "shape", None)
            self._shapes[symbol] = None if declared is None else tuple(concrete(side, self.sizes) for side in declared)
        return self._shapes[symbol]

    def _array(self, symbol: sp.Basic) -> np.ndarray[Any, Any]:
        """The value of an input, in the shape that its symbol declares."""
        if symbol not in self._arrays:
            if symbol not in self._values:
                raise ModelError(f"{symbol} has no value: it is no bound index, no size, and named nowhere in where.")
            array = np.array(self._values[symbol], dtype=object)
            shape = self._shape(symbol)
            if shape is not None:
                vector = isinstance(symbol, sp.MatrixSymbol) and array.ndim == 1 and 1 in shape
                if array.shape != shape and not (vector and array.size == math.prod(shape)):
                    raise ValueError(f"{symbol} has shape {shape}, but its value has shape {array.shape}.")
                array = array.reshape(shape)
            self._arrays[symbol] = array
        return self._arrays[symbol]

    def _named(self, name: sp.Basic, subscripts: tuple[int, ...] | None) -> Any:
        """A name from `where`: its entry at the subscripts, or the whole of it (a matrix or a scalar)."""
        wanted = (name, subscripts)
        if wanted not in self._known:
            if self._nested == _NESTED_NAMES:
                raise _TooDeep(wanted)
            self._nested += 1
            if subscripts is not None:
                equation, bound = self._definition(name, subscripts)
                value = equation.right(Scope(self, bound))
            else:
                value = self._program.wholes[name](Scope(self))
                if isinstance(name, sp.MatrixSymbol) and value.shape != self._shape(name):
                    raise ValueError(f"{name} has shape {self._shape(name)}, but its value in where has {value.shape}.")
            self._known[wanted] = value
            self._nested -= 1
        return self._known[wanted]

    def _definition(self, base: sp.Basic, subscripts: tuple[int, ...]) -> tuple[Equation, dict[sp.Basic, int]]:
        """The equation that defines an entry, and the values of the indices on its left side."""
        found: list[tuple[tuple[int, int], Equation, dict[sp.Basic, int]]] = []
        for equation in self._program.entries[base]:
            bound = self._matched(equation, subscripts)
            if bound is not None:
                fixed = [axis for axis, (_, _, sub) in enumerate(equation.left) if sub.is_Integer]
                times = [axis for axis in fixed if not self._is_component(base, axis)]
                found.append(((len(bound), -len(times)), equation, bound))
        if not found:
            raise IndexError(f"no equation in where defines {_shown((base, subscripts))}.")
        _, equation, bound = min(found, key=lambda match: match[0])
        return equation, bound

    def _is_component(self, base: Any, axis: int) -> bool:
        """Whether every position on an axis has equations of its own: at h[0, 0], h[0, k] counts before h[t, 0]."""
        side = sp.S(base.shape[axis] if getattr(base, "shape", None) else sp.oo)
        stated = {equation.left[axis][2] for equation in self._program.entries[base]}
        return bool(side.is_Integer) and all(sp.Integer(n) in stated for n in range(int(side)))

    def _matched(self, equation: Equation, subscripts: tuple[int, ...]) -> dict[sp.Basic, int] | None:
        """The indices of a left side at these subscripts, or None where it does not fit: h[t + 1] at 3 means t = 2."""
        if len(equation.left) != len(subscripts):
            return None
        bound: dict[sp.Basic, int] = {}
        for (index, pattern, _), subscript in zip(equation.left, subscripts, strict=True):
            if index is None:
                if pattern(Scope(self)) != subscript:
                    return None
                continue
            at_zero, at_one = (pattern(Scope(self, {index: at})) for at in (0, 1))
            if at_zero == at_one:
                return None
            solution = mpf(subscript - at_zero) / (at_one - at_zero)
            if not mpmath.isint(solution) or bound.setdefault(index, int(solution)) != solution:
                return None
        return bound


class _TooDeep(Exception):
    """An entry was needed inside `_NESTED_NAMES` others; evaluate it first and begin again."""

    def __init__(self, entry: _Entry) -> None:
        super().__init__(entry)
        self.entry = entry


def _is_inside(at: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    return len(at) == len(shape) and all(s < n for s, n in zip(at, shape, strict=True))


def _shown(entry: _Entry) -> str:
    name, subscripts = entry
    return f"{name}{list(subscripts)}" if subscripts else str(name)
