"""Problems as they are stated, their modules, their checks, and what is refused."""

from typing import Any

import numpy as np
import pytest
from sympy import Eq, Ge, Idx, IndexedBase, Le, Lt, MatrixSymbol, Ne, Sum, Symbol, ZeroMatrix, log, oo, sin, symbols

from symgrad import ModelError, Problem, UnsupportedError, sumsq
from symgrad.generated import imported
from symgrad.outputs.request import Request
from symgrad.problem.calls import as_checked
from symgrad.verify.check import check_module
from tests.families import one_in

N, M, T = symbols("N M T", integer=True, positive=True)
n, t = symbols("n t", integer=True)
x, y, z = symbols("x y z", real=True)
h = Symbol("h", real=True)
state, control = IndexedBase("state", (T + 1,)), IndexedBase("control", (T,))
u, v = IndexedBase("u", (N,)), IndexedBase("v", (M,))
p, q = IndexedBase("p", (N,)), IndexedBase("q", (N,))
SQUARES = Sum(u[n] ** 2, (n, 0, N - 1))
A, b, w = MatrixSymbol("A", N, M), MatrixSymbol("b", N, 1), MatrixSymbol("w", M, 1)


def small() -> Problem:
    return Problem(
        x**2 + y**2, [x, y], subject_to={"line": Eq(x + y, 1), "disc": Le(x**2 * y, 2)}, bounds={x: (0, None)}
    )


def path() -> Problem:
    return Problem(
        Sum(control[t] ** 2, (t, 0, T - 1)),
        [state, control],
        subject_to=[
            ("move", Eq(state[t + 1], state[t] + h * (control[t] - sin(state[t])))),
            ("start", Eq(state[0], 0)),
            ("end", Eq(state[T], 1)),
        ],
        bounds={control: (-5, 5)},
    )


def matrices() -> Problem:
    return Problem(sumsq(w), [w], subject_to={"rows": Eq(A * w, b), "signs": Ge(w, ZeroMatrix(M, 1), evaluate=False)})


def test_a_module_has_the_formulas() -> None:
    module = small().compile()
    given = {"x": 0.5, "y": 2.0}
    assert module.objective(**given) == 4.25
    assert tuple(module.gradient(**given)) == (1.0, 4.0)
    assert module.objective_and_gradient(**given) == (4.25, (1.0, 4.0))
    assert tuple(module.constraints(**given)) == (1.5, -1.5)
    assert module.jacobian(**given).to_dense().tolist() == [[1.0, 1.0], [2.0, 0.25]]
    hessian = module.hessian_of_lagrangian(**given, factor=2.0, multiplier_line=7.0, multiplier_disc=3.0)
    assert hessian.to_dense().tolist() == [[4.0 + 12.0, 3.0], [3.0, 4.0]]
    assert module.CONSTRAINTS == {"line": (0.0, 0.0), "disc": (None, 0.0)}
    assert module.BOUNDS == {"x": (0.0, None), "y": (None, None)}


def test_an_indexed_constraint_holds_over_the_range_of_its_subscripts() -> None:
    problem = path()
    assert [(one.low, one.high) for one in problem.constraints[0].ranges] == [(0, T - 1)]
    module = problem.compile()
    states, controls = np.linspace(0, 1, 5), np.arange(4.0)
    found = module.constraints(states, controls, h=0.1)
    np.testing.assert_allclose(found.move, states[1:] - states[:-1] - 0.1 * (controls - np.sin(states[:-1])))
    assert (found.start, found.end) == (0.0, 0.0)
    matrix = module.jacobian(states, controls, h=0.1)
    assert matrix.values.size == 3 * 4 + 2  # two states and a control in each move, and the ends
    dense = matrix.to_dense()[:4, :5]
    expected = np.eye(4, 5, 1) - np.eye(4, 5) @ np.diag(1 - 0.1 * np.cos(states))
    np.testing.assert_allclose(dense, expected)


