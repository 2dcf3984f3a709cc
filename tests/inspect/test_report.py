"""The report: one page that needs nothing else, right in what it links, checks and measures."""

import html
import html.parser
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sympy import Symbol, symbols

from symgrad import Model
from symgrad.cli.model_file import ModelReference, load_model
from symgrad.codegen.lines import listing
from symgrad.codegen.parts import printed_parts
from symgrad.codegen.speller import Speller
from symgrad.inspect import page
from symgrad.inspect.code import linked_lines
from symgrad.inspect.measure import curves, operation_counts
from symgrad.inspect.plots import agreement, step_sizes
from symgrad.statements.expressions import Group
from symgrad.targets import target
from symgrad.targets.numpy.functions import NUMPY
from symgrad.verify.report import Entry
from tests.statements.written import N, T, Writing, arrays

EXAMPLES = Path(__file__).parents[2] / "examples"
VOID = {"meta", "wbr"}


class Page(html.parser.HTMLParser):
    """Checks that tags nest, and keeps what the tests ask for."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.targets: list[str] = []
        self.keys: dict[str, set[str]] = {"li": set(), "span": set()}
        self.headings: list[str] = []
        self.feed(text)
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        self.ids += [given["id"]] if given.get("id") else []
        self.targets += [given["href"]] if given.get("href") else []
        if given.get("data-key"):
            self.keys[tag] |= set(str(given["data-key"]).split())
        self.headings += [tag] if re.fullmatch("h[1-6]", tag) else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, tag


def assert_whole(text: str) -> Page:
    """Of a page that is whole and needs nothing else, what was read."""
    parsed = Page(text)
    assert len(set(parsed.ids)) == len(parsed.ids)
    assert {target.removeprefix("#") for target in parsed.targets} <= set(parsed.ids)
    assert not re.findall(r"https?://(?!www\.w3\.org/2000/svg)|@import|url\((?!#)|src=", text)
    return parsed


@pytest.fixture(scope="module")
def text(models: Any) -> str:
    done: list[str] = []
    report = models.logistic().report(seed=1, progress=done.append)
    assert done == ["deriving the gradient", "checking the gradient", "measuring"]
    assert report.check.ok and report.check.seed == 1
    return report.html


def test_the_page_is_whole_and_needs_nothing_else(text: str) -> None:
    parsed = assert_whole(text)
    assert "<title>logistic &lt;regression&gt;: the gradient and its check</title>" in text
    assert parsed.headings[0] == "h1" and parsed.headings.count("h1") == 1
    assert text.count("<svg") == 3 and "gradient checked" in text and "PASSED" in text


def test_the_page_begins_with_result_verdict_and_speed(text: str) -> None:
    cards = text.partition('<div class="cards">')[2].partition("<nav")[0]
    result, verdict, speed = cards.split("<section")[1:]
    assert ">Result<" in result and result.count("<math") == 1 and "gradient checked" not in result
    assert ">Verdict<" in verdict and "gradient checked" in verdict and "PASSED" in verdict
    assert re.search(r"<strong>[\d.]+ [mµn]?s</strong> for value and gradient, [\d.]+ times the value alone", speed)
    assert "M=50, N=1000" in speed


def test_formulas_and_lines_share_their_keys(text: str) -> None:
    parsed = Page(text)
    assert parsed.keys["li"] == {"loss-C", "where-y", "adjoints-y", "gradient-w"}
    # no line computes y itself: y − t is computed from the parts of y that do not cancel
    assert {"loss-C", "gradient-w"} <= parsed.keys["span"] <= parsed.keys["li"]


STATEMENTS = """
step = a * b
y = step + 1
def rows(a):
    part = y * a
    return summed(part), part @ a
z = zeros(T)
for t in range(1, T):
    z[t] = z[t - 1] + step
