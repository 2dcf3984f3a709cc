"""A product of quantities, of which some have a name as a product: the name is used, however the product is nested."""

import pytest
from sympy import Eq, Identity, IndexedBase, MatrixSymbol, Q, Sum, Trace, sin, symbols, tanh

from symgrad import Model, total
from tests.families import one_in

N, M = symbols("N M", integer=True, positive=True)
i, j = symbols("i j", integer=True)
A, B, S = (MatrixSymbol(name, N, N) for name in "ABS")
X = MatrixSymbol("X", N, M)
H, w, z = MatrixSymbol("H", N, N), MatrixSymbol("w", M, 1), MatrixSymbol("z", N, 1)
u, v = MatrixSymbol("u", M, 1), MatrixSymbol("v", N, 1)

DEFINITE = (X.T * X + Identity(M)).I
MODELS = {  # the model, and its gradient as it is shown
    "spelled out elsewhere": (
        Model(Trace(w.T * X.T * X * w) + total(z.applyfunc(sin)), [w], where=[Eq(z, X * w)]),
        "∂C/∂w = Xᵀ(2z + cos(z))",
    ),
    "in an adjoint": (
        Model(Trace(u.T * u), [X], where=[Eq(u, DEFINITE * (X.T * v))]),
        "∂C/∂X = 2(v − X u)uᵀ(XᵀX + I)⁻¹ − 2X(XᵀX + I)⁻¹ u uᵀ",
    ),
    "inside of a larger product": (
        Model(Trace(H * X * X.T) + Trace(A * B * H), [X, B], where=[Eq(H, A * B)]),
        "∂C/∂B = Aᵀ(2Hᵀ + X Xᵀ)",
    ),
    "with a symmetric matrix": (
        Model(Trace(z.T * S * z) + Trace(w.T * X.T * S * v), [w], where=[Eq(z, S * X * w)], facts=[Q.symmetric(S)]),
        "∂C/∂w = Xᵀ(S v + 2S² z)",
    ),
}


@pytest.mark.parametrize("name", one_in(2, MODELS))
def test_the_name_comes_back(name):
    model, formula = MODELS[name]
    assert formula in model.show(), model.show()
    assert model.check().ok


def test_a_sum_that_something_else_needs_stays():
    # Σ_j x_j y_j is s, but Σ_j x_j y_j a_j is not
    x, y, a = (IndexedBase(name, shape=(N,)) for name in "xya")
    s = symbols("s", real=True)
    over = (j, 0, N - 1)
    model = Model(s**2 + sin(Sum(x[j] * y[j] * a[j], over)), [a, x], where=[Eq(s, Sum(x[j] * y[j], over))])
    assert "s" not in {str(symbol) for symbol in model.gradient(a[i]).free_symbols}
    assert model.check().ok


def test_the_definition_itself_stays_spelled_out():
    model = Model(total(H.applyfunc(tanh)), [A], where=[Eq(H, A * B)])
    assert "H = A B" in model.show()


def test_the_adjoint_of_a_name_is_by_what_is_written_with_it():
    model = Model(Trace(w.T * X.T * X * w) + total(z.applyfunc(sin)), [w], where=[Eq(z, X * w)])
    assert "∂C/∂z = cos(z)\n" in model.show()