def test_a_range_is_shifted_stated_or_that_of_an_index() -> None:
    u = IndexedBase("u", (N,))
    k = Idx("k", (2, N - 1))
    problem = Problem(
        Sum(u[n] ** 2, (n, 0, N - 1)),
        [u],
        subject_to=[Le(u[n + 1] - u[n - 1], 3), (Le(u[n], n), (n, 1, 2)), Ge(u[k], k)],
    )
    ranges = [(one.ranges[0].low, one.ranges[0].high) for one in problem.constraints]
    assert ranges == [(1, N - 2), (1, 2), (2, N - 1)]
    found = problem.compile().constraints(np.array([1.0, 2.0, 4.0, 8.0, 16.0]))
    np.testing.assert_allclose(found.c0, [0, 3, 9])
    np.testing.assert_allclose(found.c1, [1, 2])
    np.testing.assert_allclose(found.c2, [2, 5, 12])


def test_axes_of_constraints_are_in_the_order_in_which_ranges_are_stated() -> None:
    """Whatever order SymPy keeps factors in."""
    rows, k = IndexedBase("rows", (T + 1, 2)), Symbol("k", integer=True)
    stated = (Eq(rows[t + 1, k], Sum(IndexedBase("A", (2, 2))[k, n] * rows[t, n], (n, 0, 1))), (t, 0, T - 1), (k, 0, 1))
    total = Sum(rows[t, k] ** 2, (t, 0, T), (k, 0, 1))
    problem = Problem(total, [rows], subject_to={"move": stated, "turned": (stated[0].reversed, *stated[:0:-1])})
    found = problem.compile(check=False).constraints(rows=np.arange(8.0).reshape(4, 2), A=np.eye(2))
    np.testing.assert_allclose(found.move, np.full((3, 2), 2.0))
    assert found.turned.shape == (2, 3)


def test_the_range_of_an_index_leaves_room_for_the_sums_beside_it() -> None:
    """A window that slides over an array, of symbolic width; and sums that end at the index."""
    k, j = symbols("k j", integer=True)
    width = symbols("K", integer=True, positive=True)
    weights = IndexedBase("weights", (width,))
    stated = {
        "window": Le(Sum(weights[k] * u[n + k], (k, 0, width - 1)), 3),
        "mirrored": Le(Sum(weights[k] * u[n - k], (k, 0, width - 1)), 3),
        "nested": Le(Sum(u[n + 2 * k + j], (j, 0, k), (k, 0, 1)), 3),
        "so far": (Le(Sum(u[k], (k, 0, n)), 4), (n, 0, N - 1)),
    }
    names = {name.replace(" ", "_"): one for name, one in stated.items()}
    problem = Problem(SQUARES, [u], subject_to=names)
    ranges = [one.ranges[0][1:] for one in problem.constraints]
    assert ranges == [(0, N - width), (width - 1, N - 1), (0, N - 4), (0, N - 1)]
    values, kernel = np.array([1.0, 2.0, 4.0, 8.0, 16.0]), np.array([1.0, 0.5])
    found = problem.compile().constraints(u=values, weights=kernel)
    np.testing.assert_allclose(found.window, np.correlate(values, kernel, "valid") - 3)
    np.testing.assert_allclose(found.mirrored, np.convolve(values, kernel, "valid") - 3)
    np.testing.assert_allclose(found.nested, values[:-3] + values[2:-1] + values[3:] - 3)
    np.testing.assert_allclose(found.so_far, np.cumsum(values) - 4)
    with pytest.raises(ModelError, match="the range of n ends at k, which a sum inside binds"):
        Problem(SQUARES, [u], subject_to=[(Le(u[n] + Sum(u[k], (k, 0, N - 1)), 1), (n, k, 3))])


def test_sizes_and_arrays_of_labels_are_no_indices() -> None:
    """Both are symbols of integers in subscripts."""
    label = IndexedBase("label", (M,), integer=True)
    problem = Problem(SQUARES, [u], subject_to=[Eq(u[label[n]], v[n])])
    assert [one[1:] for one in problem.constraints[0].ranges] == [(0, M - 1)]
    found = problem.compile().constraints(u=[1.0, 2.0, 4.0, 8.0], v=[3.0, 5.0], label=[2, 0])
    assert found.c0.tolist() == [1.0, -4.0]
    with pytest.raises(ModelError, match=r"subject_to\[0\] \(last\), .*: subscript 1, M - 1, .* the axis has size N"):
        Problem(SQUARES + v[0], [u, v], subject_to={"last": Eq(u[M - 1], 3)})


