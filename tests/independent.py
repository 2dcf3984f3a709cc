"""A small interpreter of SymPy expressions with JAX: an independent differentiator of the models that it knows.

Every bound index is an axis of its own, the innermost in front, so that sums are sums over axes and nothing is a loop.
"""

from typing import Any

import jax
import jax.numpy as jnp
import sympy as sp
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.matexpr import MatrixElement
from sympy.matrices.expressions.special import OneMatrix

from symgrad import functions as sg
from symgrad import matrix_functions as mf

jax.config.update("jax_enable_x64", True)

UNARY = {
    sp.exp: jnp.exp, sp.log: jnp.log, sp.sin: jnp.sin, sp.cos: jnp.cos, sp.tanh: jnp.tanh, sp.Abs: jnp.abs,
    sg.sigmoid: jax.nn.sigmoid, sg.softplus: jax.nn.softplus, sg.relu: jax.nn.relu,
}  # fmt: skip
RELATIONS = {sp.Gt: jnp.greater, sp.Ge: jnp.greater_equal, sp.Lt: jnp.less, sp.Le: jnp.less_equal, sp.Eq: jnp.equal}


class Unknown(Exception):
    """An expression that the interpreter does not know."""


class Interpreter:
    """Evaluates a loss at values of its symbols and sizes of its dimensions."""

    def __init__(self, values: dict[Any, Any], sizes: dict[Any, int]) -> None:
        self._values, self._sizes = values, sizes

    def size(self, expr: Any) -> int:
        return int(sp.sympify(expr).subs(self._sizes))

    def scalar(self, expr: Any, bound: dict[Any, Any], depth: int) -> Any:
        """The value for all values of the bound indices at once; `depth` is how many there are."""

        def of(part: Any) -> Any:
            return self.scalar(part, bound, depth)

        if expr in bound:
            return bound[expr]
        if expr in self._sizes:
            return jnp.asarray(float(self._sizes[expr]))
        if isinstance(expr, sp.Symbol):
            return self._values[expr]
        if expr.is_Number or isinstance(expr, sp.NumberSymbol):
            return jnp.asarray(float(expr))
        match expr:
            case sp.Indexed() | MatrixElement():
                base, *subs = expr.args
                array = self._values.get(base) if not base.is_Matrix else self.matrix(base)
                return array[tuple(jnp.asarray(of(sub)).astype(int) for sub in subs)]
            case sp.Add():
                return sum(of(part) for part in expr.args)
            case sp.Mul():
                result = jnp.asarray(1.0)
                for part in expr.args:
                    result = result * of(part)
                return result
            case sp.Pow():
                return of(expr.base) ** (float(expr.exp) if expr.exp.is_Number else of(expr.exp))
            case sp.Sum():
                return self._reduced(jnp.sum, expr, bound, depth)
            case sp.Product():
                return self._reduced(jnp.prod, expr, bound, depth)
            case sg.LogSumExp():
                return self._reduced(jax.scipy.special.logsumexp, expr, bound, depth)
            case sg.MaxOver():
                return self._reduced(jnp.max, expr, bound, depth)
            case sg.IndexedSoftmax():
                index, low, high = expr.limit
                ranged = self._range(index, low, high, bound, depth)
                return jnp.exp(of(expr.function)) / jnp.sum(jnp.exp(self._over(expr.function, ranged, depth)), axis=0)
            case sp.Max():
                first, *rest = (of(part) for part in expr.args)
                for part in rest:
                    first = jnp.maximum(first, part)
                return first
            case sg.if_else():
                return jnp.where(*(of(part) for part in expr.args))
            case sp.Piecewise():
                value = jnp.asarray(0.0)
                for branch, condition in reversed(expr.args):
                    value = of(branch) if condition == True else jnp.where(of(condition), of(branch), value)  # noqa: E712
                return value
            case sp.KroneckerDelta():
                return jnp.where(of(expr.args[0]) == of(expr.args[1]), 1.0, 0.0)
            case sp.Trace():
                return jnp.trace(self.matrix(expr.arg))
            case sg.Total():
                return jnp.sum(self.matrix(expr.arg))
            case mf.LogDet():
                return jnp.linalg.slogdet(self.matrix(expr.arg))[1]
            case mf.LogDetOver() | mf.InverseEntry():
                return self._of_matrices(expr, bound, depth, of)
        if type(expr) in RELATIONS:
            return RELATIONS[type(expr)](of(expr.lhs), of(expr.rhs))
        if type(expr) in UNARY:
            return UNARY[type(expr)](of(expr.args[0]))
        if expr.is_Matrix:
            return self.matrix(expr)[0, 0]
        raise Unknown(type(expr).__name__)

    def _range(self, index: Any, low: Any, high: Any, bound: dict[Any, Any], depth: int) -> dict[Any, Any]:
        values = jnp.arange(self.size(low), self.size(high) + 1)
        return {**bound, index: values.reshape(-1, *[1] * depth)}

    def _over(self, expr: Any, bound: dict[Any, Any], depth: int) -> Any:
        """The value with an axis in front for the index bound last."""
        value = self.scalar(expr, bound, depth + 1)
        length = next(reversed(bound.values())).shape[0]
        missing = depth + 1 - jnp.ndim(value)
        value = jnp.reshape(value, (*[1] * missing, *jnp.shape(value)))
        return jnp.broadcast_to(value, (length, *value.shape[1:]))

    def _reduced(self, function: Any, expr: Any, bound: dict[Any, Any], depth: int) -> Any:
        return self._reduce(function, expr.function, list(expr.limits), bound, depth)

    def _reduce(self, function: Any, body: Any, limits: list[Any], bound: dict[Any, Any], depth: int) -> Any:
        """A reduction over several indices, the last of which is the outermost."""
        *inner, (index, low, high) = limits
        free = {key: value for key, value in bound.items() if key != index}
        ranged = self._range(index, low, high, free, depth)
        if not inner:
            return function(self._over(body, ranged, depth), axis=0)
        value = jnp.asarray(self._reduce(function, body, inner, ranged, depth + 1))
        length = self.size(high) + 1 - self.size(low)
        value = value.reshape(*[1] * (depth + 1 - value.ndim), *value.shape)
        return function(jnp.broadcast_to(value, (length, *value.shape[1:])), axis=0)

    def _of_matrices(self, expr: Any, bound: dict[Any, Any], depth: int, of: Any) -> Any:
        (i, low, high), (j, left, right) = expr.limits
        both = self._range(j, left, right, self._range(i, low, high, bound, depth), depth + 1)
        stack = self.scalar(expr.function, both, depth + 2)
        stack = jnp.broadcast_to(stack, (self.size(right) + 1, self.size(high) + 1, *stack.shape[2:]))
        matrices = jnp.moveaxis(stack, (1, 0), (-2, -1))
        if isinstance(expr, mf.LogDetOver):
            return jnp.linalg.slogdet(matrices)[1]
        if matrices.ndim > 2 and any(side != 1 for side in matrices.shape[:-2]):
            raise Unknown("a stack of inverses")
        whole = jnp.linalg.inv(matrices.reshape(matrices.shape[-2:]))
        return whole[tuple(jnp.asarray(of(sub)).astype(int) for sub in expr.at)]

    def matrix(self, expr: Any) -> Any:
        """The value of a matrix expression."""
        of = self.matrix
        match expr:
            case sp.MatrixSymbol():
                return self._values[expr]
            case sp.MatAdd():
                return sum(of(part) for part in expr.args)
            case sp.MatMul():
                result: Any = None
                scale = jnp.asarray(1.0)
                for part in expr.args:
                    if not part.is_Matrix:
                        scale = scale * self.scalar(part, {}, 0)
                    else:
                        result = of(part) if result is None else result @ of(part)
                return scale * result
            case sp.Transpose():
                return of(expr.arg).T
            case sp.Inverse():
                return jnp.linalg.inv(of(expr.arg))
            case sp.MatPow():
                return jnp.linalg.matrix_power(of(expr.base), int(expr.exp))
            case sp.HadamardProduct():
                result = of(expr.args[0])
                for part in expr.args[1:]:
                    result = result * of(part)
                return result
            case sp.HadamardPower():
                return of(expr.base) ** float(expr.exp)
            case ElementwiseApplyFunction():
                (variable,), body = expr.function.variables, expr.function.expr
                return self.scalar(body, {variable: of(expr.expr)}, 0)
            case sp.Identity():
                return jnp.eye(self.size(expr.shape[0]))
            case OneMatrix():
                return jnp.ones([self.size(side) for side in expr.shape])
            case sp.ZeroMatrix():
                return jnp.zeros([self.size(side) for side in expr.shape])
            case sg.Softmax():
                return jax.nn.softmax(of(expr.arg), axis=-1)
        raise Unknown(type(expr).__name__)


def value_and_gradient(model: Any, inputs: dict[str, Any], sizes: dict[Any, int]) -> tuple[Any, list[Any]]:
    """The loss of a model without `where`, and its gradient, by JAX.

    Raises
    ------
    Unknown : a part of the model is not known here.
    """
    if model.where:
        raise Unknown("where")
    arrays = {a.symbol: jnp.asarray(inputs[a.name]) for a in model.arguments if a.role != "dimension"}
    parameters = [a.symbol for a in model.arguments if a.role == "parameter"]

    def loss(values: list[Any]) -> Any:
        given = {**arrays, **dict(zip(parameters, values, strict=True))}
        return jnp.reshape(Interpreter(given, sizes).scalar(model.loss, {}, 0), ())

    return jax.value_and_grad(loss)([arrays[parameter] for parameter in parameters])
