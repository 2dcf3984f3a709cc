"""Complex steps through generated code: right to the last digits, or refused."""

import mpmath
import numpy as np
import pytest
import sympy as sp
from sympy import IndexedBase, MatrixSymbol, Q, Sum, symbols

from symgrad import LogSumExp, MaxOver, Model, constant, logdet, norm2, relu, sigmoid, softplus
from symgrad.verify.complex_step import ComplexStep, NotAnalytic
from symgrad.verify.directions import Direction
from tests.differences import differences

N = symbols("N", integer=True, positive=True)
n = symbols("n", integer=True)
x, t = IndexedBase("x", (N,)), IndexedBase("t", (N,))
X = np.array([0.3, -1.7, 0.9])
T = np.array([0.5, 2.0, -0.25])
D = np.array([1.0, -0.5, 2.0])


def elementwise(function):
    return Model(Sum(t[n] * function(x[n]), (n, 0, N - 1)), [x])


def derivative(model: Model, inputs, name="x", vector=D) -> complex:
    return model._checking.complex_step()(inputs, Direction(name, name, vector, 1.0))


FUNCTIONS = [
    sp.exp, sp.sin, sp.tanh, sp.atan, sp.erf, sp.Abs, sigmoid, softplus, relu, sp.sign, sp.cosh,
    lambda u: sp.log(u**2 + 1), lambda u: sp.Max(u, u**3), lambda u: sp.sqrt(sp.Abs(u) + 1),
    lambda u: u**5 / (1 + u**4),
]  # fmt: skip


@pytest.mark.parametrize("function", FUNCTIONS)
def test_functions_against_differences_at_50_digits(function) -> None:
    model = elementwise(function)
    found = derivative(model, {"x": X, "t": T})
    values, sizes = {x: X.tolist(), t: T.tolist()}, {N: 3}
    expected = mpmath.fsum(differences(model.loss, values, sizes, x, (k,)) * D[k] for k in range(3))
    assert found.imag == pytest.approx(float(expected), rel=1e-13, abs=1e-15)


def test_reductions_and_linear_algebra() -> None:
    model = Model(LogSumExp(x[n], (n, 0, N - 1)) + MaxOver(x[n], (n, 0, N - 1)), [x])
    p = np.exp(X) / np.exp(X).sum()
    assert derivative(model, {"x": X}).imag == pytest.approx(p @ D + D[2], rel=1e-14)
    A = MatrixSymbol("A", N, N)
    S = np.array([[2.0, 0.5, 0.1], [0.5, 1.0, 0.2], [0.1, 0.2, 3.0]])
    V = S @ np.diag(D) + np.diag(D) @ S
    for facts in ([], [Q.positive_definite(A)]):  # by LU, and by Cholesky
        model = Model(logdet(A) + norm2(A), [A], facts=facts)
        expected = np.trace(np.linalg.solve(S, V)) + np.sum(S * V) / np.linalg.norm(S)
        assert derivative(model, {"A": S}, "A", V).imag == pytest.approx(expected, rel=1e-13)


def test_a_gradient_far_below_the_loss_is_seen() -> None:
    """Differences of a loss of 1e12 have no digit of a derivative of 1e-6."""
    model = Model(10**12 + Sum(t[n] * sp.sin(x[n]), (n, 0, N - 1)) / 10**6, [x])
    assert derivative(model, {"x": X, "t": T}).imag == pytest.approx(1e-6 * (T * np.cos(X)) @ D, rel=1e-13)
    report = model.check()
    assert report.ok and any("by a complex step" in note for run in report.runs for note in run.notes)


def test_what_is_held_constant_does_not_move() -> None:
    model = Model(Sum(constant(x[n] ** 2) * x[n], (n, 0, N - 1)), [x])
    assert derivative(model, {"x": X}).imag == pytest.approx(X**2 @ D, rel=1e-14)


def test_a_function_without_a_continuation_is_refused() -> None:
    with pytest.raises(NotAnalytic, match=r"special\.gammaln has no continuation"):
        derivative(elementwise(lambda u: sp.loggamma(u**2 + 1)), {"x": X, "t": T})
    step = ComplexStep(
        "import numpy as np\nARGUMENTS = ('x',)\ndef _arguments(x):\n    return x,\n"
        "def value(x):\n    (x,) = _arguments(x)\n    return np.sum(np.cross(x, x[::-1]))\n"
    )
    with pytest.raises(NotAnalytic, match="cross has no continuation"):
        step({"x": X}, Direction("x", "x", D, 1.0))