def test_an_objective_without_a_lower_bound_is_no_success() -> None:
    found = Problem(x, [x]).solve(-1, progress=False, check=False)
    assert not found.success and "no lower bound" in found.message


def test_matrix_constraints() -> None:
    module = matrices().compile()
    a, given = np.arange(6.0).reshape(2, 3), {"b": np.ones(2), "w": np.array([1.0, 2.0, 3.0])}
    found = module.constraints(A=a, **given)
    np.testing.assert_allclose(found.rows, a @ given["w"] - 1)
    np.testing.assert_allclose(found.signs, given["w"])
    np.testing.assert_allclose(module.jacobian(A=a, **given).to_dense(), np.vstack([a, np.eye(3)]))


@pytest.mark.parametrize("problem", one_in(6, [small, path, matrices]))
def test_problems_pass_the_check(problem: Any) -> None:
    report = problem().check()
    assert report.ok, report


@pytest.mark.parametrize(
    ("old", "new", "blamed"),
    one_in(
        2,
        [
            ("line = ", "line = 1e-3 + ", "line"),
            ("jacobian_0, 2 * y * x", "jacobian_0, 2.02 * y * x", "J_disc.x"),
            ("grad_y = ", "grad_y = 1.01 * ", "J_objective.y"),
            ("loss = ", "loss = 1.01 * ", "objective"),
            ("2 * y * multiplier_disc + 2 * factor", "2.02 * y * multiplier_disc + 2 * factor", "H.x.x"),
        ],
    ),
)
def test_wrong_functions_are_found(old: str, new: str, blamed: str) -> None:
    problem = small()
    text = problem.source()
    assert old in text
    module, lagrangian = (
        imported(text.replace(old, new), "wrong"),
        imported(problem.model.source(hessian="sparse"), "L"),
    )
    joined = as_checked(module, lagrangian, problem.variables, ["line", "disc"])
    names = (*(one.symbol for one in problem.constraints), problem._objective_name)
    request = Request(sparse=True, jacobian=names, quantities=names)
    report = check_module(problem.model._checking.subject(joined, request))
    assert report.verdict == "fail"
    assert blamed in str(report)


def test_a_variable_that_the_objective_lacks() -> None:
    u = IndexedBase("u", (N,))
    problem = Problem(x, [x, u], subject_to=[Ge(x, Sum(u[n] ** 2, (n, 0, N - 1))), Eq(u[0], 2)])
    module = problem.compile()
    np.testing.assert_array_equal(module.gradient(x=1.0, u=np.ones(3)).u, np.zeros(3))
    found = problem.solve({x: 9.0, u: np.ones(3)}, progress=False)
    assert abs(found.objective - 4) < 1e-6


def test_bounds_of_data_and_arrays() -> None:
    u, top = IndexedBase("u", (N,)), IndexedBase("top", (N,))
    problem = Problem(Sum((u[n] - 2) ** 2, (n, 0, N - 1)), [u], bounds={"u": (0, top)})
    found = problem.solve(np.zeros(3), {top: [1.0, 2.0, 3.0]}, progress=False)
    np.testing.assert_allclose(found.x.u, [1, 2, 2], atol=1e-4)
    np.testing.assert_allclose(found.bound_multipliers["u"], [2, 0, 0], atol=1e-4)
    with pytest.raises(ModelError, match="data has no top"):
        problem.solve(np.zeros(3), progress=False)
    with pytest.raises(ModelError, match=r"bounds\[u\]: the lower bound 0 at \[1\] is above the upper bound -2"):
        problem.solve(np.zeros(3), {top: [1.0, -2.0, 3.0]}, progress=False)


