"""What the page is told: every example of its gallery, what a formula is read as, and what is wrong with one."""

import subprocess
import sys
from typing import Any

import pytest

from symgrad.serve.answers import CHOICES, QUESTIONS, answer
from symgrad.serve.gallery import GALLERY, Example
from tests.families import one_in

# The derivatives of the gallery, as in the textbooks of each field.
GRADIENTS = {
    "Ridge regression": "∂C/∂w = 2·λ·w + 2Xᵀ(X w − y)",
    "Logistic regression, classes ±1": "∂C/∂w = 2·l·w − Xᵀ(y∘(𝟏 − sigmoid(y∘(X w))))",
    "Logistic regression, classes 0 and 1": "∂C/∂w = Xᵀ(p − t)",
    "Softmax regression": "∂C/∂W = Xᵀ(diag(T 𝟏)P − T)",
    "A network with one hidden layer": "∂C/∂V = Xᵀ(∂C/∂H∘(𝟏𝟏ᵀ − H∘²))\n∂C/∂W = 2Hᵀ(H W − Y)",
    "Matrix factorisation with gaps": ("∂C/∂U = 2·l·U + 2(M∘²∘(U Vᵀ − R))V\n∂C/∂V = 2·l·V + 2(M∘²∘(U Vᵀ − R))ᵀU"),
    "Support vector machine": "∂C/∂w = 2·l·w − Xᵀ(y∘step(𝟏 − y∘(X w)))",
    "Squared distances, with indices": "∂C/∂m[k] = −2·Σ_n P[n, k]·(x[n] − m[k])",
    "Poisson regression": "∂C/∂w = Xᵀ(exp(X w) − y)",
    "Normal distribution": "∂C/∂m = −S⁻¹(x − m)\n∂C/∂S = 1/2·(S⁻¹ − S⁻¹(x − m)(x − m)ᵀS⁻¹)",
    "Gaussian process": "∂C/∂K = 1/2·(K⁻¹ − K⁻¹ y yᵀK⁻¹)",
    "Robust regression (Cauchy)": "∂C/∂w = 2/s²·Xᵀ((X w − y)⊘(𝟏 + 1/s²·(X w − y)∘²))",
    "Log-sum-exp": "∂C/∂w = Xᵀsoftmax(X w)",
    "Bilinear form": "∂C/∂X = a bᵀ",
    "Quadratic form": "∂C/∂x = (A + Aᵀ)x",
    "Trace of a product": "∂C/∂X = AᵀBᵀ",
    "Trace of an inverse": "∂C/∂X = −X⁻ᵀAᵀBᵀX⁻ᵀ",
    "Determinant": "∂C/∂X = det(X)·X⁻ᵀ",
    "Logarithm of a determinant": "∂C/∂X = X⁻ᵀ",
    "Weighted norm": "∂C/∂x = Aᵀ(W + Wᵀ)(A x − b)",
    "Jacobian of an affine map": "∂f/∂x = A",
    "Jacobian of softmax": "∂f/∂x = diag(f) − f fᵀ",
    "Portfolio": """subject to
    mᵀx ≥ r  (c0)
    sum(x) = 1  (c1)

Lagrangian
    L = λ_c0·(mᵀx − r) + λ_c1·(sum(x) − 1) + xᵀS x

Stationary
    ∂L/∂x = λ_c0·m + λ_c1·𝟏 + 2S x = 0, or ≥ 0 at the lower bound

Multipliers
    λ_c0 ≤ 0  and 0 where c0 is not at its border""",
    "Projection onto a plane": """subject to
    hᵀx = c  (c0)

Lagrangian
    L = λ_c0·(hᵀx − c) + ‖x − p‖²

Stationary
    ∂L/∂x = 2x + λ_c0·h − 2p = 0""",
}
PROBLEMS = ("Portfolio", "Projection onto a plane")
EXAMPLES = {example.title: example for group in GALLERY.values() for example in group}


