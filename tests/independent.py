"""A small interpreter of SymPy models, differentiated by `autograd` or at many digits: an independent differentiator.

It reads the SymPy trees themselves and shares nothing with the compiler. Every bound index is an axis of its own, the
innermost in front, so that sums are sums over axes; only recurrences are loops.
"""

import operator
import warnings
from collections.abc import Callable, Sequence
from functools import reduce, wraps
from itertools import pairwise
from typing import Any

import mpmath
import numpy as np
import sympy as sp
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.diagonal import DiagonalOf
from sympy.matrices.expressions.dotproduct import DotProduct
from sympy.matrices.expressions.matexpr import MatrixElement
from sympy.matrices.expressions.slice import MatrixSlice
from sympy.matrices.expressions.special import OneMatrix

from symgrad import functions as sg
from symgrad import matrix_functions as mf

if __package__:
    from .independent_arrays import DIGITS, Digits, EmptyReduction, floats
else:
    from independent_arrays import DIGITS, Digits, EmptyReduction, floats

RELATIONS: dict[Any, Callable[[Any, Any], Any]] = {
    sp.Gt: operator.gt,
    sp.Ge: operator.ge,
    sp.Lt: operator.lt,
    sp.Le: operator.le,
    sp.Eq: operator.eq,
    sp.Ne: operator.ne,
}


class Unknown(Exception):
    """An expression that the interpreter does not know."""


