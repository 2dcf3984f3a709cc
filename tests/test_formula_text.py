"""Formulas as text: brackets and letters."""

import numpy as np
import pytest
from sympy import (
    Abs,
    Add,
    And,
    E,
    Eq,
    HadamardPower,
    IndexedBase,
    KroneckerProduct,
    MatrixSymbol,
    Max,
    Mod,
    Ne,
    Not,
    OneMatrix,
    Or,
    Rational,
    Sum,
    Symbol,
    Trace,
    cos,
    log,
    oo,
    pi,
    sin,
    sqrt,
    symbols,
)

from symgrad import Model, constant, if_else, power, sigmoid, total
from symgrad.formula.listing import _least_width
from symgrad.formula.text import TOO_LONG
from symgrad.formula.text import text as formula_text

N, D = symbols("N D", integer=True, positive=True)
s = Symbol("s", real=True)
v, A, B = MatrixSymbol("v", N, 1), MatrixSymbol("A", D, D), MatrixSymbol("B", N, N)

x, u, p, label = (IndexedBase(name, shape=(N,)) for name in ("x", "u", "p", "t"))
i, j, k, n = symbols("i j k n", integer=True)


@pytest.mark.parametrize(
    ("loss", "line"),
    [
        (total(HadamardPower(s * v, 2)), "C = ‖s·v‖²"),
        (total(HadamardPower(Trace(A) * A, 2)), "C = ‖tr(A)·A‖_F²"),
        (sqrt(v.T * v / N), "C = √(1/N·vᵀv)"),
        (OneMatrix(1, D * D) * KroneckerProduct(A, A) * OneMatrix(D * D, 1), "C = 𝟏ᵀ(A⊗A)𝟏"),
        (if_else(s >= 0, Abs(s) * log(2 * pi), -oo), "C = if_else(s ≥ 0, |s|·log(2·π), −∞)"),
        (if_else(And(s < 1, Ne(s, 0)), s, 0), "C = if_else((s < 1) ∧ (s ≠ 0), s, 0)"),
        (Symbol("lambda", real=True) ** 2, "C = λ²"),
        (s * Trace(v.T * B * v) - Trace(v.T * (B * v - v)), "C = s·vᵀB v − vᵀ(B v − v)"),
        (Trace(constant(A**2) * A), "C = tr(constant(A²)A)"),
        (if_else(Not(Or(s > 1, s < -1)), E * s, -1), "C = if_else(¬((s > 1) ∨ (s < −1)), e·s, −1)"),
        (total(HadamardPower(v, -Rational(1, 2))) / 3, "C = sum(𝟏⊘v∘^(1/2))/3"),
        ((v.T * v)[0, 0] / sqrt(1 + (v.T * v)[0, 0]), "C = ‖v‖²/√(‖v‖² + 1)"),
        (Sum(x[i] ** 2, (i, 0, N - 1)) / (2 * s**2), "C = (Σ_i x[i]²)/(2·s²)"),
    ],
    ids=str,
)
def test_text_has_brackets_and_letters_where_people_write_them(loss, line):
    parameter = next(p for p in (s, v, A, Symbol("lambda", real=True)) if loss.has(p))
    assert Model(loss, [parameter]).show().splitlines()[1].strip() == line


X, w, y = MatrixSymbol("X", N, D), MatrixSymbol("w", D, 1), MatrixSymbol("y", N, 1)


def gradient_line(model: Model) -> str:
    return model.show().splitlines()[-1].strip()


@pytest.mark.parametrize(
    ("loss", "line", "latex"),
    [
        (total(power(X * w, s)), "s·Xᵀ(X w)∘^(s − 1)", r"sX^{\top}{(Xw)}^{\odot (s-1)}"),
        (total(power(w, w)), "log(w)∘w∘^w + w∘(w∘^(w − 𝟏))", None),
    ],
)
def test_powers_of_entries_are_marked_whatever_the_exponent(loss, line, latex):
    model = Model(loss, [w])
    assert gradient_line(model) == f"∂C/∂w = {line}"
    assert latex is None or model.show("latex").splitlines()[-2].partition("&= ")[2] == latex


def test_sums_whose_terms_cancel_are_one_sum():
    loss = -Sum(label[n] * log(p[n]) + (1 - label[n]) * log(1 - p[n]), (n, 0, N - 1))
    model = Model(loss, [s], where=[Eq(p[n], sigmoid(x[n] + s))])
    assert gradient_line(model) == "∂C/∂s = Σ_n (p[n] − t[n])"


def test_a_shift_around_a_circle_is_written_as_a_shift():
    model = Model(Sum((u[Mod(i + 1, N)] - u[i]) ** 2, (i, 0, N - 1)), [u])
    assert gradient_line(model) == "∂C/∂u[i] = 4·u[i] − 2·u[Mod(i − 1, N)] − 2·u[Mod(i + 1, N)]"


