"""Sizes that do not fit are blamed on the innermost two matrices, in the terms in which the model is written."""

from collections.abc import Callable
from typing import Any

import pytest
from sympy import (
    DiagMatrix,
    HadamardProduct,
    IndexedBase,
    Lambda,
    Matrix,
    MatrixSymbol,
    OneMatrix,
    Sum,
    Symbol,
    Trace,
    Transpose,
    symbols,
)

from symgrad import (
    Model,
    ModelError,
    cholesky,
    dot,
    log,
    logdet,
    maximum,
    norm2,
    power,
    quad,
    softmax,
    sumsq,
    tanh,
    total,
)
from symgrad.functions.written import written

N, M, K = symbols("N M K", integer=True, positive=True)
i, j = symbols("i j", integer=True)
X, H, y, z = MatrixSymbol("X", N, M), MatrixSymbol("H", N, K), MatrixSymbol("y", N, 1), MatrixSymbol("z", N, 1)
w, W, V, S = MatrixSymbol("w", M, 1), MatrixSymbol("W", M, K), MatrixSymbol("V", K, M), MatrixSymbol("S", M, M)
c, b = MatrixSymbol("c", 1, K), Symbol("b", real=True)
x, u, A = IndexedBase("x", shape=(N,)), IndexedBase("u", shape=(M,)), IndexedBase("A", shape=(N, M))

WRONG: dict[str, tuple[Callable[[], Any], str]] = {
    "a product in a sum": (
        lambda: sumsq(X * y - w),
        "X*y: X of shape N x M times y of shape N x 1; M columns meet N rows",
    ),
    "a product of three": (
        lambda: sumsq(X * (S * y) - z),
        "X*S*y: S of shape M x M times y of shape N x 1; M columns meet N rows",
    ),
    "a sum in a product": (
        lambda: sumsq(X * (S * w - y)),
        "S*w - y: S*w of shape M x 1 and y of shape N x 1 are combined",
    ),
    "a product in a transposed sum": (
        lambda: (y - X * z).T * S * (y - X * z),
        "X*z: X of shape N x M times z of shape N x 1; M columns meet N rows",
    ),
    "a transposed sum": (lambda: sumsq((X * w - w).T), "X*w - w: X*w of shape N x 1 and w of shape M x 1 are combined"),
    "a square of a sum": (lambda: (X * w - w).T * (X * w - w), "X*w - w: X*w of shape N x 1 and w of shape M x 1"),
    "a function of a product": (
        lambda: -(y.T * log(X * z)),
        "X*z: X of shape N x M times z of shape N x 1; M columns meet N rows",
    ),
    "a function times a matrix": (
        lambda: total(tanh(X * W) * W),
        "tanh(X*W)*W: tanh(X*W) of shape N x K times W of shape M x K; K columns meet M rows",
    ),
    "a softmax times a matrix": (
        lambda: total(softmax(X * W) * W),
        "softmax(X*W)*W: softmax(X*W) of shape N x K times W",
    ),
    "a factor times a matrix": (lambda: total(cholesky(S) * y), "cholesky(S)*y: cholesky(S) of shape M x M times y"),
    "a diagonal": (
        lambda: total(DiagMatrix(w) * X),
        "DiagMatrix(w)*X: DiagMatrix(w) of shape M x M times X of shape N x M",
    ),
    "ones": (
        lambda: sumsq(X * w - OneMatrix(N, 1) * w),
        "OneMatrix(N, 1)*w: OneMatrix(N, 1) of shape N x 1 times w of",
    ),
    "an inverse": (lambda: sumsq(X.I * y), "X.I: a power or the inverse of the matrix X of shape N x M"),
    "a determinant": (
        lambda: logdet(X),
        "logdet(X): the determinant of the matrix X of shape N x M, which is not square",
    ),
    "a trace": (lambda: Trace(X * S * X), "X*S*X: S of shape M x M times X of shape N x M; M columns meet N rows"),
    "three terms, of which two agree": (
        lambda: total(X + X * W + H),
        "H + X + X*W: H of shape N x K and X of shape N x M are combined entry by entry",
    ),
    "an entrywise product": (
        lambda: total(HadamardProduct(X * W, HadamardProduct(H, X))),
        "HadamardProduct(H, X): H of shape N x K and X of shape N x M are combined entry by entry",
    ),
    "an entrywise maximum": (
        lambda: total(maximum(tanh(X * w), w)),
        "tanh(X*w) of shape N x 1 and w of shape M x 1 are",
    ),
    "an entrywise power": (
        lambda: total(power(X, W)),
        "X of shape N x M and W of shape M x K are combined entry by entry",
    ),
    "a scalar product": (lambda: dot(tanh(X * w), w), "was given tanh(X*w) of shape N x 1 and w of shape M x 1"),
    "a quadratic form": (lambda: quad(X * w, S), "was given X*w of shape N x 1 and S of shape M x M"),
    "numbers": (
        lambda: sumsq(X * w + Matrix([1, 2])),
        "Matrix([[1], [2]]) + X*w: Matrix([[1], [2]]) of shape 2 x 1 and X*w",
    ),
    "an index of another axis": (
        lambda: Sum(A[i, j] * u[i], (i, 0, N - 1), (j, 0, M - 1)),
        "u[i]: subscript 1, i, goes up to N - 1, but the axis has size M",
    ),
    "two indices exchanged": (
        lambda: Sum(A[j, i] * u[j], (i, 0, N - 1), (j, 0, M - 1)),
        "A[j, i]: subscript 1, j, goes up to M - 1, but the axis has size N",
    ),
}

