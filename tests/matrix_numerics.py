"""SymPy matrix expressions in NumPy, and how many operations they have: what the tests compare formulas by."""

from functools import reduce

import numpy as np
import sympy as sp
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.diagonal import DiagMatrix, DiagonalOf
from sympy.matrices.expressions.dotproduct import DotProduct
from sympy.matrices.expressions.kronecker import KroneckerProduct
from sympy.matrices.expressions.matexpr import MatrixElement

from symgrad.functions import Total
from symgrad.matrix_functions import LogDet


def value(expr, arrays, sizes):
    """The value of a matrix (two-dimensional) or scalar expression; `arrays` by symbol, `sizes` by dimension."""
    if expr in arrays:
        return arrays[expr]
    if expr in sizes:
        return sizes[expr]
    if getattr(expr, "is_number", False):
        return float(expr)
    if isinstance(expr, sp.Identity):
        return np.eye(int(expr.shape[0].subs(sizes)))
    if isinstance(expr, sp.OneMatrix):
        return np.ones([int(side.subs(sizes)) for side in expr.shape])
    if isinstance(expr, ElementwiseApplyFunction):
        return sp.lambdify(expr.function.variables, expr.function.expr, "numpy")(value(expr.expr, arrays, sizes))
    if isinstance(expr, MatrixElement):
        i, j = (int(sub.subs(sizes)) for sub in (expr.i, expr.j))
        return value(expr.parent, arrays, sizes)[i, j]
    parts = [value(arg, arrays, sizes) for arg in expr.args]
    rules = {
        sp.MatMul: lambda *f: reduce(lambda a, b: a * b if np.ndim(a) == 0 or np.ndim(b) == 0 else a @ b, f),
        sp.Mul: lambda *f: reduce(lambda a, b: a * b, f),
        sp.MatAdd: lambda *f: reduce(np.add, f),
        sp.Add: lambda *f: reduce(np.add, f),
        sp.Pow: np.power,
        sp.MatPow: lambda a, n: np.linalg.matrix_power(a, int(n)),
        sp.Inverse: lambda a, _: np.linalg.inv(a),
        sp.Transpose: np.transpose,
        sp.HadamardProduct: lambda *f: reduce(np.multiply, f),
        sp.HadamardPower: np.power,
        sp.Trace: np.trace,
        sp.Determinant: np.linalg.det,
        LogDet: lambda a: np.linalg.slogdet(a)[1],
        Total: np.sum,
        DiagMatrix: lambda v: np.diag(np.ravel(v)),
        DiagonalOf: lambda a: np.diag(a)[:, None],
        DotProduct: lambda a, b: np.ravel(a) @ np.ravel(b),
        KroneckerProduct: np.kron,
        sp.exp: np.exp,
        sp.log: np.log,
        sp.sin: np.sin,
        sp.cos: np.cos,
        sp.Abs: np.abs,
    }
    for kind, rule in rules.items():
        if isinstance(expr, kind):
            return rule(*parts)
    raise NotImplementedError(type(expr))


def operations(expr):
    """Additions, products, quotients, inverses, functions of matrices. A sign and a transpose are free.

    A power counts as its products, a function applied entry by entry as the operations that it is made of.
    """
    inside = sum(operations(arg) for arg in expr.args)
    if isinstance(expr, sp.Transpose):
        return inside
    if isinstance(expr, sp.Add | sp.MatAdd | sp.HadamardProduct):
        return inside + len(expr.args) - 1
    if isinstance(expr, sp.Mul | sp.MatMul):
        return inside + len(expr.args) - 1 - bool(expr.args[0] == -1)
    if isinstance(expr, MatrixElement):
        return operations(expr.parent)
    if isinstance(expr, sp.Inverse):
        return inside + 1
    if isinstance(expr, sp.MatPow):
        return inside + abs(int(expr.exp)) - bool(expr.exp > 0)
    if isinstance(expr, sp.Pow):
        return inside + 1
    if isinstance(expr, sp.Symbol | sp.MatrixSymbol | sp.Identity | sp.OneMatrix | sp.Number) or not expr.args:
        return 0
    if isinstance(expr, ElementwiseApplyFunction):
        return operations(expr.expr) + max(1, operations(expr.function.expr))
    if isinstance(expr, sp.Tuple):
        return 0
    return inside + 1