class Interpreter:
    """Evaluates expressions at values of their symbols and sizes of their dimensions, with one kind of arrays."""

    def __init__(self, kind: Any, values: dict[Any, Any], sizes: dict[Any, int]) -> None:
        self._kind, self._xp = kind, kind.xp
        self._values, self._sizes = dict(values), sizes

    def size(self, expr: Any) -> int:
        return int(sp.sympify(expr).subs(self._sizes))

    def loss(self, expr: Any, where: Sequence[Any]) -> Any:
        """The loss of a model whose names are defined before they are used, but for those of a recurrence."""
        recursive = _recursive(where)
        groups: list[list[Any]] = []
        for equation in where:
            base = _base(equation.lhs)
            if base not in recursive or not groups or _base(groups[-1][0].lhs) not in recursive:
                groups.append([])
            groups[-1].append(equation)
        for group in groups:
            if len(group) == 1:
                self._define(group[0])
            else:
                self._recurrence(group)
        return self._xp.reshape(self.scalar(expr, {}, 0), ())

    def formula(self, expr: Any, shape: Sequence[int]) -> Any:
        """The entries of an array: of a matrix, of a function of its indices, or of a number."""
        if getattr(expr, "is_Matrix", False):
            return self._xp.reshape(self.matrix(expr), shape)
        if isinstance(expr, sp.Lambda):
            lengths = shape if len(expr.variables) == len(shape) else [side for side in shape if side != 1]
            ranges = dict(zip(expr.variables, lengths, strict=True))
            return self._xp.reshape(self._entries(expr.expr, ranges, {}), shape)
        return self._kind.broadcast(self.scalar(expr, {}, 0), shape)

    def _define(self, equation: Any) -> None:
        left = equation.lhs
        if getattr(left, "is_Matrix", False):
            self._values[left] = self.matrix(equation.rhs)
        elif isinstance(left, sp.Symbol):
            self._values[left] = self.scalar(equation.rhs, {}, 0)
        else:
            shape = [self.size(side) for side in left.base.shape]
            ranges = dict(zip(left.indices, shape, strict=True))
            self._values[left.base] = self._entries(equation.rhs, ranges, {})

    def _entries(self, expr: Any, ranges: dict[Any, int], fixed: dict[Any, Any]) -> Any:
        """The array of all entries of an expression, an axis for each index."""
        bound = dict(fixed)
        for depth, (index, length) in enumerate(ranges.items()):
            bound[index] = self._kind.array(np.arange(length).reshape(-1, *[1] * depth))
        value = self.scalar(expr, bound, len(ranges))
        whole = self._kind.broadcast(value, tuple(reversed(ranges.values())))
        return self._xp.transpose(whole, tuple(reversed(range(len(ranges)))))

    def _recurrence(self, equations: list[Any]) -> None:
        """Equations with the time, a symbol, in front; base cases have a number or a size there."""
        steps = [e for e in equations if not _is_base(e)]
        time = steps[0].lhs.indices[0]
        bases: dict[Any, set[int]] = {}
        for equation in equations:
            base = equation.lhs.base
            if base not in self._values or base not in bases:
                self._values[base] = self._kind.array(np.zeros([self.size(side) for side in base.shape]))
                bases[base] = set()
            if _is_base(equation):
                at = self.size(equation.lhs.indices[0])
                bases[base].add(at)
                self._set(equation, at, {})
        taken = set().union(*bases.values())
        length = max(self.size(e.lhs.base.shape[0]) for e in steps)
        moments = [t for t in range(length) if t not in taken]
        for moment in moments if 0 in taken else reversed(moments):
            for equation in steps:
                self._set(equation, moment, {time: self._kind.array(np.asarray(float(moment)))})

    def _set(self, equation: Any, at: int, fixed: dict[Any, Any]) -> None:
        left = equation.lhs
        shape = [self.size(side) for side in left.base.shape[1:]]
        value = self._entries(equation.rhs, dict(zip(left.indices[1:], shape, strict=True)), fixed)
        self._values[left.base] = self._kind.put(self._values[left.base], at, value)

    def scalar(self, expr: Any, bound: dict[Any, Any], depth: int) -> Any:
        """The value for all values of the bound indices at once; `depth` is how many there are."""
        xp = self._xp

        def of(part: Any) -> Any:
            return self.scalar(part, bound, depth)

        if expr in bound:
            return bound[expr]
        if expr in self._sizes:
            return self._kind.number(sp.Integer(self._sizes[expr]))
        if isinstance(expr, sp.Symbol):
            return self._values[expr]
        if expr.is_Number or isinstance(expr, sp.NumberSymbol):
            return self._kind.number(expr)
        if expr in (sp.true, sp.false):
            return np.asarray(bool(expr))
        if getattr(expr, "is_Matrix", False):
            return self.matrix(expr)[0, 0]
        if type(expr) in RELATIONS:
            return RELATIONS[type(expr)](of(expr.lhs), of(expr.rhs))
        if type(expr) in self._kind.functions:
            return self._kind.functions[type(expr)](of(expr.args[0]))
        match expr:
            case sp.Indexed() | MatrixElement():
                return self._element(expr, of)
            case sp.Add():
                return sum((of(part) for part in expr.args[1:]), of(expr.args[0]))
            case sp.Mul():
                result = of(expr.args[0])
                for part in expr.args[1:]:
                    result = result * of(part)
                return result
            case sp.Pow():
                exponent = float(expr.exp) if expr.exp.is_Number else of(expr.exp)
                return self._kind.power(of(expr.base), exponent)
            case sp.Sum() | sp.Product() | sg.LogSumExp() | sg.MaxOver() | sg.MinOver():
                return self._reduce(type(expr), expr.function, list(expr.limits), bound, depth)
            case sg.IndexedSoftmax():
                ranged = self._range(*expr.limit, bound, depth)
                whole = self._over(expr.function, ranged, depth)
                if whole.shape[0] == 0:
                    raise EmptyReduction("softmax")
                peak = self._kind.constant(xp.max(whole, axis=0))
                exp = self._kind.functions[sp.exp]
                return exp(of(expr.function) - peak) / xp.sum(exp(whole - peak), axis=0)
            case sp.Max() | sp.Min():
                pick = xp.maximum if isinstance(expr, sp.Max) else xp.minimum
                first, *rest = (of(part) for part in expr.args)
                for part in rest:
                    first = pick(first, part)
                return first
            case sp.Mod():
                left, right = (of(part) for part in expr.args)
                return left - self._kind.functions[sp.floor](left / right) * right
            case sp.And() | sp.Or() | sp.Xor():
                combine = {sp.And: xp.logical_and, sp.Or: xp.logical_or, sp.Xor: xp.logical_xor}[expr.func]
                first, *rest = (of(part).astype(bool) for part in expr.args)
                for part in rest:
                    first = combine(first, part)
                return first
            case sp.Not():
                return xp.logical_not(of(expr.args[0]).astype(bool))
            case sg.if_else():
                condition, yes, no = (of(part) for part in expr.args)
                return self._kind.where(condition.astype(bool), yes, no)
            case sp.Piecewise():
                value = of(expr.args[-1][0])
                for branch, condition in reversed(expr.args[:-1]):
                    value = self._kind.where(of(condition).astype(bool), of(branch), value)
                return value
            case sp.KroneckerDelta():
                return self._kind.where(
                    of(expr.args[0]) == of(expr.args[1]), self._kind.number(1), self._kind.number(0)
                )
            case sp.im():
                return self._kind.number(0)
            case sp.conjugate() | sp.re():
                return of(expr.args[0])
            case sg.constant():
                return self._kind.constant(of(expr.args[0]))
            case DotProduct():
                left, right = (self.matrix(arg).reshape(-1) for arg in expr.args)
                return xp.sum(left * right)
            case sp.Trace():
                return xp.trace(self.matrix(expr.arg))
            case sg.Total():
                return xp.sum(self.matrix(expr.arg))
            case mf.LogDet() | sp.Determinant():
                matrix = self.matrix(expr.arg)
                return self._kind.logdet(matrix) if isinstance(expr, mf.LogDet) else self._kind.det(matrix)
            case mf.LogDetOver() | mf.DetOver() | mf.InverseEntry():
                return self._of_matrices(expr, bound, depth, of)
        raise Unknown(type(expr).__name__)

    def _element(self, expr: Any, of: Callable[[Any], Any]) -> Any:
        base, *subs = expr.args
        array = self.matrix(base) if getattr(base, "is_Matrix", False) else self._values[base]
        if array.size == 0:
            return self._kind.number(0)
        # a position outside is in a branch not taken
        places = [np.asarray(of(sub)).astype(int) for sub in subs]
        return self._kind.array(
            array[tuple(np.clip(place, 0, side - 1) for place, side in zip(places, array.shape, strict=True))]
        )

    def _range(self, index: Any, low: Any, high: Any, bound: dict[Any, Any], depth: int) -> dict[Any, Any]:
        """The bindings with one more index; an end that depends on other indices is left to a mask."""
        ends = [self.size(self._loosest(end, bound, pick)) for end, pick in ((low, min), (high, max))]
        values = np.arange(ends[0], ends[1] + 1)
        rest = {key: value for key, value in bound.items() if key != index}
        return {**rest, index: self._kind.array(values.reshape(-1, *[1] * depth))}  # the last

    def _loosest(self, end: Any, bound: dict[Any, Any], pick: Any) -> Any:
        inner = [symbol for symbol in sp.sympify(end).free_symbols if symbol in bound]
        values = {symbol: [int(v) for v in np.asarray(bound[symbol]).ravel()] or [0] for symbol in inner}
        return (
            pick([end.subs({s: pick2(values[s]) for s in inner}).subs(self._sizes) for pick2 in (min, max)])
            if inner
            else end
        )

    def _over(self, expr: Any, bound: dict[Any, Any], depth: int) -> Any:
        """The value with an axis in front for the index bound last."""
        value = self.scalar(expr, bound, depth + 1)
        return self._in_front(value, next(reversed(bound.values())).shape[0], depth)

    def _in_front(self, value: Any, length: int, depth: int) -> Any:
        value = self._kind.array(value)
        value = value.reshape(*[1] * (depth + 1 - value.ndim), *value.shape)
        return self._kind.broadcast(value, (length, *value.shape[1:]))

    def _reduce(self, head: Any, body: Any, limits: list[Any], bound: dict[Any, Any], depth: int) -> Any:
        """A reduction over several indices, the last of which is the outermost."""
        *inner, (index, low, high) = limits
        ranged = self._range(index, low, high, bound, depth)
        deeper = depth + 1
        value = self._reduce(head, body, inner, ranged, deeper) if inner else self.scalar(body, ranged, deeper)
        whole = self._in_front(value, ranged[index].shape[0], depth)
        inside = [
            compare(ranged[index], self.scalar(end, bound, depth))
            for end, compare in ((low, operator.ge), (high, operator.le))
            if any(symbol in bound for symbol in end.free_symbols)
        ]
        return self._reduced(head, whole, [condition.astype(bool) for condition in inside])

    def _reduced(self, head: Any, whole: Any, inside: list[Any]) -> Any:
        xp = self._xp
        neutral = {sp.Sum: 0, sp.Product: 1, sg.MinOver: sp.Float("1e300")}.get(head, sp.Float("-1e300"))
        for condition in inside:
            whole = self._kind.where(condition, whole, self._kind.number(neutral))
        if head is sp.Sum:
            return xp.sum(whole, axis=0)
        if head is sp.Product:
            return reduce(operator.mul, whole, xp.ones(whole.shape[1:]) * self._kind.number(1))
        if head is sg.LogSumExp and whole.shape[0]:
            peak = self._kind.constant(xp.max(whole, axis=0))
            functions = self._kind.functions
            return functions[sp.log](xp.sum(functions[sp.exp](whole - peak), axis=0)) + peak
        if whole.shape[0] == 0:
            if not inside and np.prod(whole.shape[1:]):
                raise EmptyReduction(head.__name__)
            return self._kind.broadcast(self._kind.array(self._kind.number(neutral)), whole.shape[1:])
        return (xp.max if head is sg.MaxOver else xp.min)(whole, axis=0)

    def _of_matrices(self, expr: Any, bound: dict[Any, Any], depth: int, of: Any) -> Any:
        (i, low, high), (j, left, right) = expr.limits
        both = self._range(j, left, right, self._range(i, low, high, bound, depth), depth + 1)
        stack = self._in_front(self.scalar(expr.function, both, depth + 2), both[j].shape[0], depth + 1)
        stack = self._kind.broadcast(stack, (stack.shape[0], both[i].shape[0], *stack.shape[2:]))
        matrices = self._xp.moveaxis(stack, (1, 0), (-2, -1))
        if not isinstance(expr, mf.InverseEntry):
            return (self._kind.logdet if isinstance(expr, mf.LogDetOver) else self._kind.det)(matrices)
        whole = self._kind.inverse(matrices)
        row, column = (np.asarray(of(sub)).astype(int) for sub in expr.at)
        shape = np.broadcast_shapes(whole.shape[:-2], row.shape, column.shape)
        others = [np.clip(grid, 0, side - 1) for grid, side in self._grid(shape, whole.shape[:-2])]
        return self._kind.array(whole[(*others, row, column)])

    def _grid(self, shape: Sequence[int], sides: Sequence[int]) -> list[tuple[Any, int]]:
        """Positions along every axis of a broadcast array, with the axis's own length."""
        grids = np.ogrid[tuple(slice(0, side) for side in shape)] if shape else []
        return list(zip(list(grids)[len(shape) - len(sides) :], sides, strict=True))

    def matrix(self, expr: Any) -> Any:
        """The value of a matrix expression."""
        xp, of = self._xp, self.matrix
        match expr:
            case sp.MatrixSymbol():
                return self._values[expr]
            case sp.MatAdd():
                return sum((of(part) for part in expr.args[1:]), of(expr.args[0]))
            case sp.MatMul():
                result: Any = None
                scale = self._kind.number(1)
                for part in expr.args:
                    if not part.is_Matrix:
                        scale = scale * self.scalar(part, {}, 0)
                    else:
                        result = of(part) if result is None else self._kind.product(result, of(part))
                return scale * result
            case sp.Transpose():
                return of(expr.arg).T
            case MatrixSlice():
                rows, columns = (slice(*(self.size(end) for end in ends)) for ends in (expr.rowslice, expr.colslice))
                return of(expr.parent)[rows, columns]
            case sp.MatPow():  # SymPy's Inverse is one
                base = of(expr.base)
                base = self._kind.inverse(base) if expr.exp < 0 else base
                result = base
                for _ in range(abs(int(expr.exp)) - 1):
                    result = self._kind.product(result, base)
                return result if expr.exp != 0 else of(sp.Identity(expr.shape[0]))
            case sp.HadamardProduct():
                result = of(expr.args[0])
                for part in expr.args[1:]:
                    result = result * of(part)
                return result
            case sp.HadamardPower():
                return self._kind.power(of(expr.base), float(expr.exp))
            case ElementwiseApplyFunction():
                (variable,), body = expr.function.variables, expr.function.expr
                whole = of(expr.expr)
                return self._kind.broadcast(self.scalar(body, {variable: whole}, 0), whole.shape)
            case sg.EntryByEntry():
                wholes = [of(matrix) for matrix in expr.matrices]
                entries = dict(zip(expr.function.variables, wholes, strict=True))
                return self._kind.broadcast(self.scalar(expr.function.expr, entries, 0), wholes[0].shape)
            case sp.Identity():
                return self._kind.array(np.eye(self.size(expr.shape[0])))
            case OneMatrix() | sp.ZeroMatrix():
                fill = np.ones if isinstance(expr, OneMatrix) else np.zeros
                return self._kind.array(fill([self.size(side) for side in expr.shape]))
            case DiagonalOf():
                whole = of(expr.arg)
                places = np.arange(min(whole.shape))
                return whole[places, places][:, None]
            case sp.DiagMatrix():
                vector = of(expr.args[0]).reshape(-1)
                return vector[:, None] * of(sp.Identity(len(vector)))
            case sp.KroneckerProduct():
                result = of(expr.args[0])
                for part in map(of, expr.args[1:]):
                    rows, columns = (a * b for a, b in zip(result.shape, part.shape, strict=True))
                    result = (result[:, None, :, None] * part[None, :, None, :]).reshape(rows, columns)
                return result
            case sp.BlockDiagMatrix():
                blocks = [of(part) for part in expr.diag]
                zero = [[np.zeros((a.shape[0], b.shape[1])) for b in blocks] for a in blocks]
                rows_ = [
                    [a if a is b else self._kind.array(zero[m][n]) for n, b in enumerate(blocks)]
                    for m, a in enumerate(blocks)
                ]
                return self._bordered(rows_)
            case sp.BlockMatrix():
                rows, columns = expr.blockshape
                return self._bordered([[of(expr.blocks[m, n]) for n in range(columns)] for m in range(rows)])
            case sp.MatrixBase():
                entries = [xp.reshape(self.scalar(part, {}, 0), ()) for part in expr]
                return xp.stack([self._kind.array(entry) for entry in entries]).reshape(expr.shape)
            case sg.Softmax():
                whole = of(expr.arg)
                if whole.shape[1] == 0:
                    raise EmptyReduction("softmax")
                peak = self._kind.constant(xp.max(whole, axis=1, keepdims=True))
                raised = self._kind.functions[sp.exp](whole - peak)
                return raised / xp.sum(raised, axis=1, keepdims=True)
        raise Unknown(type(expr).__name__)

    def _bordered(self, blocks: list[list[Any]]) -> Any:
        return self._xp.concatenate([self._xp.concatenate(row, axis=1) for row in blocks], axis=0)