MEANT: dict[str, tuple[Callable[[], Any], str]] = {
    "a transposed vector": (lambda: sumsq(X * w - y.T), "entry by entry; y has the shape N x 1"),
    "a transposed product": (lambda: total((X * W).T - H), "entry by entry; X*W has the shape N x K"),
    "a product to be transposed": (lambda: norm2((X * w).T - y), "entry by entry; X*w has the shape N x 1"),
    "a matrix to be transposed": (
        lambda: total(X * W + MatrixSymbol("B", K, N)),
        "entry by entry; (X*W).T has the shape K x N",
    ),
    "a row to be repeated": (lambda: total(X * W - c), "to repeat the row over N rows write OneMatrix(N, 1)*c"),
    "a column to be repeated": (
        lambda: total(HadamardProduct(y, X)),
        "to repeat the column over M columns write y*OneMatrix(1, M)",
    ),
    "a sum to be repeated": (lambda: total(X * W + (y + z)), "to repeat the column over K columns write"),
    "a scalar for a vector": (
        lambda: sumsq(X * Symbol("v") - y),
        "v*X - y: v*X of shape N x M and y of shape N x 1 are combined entry by entry; v is a scalar, and a vector is "
        "MatrixSymbol('v', M, 1)",
    ),
    "an entrywise product by *": (lambda: total(y * z), "entry by entry a product is HadamardProduct(A, B)"),
}


@pytest.mark.parametrize("case", [*WRONG, *MEANT])
def test_sizes_that_do_not_fit(case: str) -> None:
    build, message = {**WRONG, **MEANT}[case]
    with pytest.raises(ModelError) as caught:
        made = build()
        Model(made, sorted(made.atoms(MatrixSymbol, IndexedBase), key=str)[:1])
    said = str(caught.value)
    assert message in said if case in MEANT or "was given" in message else said.startswith(message)


def test_a_name_of_where_is_blamed_where_it_is_used_or_defined() -> None:
    with pytest.raises(ModelError, match=r"^H\*w: H of shape N x K times w of shape M x 1; K columns meet M rows"):
        Model(sumsq(z - y), [W], where={H: X * W, z: H * w})
    with pytest.raises(ModelError, match=r"^tanh\(X\*W\)\*w: tanh\(X\*W\) of shape N x K times w"):
        Model(sumsq(z) + sumsq(H), [W], where={z: tanh(X * W) * w, H: X * W})


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (sumsq(tanh(X * w) - y), "sumsq(tanh(X*w) - y)"),
        (total(maximum(X * w, 0)), "total(maximum(X*w, 0))"),
        (maximum(0, X * w - y), "maximum(X*w - y, 0)"),
        (power(X * w, 3), "power(X*w, 3)"),
        (power(X * w, y), "power(X*w, y)"),
        ((X * w).applyfunc(Lambda(b, b + 1)), "(X*w).applyfunc(Lambda(b, b + 1))"),
        ((y - X * w).T, "(-X*w + y).T"),
        (Transpose(X) * y, "X.T*y"),
        (X[0, :] * w, "X[0, :]*w"),
        (X[1:, ::2], "X[1:, ::2]"),
        (S.I * w, "S.I*w"),
        (logdet(S), "logdet(S)"),
    ],
    ids=str,
)
def test_expressions_are_quoted_as_they_are_written(expression: Any, text: str) -> None:
    assert written(expression) == text