def test_bounds_that_are_expressions_of_data() -> None:
    u, top = IndexedBase("u", (N,)), IndexedBase("top", (N,))
    problem = Problem(Sum((u[n] - 2) ** 2, (n, 0, N - 1)) + x, [u, x], bounds={u: (-h, 2 * top - h), x: (h**2, None)})
    given = {top: [0.5, 1.0, 3.0], h: 0.5}
    found = problem.solve({u: np.zeros(3), x: 1.0}, given, progress=False, check=False)
    np.testing.assert_allclose(found.x.u, [0.5, 1.5, 2], atol=1e-4)
    assert abs(found.x.x - 0.25) < 1e-6
    assert "−h ≤ u ≤ 2·top − h" in str(problem.show()).replace("*", "·")
    assert problem.compile(check=False).BOUNDS["x"] == ("h**2", None)
    with pytest.raises(ModelError, match="data has no top; the problem needs h, top"):
        problem.solve({u: np.zeros(3), x: 1.0}, {h: 1.0}, progress=False, check=False)
    with pytest.raises(ModelError, match=r"bounds\[u\]: the lower bound -0.5 at \[0\] is above the upper bound -2.5"):
        problem.solve({u: np.zeros(3), x: 1.0}, {top: [-1.0, 1, 1], h: 0.5}, progress=False, check=False)


def test_multipliers_have_names_and_signs() -> None:
    for method in ("trust-constr", "SLSQP"):
        problem = Problem((x - 3) ** 2 + (y - 1) ** 2, [x, y], subject_to={"top": Le(x, 1), "floor": Ge(y, 2)})
        found = problem.solve((0.0, 3.0), method=method, progress=False)
        assert abs(found.multipliers["top"] - 4) < 1e-5
        assert abs(found.multipliers["floor"] + 2) < 1e-5
        assert found.kkt_residual < 1e-6
        assert "KKT residual" in str(found)


def test_steps_that_are_too_small_end_at_a_minimum() -> None:
    """SciPy calls it a failure where rounding leaves 4e-16 of a constraint."""
    x, i = IndexedBase("x", (N,)), Symbol("i", integer=True)
    chained = Sum(100 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2, (i, 0, N - 2))
    whole = [Eq(Sum(x[i], (i, 0, N - 1)), 1), Le(x[i] ** 2, 4)]
    found = Problem(chained, [x], subject_to=whole, bounds={x: (-3, 3)}).solve({x: np.zeros(50)}, progress=False)
    assert found.success and found.kkt_residual < 1e-6
    assert str(found).startswith("trust-constr converged after ")


def test_first_derivatives_reach_minima_where_bounds_have_no_slope_and_steps_end_in_rounding() -> None:
    entropy = Problem(
        Sum(u[n] * log(u[n]), (n, 0, N - 1)),
        [u],
        subject_to=[Eq(Sum(u[n] * p[n] ** k, (n, 0, N - 1)), moment) for k, moment in enumerate((1, x, y))],
        bounds={u: (0, None)},
    )
    points = np.linspace(-1, 1, 20)
    weights = np.exp(0.7 * points - 3 * points**2)  # what has the largest entropy for its own moments
    weights /= weights.sum()
    data = {"p": points, "x": weights @ points, "y": weights @ points**2}
    found = entropy.solve({u: np.full(20, 0.05)}, data, method="SLSQP", check=False, progress=False)
    assert found.success and found.kkt_residual < 1e-5
    np.testing.assert_allclose(found.x.u, weights, atol=1e-6)
    bars = Problem(
        Sum(p[n] ** 2 / u[n], (n, 0, N - 1)),
        [u],
        subject_to=[Le(Sum(q[n] * u[n], (n, 0, N - 1)), 1)],
        bounds={u: (1e-6, None)},
    )
    forces, lengths = np.array([1, 2, 0.5, 3, 0.1]), np.array([1, 1.4, 1, 2, 1])
    found = bars.solve({u: np.full(5, 0.1)}, {"p": forces, "q": lengths}, method="SLSQP", check=False, progress=False)
    assert found.success and "small" in found.message
    assert abs(found.objective - np.sum(forces * np.sqrt(lengths)) ** 2) < 1e-6
    stuck = bars.solve(
        {u: [0.1645, 0.2952, 0.055, 0.2947, 0.1049]}, {"p": forces, "q": lengths}, check=False, progress=False
    )
    assert stuck.success == (abs(stuck.objective - found.objective) < 1e-4)  # small steps alone are none


def test_progress_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    small().solve((1, 1), progress=True)
    said = capsys.readouterr().err
    assert "iteration     1  objective" in said
    assert "done after" in said


