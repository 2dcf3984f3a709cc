"""The inputs of a reference evaluation, the entries that `where` defines, and the scopes that indices are bound in."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import mpmath
import numpy as np
import sympy as sp
from mpmath import mpf
from sympy.logic.boolalg import Boolean
from sympy.matrices.expressions.matexpr import MatrixElement

from symgrad.errors import ModelError, UnsupportedError
from symgrad.verify.reference.functions import Matrix, number
from symgrad.verify.reference.trace import Place, Trace

# Names from `where` that may be evaluated inside one another before the evaluator starts again at the innermost: fifty
# Python frames a name (a long formula) stay below CPython's limit of a thousand.
_NESTED_NAMES = 12


@dataclass(frozen=True)
class Rules:
    """What an expression at a scope is worth, by the kind of expression.

    Attributes
    ----------
    scalar : the value of a scalar expression, dispatched on its class.
    matrix : that of a matrix expression.
    holds : whether a condition is true.
    """

    scalar: Any
    matrix: Any
    holds: "Callable[[Boolean, Scope], bool]"


# A name from `where` and the subscripts of the entry wanted; None for the whole of a matrix or a scalar.
_Entry = tuple[sp.Basic, tuple[int, ...] | None]


class _TooDeep(Exception):
    """An entry was needed inside `_NESTED_NAMES` others; evaluate it first and begin again."""

    def __init__(self, entry: _Entry) -> None:
        super().__init__(entry)
        self.entry = entry


class Inputs:
    """The arrays, the sizes and the equations; and the entries and sums already evaluated."""

    def __init__(
        self,
        values: Mapping[sp.Basic, Any],
        sizes: Mapping[sp.Basic, int],
        where: Sequence[sp.Basic],
        rules: Rules,
        trace: Trace | None = None,
    ) -> None:
        self.values, self.sizes, self.rules, self.trace = values, sizes, rules, trace
        self.arrays: dict[sp.Basic, np.ndarray[Any, Any]] = {}
        self.shapes: dict[sp.Basic, tuple[int, ...] | None] = {}
        self.wholes: dict[sp.Basic, sp.Basic] = {}
        self.entries: dict[sp.Basic, list[tuple[tuple[sp.Basic, ...], sp.Basic]]] = {}
        self.known: dict[_Entry, Any] = {}
        self.memo: dict[Any, Any] = {}
        self.free: dict[sp.Basic, set[sp.Basic]] = {}
        self.nested = 0
        for equation in where:
            if not isinstance(equation, sp.Eq):
                raise ModelError(
                    f"where needs equations Eq(name, value), but holds {equation} "
                    "(SymPy makes False of an Eq between matrices of different shapes)."
                )
            left, right = equation.args
            if isinstance(left, (sp.Indexed, MatrixElement)):
                self.entries.setdefault(left.args[0], []).append((left.args[1:], right))
            elif isinstance(left, (sp.MatrixSymbol, sp.Symbol)):
                self.wholes[left] = right
            else:
                raise ModelError(f"{left} names nothing: where holds Eq(z[i], ...), Eq(H, ...) or Eq(s, ...).")

    def evaluate(self, expr: sp.Basic) -> mpf:
        """The value of the loss; entries that lie too deep are put on a stack and evaluated first."""
        waiting: list[_Entry] = []
        while True:
            self.nested = 0
            try:
                if not waiting:
                    return Scope(self).scalar(expr)
                self.named(*waiting[-1])
                waiting.pop()
            except _TooDeep as deep:
                if deep.entry in waiting:
                    raise ModelError(f"{shown(deep.entry)} is defined by itself in where.") from None
                waiting.append(deep.entry)

    def free_symbols(self, expr: sp.Basic) -> set[sp.Basic]:
        if expr not in self.free:
            self.free[expr] = expr.free_symbols
        return self.free[expr]

    def shape(self, symbol: sp.Basic) -> tuple[int, ...] | None:
        """The declared shape, or None where there is none."""
        if symbol not in self.shapes:
            declared = getattr(symbol, "shape", None)
            self.shapes[symbol] = None if declared is None else tuple(Scope(self).integer(side) for side in declared)
        return self.shapes[symbol]

    def array(self, symbol: sp.Basic) -> np.ndarray[Any, Any]:
        """The value of an input, in the shape that its symbol declares."""
        if symbol not in self.arrays:
            if symbol not in self.values:
                raise ModelError(f"{symbol} has no value: it is no bound index, no size, and named nowhere in where.")
            array = np.array(self.values[symbol], dtype=object)
            shape = self.shape(symbol)
            if shape is not None:
                vector = isinstance(symbol, sp.MatrixSymbol) and array.ndim == 1 and 1 in shape
                if array.shape != shape and not (vector and array.size == prod(shape)):
                    raise ValueError(f"{symbol} has shape {shape}, but its value has shape {array.shape}.")
                array = array.reshape(shape)
            self.arrays[symbol] = array
        return self.arrays[symbol]

    def entry(self, base: sp.Basic, subscripts: tuple[int, ...]) -> mpf:
        """One entry of an input or of a name; a scalar has no subscripts."""
        if base in self.wholes:
            whole = self.named(base, None)
            return item(whole, subscripts, base) if subscripts else whole
        defined = base in self.entries
        shape = self.shape(base) if defined else self.array(base).shape
        if any(s < 0 for s in subscripts) or (
            shape is not None
            and (len(subscripts) != len(shape) or any(s >= n for s, n in zip(subscripts, shape, strict=True)))
        ):
            raise IndexError(f"{shown((base, subscripts))} is out of range: {base} has shape {shape}.")
        if defined:
            return self.named(base, subscripts)
        if self.trace is not None:
            self.trace.read.add((base, subscripts))
        return number(self.array(base)[subscripts])

    def named(self, name: sp.Basic, subscripts: tuple[int, ...] | None) -> Any:
        """A name from `where`: its entry at the subscripts, or the whole of it (a matrix or a scalar)."""
        wanted = (name, subscripts)
        if wanted not in self.known:
            if self.nested == _NESTED_NAMES:
                raise _TooDeep(wanted)
            self.nested += 1
            if subscripts is None:
                matrix = isinstance(name, sp.MatrixSymbol)
                whole = self.wholes[name]
                value = Scope(self).matrix(whole) if matrix else Scope(self).scalar(whole)
                if matrix and value.shape != self.shape(name):
                    raise ValueError(f"{name} has shape {self.shape(name)}, but {self.wholes[name]} has {value.shape}.")
                self.known[wanted] = value
            else:
                right, bound = self.definition(name, subscripts)
                self.known[wanted] = Scope(self, bound).scalar(right)
            self.nested -= 1
        return self.known[wanted]

    def definition(self, base: sp.Basic, subscripts: tuple[int, ...]) -> tuple[sp.Basic, dict[sp.Basic, mpf]]:
        """The right side that defines an entry, and the values of the indices on its left side."""
        found: list[tuple[tuple[int, int], sp.Basic, dict[sp.Basic, mpf]]] = []
        for left, right in self.entries[base]:
            bound = self.matched(left, subscripts)
            if bound is not None:
                times = [axis for axis, sub in enumerate(left) if sub.is_Integer and not self.is_component(base, axis)]
                found.append(((len(bound), -len(times)), right, bound))
        if not found:
            raise IndexError(f"no equation in where defines {shown((base, subscripts))}.")
        _, right, bound = min(found, key=lambda match: match[0])
        return right, bound

    def is_component(self, base: sp.Basic, axis: int) -> bool:
        """Whether every position on an axis has equations of its own: at h[0, 0], h[0, k] counts before h[t, 0]."""
        side = sp.S(base.shape[axis] if getattr(base, "shape", None) else sp.oo)
        stated = {left[axis] for left, _ in self.entries[base]}
        return bool(side.is_Integer) and all(sp.Integer(n) in stated for n in range(int(side)))

    def matched(self, left: tuple[sp.Basic, ...], subscripts: tuple[int, ...]) -> dict[sp.Basic, mpf] | None:
        """The indices of a left side at these subscripts, or None where it does not fit: h[t + 1] at 3 means t = 2."""
        if len(left) != len(subscripts):
            return None
        bound: dict[sp.Basic, mpf] = {}
        for pattern, subscript in zip(left, subscripts, strict=True):
            unknown = [s for s in pattern.free_symbols if s not in self.sizes and s not in self.values]
            if len(unknown) > 1:
                raise UnsupportedError(f"the subscript {pattern} on a left side in where holds several indices.")
            if unknown:
                at_zero, at_one = (Scope(self, {unknown[0]: mpf(t)}).scalar(pattern) for t in (0, 1))
                if at_zero == at_one:
                    return None
                solution = (subscript - at_zero) / (at_one - at_zero)
                if not mpmath.isint(solution) or bound.setdefault(unknown[0], solution) != solution:
                    return None
            elif Scope(self).scalar(pattern) != subscript:
                return None
        return bound


@dataclass(frozen=True)
class Scope:
    """The inputs, and the values of the indices bound at this place."""

    inputs: Inputs
    bound: Mapping[sp.Basic, mpf] = field(default_factory=dict)
    entries: Mapping[sp.Basic, tuple[sp.Basic, tuple[int, int]]] = field(default_factory=dict)

    def bind(self, index: sp.Basic, value: Any, entry: tuple[sp.Basic, tuple[int, int]] | None = None) -> "Scope":
        """The scope where an index, or a variable that is an entry of a matrix, has a value."""
        entries = self.entries if entry is None else {**self.entries, index: entry}
        return Scope(self.inputs, {**self.bound, index: mpf(value)}, entries)

    def took(self, site: sp.Basic, branch: Any) -> None:
        """Note which branch an expression took here."""
        if self.inputs.trace is not None and branch is not None:
            self.inputs.trace.take(site, branch, self._place)

    def _place(self) -> Place:
        return Place(self.bound, self.entries)

    def scalar(self, expr: sp.Basic) -> mpf:
        """The value of a scalar expression, or of a 1x1 matrix."""
        return self.inputs.rules.scalar.dispatch(type(expr))(expr, self)  # a frame less than through the function

    def integer(self, expr: sp.Basic) -> int:
        """A subscript or a limit."""
        value = self.scalar(expr)
        if not mpmath.isint(value):
            raise IndexError(f"{expr} must be an integer, but is {mpmath.nstr(value)}.")
        return int(value)

    def matrix(self, expr: sp.Basic) -> Matrix:
        """The value of a matrix expression: a two-dimensional array of mpf objects."""
        return self.remember(expr, lambda: self.inputs.rules.matrix(expr, self))  # type: ignore[no-any-return]

    def square(self, expr: sp.Basic) -> Matrix:
        """The same of one that has to be square."""
        matrix = self.matrix(expr)
        if matrix.shape[0] != matrix.shape[1]:
            raise ValueError(f"{expr} of shape {matrix.shape} is not square.")
        return matrix

    def holds(self, condition: Boolean) -> bool:
        """Whether a condition is true."""
        return self.inputs.rules.holds(condition, self)

    def points(self, limits: Sequence[sp.Tuple], deltas: Sequence[sp.Basic] = ()) -> "Iterator[Scope]":
        """The scopes at all values of the indices where no delta is 0; the last limit is the outermost."""
        if not limits:
            yield self
            return
        *inner, limit = limits
        if len(limit) != 3:
            raise ModelError(f"the index {limit[0]} needs limits, such as ({limit[0]}, 0, N - 1).")
        index, lower, upper = limit
        unbound = {limit[0] for limit in inner}
        settled = [delta for delta in deltas if not self.inputs.free_symbols(delta) & unbound]
        open_ones = [delta for delta in deltas if delta not in settled]
        for value in range(self.integer(lower), self.integer(upper) + 1):
            point = self.bind(index, value)
            if all(point.scalar(delta) != 0 for delta in settled):
                yield from point.points(inner, open_ones)

    def remember(self, expr: sp.Basic, compute: Callable[[], Any]) -> Any:
        """`compute()`, once for every value of the bound indices that `expr` depends on."""
        free, memo = self.inputs.free_symbols(expr), self.inputs.memo
        key = (expr, *((index, value) for index, value in self.bound.items() if index in free))
        if key not in memo:
            memo[key] = compute()
        return memo[key]


def shown(entry: _Entry) -> str:
    name, subscripts = entry
    return f"{name}{list(subscripts)}" if subscripts else str(name)


def item(matrix: Matrix, position: tuple[int, ...], owner: sp.Basic) -> mpf:
    """The entry of an evaluated matrix; a negative subscript does not count from the end."""
    if len(position) != 2 or any(not 0 <= p < n for p, n in zip(position, matrix.shape, strict=True)):
        raise IndexError(f"({owner}){list(position)} is out of range: its shape is {matrix.shape}.")
    return matrix[position]
