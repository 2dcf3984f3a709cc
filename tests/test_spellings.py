"""What people write first: functions of matrices, scalars made of vectors, names as text, other forms of `where`."""

import doctest
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy as sp
from sympy import Eq, IndexedBase, Matrix, MatrixSymbol, Symbol, symbols

import symgrad
from symgrad import Model, ModelError, dot, logdet, quad, sumsq, total
from symgrad.functions.entrywise import EntryFunction

N, M = symbols("N M", integer=True, positive=True)
X, w, y, z, S = (
    MatrixSymbol(name, *sides)
    for name, sides in {"X": (N, M), "w": (M, 1), "y": (N, 1), "z": (N, 1), "S": (M, M)}.items()
)
x, lam = symbols("x lam", real=True)
DATA = {"X": np.array([[1.0, 0.5], [0.25, 2.0], [0.75, 1.0]]), "w": np.array([[0.5], [0.25]])}
Z = DATA["X"] @ DATA["w"]

ENTRY_FUNCTIONS = [name for name in dir(symgrad) if isinstance(getattr(symgrad, name), EntryFunction)]
OF_SYMPY = {"abs": sp.Abs, "maximum": sp.Max, "minimum": sp.Min, "power": sp.Pow}
OF_SYMPY |= {"expm1": sp.codegen.cfunctions.expm1, "log1p": sp.codegen.cfunctions.log1p}


@pytest.mark.parametrize("name", ENTRY_FUNCTIONS)
def test_a_function_of_a_scalar_is_sympys_own(name: str) -> None:
    own = OF_SYMPY.get(name) or getattr(sp, name)
    count = 2 if name in ("maximum", "minimum", "power", "atan2") else 1
    for args in ((x, lam), (IndexedBase("v")[sp.Symbol("i")], 2)):
        assert getattr(symgrad, name)(*args[:count]) == own(*args[:count])


@pytest.mark.parametrize("name", ENTRY_FUNCTIONS)
def test_the_example_of_a_function_is_right(name: str) -> None:
    function = getattr(symgrad, name)
    example = doctest.DocTestParser().get_doctest(function.__doc__, {}, name, None, None)
    assert doctest.DocTestRunner().run(example).failed == 0


def test_the_star_import_hides_no_builtin() -> None:
    import builtins

    assert not [name for name in symgrad.__all__ if hasattr(builtins, name)]
    assert symgrad.abs(x) == sp.Abs(x)


@pytest.mark.parametrize(
    ("made", "value"),
    [
        (symgrad.exp(X * w), np.exp(Z)),
        (symgrad.sqrt(X * w), np.sqrt(Z)),
        (symgrad.log1p(X * w), np.log1p(Z)),
        (symgrad.abs(X * w), np.abs(Z)),
        (symgrad.maximum(X * w, 0.55), np.maximum(Z, 0.55)),
        (symgrad.minimum(0.55, X * w), np.minimum(Z, 0.55)),
        (symgrad.maximum(X * w, X * (2 * w), lam), np.maximum(np.maximum(Z, 2 * Z), 1.5)),
        (symgrad.power(X * w, 3), Z**3),
        (symgrad.power(2, X * w), 2.0**Z),
        (symgrad.power(X * w, X * w), Z**Z),
        (symgrad.atan2(X * w, X * (2 * w)), np.arctan2(Z, 2 * Z)),
    ],
    ids=str,
)
def test_a_function_of_matrices_acts_entry_by_entry(made: Any, value: np.ndarray) -> None:
    model = Model(total(made), [w])
    inputs = {a.name: {**DATA, "lam": 1.5}[a.name] for a in model.arguments}
    report = model.check(inputs=inputs)
    assert report.verdict != "fail", report  # at given inputs not every branch of a maximum is taken
    assert np.isclose(model.compile(check=False).value(**inputs), value.sum(), rtol=1e-14)


def test_functions_of_explicit_matrices() -> None:
    A = Matrix([[1, -2]])
    assert symgrad.abs(A) == Matrix([[1, 2]])
    assert symgrad.maximum(A, Matrix([[0, 0]])) == Matrix([[1, 0]])
    assert symgrad.power(A, 2) == Matrix([[1, 4]])