def test_terms_with_cases_stand_behind_the_others():
    loss = Sum((u[i] - x[i]) ** 2, (i, 0, N - 1)) / 2 + Sum((u[i + 1] - u[i]) ** 2, (i, 0, N - 2)) / 2
    inner = "if_else(i ≥ 1, u[i] − u[i − 1], 0) + if_else(i ≤ N − 2, u[i] − u[i + 1], 0)"
    model = Model(loss, [u])
    assert gradient_line(model) == f"∂C/∂u[i] = u[i] − x[i] + {inner}"
    last = model.show("latex").splitlines()[-2]
    assert last.count(r"\left(") == 1 and last.endswith(r"\end{cases}")  # nothing follows the last brace


def test_slopes_of_maxima_are_indicators():
    model = Model(Sum(Max(u[i], x[i] ** 2) * x[i], (i, 0, N - 1)), [u])
    assert gradient_line(model) == "∂C/∂u[i] = Heaviside(u[i] − x[i]²)·x[i]"


def test_conditions_that_hold_are_not_asked_again():
    inner = if_else(i <= N - 2, u[i + 1], 0) + if_else(i >= 1, u[i - 1], 0)
    loss = Sum(if_else(And(i >= 1, i <= N - 2), inner * x[i], 0), (i, 0, N - 1))
    assert gradient_line(Model(loss, [x])) == "∂C/∂x[i] = if_else((i ≥ 1) ∧ (i ≤ N − 2), u[i + 1] + u[i − 1], 0)"


def test_functions_by_cases_keep_matrix_notation():
    huber = (X * w - y).applyfunc(lambda r: if_else(Abs(r) <= 1, r**2 / 2, Abs(r) - Rational(1, 2)))
    line = gradient_line(Model(total(huber), [w]))
    assert line == "∂C/∂w = Xᵀif_else(|X w − y| ≤ 1, X w − y, sign(X w − y))"


def test_derivatives_under_a_condition_and_its_opposite_are_one_choice():
    loss = Sum(
        if_else(u[i] < x[i], 2 * u[i] * x[i], u[i] ** 2) + if_else(u[i] < x[i], 0, 1) * x[i] * u[i], (i, 0, N - 1)
    )
    assert gradient_line(Model(loss, [u])) == "∂C/∂u[i] = if_else(u[i] < x[i], 2·x[i], 2·u[i] + x[i])"


@pytest.mark.parametrize(
    "model",
    [
        Model(Sum(Max(u[i], x[i] ** 2) * x[i], (i, 0, N - 1)), [u]),
        Model(Sum((u[Mod(i + 1, N)] - u[i]) ** 2 * x[i], (i, 0, N - 1)), [u]),
        Model(Sum(if_else(And(i >= 1, i <= N - 2), u[i + 1] * u[i - 1] - u[i] ** 2, 0) * x[i], (i, 0, N - 1)), [u]),
    ],
    ids=str,
)
def test_a_formula_that_was_tidied_is_the_gradient(model):
    """The formula of the gradient, read as a model of its own, against the generated gradient."""
    rng = np.random.default_rng(0)
    inputs = {argument.name: rng.normal(size=5) for argument in model.arguments}
    slopes = model.compile(check=False).gradient(**inputs).u
    formula = model.gradient(u[i])
    again = Model(Sum(formula * y[i, 0], (i, 0, N - 1)), [y]).compile(check=False)
    given = {argument.name: {**inputs, "y": np.ones((5, 1))}[argument.name] for argument in again_arguments(formula)}
    np.testing.assert_allclose(again.gradient(**given).y.ravel(), slopes, rtol=1e-13)


@pytest.mark.parametrize(
    ("loss", "by"),
    [(Sum((u[i] - p[i] * s) ** 2, (i, 0, N - 1)), u), (sqrt(s**2 + 1) * log(Sum(x[i], (i, 0, N - 1))), s)],
    ids=str,
)
def test_no_formula_is_left_out_for_a_width_that_it_has_not(loss, by):
    """A module's docstring leaves out what is too wide, without having laid it out."""
    model = Model(loss, [by])
    shown = model.gradient(by)
    line = formula_text(getattr(shown, "expr", shown))
    assert len(line) / 3 < _least_width(model.derivation.gradient[by]) <= len(line)


def test_formulas_that_are_too_wide_are_not_laid_out(monkeypatch):
    angles = symbols("q0:5", real=True)
    model = Model((Add(*(sin(angle) * cos(other) for angle in angles for other in angles)) - s) ** 2, list(angles))
    monkeypatch.setattr(type(model), "block", None)
    assert model.source().count(TOO_LONG) == 1 + len(angles)


def again_arguments(formula):
    return Model(Sum(formula * y[i, 0], (i, 0, N - 1)), [y]).arguments
