"""What notebooks show: each object in forms of which a front end chooses one, and as text everywhere else."""

import copy
import html
import pickle
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from sympy import Basic, IndexedBase, Sum, Symbol, symbols

from symgrad import Model, ModelError, load_ipython_extension, typeset
from symgrad.verify.report import CheckReport, Entry, Run

LATEX, HTML, SVG, PLAIN = "text/latex", "text/html", "image/svg+xml", "text/plain"


def test_formulas_are_text_that_can_be_typeset(models: Any) -> None:
    model = models.logistic()
    shown = model.show()
    assert isinstance(shown, str) and "∂C/∂w = Xᵀ(y − t)" in shown and shown == str(shown) == f"{shown}" == repr(shown)
    bundle = shown._repr_mimebundle_()
    assert set(bundle) == {PLAIN, LATEX, HTML}
    assert bundle[PLAIN] == shown and type(bundle[PLAIN]) is str
    assert bundle[LATEX] == shown._repr_latex_() == rf"$\displaystyle {model.show('latex')}$"
    assert bundle[HTML] == model.show("html")
    assert model._repr_latex_() == bundle[LATEX] and model._repr_html_() == bundle[HTML]


def test_only_the_forms_that_are_wanted_are_made(models: Any) -> None:
    shown = models.logistic().show()
    assert set(shown._repr_mimebundle_(include={LATEX})) == {PLAIN, LATEX}
    assert set(shown._repr_mimebundle_(exclude={LATEX})) == {PLAIN, HTML}
    shown._forms = {LATEX: lambda: pytest.fail("made before it is asked for")}
    assert set(shown._repr_mimebundle_(include={HTML})) == {PLAIN}


@pytest.mark.parametrize(
    ("asked", "kinds"),
    [
        ({"format": "latex"}, {LATEX}),
        ({"format": "latex", "steps": True}, set()),  # prose with formulas, which is no math
        ({"format": "latex", "standalone": True}, set()),
        ({"format": "svg"}, {SVG}),
        ({"format": "html"}, {HTML}),
        ({"format": "html", "standalone": True}, {HTML}),
        ({"format": "sympy"}, set()),
        ({"steps": True}, {LATEX, HTML}),
        ({"hessian": True}, {LATEX, HTML}),
    ],
)
def test_each_format_has_the_forms_that_a_notebook_can_draw(
    models: Any, asked: dict[str, Any], kinds: set[str]
) -> None:
    bundle = models.logistic().show(**asked)._repr_mimebundle_()
    assert set(bundle) == {PLAIN, *kinds}
    assert ("∂²" in bundle[PLAIN]) == (r"\partial^{2}" in bundle.get(LATEX, "")) == ("hessian" in asked)
    assert ("<details" in bundle.get(HTML, "")) == ("steps" in asked and asked.get("format") != "latex")
    assert ("<iframe" in bundle.get(HTML, "")) == ("standalone" in asked and asked["format"] == "html")


def test_copies_and_pickles_are_plain_text(models: Any) -> None:
    shown = models.logistic().show()
    for other in (pickle.loads(pickle.dumps(shown)), copy.deepcopy(shown)):
        assert other == shown and type(other) is str


def test_a_terminal_prints_lines_and_no_literal(models: Any) -> None:
    written: list[str] = []
    shown = models.logistic().show()
    shown._repr_pretty_(SimpleNamespace(text=written.append), False)
    assert written == [str(shown)] and "\n" in written[0]


def test_a_report_is_a_page_within_the_page() -> None:
    report = Model(Symbol("x", real=True) ** 2, [Symbol("x", real=True)], name='"x" & <y>').report()
    shown = report._repr_html_()
    assert shown.startswith('<iframe title="Report: &quot;x&quot; &amp; &lt;y&gt;"')
    assert html.unescape(shown.partition('srcdoc="')[2].partition('"></iframe>')[0]) == report.html


def check(*entries: Entry) -> CheckReport:
    return CheckReport("a <b>", 3, ("w",), (Run("N=2", entries),))


def test_a_check_is_a_table_below_its_verdict(models: Any) -> None:
    right = Entry("w", "w[<0>]", 0.25, 0.25, 1e-12, "pass")
    wrong = replace(right, label="w[1]", analytic=2.0, numeric=3.0, error=1e-3, verdict="fail")
    shown = check(right, right, wrong)._repr_html_()
    verdict, table = shown.split("<table>")
    assert ">FAILED: 1 of 3 derivatives<" in verdict and "w[1]: analytic 2.0, numeric 3.0" in verdict
    cells = table.partition("<tbody>")[2].partition("</tbody>")[0].replace(' style="text-align: right"', "")
    assert "<td>2</td><td>1</td><td>0</td>" in cells
    assert "w[1]</td><td>2</td><td>3</td><td>1.0e-03</td><td>1e+03</td>" in cells
    assert cells.count("<tr>") == 1
    assert "w[&lt;0&gt;]" in check(right)._repr_html_() and "PASSED: 1 derivative" in check(right)._repr_html_()
    assert "a &lt;b&gt;" in shown and "<b>" not in shown


def test_a_check_that_saw_nothing_says_so_without_a_table() -> None:
    shown = check()._repr_html_()
    assert ">INCONCLUSIVE: " in shown and "<table>" not in shown


def test_an_expression_alone_is_typeset_in_the_notation_of_models(models: Any) -> None:
    shown = typeset(models.network(2).block("Z1"))
    assert shown == "(𝟏𝟏ᵀ − H1∘²)∘(∂C/∂Z2 W2ᵀ)"
    assert r"\frac{\partial C}{\partial Z_{2}}" in shown._repr_mimebundle_()[LATEX]
    assert shown._repr_mimebundle_()[HTML].startswith('<math display="block"')
    assert typeset(models.logistic().gradient("w")) == "Xᵀ(y − t)"
    i, N = symbols("i N", integer=True)
    x = IndexedBase("x", shape=(N,))
    assert typeset(Model(Sum(x[i] ** 2, (i, 0, N - 1)), [x]).gradient("x")) == "i ↦ 2·x[i]"


def test_what_is_no_formula_is_refused() -> None:
    with pytest.raises(ModelError, match="'w' is no formula: typeset takes a SymPy object"):
        typeset("w")


def test_the_extension_typesets_what_a_cell_gives() -> None:
    printers: dict[Any, Any] = {}
    formatter = SimpleNamespace(for_type=printers.__setitem__)
    load_ipython_extension(SimpleNamespace(display_formatter=SimpleNamespace(formatters={LATEX: formatter})))
    assert printers[Basic](Symbol("x1")) == r"$\displaystyle x_{1}$"