"""


def test_a_line_is_for_the_formulas_that_use_its_result() -> None:
    written = Writing({**arrays("a b", N, owner="argument"), **arrays("z", T)})
    body = written.body(STATEMENTS, "rows_0", "Gradient(rows_1, 2 * step, z)")
    (loss, gradient), speller = body.results, Speller(NUMPY, "a.dtype")
    body = replace(body, results=(loss, Group("Gradient", gradient.operands)))
    parts = printed_parts(body, speller)
    made = listing("value_and_gradient", ["a", "b"], body, parts.lines, parts.result)
    after = [line for lines in parts.functions for line in lines]
    made = replace(made, lines=(*made.lines, *after))
    lines = linked_lines(made, {"y": "Y", "rows_0": "L", "rows_1": "A"}, ["L", "A", "B", "C"])
    keys = {html.unescape(re.sub("<[^>]*>", "", line.html)).strip(): set(line.keys) for line in lines}
    assert keys["def value_and_gradient(a, b):"] == set()
    assert keys["step = a * b"] == {"Y", "B", "C"}
    assert keys["y = step + 1"] == {"Y"}
    assert keys["part = y * a"] == {"L", "A"}
    assert keys["return np.summed(part), part @ a"] == {"L", "A"}
    assert keys["for t in range(1, T):"] == keys["z[t] = z[t - 1] + step"] == keys["z = np.zeros((T,))"] == {"C"}
    assert (
        keys["return rows_0, Gradient(rows_1, 2 * step, z)"] == keys["return __after(step, rows_0, rows_1, T)"] == {"B"}
    )
    assert keys["step, y = __before(a, b)"] == set()


def test_the_lines_of_blocks_of_rows_are_linked_too(models: Any) -> None:
    model = models.logistic()
    (function,) = (one for one in model._first_order if one.name == "value_and_gradient")
    listed = target("numpy").listed(function, model.derivation.program)
    lines = linked_lines(listed, {"loss": "L", "grad_w": "W"}, ["L", "W"])
    keys = [line.keys for line in lines if "prod_X = X.dot(w)" in line.html]
    assert keys == [("L", "W")]


def test_what_is_let_go_of_between_the_parts_of_a_function_is_for_no_formula() -> None:
    model = load_model(ModelReference(EXAMPLES / "mixture.py"))
    (function,) = (one for one in model._first_order if one.name == "value_and_gradient")
    listed = target("numpy").listed(function, model.derivation.program)
    released = [line for line in linked_lines(listed, {"loss": "L"}, list("LAMS")) if ">del<" in line.html]
    assert released and () in {line.keys for line in released}


def test_a_failed_check_is_shown_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    x = Symbol("x", real=True)
    model = Model(x**3, [x], name="cubic")
    right = Model._source
    wrong = ("3 * x ** 2", "3.01 * x ** 2")
    monkeypatch.setattr(Model, "_source", lambda self, *rest: right(self, *rest).replace(*wrong))
    report = model.report()
    assert not report.check.ok
    assert "check failed" in report.html and "gradient checked" not in report.html


def test_a_report_is_saved(tmp_path: Path) -> None:
    x = Symbol("x", real=True)
    report = Model(x**2, [x]).report()
    report.save(tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == report.html == str(report)


def test_the_error_of_a_difference_has_a_minimum_between_truncation_and_rounding(models: Any) -> None:
    model = models.classes()
    module = model.compile(check=False)
    (curve,) = curves(module, model.draws(module)[0], ["W"], seed=0)
    errors = dict(zip(curve.steps, curve.errors, strict=True))
    best = min(curve.errors)
    assert best < 1e-7 and errors[1.0] > 1e3 * best and errors[curve.steps[-1]] > 1e3 * best
    # truncation falls as the square of the step
    assert np.isclose(np.log10(errors[10**-1.0] / errors[10**-2.0]), 2, atol=0.2)
    assert curve.reached < best


def counted(model: Model) -> Any:
    return operation_counts(model.program, model._first_order)


def test_operations_are_counted_as_polynomials_of_the_sizes(models: Any) -> None:
    N, K, M = symbols("N K M", integer=True, positive=True)
    forward, everything = counted(models.classes())
    # two matrix products of N·M·K multiplications and additions: one forward, one for the gradient
    assert forward.expand().coeff(N * M * K) == 2
    assert everything.expand().coeff(N * M * K) == 4
    deep = counted(models.network(2))[1]
    assert deep.free_symbols == {N, *symbols("n:3", integer=True, positive=True)}


def test_the_plots_survive_whatever_is_found() -> None:
    entries = [
        Entry("w", "w[0]", 0.0, 0.0, 1e-12, "pass", zero=True),
        Entry("w", "w[1]", 1e300, 1e300, 1e285, "pass"),
        Entry("w", "w[2]", float("nan"), 1.0, 1e-12, "fail"),
        Entry("w", "w[3]", -1e-300, -1e-300, 1e-310, "inconclusive"),
    ]
    assert agreement(entries).count("<circle") == 3
    assert agreement([]) == agreement(entries[:1]) == step_sizes([]) == ""
    assert "nan" not in agreement(entries).replace("tnan", "")


def test_a_page_of_formulas(model: Model) -> None:
    Page(model.show("html", standalone=True, steps=True))
    assert model.show("html", standalone=True).startswith("<!DOCTYPE html>")
    assert "<details" in model.show("html", steps=True) and "<details" not in model.show("html")


def test_numbers_have_units() -> None:
    assert [page._seconds(value) for value in (2.5, 0.0123, 4.56e-6, 7e-9)] == ["2.5 s", "12.3 ms", "4.56 µs", "7 ns"]
    assert [page._memory(value) for value in (999, 1500, 2.5e6, 3e9)] == ["999 B", "1.5 kB", "2.5 MB", "3 GB"]
