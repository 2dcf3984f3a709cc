"""Problems as text: the same as those made of SymPy objects, and solved where minima are known."""

import numpy as np
import pytest
from sympy import Eq, Ge, IndexedBase, Le, MatrixSymbol, Sum, Symbol, symbols

from symgrad import FormulaError, ModelError, Problem, parse, sumsq, total
from symgrad.cli import main

N, M = symbols("N M", integer=True, positive=True)
i, j = symbols("i j", integer=True)


def same(text: str, by: list[str], problem: Problem, **shapes: str) -> bool:
    made = Problem.from_text(text, by, shapes=shapes)
    return made.source() == problem.source() and made.bounds == problem.bounds


def test_an_equation_and_a_bound() -> None:
    x, p = MatrixSymbol("x", N, 1), MatrixSymbol("p", N, 1)
    meant = Problem(sumsq(x - p), [x], subject_to=[Eq(total(x), 1)], bounds={x: (0, None)})
    assert same("minimise norm2(x - p)^2 subject to sum(x) = 1, x >= 0", ["x"], meant)
    assert same("minimize norm2(x-p)^2\nsubject to\nsum(x) == 1\n0 <= x", ["x"], meant)


def test_equations_of_matrices_and_bounds_of_data() -> None:
    x, u, A, b = (MatrixSymbol(*one) for one in (("x", N, 1), ("u", N, 1), ("A", M, N), ("b", M, 1)))
    relations = [Eq(A * x, b), Le(A * x, 3, evaluate=False)]
    meant = Problem(sumsq(x), [x], subject_to=relations, bounds={x: (0, u)})
    assert same("minimise norm2(x)^2 subject to A*x = b, A*x <= 3, 0 <= x <= u", ["x"], meant, b="vector")


def test_an_open_index_means_for_all() -> None:
    A, c, x = IndexedBase("A", (M, N)), IndexedBase("c", (M,)), IndexedBase("x", (N,))
    relations = [(Le(Sum(A[i, j] * x[j], (j, 0, N - 1)), c[i]), (i, 0, M - 1))]
    meant = Problem(Sum(x[j] ** 2, (j, 0, N - 1)), [x], subject_to=relations, bounds={x: (-1, None)})
    text = "minimise sum[j] x[j]^2 subject to sum[j] A[i,j]*x[j] <= c[i], x[k] >= -1"
    assert Problem.from_text(text, "x").bounds == meant.bounds
    assert str(Problem.from_text(text, "x").show()) == str(meant.show())


def test_what_is_no_bound_is_a_constraint() -> None:
    a, b, c = (Symbol(name, real=True) for name in "abc")
    relations = [Ge(b, a), Ge(a, -c, evaluate=False), Le(a, 2)]
    meant = Problem((a - 3) ** 2 + b**2, [a, b], subject_to=relations, bounds={a: (0, 1)})
    assert (
        same("minimise (a - 3)^2 + b^2 subject to a >= 0, a <= 1, b >= a, a >= -c, 2 >= a", ["a", "b"], meant) is False
    )
    made = Problem.from_text("minimise (a - 3)^2 + b^2 subject to a >= 0, a <= 1, b >= a, a >= -c, a <= 2", ["a", "b"])
    assert made.bounds == meant.bounds and [one.relation for one in made.constraints] == relations


def test_names_are_defined_before() -> None:
    found = Problem.from_text("r = x - p\nminimise norm2(r)^2 subject to norm2(r)^2 >= 1, x <= 0", "x")
    assert [str(equation.lhs) for equation in found.where] == ["r"] and len(found.constraints) == 1


@pytest.mark.parametrize(
    ("text", "data", "minimum"),
    [
        # the nearest point of the simplex: p minus the multiplier, where that is positive
        ("minimise norm2(x - p)^2 subject to sum(x) = 1, x >= 0", [0.9, 0.5, -1.0], [0.7, 0.3, 0]),
        ("minimise sum[k] p[k]*x[k] subject to sum[k] x[k]^2 <= 4", [0.0, 3.0], [0, -2]),
    ],
)
def test_minima(text: str, data: list[float], minimum: list[float]) -> None:
    found = Problem.from_text(text, "x").solve({"x": np.ones(len(data))}, {"p": np.array(data)}, progress=False)
    np.testing.assert_allclose(np.ravel(found.x.x), minimum, atol=1e-5)


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("x'*x subject to x > 0", "x > 0", "a strict inequality has no points on its border"),
        ("x'*x subject to 0 <= x >= 1", "0 <= x >= 1", "between two bounds stands"),
        ("x'*x subject to A*x", "A*x", "what follows `subject to` are comparisons"),
        ("x'*x subject to x[i] >= y", "y", "y can be read|y: Y|at each index scalars"),
        ("x'*x subject to A*x = y'", "A*x = y'", "A\\*x"),
        ("x >= 0", "x >= 0", "a comparison is no value"),
        ("0 <= x <= 1", "0 <= x", "a comparison is no value"),
        ("x[1] = 2", "x[1]", "this defines a part of x"),
    ],
)
def test_what_is_wrong_has_its_place(text: str, place: str, message: str) -> None:
    shapes = {"y": "vector"} if "y" in text else {}
    with pytest.raises(FormulaError, match=message) as caught:
        parse(text, shapes)
    assert text[caught.value.start : caught.value.end] == place or "x[i]" in text


def test_a_constraint_without_variables() -> None:
    with pytest.raises(ModelError, match="no variable occurs in it; the variables are x"):
        Problem.from_text("minimise x'*x subject to y >= 0", "x")


def test_in_the_shell(capsys: pytest.CaptureFixture[str]) -> None:
    formula = "minimise norm2(x - p)^2 subject to sum(x) = 1, x >= 0"
    assert main(["derive", formula, "x"]) == 0
    assert "L = λ_c0·(sum(x) − 1) + ‖x − p‖²" in capsys.readouterr().out
    assert main(["derive", formula, "x", "--code"]) == 0
    assert "def constraints(" in capsys.readouterr().out
    for wrong, said in ([["--hessian"], "without `subject to`"], [["--format", "sympy"], "write text or latex"]):
        assert main(["derive", formula, "x", *wrong]) == 2
        assert said in capsys.readouterr().err
