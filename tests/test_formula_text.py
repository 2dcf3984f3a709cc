"""Formulas as text: brackets and letters."""

import pytest
from sympy import (
    Abs,
    And,
    HadamardPower,
    KroneckerProduct,
    MatrixSymbol,
    Ne,
    OneMatrix,
    Symbol,
    Trace,
    log,
    oo,
    pi,
    sqrt,
    symbols,
)

from symgrad import Model, if_else, total

N, D = symbols("N D", integer=True, positive=True)
s = Symbol("s", real=True)
v, A = MatrixSymbol("v", N, 1), MatrixSymbol("A", D, D)


@pytest.mark.parametrize(
    ("loss", "line"),
    [
        (total(HadamardPower(s * v, 2)), "C = sum((s·v)∘²)"),
        (total(HadamardPower(Trace(A) * A, 2)), "C = sum((tr(A)·A)∘²)"),
        (sqrt(v.T * v / N), "C = √(1/N·vᵀv)"),
        (OneMatrix(1, D * D) * KroneckerProduct(A, A) * OneMatrix(D * D, 1), "C = 𝟏ᵀ(A⊗A)𝟏"),
        (if_else(s >= 0, Abs(s) * log(2 * pi), -oo), "C = if_else(s ≥ 0, |s|·log(2·π), −∞)"),
        (if_else(And(s < 1, Ne(s, 0)), s, 0), "C = if_else((s < 1) ∧ (s ≠ 0), s, 0)"),
        (Symbol("lambda", real=True) ** 2, "C = λ²"),
    ],
    ids=str,
)
def test_text_has_brackets_and_letters_where_people_write_them(loss, line):
    parameter = next(p for p in (s, v, A, Symbol("lambda", real=True)) if loss.has(p))
    assert Model(loss, [parameter]).show().splitlines()[1].strip() == line
