r"""LaTeX reads into the same tree as text: every formula is compared with the text that says the same."""

import time

import pytest

from symgrad import Model, parse
from symgrad.errors import FormulaError, ModelError
from symgrad.formula.latex import latex
from symgrad.serve.answers import answer
from symgrad.serve.gallery import GALLERY
from tests.families import one_in


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (r"\|X w - y\|_2^2 + \lambda w^\top w", "norm2(X*w - y)^2 + lambda*w'*w"),
        (r"\left\|Xw-y\right\|^2", "norm2(X*w - y)^2"),
        (r"\lVert x \rVert_1 + \lVert A\rVert_F^{2}", "norm1(x) + norm2(A)^2"),
        (r"x^T A x", "x'*A*x"),
        (r"x^{\top}A^{-1}x", "x'*A^-1*x"),
        (r"x^{\top}A^{-\top}x", "x'*inv(A)'*x"),
        (r"\frac{1}{2}(x-m)^{\top}S^{-1}(x-m)+\frac{1}{2}\log\det S", "1/2*(x-m)'*S^-1*(x-m) + 1/2*log(det(S))"),
        (r"\operatorname{tr}(A X B)", "tr(A*X*B)"),
        (r"\mathrm{tr}(AX)", "tr(A*X)"),
        (r"\operatorname{logdet}(A)", "logdet(A)"),
        (r"\sum_i x_i^2 + \sum_i y_i", "sum[i] x[i]^2 + sum[i] y[i]"),
        (r"\sum_{i,j} A_{ij} x_j", "sum[i,j] A[i,j]*x[j]"),
        (r"\sum_i \log(1+\exp(-y_i\sum_j X_{i,j}w_j))", "sum[i] log(1 + exp(-y[i]*sum[j] X[i,j]*w[j]))"),
        (r"\prod_i x_i", "prod[i] x[i]"),
        (r"p = \sigma(Xw) \\ -t^\top\log(p)", "p = sigmoid(X*w); -t'*log(p)"),
        (r"\begin{aligned} r &= Xw-y \\ r^\top r \end{aligned}", "r = X*w - y; r'*r"),
        (r"\mathbf{1}^\top (x\odot y)", "vector(1)'*(x .* y)"),
        (r"2 x\odot y\oslash z", "2*x .* y ./ z"),
        (r"\operatorname{sum}(x^{\odot 2})", "sum(x .^ 2)"),
        (r"\exp^2(a) \cdot b", "exp(a)^2*b"),
        (r"\operatorname{tr}(A - \lambda I)", "tr(A - lambda*eye)"),
        (r"\sqrt{x^\top x} + \alpha_1 \max(a, b)", "sqrt(x'*x) + alpha_1*max(a, b)"),
        (r"-a\left(b - c\right)\,d", "-a*(b - c)*d"),
        (r"e^{-a} + \mathrm{rate}", "exp(-a) + rate"),
        (r"\sum_n e^{x_n}", "sum[n] exp(x[n])"),
        (r"p_{n} = \sum_k A_{nk} w_k \\ \sum_n p_n^2", "p[n] = sum[k] A[n,k]*w[k]; sum[n] p[n]^2"),
        (r"\sum_n \max_k A_{nk} + \operatorname{logsumexp}_i (x_i)", "(sum[n] max[k] A[n,k]) + logsumexp[i] x[i]"),
        (r"\begin{cases} a & \text{if}\;a\geq 1 \\ b & \text{otherwise}\end{cases}", "if(a >= 1, a, b)"),
        (r"\sum_i \log \Gamma (x_i)", "sum[i] loggamma(x[i])"),
        (r"C &= r^\top r \\ r &= X w \\ \frac{\partial C}{\partial w} &= 2 X^\top r", "r = X*w; C = r'*r"),
        (r"\boldsymbol{\beta}^\top \mathbf{x}", None),
        (r"\sum_{i,j} \delta_{ij} A_{ij}", "sum[i,j] delta(i, j)*A[i,j]"),
        (r"\max_i x_i - \infty", "(max[i] x[i]) - inf"),
        (
            "% subscripts from 1\n\\sum_{i=1}^{N-1} (x_{i+1} - x_i)^2",
            "subscripts from 1; sum[i=1:N-1] (x[i+1] - x[i])^2",
        ),
        (
            r"{W_q}_{m,d} = \sum_n A_{nm} B_{nd} \\ \sum_{m,d} {W_q}_{m,d}",
            "W_q[m,d] = sum[n] A[n,m]*B[n,d]; sum[m,d] W_q[m,d]",
        ),
        (r"p_k = \operatorname{softmax}_k (z_k) \\ \sum_k p_k", "p[k] = softmax[k] z[k]; sum[k] p[k]"),
        (
            r"\sum_{i,j} x_i {\operatorname{inverse}_{i,j}(S_{ij})}_{i,j} x_j",
            "sum[i,j] x[i]*(inv[i,j] S[i,j])*x[j]",
        ),
        (
            r"\sum_i \begin{cases} x_i & \text{if}\;(x_i > 0) \wedge (x_i \neq 2) \\ 0 & \text{otherwise}\end{cases}",
            "sum[i] if(x[i] > 0 & x[i] != 2, x[i], 0)",
        ),
        (r"\operatorname{constant}(a) b", "constant(a)*b"),
        (r"\sum_i \mathrm{norm}_i^2", "sum[i] norm[i]^2"),
        (r"\sum_{i=1}^{N} i |x_i - 1|", "sum[i=1:N] i*abs(x[i] - 1)"),
        (r"\sum_i x_i \sum_i y_i", "sum[i] x[i]*sum[i1] y[i1]"),
        (r"\prod_{0\leq i\leq N-1} x_i", "prod[i=0:N-1] x[i]"),
    ],
)
def test_latex_says_what_the_text_says(written: str, text: str | None) -> None:
    if text is None:  # greek words are scalars by default, so that this is no product of vectors
        assert [one.name for one in parse(written, {"beta": "vector"}, notation="latex").reading.symbols] == [
            "beta",
            "x",
        ]
        return
    made, meant = parse(written, notation="latex"), parse(text)
    # as text, since the variables of functions of entries have no names that could be equal
    assert str((made.result, made.where)) == str((meant.result, meant.where))
    assert made.reading.text() == meant.reading.text()


