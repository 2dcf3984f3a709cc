"""Formulas in every format: exact expectations, documents that compile, objects that can be read back."""

import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from sympy import Dummy, IndexedBase, MatrixSymbol, Symbol, exp, log, sqrt, srepr, symbols

from symgrad import LogSumExp, MaxOver, Model, ModelError, if_else, sigmoid, softplus, total
from symgrad.formula.boxes import name_box
from symgrad.formula.latex import latex
from symgrad.formula.layout import layout
from symgrad.formula.listing import WIDTH, fitted, folded
from symgrad.formula.mathml import mathml
from symgrad.frontend.names import base_symbol

N, M = symbols("N M", integer=True, positive=True)
n, k = symbols("n k", integer=True)
a, b = symbols("a b", real=True)
x = IndexedBase("x", shape=(N, M))
A, B, v = MatrixSymbol("A", N, M), MatrixSymbol("B", N, M), MatrixSymbol("v", M, 1)


def test_the_formulas_of_a_model_as_latex(models: Any) -> None:
    assert models.logistic().show("latex").splitlines() == [
        r"\begin{aligned}",
        r"  C &= -{(\mathbf{1}-t)}^{\top}\log (\mathbf{1}-y)-t^{\top}\log (y) \\",
        r"  y &= \sigma (Xw) \\",
        r"  \frac{\partial C}{\partial y} &= (y-t)\oslash y\oslash (\mathbf{1}-y) \\",
        r"  \frac{\partial C}{\partial w} &= X^{\top}(y-t)",
        r"\end{aligned}",
    ]


def test_subscripts_and_the_adjoint_of_an_earlier_block_as_latex(models: Any) -> None:
    lines = models.classes().show("latex")
    assert r"z_{n, k} &= \sum_{j}\,D_{n, j}W_{j, k}" in lines
    assert r"\frac{\partial C}{\partial z_{n, k}} &= p_{n, k}-T_{n, k}" in lines
    assert r"\frac{\partial C}{\partial W_{1}} &= X^{\top}\frac{\partial C}{\partial Z_{1}}" in models.network(2).show(
        "latex"
    )


FORMULAS = {
    r"\frac{a}{b}": a / b,
    r"-\frac{a}{2b}": -a / (2 * b),
    r"{(a + b)}^{2}": (a + b) ** 2,
    r"\sqrt{a + b}": sqrt(a + b),
    r"e^{-a}": exp(-a),
    r"\lambda a": Symbol("lam") * a,
    r"\mathrm{rate}\cdot a": Symbol("rate") * a,
    r"a_{1}": Symbol("a1"),
    r"\theta_{\mathrm{max}}": Symbol("theta_max"),
    r"\operatorname{softplus}(a)": softplus(a),
    r"\begin{cases}a & \text{if}\;a < b \\ b & \text{otherwise}\end{cases}": if_else(a < b, a, b),
    r"\max_{k}\,x_{n, k}": MaxOver(x[n, k], (k, 0, M - 1)),
    r"\operatorname{logsumexp}_{k}\,x_{n, k}": LogSumExp(x[n, k], (k, 0, M - 1)),
    r"A^{\top}B": A.T * B,
    r"A_{n, k}": A[n, k],
    r"v_{k}": v[k, 0],
    r"\operatorname{sum}(A)": total(A),
    r"\operatorname{besselj}(0, a)": __import__("sympy").besselj(0, a),
}


@pytest.mark.parametrize("expected", FORMULAS)
def test_one_formula_as_latex(expected: str) -> None:
    assert latex(layout(FORMULAS[expected])) == expected


def test_a_name_is_a_letter_with_an_index_or_a_word() -> None:
    names = {"W1": "W_{1}", "alpha": r"\alpha", "label": r"\mathrm{label}", "j_": r"j^{\prime}", "a_b": "a_{b}"}
    assert {name: latex(name_box(name)) for name in names} == names


