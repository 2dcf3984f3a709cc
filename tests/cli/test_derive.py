"""`symgrad derive`: what it prints, its options, and what it says of formulas that are wrong."""

import subprocess
import sys

import pytest

from symgrad.cli import main


def printed(capsys, *arguments):
    assert main(["derive", *arguments]) == 0
    return capsys.readouterr().out


def complaint(capsys, *arguments):
    assert main(["derive", *arguments]) == 2
    found = capsys.readouterr()
    assert not found.out
    return found.err


def test_formulas(capsys):
    assert printed(capsys, "sum(log(1 + exp(-y .* (X*w)))) + l*norm2(w)^2", "w", "--hessian").splitlines() == [
        "Shapes",
        "    y: vector(N)",
        "    X: matrix(N, M)",
        "    w: vector(M)",
        "    l: scalar",
        "",
        "Loss",
        "    C = l·‖w‖² + sum(log(𝟏 + exp(−y∘(X w))))",
        "",
        "Gradient",
        "    ∂C/∂w = 2·l·w − Xᵀ(y∘(𝟏 − sigmoid(y∘(X w))))",
        "",
        "Hessian",
        "    ∂²C/∂w∂w = 2·l·I + Xᵀdiag(y∘²∘(𝟏 − sigmoid(y∘(X w)))∘sigmoid(y∘(X w)))X",
    ]


def test_formats(capsys):
    assert r"\frac{\partial C}{\partial x} &= 2x" in printed(capsys, "x'*x", "x", "--format", "latex")
    assert "<math" in printed(capsys, "x'*x", "x", "--format", "mathml")
    assert "MatrixSymbol" in printed(capsys, "x'*x", "x", "--format", "sympy")


def test_latex_is_known_by_its_commands(capsys):
    assert "∂C/∂w = 2Xᵀ(X w − y)" in printed(capsys, r"\|X w - y\|_2^2", "w")
    assert "inv(A)*b" in complaint(capsys, r"A\b", "b")


def test_a_formula_may_begin_with_a_minus_sign(capsys):
    assert "∂C/∂x = −1/x" in printed(capsys, "-log(x)", "x", "--scalar", "x")
    assert "∂²C/∂x∂x = −2I" in printed(capsys, "--hessian", "-norm2(x)^2", "x")
    assert "Did you mean" in complaint(capsys, "x'*x", "x", "--chekc")


def test_the_only_symbol_need_not_be_named(capsys):
    assert "∂C/∂x = 2x" in printed(capsys, "x'*x")


def test_shapes(capsys):
    assert "b: scalar" in printed(capsys, "norm2(X*w + b - y)^2", "w", "--scalar", "b")
    assert "b: vector(N)" in printed(capsys, "norm2(X*w + b - y)^2", "w", "--vector", "b")
    assert "∂C/∂x = 2S x" in printed(capsys, "x'*S*x", "x", "--symmetric", "S")
    assert "x is given two shapes, scalar and vector" in complaint(capsys, "x*c", "x", "--scalar", "x", "--vector", "x")


def test_several_lines_from_the_standard_input():
    done = subprocess.run(
        [sys.executable, "-m", "symgrad", "derive", "-", "w"],
        input="r = X*w - y\nr'*r\n",
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0
    assert done.stdout.endswith("∂C/∂w = 2Xᵀr\n")


def test_code_is_a_module(capsys):
    source = printed(capsys, "norm2(X*w - y)^2", "w", "--code")
    module = {"__name__": "derived"}
    exec(compile(source, "derived", "exec"), module)
    assert module["value"]([1.0, 2.0], [[1.0, 1.0]], [5.0]) == 4.0
    assert printed(capsys, "norm2(X*w - y)^2", "w", "--code", "--target", "numba") != source


def test_jacobian_of_a_vector(capsys):
    assert printed(capsys, "A*tanh(x)", "x").endswith(
        "where\n    f = A tanh(x)\n\nJacobian of f\n    ∂f/∂x = A diag(𝟏 − tanh(x)∘²)\n"
    )
    assert "Jacobian of r" in printed(capsys, "r = X*w - y", "w")
    assert "def jacobian_f(" in printed(capsys, "A*tanh(x)", "x", "--code")
    assert "--hessian is of scalars" in complaint(capsys, "A*x", "x", "--hessian")


def test_check(capsys, tmp_path, monkeypatch):
    assert "PASSED: " in printed(capsys, "x^3", "x", "--check")
    monkeypatch.chdir(tmp_path)
    assert main(["derive", "x^3", "x", "--code", "--check", "-o", "cube.py"]) == 0
    assert "PASSED: " in capsys.readouterr().out
    assert main(["derive", "x^3", "x", "--code", "--check"]) == 0
    found = capsys.readouterr()
    assert found.out == (tmp_path / "cube.py").read_text(encoding="utf-8")
    assert "PASSED: " in found.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("X: matrix(N, M); y: vector(N); sum(X*y)", "y"), "X*y: X has M columns, y has N rows"),
        (("norm2(X*w + b)", "w"), "--vector b"),
        (("x'*(x", "x"), "this ( is not closed"),
        (("x'*x", "q"), "q does not occur in the formula; its symbols are x"),
        (("x'*A*x",), "after the formula: one or more of x: vector(N), A: matrix(N, N)"),
        (("2 + 3",), "no symbol to differentiate by"),
        (("x'*x", "x", "--target", "jax"), "it goes with --code"),
        (("x'*x", "x", "--code", "--format", "latex"), "--code prints a module"),
        (("x'*x", "x", "--vector", "z"), "z does not occur in the formula"),
        (("minimise x'*x subject to x >= 0", "x", "--hessian"), "of formulas without `subject to`"),
    ],
)
def test_what_is_wrong_is_said(capsys, arguments, message):
    assert message in complaint(capsys, *arguments)
