"""Products that are methods: of a matrix with itself."""

import numpy as np
import pytest
from sympy import MatrixSymbol, symbols

from symgrad import Model, sumsq
from symgrad.lowering.values import turned
from symgrad.statements.arithmetic import operation
from symgrad.statements.expressions import Buffer, Operation, Read
from symgrad.statements.statements import Body, Define
from symgrad.targets.numpy.methods import with_methods

N, M = symbols("N M", integer=True, positive=True)
X, Y = (Read(Buffer(name, (N, M), owner="argument")) for name in "XY")


def _product(left: Operation | Read, right: Operation | Read, out: Buffer | None = None) -> Operation:
    product = operation("negative", operation("matmul", left, right))
    if out is not None:
        product = product.parts[0]  # type: ignore[assignment]
    body = Body((Define(Buffer("G", (M, M)), product, out),), (Read(Buffer("G", (M, M))),))
    (made,) = with_methods(body, frozenset()).statements
    (expression,) = made.expressions
    found = expression if out is not None else expression.operands[0]
    assert isinstance(found, Operation)
    return found


@pytest.mark.parametrize("pair", [(turned(X, (1, 0)), X), (X, turned(X, (1, 0)))], ids=["XᵀX", "XXᵀ"])
def test_a_matrix_times_itself(pair: tuple[Operation | Read, Operation | Read]) -> None:
    assert _product(*pair) == operation("dot", *pair)


@pytest.mark.parametrize("pair", [(turned(X, (1, 0)), Y), (X, X), (turned(X, (0, 1)), X)], ids=["XᵀY", "XX", "plain"])
def test_other_products_keep_their_operator(pair: tuple[Operation | Read, Operation | Read]) -> None:
    assert _product(*pair).head == "matmul"


def test_what_is_written_into_an_array_is_a_function() -> None:
    assert _product(turned(X, (1, 0)), X, Buffer("kept", (M, M))).head == "matmul"


def test_a_hessian_of_least_squares() -> None:
    data, w, y = MatrixSymbol("X", N, M), MatrixSymbol("w", M, 1), MatrixSymbol("y", N, 1)
    module = Model(sumsq(data * w - y) / 2, [w]).compile(check=False, hessian=True)
    given = np.random.default_rng(0).normal(size=(5, 3))
    np.testing.assert_allclose(module.hessian(given).w.w, given.T @ given, rtol=1e-14)
    single = module.hessian(given.astype(np.float32)).w.w
    assert single.dtype == np.float32