def test_the_formulas_are_well_formed_mathml(model: Model) -> None:
    fragment = model.show("html")
    tags = {element.tag for element in ET.fromstring(fragment).iter()}
    assert {"math", "mfrac", "mi"} <= tags
    # every element of fixed arity has its operands
    for element in ET.fromstring(fragment).iter():
        wanted = {"mfrac": 2, "msub": 2, "msup": 2, "msubsup": 3, "munder": 2}.get(element.tag)
        assert wanted is None or len(element) == wanted


def test_a_product_and_a_call_are_told_apart_in_mathml() -> None:
    assert "&#x2062;" in mathml(layout(a * b)) and "&#x2061;" not in mathml(layout(a * b))
    assert "&#x2061;" in mathml(layout(log(a))) and "&#x2062;" not in mathml(layout(log(a)))
    assert "&#x2061;" in mathml(layout(sigmoid(a)))


@pytest.mark.parametrize("steps", [False, True])
def test_a_latex_document_compiles(model: Model, steps: bool, tmp_path: Path) -> None:
    document = model.show("latex", steps=steps, standalone=True)
    assert document.count(r"\begin{") == document.count(r"\end{")
    assert document.count("{") - document.count(r"\{") == document.count("}") - document.count(r"\}")
    assert document.isascii() or not set(re.findall(r"[^\x00-\x7f]", document)) - set("–—’“”")
    if shutil.which("pdflatex"):
        (tmp_path / "model.tex").write_text(document, encoding="utf-8")
        run = subprocess.run(
            ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "model.tex"],
            cwd=tmp_path,
            capture_output=True,
            check=False,
        )
        assert run.returncode == 0, run.stdout.decode(errors="replace")[-2000:]


def _spelled(formula: object) -> str:
    """The `srepr`, with placeholders numbered in order: SymPy makes new ones each time."""
    numbers: dict[str, str] = {}
    pattern = r"dummy_index=(\d+)"
    return re.sub(pattern, lambda found: numbers.setdefault(found[1], f"#{len(numbers)}"), str(srepr(formula)))


def test_the_sympy_form_is_read_back(model: Model) -> None:
    scope: dict[str, object] = {}
    exec(model.show("sympy"), scope)
    assert _spelled(scope["loss"]) == _spelled(model.loss)
    where, adjoints, gradient = scope["where"], scope["adjoints"], scope["gradient"]
    for equation, name in zip(model.where, where, strict=True):
        assert _spelled(where[name]) == _spelled(equation.rhs)
        assert _spelled(adjoints[name]) == _spelled(model.block(base_symbol(equation.lhs)))
    for parameter, name in zip(model.parameters, gradient, strict=True):
        assert _spelled(gradient[name]) == _spelled(model.block(parameter))


def test_the_spelling_used_here_numbers_placeholders_apart() -> None:
    assert _spelled(Dummy("d") + Dummy("d")) != _spelled(2 * Dummy("d"))


def test_a_long_formula_goes_on_below_the_equals_sign() -> None:
    model = Model(sum((Symbol(f"factor{i}") - a) ** 2 for i in range(12)), [a])
    assert max(map(len, model.show().splitlines())) > WIDTH
    lines = fitted(model.show()).splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert lines[2].startswith(" " * 8 + "+ (")


def test_a_formula_is_broken_at_its_outermost_operators() -> None:
    assert folded("a·(b + c) − d·(e + f)", 15) == ["a·(b + c)", "− d·(e + f)"]
    assert folded("abcdefgh", 3) == ["abcdefgh"]


def test_formats_that_there_are_not_are_refused(models: Any) -> None:
    with pytest.raises(ModelError, match="choose text, latex, sympy, html, svg"):
        models.logistic().show("pdf")
    with pytest.raises(ModelError, match="no steps form; choose text, latex, html"):
        models.logistic().show("sympy", steps=True)
    with pytest.raises(ModelError, match="no standalone form; choose latex, html"):
        models.logistic().show("text", standalone=True)