def request(ask: str, text: str, by: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    return {"ask": ask, "text": text, "by": list(by), "shapes": {}, **more}


def of(example: Example, ask: str, **more: Any) -> dict[str, Any]:
    return answer(request(ask, example.text, example.by, shapes=dict(example.shapes), **more))


def test_every_example_has_a_derivative_to_compare_with() -> None:
    assert list(GRADIENTS) == list(EXAMPLES)


@pytest.mark.parametrize("title", one_in(12, EXAMPLES))
def test_the_gallery(title: str) -> None:
    example = EXAMPLES[title]
    read = of(example, "formula")
    assert "error" not in read and "<math" in read["math"] and read["by"] == list(example.by)
    derived = of(example, "derivative")
    assert derived["text"] == GRADIENTS[title]
    if title not in PROBLEMS:
        assert len(derived["rows"]) == len(example.by) and derived["latex"].count("\\partial") >= 2
    code = of(example, "code")
    assert compile(code["source"], title, "exec") and len(code["lines"]) == len(code["source"].splitlines())
    if derived["loss"]:
        assert "<svg" in of(example, "graph")["svg"] and "<math" in of(example, "steps")["html"]
        assert of(example, "hessian")["rows"]
    else:
        assert all("no number" in of(example, ask)["error"]["message"] for ask in ("steps", "graph", "hessian"))


@pytest.mark.parametrize("title", ["Ridge regression", "Jacobian of softmax"])
def test_the_verdict(title: str) -> None:
    found = of(EXAMPLES[title], "check")
    assert found["verdict"] == "pass" and "PASSED" in found["report"]


@pytest.mark.long
@pytest.mark.parametrize("title", EXAMPLES)
def test_the_verdict_of_every_example(title: str) -> None:
    assert of(EXAMPLES[title], "check")["verdict"] == "pass"


@pytest.mark.parametrize("target", ["numpy", "jax", "numba"])
def test_code_for_every_target(target: str) -> None:
    source = of(EXAMPLES["Ridge regression"], "code", target=target)["source"]
    assert "def value_and_gradient" in source and {"numpy": "np", "jax": "jax", "numba": "numba"}[target] in source


def test_shapes_come_with_their_reasons() -> None:
    found = answer(request("formula", "norm2(X*w - y)^2"))
    assert [(symbol["name"], symbol["kind"], symbol["text"]) for symbol in found["symbols"]] == [
        ("X", "matrix", "matrix(N, M)"),
        ("w", "vector", "vector(M)"),
        ("y", "vector", "vector(N)"),
    ]
    assert found["symbols"][0]["reason"] == "capitals are matrices; its sizes follow from X*w, X*w - y"
    assert found["by"] == ["w"] and found["result"] == "a number"


def test_a_chosen_shape_counts() -> None:
    text, by = "x'*A*x", ("x",)
    assert answer(request("derivative", text, by))["text"] == "∂C/∂x = (A + Aᵀ)x"
    symmetric = request("derivative", text, by, shapes={"A": "symmetric matrix"})
    assert answer(symmetric)["text"] == "∂C/∂x = 2A x"


@pytest.mark.parametrize("kind", CHOICES)
def test_every_choice_is_understood(kind: str) -> None:
    found = answer(request("formula", "sum(inv(x)*x)" if "matrix" in kind else "sum(x)", shapes={"x": kind}))
    assert found["symbols"][0]["kind"] == kind and found["symbols"][0]["chosen"]


def test_what_was_chosen_to_differentiate_by_stays_while_it_occurs() -> None:
    assert answer(request("formula", "norm2(X*w - y)^2", ("y",)))["by"] == ["y"]
    assert answer(request("formula", "norm2(X*w - z)^2", ("y",)))["by"] == ["w"]
    assert answer(request("formula", "sum(exp(k))", ("y",)))["by"] == ["k"]


def test_an_error_has_its_place() -> None:
    error = answer(request("formula", "norm2(X*w - y"))["error"]
    assert (error["start"], error["end"], error["message"]) == (5, 6, "this ( is not closed")


def test_an_ambiguity_is_a_question_with_a_picture() -> None:
    error = answer(request("formula", "A*x + b"))["error"]
    assert error["message"] == "b can be read in several ways; choose one:"
    assert [choice["b"]["kind"] for choice in error["choices"]] == ["scalar", "vector"]
    assert "<math" in error["math"]
    assert "error" not in answer(request("formula", "A*x + b", shapes={"b": error["choices"][1]["b"]["kind"]}))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"ask": "derivative", "text": "2 + 3", "by": []}, "nothing to differentiate by"),
        ({"ask": "derivative", "text": "x^2", "by": []}, "choose at least one symbol"),
        ({"ask": "derivative", "text": "x^2", "by": ["y"]}, "y does not occur"),
        ({"ask": "code", "text": "sum(x)", "by": ["x"], "target": "fortran"}, "there is code for"),
        ({"ask": "everything", "text": "x"}, "asks for one of"),
        ({"ask": ["formula"], "text": "x"}, "asks for one of"),
        ({"ask": "formula"}, "as `text`"),
        ({"ask": "formula", "text": 3}, "as `text`"),
        ({"ask": "formula", "text": "x", "shapes": ["vector"]}, "are texts by names"),
        ({"ask": "formula", "text": "x", "shapes": {"x": 1}}, "are texts by names"),
        ({"ask": "formula", "text": "x", "by": "x"}, "a list of names"),
        ({"ask": "formula", "text": "x", "shapes": {"x": "vector\ny: scalar"}}, ""),
        ({"ask": "formula", "text": ""}, "no formula"),
    ],
)
def test_a_wrong_request_is_told_what_is_wrong(wrong: dict[str, Any], message: str) -> None:
    assert message in answer(wrong)["error"]["message"]


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("text", ["__import__('os').system('true')", "x.__class__", "exec(x)", "lambda: 0", "<b>x</b>"])
def test_nothing_that_is_typed_is_run(question: str, text: str) -> None:
    found = answer(request(question, text, ("x",)))
    assert set(found) == {"error"} and "symgrad cannot handle" not in found["error"]["message"]


def test_a_name_cannot_bring_html_into_the_page() -> None:
    names = {"<img src=x>": "vector"}
    assert "<img" not in answer(request("formula", "sum(x)", shapes=names)).get("math", "")


def test_what_was_derived_is_kept() -> None:
    text = "norm2(X*w - y)^2 + 3*sum(w)"
    answer(request("derivative", text, ("w",)))
    from symgrad.serve.asked import stated

    before = stated.cache_info().hits
    answer(request("code", text, ("w",)))
    assert stated.cache_info().hits == before + 1


def test_answers_know_of_no_server() -> None:
    script = "import sys; sys.modules['http'] = sys.modules['socket'] = None; import symgrad.serve.answers"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_what_is_wrong_with_a_problem_has_its_place() -> None:
    text = "minimise x'*x subject to x > 0"
    found = answer(request("derivative", text, ("x",)))["error"]
    assert text[found["start"] : found["end"]] == "x > 0" and "a strict inequality" in found["message"]
    assert (
        "no variable occurs in it"
        in answer(request("code", "minimise x'*x subject to y >= 1", ("x",)))["error"]["message"]
    )