def _recursive(where: Sequence[Any]) -> set[Any]:
    """The quantities that are defined by themselves, or from a base case on."""
    needs: dict[Any, set[Any]] = {}
    for equation in where:
        present = equation.rhs.free_symbols | equation.rhs.atoms(sp.IndexedBase, sp.MatrixSymbol)
        needs.setdefault(_base(equation.lhs), set()).update(present)
    for _ in needs:
        for base, others in needs.items():
            needs[base] = others.union(*(needs.get(other, set()) for other in others))
    based = {_base(equation.lhs) for equation in where if _is_base(equation)}
    return based | {base for base, others in needs.items() if base in others}


def _is_base(equation: Any) -> bool:
    """Whether an equation sets the entries at one moment, which a number or a size says."""
    indices = getattr(equation.lhs, "indices", ())
    return bool(indices) and not (isinstance(indices[0], sp.Symbol) and not indices[0].is_positive)


def _base(left: Any) -> Any:
    return left.base if isinstance(left, sp.Indexed) else left


def _quiet(method: Callable[..., Any]) -> Callable[..., Any]:
    """Without warnings: what is not finite in a branch not taken is of no account."""

    @wraps(method)
    def run(*args: Any) -> Any:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return method(*args)

    return run


class Independent:
    """A model's loss as a function of its parameters' arrays, by an interpreter of its SymPy tree."""

    def __init__(self, loss: Any, parameters: Sequence[Any], where: Sequence[Any]) -> None:
        self._loss, self._parameters, self._where = loss, list(parameters), list(where)

    def _function(self, kind: Any, values: dict[Any, Any], sizes: dict[Any, int]) -> Callable[[Any], Any]:
        held = {symbol: kind.array(value) for symbol, value in values.items() if symbol not in self._parameters}

        def loss(parts: Sequence[Any]) -> Any:
            given = held | {p: kind.array(part) for p, part in zip(self._parameters, parts, strict=True)}
            return Interpreter(kind, given, sizes).loss(self._loss, self._where)

        return loss

    @_quiet
    def value_and_gradient(self, values: dict[Any, Any], sizes: dict[Any, int]) -> tuple[Any, list[Any]]:
        """By `autograd`."""
        from autograd import value_and_grad

        loss = self._function(floats(), values, sizes)
        value, gradient = value_and_grad(loss)([np.asarray(values[p], float) for p in self._parameters])
        return float(value), [np.asarray(part) for part in gradient]

    @_quiet
    def hessian(self, values: dict[Any, Any], sizes: dict[Any, int]) -> list[list[Any]]:
        """By `autograd`: an array for each pair of parameters, the axes of the first in front."""
        from autograd import grad, jacobian

        loss = self._function(floats(), values, sizes)
        parts = [np.asarray(values[p], float) for p in self._parameters]
        bounds = np.cumsum([0, *(part.size for part in parts)])
        places = [slice(first, last) for first, last in pairwise(bounds)]
        slope = grad(lambda flat: loss([flat[at].reshape(part.shape) for at, part in zip(places, parts, strict=True)]))
        made = jacobian(slope)(np.concatenate([part.ravel() for part in parts]))
        return [
            [made[row, column].reshape(part.shape + other.shape) for column, other in zip(places, parts, strict=True)]
            for row, part in zip(places, parts, strict=True)
        ]

    @_quiet
    def along(self, values: dict[Any, Any], sizes: dict[Any, int], directions: Sequence[Any]) -> tuple[Any, Any, Any]:
        """The value and its first and second derivative along a direction, by central differences of many digits."""
        kind = Digits()
        with mpmath.workdps(DIGITS):
            loss = self._function(kind, values, sizes)
            step = mpmath.mpf(10) ** -(DIGITS // 4)
            start = [kind.array(values[p]) for p in self._parameters]
            moves = [kind.array(part) * step for part in directions]
            middle = mpmath.mpf(loss(start).item())
            beside = []
            for sign in (-1, 1):
                kind.replayed = iter(kind.held)
                beside.append(mpmath.mpf(loss([a + sign * b for a, b in zip(start, moves, strict=True)]).item()))
            low, high = beside
            return float(middle), float((high - low) / (2 * step)), float((high - 2 * middle + low) / step**2)

    @_quiet
    def formulas(self, values: dict[Any, Any], sizes: dict[Any, int], gradients: Sequence[Any]) -> list[Any]:
        """The values of the formulas of a gradient, by many digits; None of one that refers to an adjoint's formula."""
        kind = Digits()
        found = []
        with mpmath.workdps(DIGITS):
            reader = Interpreter(kind, {symbol: kind.array(value) for symbol, value in values.items()}, sizes)
            reader.loss(self._loss, self._where)
            for parameter, gradient in zip(self._parameters, gradients, strict=True):
                adjoints = [part for part in gradient.atoms(sp.IndexedBase) if str(part).startswith("∂")]
                value = None if adjoints else reader.formula(gradient, np.shape(values[parameter]))
                found.append(value if value is None else np.asarray(value).astype(float))
        return found

    def by_differences(self, values: dict[Any, Any], sizes: dict[Any, int], number: int) -> Any:
        """The derivative by the entries of one parameter, by differences."""
        zeros = [np.zeros(np.shape(values[p])) for p in self._parameters]
        found = np.zeros(np.shape(zeros[number]))
        for place in np.ndindex(found.shape):
            directions = [zero.copy() for zero in zeros]
            directions[number][place] = 1.0
            found[place] = self.along(values, sizes, directions)[1]
        return found