def test_matrices_of_different_shapes_are_refused() -> None:
    with pytest.raises(ModelError, match="X of shape N x M and w of shape M x 1 are combined entry by entry"):
        symgrad.maximum(X, w)


@pytest.mark.parametrize(
    ("loss", "plain"),
    [
        (sumsq(X * w - y) + lam, ((X * w - y).T * (X * w - y))[0, 0] + lam),
        (dot(X * w, y) + lam, ((X * w).T * y)[0, 0] + lam),
        (dot(y.T, X * w), (y.T * X * w)[0, 0]),
        (quad(w, S.T * S), (w.T * S.T * S * w)[0, 0]),
        (sumsq(x), x**2),
    ],
    ids=str,
)
def test_scalars_made_of_vectors(loss: Any, plain: Any) -> None:
    parameter = w if loss.has(w) else x
    assert Model(loss, [parameter]).gradient(parameter) == Model(plain, [parameter]).gradient(parameter)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: dot(X, w), "dot needs .* X of shape N x M and w of shape M x 1"),
        (lambda: dot(w, 2), "dot needs .* was given 2"),
        (lambda: quad(w, X), "quad needs .* w of shape M x 1 and X of shape N x M"),
        (lambda: quad(w.T, S), "quad needs"),
        (lambda: total(sp.exp(X * w)), r"\(X\*w\)\.applyfunc\(exp\), or exp\(X\*w\) by `from symgrad import exp`"),
        (lambda: Model(total(y), [w], where=[Eq(y, sp.log(X * w))]), "from symgrad import log"),
        (
            lambda: Model(total(y), [w], where={y: sp.log(X * w)}),
            r"\.applyfunc\(log\), or log\(X\*w\) by `from symgrad",
        ),
        (lambda: Model(sumsq(X * y - w), [w]), r"^X\*y: X of shape N x M times y of shape N x 1; M columns meet N"),
        (lambda: Model((X * y - w).T * (X * y - w), [w]), r"^X\*y: X of shape N x M times y of shape N x 1; M columns"),
        (lambda: Model((X - w).T * (X - w), [w]), r"^X - w|^-w \+ X"),
        (lambda: Model(sumsq(w), [w]).gradient("v"), "'v' is neither a parameter nor a name of `where`; .* has w"),
    ],
)
def test_what_is_wrong_is_said_where_it_is(build: Callable[[], Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        build()


@pytest.mark.parametrize("where", [{z: X * w}, [(z, X * w)], [Eq(z, X * w)], Eq(z, X * w)], ids=str)
def test_forms_of_where(where: Any) -> None:
    model = Model(sumsq(z), [w], where=where)
    assert model.gradient(w) == Model(sumsq(z), [w], where=[Eq(z, X * w)]).gradient(w)


def test_names_as_text() -> None:
    model = Model(sumsq(z) + logdet(S), [w, S], where={z: X * w})
    assert model.gradient("w") == model.gradient(w)
    assert model.adjoint("z") == model.adjoint(z)
    assert model.block("S") == model.block(S)
    assert model.hessian("w", "w") == model.hessian(w, w)
    assert model.jacobian("z", "w") == model.jacobian(z, w)


def test_a_keyword_as_a_name_gets_an_underscore_in_code_only() -> None:
    model = Model(Symbol("lambda", positive=True) * sumsq(w), [w])
    assert [argument.name for argument in model.arguments] == ["w", "lambda_"]
    assert r"\lambda" in model.show("latex")
    value, gradient = model.compile().value_and_gradient(w=DATA["w"], lambda_=2.0)
    assert np.isclose(value, 0.625)
    np.testing.assert_allclose(gradient.w, 4 * DATA["w"])
    both = Symbol("lambda", real=True) + Symbol("lambda_", real=True)
    with pytest.raises(ModelError, match="two different symbols are called lambda_"):
        Model(both**2, [Symbol("lambda", real=True)])
