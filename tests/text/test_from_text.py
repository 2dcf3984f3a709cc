"""Formulas as models: what `parse` and `Model.from_text` make of a text."""

import pytest
from sympy import Eq, IndexedBase, MatrixSymbol, Q, Sum, Symbol, symbols

from symgrad import FormulaError, Model, ModelError, if_else, parse, quad, sumsq
from tests.families import one_in
from tests.text.formula_records import RECORDS

N, M = symbols("N M", integer=True, positive=True)


def gradient(text, by, **options):
    return Model.from_text(text, by, **options).show().rpartition("\n")[2].strip()


@pytest.mark.parametrize(
    ("text", "by", "expected"),
    [
        ("norm2(X*w - y)^2 + lambda*w'*w", "w", "∂C/∂w = 2·λ·w + 2Xᵀ(X w − y)"),
        ("r = X*w - y\nr'*r", "w", "∂C/∂w = 2Xᵀr"),
        ("sum[i,j] A[i,j]*x[j]*y[i]", "x", "∂C/∂x[j] = Σ_i y[i]·A[i, j]"),
        ("S: symmetric\nx'*S*x", "x", "∂C/∂x = 2S x"),
        ("mu'*inv(Sigma)*mu", "mu", "∂C/∂mu = (Sigma⁻¹ + Sigma⁻ᵀ)mu"),
        ("x^2*c", "x", "∂C/∂x = 2·c·x"),
    ],
)
def test_gradients(text, by, expected):
    assert gradient(text, by) == expected


def test_it_is_the_model_of_the_same_sympy_objects():
    made = Model.from_text("norm2(X*w - y)^2 + x'*A*x", ["w", "x"])
    X, w, y = MatrixSymbol("X", N, M), MatrixSymbol("w", M, 1), MatrixSymbol("y", N, 1)
    K = Symbol("K", integer=True, positive=True)
    x, A = MatrixSymbol("x", K, 1), MatrixSymbol("A", K, K)
    same = Model(sumsq(X * w - y) + quad(x, A), [w, x], name=made.name)
    assert made.source() == same.source()


def test_where_and_facts():
    formula = parse("S: definite symmetric matrix(N)\nx: positive vector\nz = log(x)\nz'*inv(S)*z")
    S, x, z = MatrixSymbol("S", N, N), MatrixSymbol("x", N, 1), MatrixSymbol("z", N, 1)
    assert formula.facts[:2] == (Q.positive_definite(S), Q.symmetric(S))
    assert str(formula.facts[2]) == "x[i, 0] > 0"
    (equation,) = formula.where
    assert equation.lhs == z
    assert isinstance(equation, Eq)
    assert formula.symbol("x") == x


def test_a_result_that_is_no_scalar_is_a_quantity():
    model = Model.from_text("A*tanh(x) + f'*x*vector(1)", "x", shapes={"f": "vector"})
    assert model.loss is None
    assert [str(equation.lhs) for equation in model.where] == ["f1"]
    assert model.show(jacobian=["f1"]).endswith("∂f1/∂x = A diag(𝟏 − tanh(x)∘²) + 𝟏 fᵀ")


def test_what_cannot_be_a_model():
    with pytest.raises(FormulaError, match="q does not occur in the formula; its symbols are x"):
        Model.from_text("x'*x", "q")
    for text in ("minimise x'*x subject to x >= 0", "x'*x subject to x >= 0"):
        with pytest.raises(ModelError, match="is no model, but a Problem"):
            Model.from_text(text, "x")


@pytest.mark.parametrize(("name", "text", "by"), one_in(6, [record[:3] for record in RECORDS]))
def test_what_is_written_is_the_same_model(name, text, by):
    model = Model.from_text(text, by)
    if name in ("largest", "logsumexp"):  # a vector that has subscripts now, and one axis for it
        again = Model.from_text(model.to_text(), by)
        assert again.to_text() == model.to_text()
    else:
        assert Model.from_text(model.to_text(), by).source() == model.source()


@pytest.mark.parametrize(("ends", "first"), [("1:N", 1), ("0:N-1", 0)])
def test_an_index_that_is_a_number_counts_from_where_its_range_begins(ends, first):
    i, y = Symbol("i", integer=True), IndexedBase("y", shape=(N,), real=True)
    model = Model.from_text(f"sum[i={ends}] i*y[i]", "y")
    assert model.loss == Sum((i + first) * y[i], (i, 0, N - 1))
    assert Model.from_text(model.to_text(), "y").loss == model.loss
    chosen = Model.from_text(f"sum[i={ends}] if(i <= 2, y[i], 0)", "y")
    assert chosen.loss == Sum(if_else(i + first <= 2, y[i], 0), (i, 0, N - 1))


def test_an_index_that_is_a_number_says_what_it_counts_from():
    for text in ("sum[i] i*y[i]", "r[i] = i*y[i]\nsum[i] r[i]", "sum[i,j=1:N] if(i < j, y[i]*y[j], 0)"):
        with pytest.raises(FormulaError, match="i is a number here; say what it counts from: i=1:N or i=0:N-1"):
            Model.from_text(text, "y")
    i, j = symbols("i j", integer=True)
    pairs = Model.from_text("sum[i,j] if(i < j, y[i]*y[j], 0)", "y")
    assert pairs.loss.has(i < j)
