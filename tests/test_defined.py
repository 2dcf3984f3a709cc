"""`define`: symbols that carry their equation, and names as text."""

import pickle

import pytest
from sympy import Eq, IndexedBase, MatrixSymbol, Sum, Symbol, log, symbols

from symgrad import Model, ModelError, define, dot, sumsq

N, M = symbols("N M", integer=True, positive=True)
n = Symbol("n", integer=True)
a = Symbol("a", real=True)
X, w, y = MatrixSymbol("X", N, M), MatrixSymbol("w", M, 1), MatrixSymbol("y", N, 1)
x = IndexedBase("x", shape=(N,))
Z = define("Z", X * w)
R = define("R", Z - y)
s = define("s", dot(w, w))
u = define("u", a * x[n], (n, 0, N - 1))


def plain(name: str) -> MatrixSymbol:
    return MatrixSymbol(name, N, 1)


def test_a_model_has_the_equations_of_the_symbols_that_occur() -> None:
    here = Model(sumsq(R), [w])
    there = Model(sumsq(plain("R")), [w], where=[Eq(plain("Z"), X * w), Eq(plain("R"), plain("Z") - y)])
    assert here.show() == there.show()
    assert here.source() == there.source()
    assert str(here.adjoint(Z)) == str(here.adjoint("Z")) == "2*R"


def test_scalars_and_entries() -> None:
    assert str(Model(log(1 + s) ** 2, [w]).adjoint(s)) == "2*log(s + 1)/(s + 1)"
    model = Model(Sum(u[n] ** 2, (n, 0, N - 1)), [a])
    assert str(model.adjoint(u[n])) == "2*u[n]"
    assert model.check().ok


def test_beside_equations_of_where() -> None:
    T = plain("T")
    model = Model(sumsq(T), [w], where={T: R + y})
    assert [str(equation.lhs) for equation in model.where] == ["Z", "R", "T"]


@pytest.mark.parametrize("symbol", [Z, R, s, u], ids=str)
def test_they_are_what_their_definition_says(symbol: object) -> None:
    assert pickle.loads(pickle.dumps(symbol)) == symbol
    assert symbol != define(str(symbol), 2 * X * w)


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: define("Z", "X*w + ("), "is no expression"),
        (lambda: define("Z", X * w, (n, 0, N - 1)), "a matrix needs no limits"),
        (lambda: define("u", x[n], (n, 1, N)), "is no limit; write"),
        (lambda: define("u", Eq(a, 1)), "is no expression"),
        (lambda: Model(sumsq(Z) + sumsq(define("Z", 2 * X * w)), [w]), "two different symbols are called Z"),
        (lambda: Model(sumsq(X * w), ["v"]), "the parameter 'v' does not occur in the loss; it has X, w"),
    ],
)
def test_what_is_refused(made: object, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        made()  # type: ignore[operator]


def test_parameters_by_name() -> None:
    assert Model(sumsq(X * w - y), ["w", "y"]).parameters == (w, y)
    assert Model(sumsq(X * w - y), "w").parameters == (w,)
    assert Model(sumsq(R), ["w"]).parameters == (w,)
