"""Sums, products and transposes of matrices: what SymPy makes of them, made without evaluating the parts again."""

import random
from operator import add, mul

import pytest
from sympy import (
    HadamardProduct,
    Identity,
    Inverse,
    Lambda,
    MatAdd,
    MatMul,
    MatrixExpr,
    MatrixSymbol,
    OneMatrix,
    Rational,
    S,
    Symbol,
    Transpose,
    ZeroMatrix,
    symbols,
    tanh,
)
from sympy.matrices.exceptions import MatrixError
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.hadamard import HadamardPower

from symgrad.formula.algebra import evaluated, plus, product, times, transposed

N, M = symbols("N M", integer=True, positive=True)
SIDES = [N, M, S.One]
c = Symbol("c", real=True)
FUNCTIONS = [Lambda(c, tanh(c)), Lambda(c, c**2 + 1)]
SCALARS = [[], [], [S(2)], [S.NegativeOne], [c], [Rational(1, 2), c], [N], [S.Zero]]


def matrix(draw, rows, columns, depth):
    """A matrix with these sides, of everything that formulas are made of."""
    kind = draw.random() if depth else draw.random() / 5
    if kind < 0.06:
        return OneMatrix(rows, columns)
    if kind < 0.07:
        return Identity(rows) if rows == columns else ZeroMatrix(rows, columns)
    if kind < 0.2:
        turned = draw.random() < 0.4
        sides = (columns, rows) if turned else (rows, columns)
        symbol = MatrixSymbol(draw.choice("AB") + "".join(map(str, sides)), *sides)
        return Transpose(symbol) if turned else symbol
    if kind < 0.4:
        return MatAdd(*(matrix(draw, rows, columns, depth - 1) for _ in range(draw.choice([2, 2, 3]))))
    if kind < 0.6:
        middle = draw.choice(SIDES)
        factors = matrix(draw, rows, middle, depth - 1), matrix(draw, middle, columns, depth - 1)
        return MatMul(*draw.choice(SCALARS), *factors)
    if kind < 0.7:
        return MatMul(draw.choice(SCALARS[2:])[0], matrix(draw, rows, columns, depth - 1))
    if kind < 0.8:
        return HadamardProduct(matrix(draw, rows, columns, depth - 1), matrix(draw, rows, columns, depth - 1))
    if kind < 0.92:
        inner = matrix(draw, rows, columns, depth - 1)
        powers = [S(2), S.NegativeOne, c]
        function = draw.choice(FUNCTIONS)
        if draw.random() < 0.4 or isinstance(inner, ElementwiseApplyFunction):
            return HadamardPower(inner, draw.choice(powers))
        return ElementwiseApplyFunction(function, inner)
    if kind < 0.97:
        return Transpose(matrix(draw, columns, rows, depth - 1))
    return Inverse(matrix(draw, rows, columns, depth - 1)) if rows == columns != 1 else OneMatrix(rows, columns)


def result(function, *given):
    """What a function gives, or the kind of its error: SymPy has no inverse of a matrix of ones."""
    try:
        return function(*given)
    except (MatrixError, TypeError, ValueError, NotImplementedError, AttributeError) as error:
        return type(error)


@pytest.mark.parametrize("seed", range(3))
def test_matrices_are_what_sympy_makes_of_them(seed):
    draw = random.Random(seed)
    compared = 0
    for _ in range(50):
        rows, columns, others = (draw.choice(SIDES) for _ in range(3))
        given = result(matrix, draw, rows, columns, draw.choice([1, 2, 3]))
        if not isinstance(given, MatrixExpr):
            continue
        pairs = [
            (result(transposed, given), result(lambda one: one.T, given)),
            (result(evaluated, given), result(lambda one: one.doit(), given)),
            *((result(times, one, given), result(mul, one, given)) for one in (S(-2), c)),
        ]
        parts = matrix(draw, rows, columns, 2), matrix(draw, columns, others, 2)
        final, more, factor = (result(lambda one: one.doit(), one) for one in (given, *parts))
        if all(isinstance(one, MatrixExpr) for one in (final, more, factor)):
            pairs += [
                (result(plus, final, more), result(add, final, more)),
                (result(times, final, factor), result(mul, final, factor)),
                (result(product, final, factor), result(lambda *both: MatMul(*both).doit(deep=False), final, factor)),
            ]
        for ours, theirs in pairs:
            compared += 1
            assert ours == theirs, given
    assert compared > 100