@pytest.mark.parametrize(
    ("wrong", "place", "message"),
    [
        (r"\log x y", r"\log x", "how far does this function reach"),
        (r"\log x \cdot y", r"\log x", "how far does this function reach"),
        (r"|A|", "|", "an absolute value or a determinant"),
        (r"e + e^{x}", "e", "a power of e, or of a symbol"),
        (r"\sum_{i,j} \delta_{i,j} A_{i,j} + \delta", r"\delta_{i,j}", "Kronecker's delta, or a symbol"),
        (r"\sum_i x_i^2 + x_1", "x_1", "an entry, or a symbol of its own"),
        ("% subscripts from 1\nx_{1}^2 + \\sum_{i=1}^{N-1} (x_{i+1} - x_i)^2", "x_{1}", "an entry, or a symbol"),
        (r"\sum_i x_{i+1}", r"x_{i+1}", "needs a comment % subscripts from 0"),
        (
            r"\sum_i \begin{cases} 1 & \text{if } x_i > 0 \wedge x_i < 1 \vee a = 3 \\ 0 & \text{otherwise}\end{cases}",
            r"\vee",
            "put brackets",
        ),
        (r"\sum_{i,j,k} x_i{\operatorname{inverse}_{i,j}(S_{k,i,j})}_{j,i}", "_", "is that at i and j"),
        (r"e^{A}", "^", "A is a matrix"),
        (r"\begin{cases} a & \text{if } a > 0 \end{cases}", r"\end", r"here \\ is expected"),
        (
            r"\begin{cases} a & \text{if } a \\ b & \text{otherwise} \end{cases}",
            r"\\",
            "a condition compares two values",
        ),
        (r"\frac{\partial C}{\partial x} &= 2x", "", "there is no formula"),
        (r"\log(x)^2", "^", "is this of the function or of its argument"),
        (r"A B \odot C", "C", "can be read in two ways"),
        (r"a / b c", "c", "can be read in two ways"),
        (r"x_i", "x_i", "a subscript is a number, or is made of indices"),
        (r"\sum_i x_j", "x_j", "a subscript is a number, or is made of indices"),
        (r"\phi\varphi", r"\varphi", r"is this the same as \phi"),
        (r"\mathbf{x}^\top x", "x", r"is this the same as \mathbf{x}"),
        (r"(x", "(", "this ( is not closed"),
        (r"x)", ")", ") is not expected here"),
        (r"\frac{x", "{", "this { is not closed"),
        (r"\foo", r"\foo", r"\foo is not part of the LaTeX that is read"),
        (r"\operatorname{trc}(A)", r"\operatorname{trc}", "no function trc; did you mean"),
        (r"2 3", "3", "an operator is missing before this number"),
        (r"x^", "^", "the formula ends here"),
        (r"x^{2", "{", "this { is not closed"),
        (r"x^2^3", "^", "a power of a power needs brackets"),
        (r"\|x\|_3", r"\|", "with index 1, 2 and F"),
        (r"\sum_{i}^{N} x_i", "N", "an upper bound needs a lower one"),
        (r"\sum_{i=1} x_i", r"\sum", "a lower bound needs an upper one"),
        (r"\sum_{i=2}^{N} x_i", "i", "an index runs over a whole axis"),
        (r"\sum_{i=1}^{N-1} x_i", "i", "an index runs over a whole axis"),
        (r"x \\ y", "y", "there is a result already"),
        (r"\frac{1}{Y} X", r"\frac", r"\frac{1}{Y}: Y is a matrix of"),
        (r"\begin{matrix} x \end{matrix}", r"\begin", "the environment matrix is not part"),
        (r"x + \begin{matrix} x \end{matrix}", r"\begin", "inside a formula the only environment is that of cases"),
        (r"\log" * 300 + " x", r"\log", "nested more than 60 deep"),
        ("(" * 3000, "(", "nested more than 60 deep"),
        (r"\ ", "", "there is no formula"),
    ],
)
def test_what_is_outside_the_subset_is_an_error_with_its_place(wrong: str, place: str, message: str) -> None:
    started = time.monotonic()
    with pytest.raises(FormulaError) as caught:
        parse(wrong, notation="latex")
    assert message in caught.value.message
    start, end = caught.value.operator or (caught.value.start, caught.value.end)
    assert not place or wrong[start:end].startswith(place)
    assert time.monotonic() - started < 1