def test_quantities_of_where_and_zero_objectives() -> None:
    r = IndexedBase("r", (N,))
    p, c = IndexedBase("p", (2,)), IndexedBase("c", (N,))
    problem = Problem(
        Sum(r[n] ** 2, (n, 0, N - 1)), [p], subject_to=[Eq(p[0] * p[1], 1)], where=[Eq(r[n], p[0] + p[1] * n - c[n])]
    )
    assert problem.check().ok
    point = Problem(0, [x, y], subject_to=[Eq(x**2 + y**2, 25), Eq(x * y, 9)]).solve((2, 1), progress=False)
    assert abs(point.x.x**2 + point.x.y**2 - 25) < 1e-7


@pytest.mark.parametrize(
    ("asked", "message"),
    one_in(
        3,
        [
            (lambda: Problem(x, [x], subject_to=[x == 1]), r"subject_to\[0\] is False, as == compares in Python"),
            (
                lambda: Problem(x, [x], subject_to=[Ge(x, 0), Lt(x, 1)]),
                r"subject_to\[1\], x < 1: a strict .*; write Le\(",
            ),
            (lambda: Problem(x, [x], subject_to=[Ne(x, 1)]), r"subject_to\[0\], .* is no constraint; write Eq\(a, b\)"),
            (lambda: Problem(x, [x], subject_to=[x + 1]), r"subject_to\[0\], x \+ 1 \(Add\) is no constraint"),
            (lambda: Problem(x, [x], subject_to=["x < 1"]), r"subject_to\[0\] is 'x < 1'.*without quotes"),
            (
                lambda: Problem(x, [x], subject_to=[Eq(x, 1), Le(h, 2)]),
                r"subject_to\[1\], h <= 2: no variable occurs in it",
            ),
            (lambda: Problem(x, [x, y]), "the variable y occurs neither in the objective nor in a constraint"),
            (lambda: Problem(x**2, [x, x]), "^a variable is given twice: x, x$"),
            (lambda: Problem(SQUARES, [u[0]]), "the variable is u, and a constraint or bounds fix an entry"),
            (lambda: Problem(n**2, [n]), "the variable n is declared an integer, by which nothing"),
            (lambda: Problem(x * Symbol("factor", real=True), [x]), "factor is the name of what the Lagrangian"),
            (lambda: Problem(x * Symbol("objective"), [x]), "objective is the name of the function of the objective"),
            (
                lambda: Problem(SQUARES, [u], subject_to=[(Le(u[n], 1), (n, 0, N))]),
                r"subject_to\[0\], u\[n\] <= 1: .*only entries 0 ... N - 1 are on the axes of what it subscripts",
            ),
            (lambda: path().solve([[0, 1], [1]], {"H": 1}), "^data has no h, but H; the problem needs h$"),
            (lambda: small().solve({"X": 1, "y": 1}), "^x0 has no x, but X, which is no variable of the problem$"),
            (lambda: Problem(A * w, [w]), r"the objective A\*w of shape \(N, 1\) is not a scalar"),
            (lambda: Problem(Le(x, 1), [x]), "the objective is x <= 1, a statement"),
            (lambda: Problem(None, [x]), "there is no objective; 0 stands for"),
            (lambda: Problem(x, [x], bounds={x: (2, 1)}), r"bounds\[x\]: the lower bound 2 is above the upper bound 1"),
            (lambda: Problem(x, [x], bounds={y: (0, 1)}), r"bounds\[y\]: y is no variable of the problem; they are x"),
            (lambda: Problem(x, [x], bounds={x: 3}), r"bounds\[x\] is 3 \(int\); give a pair"),
            (
                lambda: Problem(x, [x], bounds={x: (v[n] + 1, 3)}),
                r"bounds\[x\]: v\[n\] \+ 1 is neither a number nor data",
            ),
            (lambda: Problem(x + y, [x, y], bounds={x: (y + 1, 3)}), r"bounds\[x\]: y is a variable; write it as"),
            (
                lambda: Problem(sumsq(w), [w], subject_to=[Eq(A * w, w, evaluate=False)]),
                r"subject_to\[0\], .*: sides of the shapes \(N, 1\) and \(M, 1\) are compared",
            ),
            (
                lambda: Problem(
                    Sum(state[t] ** 2, (t, 0, T)), [state], subject_to=[Ge(state[0], 0), Le(state[2 * t], 1)]
                ),
                r"subject_to\[1\], .*: no range of t follows from its subscripts; state it beside the constraint",
            ),
            (
                lambda: Problem(Sum(state[t] ** 2, (t, 0, T)), [state], subject_to=[(Le(state[t], 1), (t, 0, T + 3))]),
                r"subject_to\[0\], state\[t\] <= 1: .*T",
            ),
            (
                lambda: Problem(Sum(state[t] ** 2, (t, 0, T)), [state], subject_to=[Le(state[t], IndexedBase("q")[t])]),
                r"subject_to\[0\], .*: IndexedBase q has no shape",
            ),
            (lambda: Problem(x, [x], subject_to={"return": Le(x, 1)}), "the name 'return' is no name in Python"),
            (lambda: Problem(x, [x], subject_to={"x": Le(x, 1)}), "the name x is taken by another symbol"),
            (lambda: Problem(x, [x], subject_to={"one": x == 1}), r"subject_to\[0\] \(one\) is False, as == compares"),
            (lambda: Problem(x, [x], subject_to=[Ge(x, 0), Le(1, 2)]), r"subject_to\[1\] is True: SymPy found it true"),
            (
                lambda: Problem(x, [x], subject_to=[Ge(x, 0), ("a", Lt(x, 1))]),
                r"subject_to\[1\] \(a\), x < 1: a strict",
            ),
            (
                lambda: Problem(x + y, [x, y], subject_to={"multiplier_a": Eq(x, 0), "a": Eq(y, 1)}),
                r"subject_to\[1\]: multiplier_a, the name of the multipliers of a, is taken",
            ),
            (
                lambda: Problem(SQUARES, [u], subject_to=[Eq(u[n], v[n])]),
                r"subject_to\[0\], .*: the last n is M - 1 by v\[n\] and N - 1 by u\[n\]; make the sizes agree",
            ),
            (lambda: Problem(SQUARES, [u], subject_to=[(Le(u[n], 1), (n, 3, 1))]), "range of n, from 3 to 1, is empty"),
            (
                lambda: Problem(u[n] ** 2, [u]),
                r"the objective u\[n\]\*\*2 is not a scalar: its index n is bound by no sum",
            ),
            (lambda: Problem(x, [x], bounds={x: (True, 3)}), r"bounds\[x\]: True is no number"),
            (
                lambda: Problem(SQUARES, [u], bounds={u: ([1, 2], 3)}).solve(np.ones(3)),
                r"bounds\[u\]: a bound of shape \(2,\)",
            ),
            (
                lambda: Problem(SQUARES, [u], subject_to=[Eq(u[7], 1)]).solve(np.ones(4)),
                "do not fit the problem: .*N >= 8",
            ),
            (lambda: small().solve((1, "a")), r"x0: y is 'a' \(str\), no array of real numbers"),
            (lambda: Problem(h * x**2, [x]).solve(1, {h: "a"}), "do not fit the problem: h: expected real numbers"),
            (
                lambda: small().solve((1, 1), options={"depth": 3}),
                "trust-constr does not take the options {'depth': 3}",
            ),
            (
                lambda: small().solve((1, 1), method="newton"),
                "there is no method 'newton'.*; choose trust-constr, SLSQP",
            ),
            (
                lambda: Problem(x + y, [x, y], subject_to=[Eq(x, 1), Le(x, y), Ge(y - x, 0)]),
                r"subject_to\[2\], -x \+ y >= 0: it says the same as subject_to\[1\], x <= y, .*leave one out",
            ),
            (
                lambda: Problem(sumsq(w), [w], subject_to=[Eq(w.T * w, MatrixSymbol("c", M, 1), evaluate=False)]),
                r"subject_to\[0\], .*: a matrix of shape \(M, 1\) is compared with one of shape \(1, 1\)",
            ),
            (lambda: Problem(x, [x], bounds={x: (oo, None)}), r"bounds\[x\]: no number is between inf and inf"),
            (
                lambda: Problem(x**2, [x], subject_to=[Le(log(x), 1)]).solve(-1, check=False),
                r"x0: subject_to\[0\], log\(x\) <= 1: not-a-number there",
            ),
            (lambda: Problem(h * x**2, [x]).solve(1, {h: np.nan}), "x0: the objective is not-a-number there"),
            (
                lambda: small().solve((1, 1), method="SLSQP", options={"depth": 3}),
                "SLSQP does not take the options {'depth': 3}",
            ),
            (lambda: small().solve({x: 1}), "x0 has no y"),
            (lambda: small().solve({x: 1, y: 1, z: 1}), "x0 has z, which is no variable"),
            (lambda: path().solve((np.zeros(4), np.zeros(3))), "data has no h; the problem needs h"),
            (
                lambda: small().solve({x: 1, y: 1}, {"hh": 0.1}),
                "data has hh, which the problem does not read; it reads none",
            ),
        ],
    ),
)
def test_what_has_no_sense_says_so(asked: Any, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        asked()


def test_without_ipopt_it_says_what_to_install() -> None:
    try:
        import cyipopt  # noqa: F401
    except ImportError:
        with pytest.raises(ModelError, match=r'pip install "symgrad\[ipopt\]".*coinor-libipopt-dev'):
            small().solve((1, 1), method="ipopt")


def test_a_target_without_sparse_matrices_is_refused() -> None:
    with pytest.raises(UnsupportedError, match=r"the target jax has no sparse matrices.*; take numpy or numba"):
        small().source(target="jax")


@pytest.mark.long
def test_modules_for_numba_pass_the_check() -> None:
    pytest.importorskip("numba")
    assert path().check(chain=False, target="numba").ok


def test_latex_has_the_lagrangian() -> None:
    assert r"\lambda_{\mathrm{line}}(x + y-1)" in str(small().show("latex"))


def test_inequalities_of_matrices_are_shown_as_they_are_stated() -> None:
    """SymPy makes no comparison of matrices anew, as it must where a side is shown in other words."""
    X, U = MatrixSymbol("X", N, N), MatrixSymbol("U", N, N)
    shown = Problem(sumsq(X) + sumsq(U), [X, U], subject_to=[Ge(X, -U, evaluate=False)]).show()
    assert "X ≥ −U  (c0)" in shown


def test_functions_ask_for_what_they_read_and_accept_the_rest() -> None:
    right, cost = IndexedBase("right", (N,)), IndexedBase("cost", (N,))
    problem = Problem(Sum(cost[n] * u[n] ** 2, (n, 0, N - 1)), [u], subject_to={"fits": Eq(u[n] * v[0], right[n])})
    module = problem.compile()
    given = {"u": np.ones(3), "cost": np.arange(3.0)}
    assert module.objective(**given) == 3 == module.objective(**given, right=np.ones(3), v=np.ones(2))
    np.testing.assert_array_equal(module.gradient(**given).u, [0, 2, 4])
    rest = {"right": np.ones(3), "v": np.full(2, 5.0)}
    np.testing.assert_array_equal(module.constraints(u=np.ones(3), **rest).fits, [4, 4, 4])
    assert module.jacobian(**given, **rest).to_dense().tolist() == np.diag([5.0] * 3).tolist()
    with pytest.raises(TypeError, match="cost"):
        module.objective(u=np.ones(3))


def test_bound_data_are_remembered_though_multipliers_change() -> None:
    labels = IndexedBase("label", (N,), integer=True)
    spread = Sum((u[n] - v[labels[n]]) ** 2, (n, 0, N - 1))
    module = Problem(spread, [u, v], subject_to={"near": Le(u[n] * v[labels[n]], 1)}).compile(check=False)
    rng = np.random.default_rng(0)
    data, at = {"label": [1, 0, 1, 1], "M": 2}, {"u": rng.normal(size=4), "v": rng.normal(size=2)}
    bound = module.bind(**data)
    found = []
    for factor in (1.0, 2.0):
        weights = {"factor": factor, "multiplier_near": rng.normal(size=4)}
        found.append(bound.hessian_of_lagrangian(**at, **weights))
        alone = module.hessian_of_lagrangian(**at, **data, **weights)
        np.testing.assert_array_equal(found[-1].to_dense(), alone.to_dense())
    assert found[0].pattern is found[1].pattern
    assert bound.jacobian(**at).pattern is bound.jacobian(**at).pattern
    partly = module.bind(M=2)  # of data that are not bound nothing is kept
    for label in ([0, 0, 1, 1], [1, 1, 0, 0]):
        assert (partly.jacobian(**at, label=label).to_dense()[:, 4:] != 0).argmax(1).tolist() == label