def test_another_notation_is_an_error() -> None:
    with pytest.raises(ModelError, match="notation 'tex' is not known; choose text, latex"):
        parse("x", notation="tex")


@pytest.mark.parametrize("title", one_in(3, [example.title for group in GALLERY.values() for example in group]))
def test_what_show_writes_reads_back(title: str) -> None:
    """The loss and the names of a model as LaTeX have the gradient of the model."""
    (example,) = (one for group in GALLERY.values() for one in group if one.title == title)
    formula = parse(example.text, example.shapes)
    if formula.quantity is not None or formula.program.constraints:
        pytest.skip("the result is no loss")
    if title == "Log-sum-exp":
        pytest.skip("reductions with an index in their subscript are not read")
    model = Model.from_text(formula, example.by)
    lines = [line for line in model.lines() if line.title in ("where", "Loss")]
    lines.sort(key=lambda line: line.title == "Loss")
    written = " \\\\\n".join(
        f"{latex(line.left)} &= {latex(line.right)}" if line.title == "where" else latex(line.right)
        for line in lines
        if line.right is not None
    )
    shapes = {one.name: one.text.partition(": ")[2] for one in formula.reading.symbols}
    again = Model.from_text(parse(written, shapes, notation="latex"), example.by)
    gradients = [[str(line.right) for line in one.lines() if line.title == "Gradient"] for one in (model, again)]
    assert gradients[0] == gradients[1], written


def test_the_page_reads_latex() -> None:
    request = {"text": r"\|X w - y\|^2", "by": ["w"], "shapes": {}}
    assert answer({"ask": "derivative", **request})["text"] == "∂C/∂w = 2Xᵀ(X w − y)"
