"""Names of `where` as functions of a module, with their Jacobians, and models without a loss.

Expected numbers are NumPy's of formulas by hand, derivatives those of SymPy or central differences.
"""

from typing import Any

import numpy as np
import pytest
from scipy.optimize import least_squares
from sympy import Eq, IndexedBase, MatrixSymbol, Sum, Symbol, exp, sin, symbols

from symgrad import Model, ModelError
from symgrad.generated import imported
from symgrad.outputs.request import Request
from symgrad.targets import NUMPY, target
from symgrad.verify.check import check_module
from tests.families import one_in

N, M, G, T = symbols("N M G T", integer=True, positive=True)
n, m, g, t = symbols("n m g t", integer=True)
X, w = MatrixSymbol("X", N, M), MatrixSymbol("w", M, 1)
y, r, z = (MatrixSymbol(name, N, 1) for name in "yrz")
a, b = IndexedBase("a", (N,)), IndexedBase("b", (G,))
q, seen = IndexedBase("q", (N,)), IndexedBase("seen", (N,))
group = IndexedBase("group", (N,), integer=True)
k, c = symbols("k c", real=True)

rng = np.random.default_rng(0)
DATA = {"X": rng.normal(size=(7, 3)), "y": rng.normal(size=7)}


def curve(loss: Any = None) -> Model:
    return Model(loss, [w], where=[Eq(z, (X * w).applyfunc(exp)), Eq(r, z - y)], name="curve")


def effects() -> Model:
    return Model(None, [a, b], where=[Eq(q[n], a[n] * exp(b[group[n]]) - seen[n])], name="effects")


def test_value_jacobian_and_both_are_the_formulas() -> None:
    module = curve().compile(quantities=[r, "z"], jacobian=[r])
    w = np.array([0.3, -0.2, 0.5])
    made = np.exp(DATA["X"] @ w)
    np.testing.assert_allclose(module.r(w, **DATA), made - DATA["y"], rtol=1e-14)
    np.testing.assert_allclose(module.z(w, **DATA), made, rtol=1e-14)
    np.testing.assert_allclose(module.jacobian_r(w=w, **DATA).w, made[:, None] * DATA["X"], rtol=1e-14)
    value, slopes = module.r_and_jacobian(w, **DATA)
    np.testing.assert_array_equal(value, module.r(w, **DATA))
    np.testing.assert_array_equal(slopes.w, module.jacobian_r(w=w, **DATA).w)
    assert not hasattr(module, "value")


def test_what_both_need_is_computed_once() -> None:
    source = curve().source(quantities=["r"], jacobian=["r"])
    together = source.split("def r_and_jacobian")[1].split("def pack")[0]
    assert together.count("np.exp") == 1


def test_a_model_with_a_loss_has_quantities_beside_it() -> None:
    module = curve(r.T * r).compile(quantities=["r"])
    w = np.zeros(3)
    np.testing.assert_allclose(module.value(w, **DATA), np.sum(module.r(w, **DATA) ** 2), rtol=1e-14)


def test_quantities_and_jacobians_are_checked() -> None:
    report = curve().check(quantities=["r"], jacobian=["r"])
    assert report.ok
    assert "r is what the model says" in {one.name for run in report.runs for one in run.findings}
    assert {"r reading", "r float64 code", "r_and_jacobian schedule"} <= {
        link.name for run in report.runs for link in run.links
    }


@pytest.mark.parametrize(
    ("old", "new", "blamed"),
    one_in(
        2,
        [
            ("def r(", "def r(*given, **named): return -_r(*given, **named)\n\n\ndef _r(", "r"),
            ("return r, Jacobian_r(", "return r + 1e-3, Jacobian_r(", "r_and_jacobian"),
            ("jacobian_w = ", "jacobian_w = 1.001 * ", "J_r.w"),
            ("return np.ravel(found)", "return np.ravel(found)[::-1]", "flat_r"),
        ],
    ),
)
def test_wrong_functions_are_found(old: str, new: str, blamed: str) -> None:
    model = curve()
    text = model.source(quantities=["r"], jacobian=["r"])
    assert old in text
    module = model._with_squares(imported(text.replace(old, new), "wrong"), target(NUMPY))
    request = Request(jacobian=(r,), quantities=(r,))
    report = check_module(model._checking.subject(module, request))
    assert report.verdict == "fail"
    assert blamed in str(report)


def test_sparse_jacobians_go_to_least_squares_as_they_are() -> None:
    module = effects().compile(quantities=["q"], jacobian=["q"])
    data = {"group": np.array([0, 1, 0, 1, 1]), "seen": np.arange(1.0, 6.0), "G": 2}
    theta = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 0.1, -0.2])
    matrix = module.flat_jacobian_q(theta, **data)
    assert matrix.format == "csr"
    assert matrix.nnz == 10
    steps = 1e-6 * np.eye(7)
    slopes = [(module.flat_q(theta + h, **data) - module.flat_q(theta - h, **data)) / 2e-6 for h in steps]
    np.testing.assert_allclose(matrix.toarray(), np.transpose(slopes), rtol=1e-8, atol=1e-8)
    found = least_squares(module.flat_q, theta, module.flat_jacobian_q, kwargs=data)
    assert found.cost < 1e-16


def test_dense_jacobians_go_to_least_squares_as_they_are() -> None:
    module = Model(None, [w], where=[Eq(r, X * w - y)]).compile(quantities=["r"], jacobian=["r"])
    found = least_squares(module.flat_r, np.zeros(3), module.flat_jacobian_r, kwargs=DATA)
    np.testing.assert_allclose(found.x, np.linalg.lstsq(DATA["X"], DATA["y"])[0], rtol=1e-7)


def test_a_scalar_quantity_and_scalar_parameters() -> None:
    s = Symbol("s", real=True)
    module = Model(None, [k, c], where=[Eq(s, k * sin(c))]).compile(quantities=[s], jacobian=[s])
    assert module.s(2.0, 0.5) == 2 * np.sin(0.5)
    np.testing.assert_allclose(module.flat_jacobian_s([2.0, 0.5]), [[np.sin(0.5), 2 * np.cos(0.5)]])


def test_the_states_of_a_recurrence_are_quantities() -> None:
    h = IndexedBase("h", (T + 1,))
    where = [Eq(h[0], c), Eq(h[t + 1], k * h[t] * (1 - h[t]))]
    module = Model(None, [k, c], where=where).compile(quantities=["h"], jacobian=["h"])
    states = [0.3]
    for _ in range(6):
        states.append(2.5 * states[-1] * (1 - states[-1]))
    np.testing.assert_allclose(module.h(2.5, 0.3, T=6), states, rtol=1e-14)
    above, below = (module.h(2.5, 0.3 + step, T=6) for step in (1e-6, -1e-6))
    np.testing.assert_allclose(module.jacobian_h(2.5, 0.3, T=6).c, (above - below) / 2e-6, rtol=1e-7, atol=1e-9)


def test_names_that_go_into_one_another_and_names_that_go_nowhere() -> None:
    u, v = IndexedBase("u", (T + 1,)), IndexedBase("v", (T + 1,))
    where = [Eq(u[0], c), Eq(v[0], k), Eq(u[t + 1], u[t] + v[t] / 10), Eq(v[t + 1], v[t] - sin(u[t]) / 10)]
    assert Model(None, [k, c], where=where).check(quantities=["u", "v"], jacobian=["u"]).ok


@pytest.mark.long
def test_quantities_for_jax_agree() -> None:
    pytest.importorskip("jax")
    model = effects()
    module = model.compile(quantities=["q"], jacobian=["q"], target="jax")
    data = {"group": np.array([0, 1, 1]), "seen": np.arange(3.0)}
    plain = model.compile(quantities=["q"], check=False)
    given = np.array([1.0, 2.0, 3.0]), np.array([0.5, -0.5])
    np.testing.assert_allclose(module.q(*given, **data), plain.q(*given, **data), rtol=1e-6)


def test_show_has_the_definitions_and_jacobians_alone() -> None:
    assert str(curve().show(jacobian=["r"])).splitlines() == [
        "where",
        "    z = exp(X w)",
        "    r = z − y",
        "",
        "Jacobian of r",
        "    ∂r/∂w = diag(z)X",
    ]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (lambda: curve().gradient(w), "the model has no loss, and so no gradient"),
        (lambda: curve().compile(), r'a model without a loss computes what is asked for: give quantities=\["r"\]'),
        (lambda: curve().compile(quantities=["r"], hessian=True), "no loss, and so no Hessian"),
        (lambda: curve().compile(quantities=["s"]), "s is not a name of `where`"),
        (lambda: curve().show("svg"), "no loss, and so no graph"),
        (lambda: curve().report(), "no loss, and so no report"),
        (lambda: Model(None, [w]), "a model without a loss is what `where` names"),
        (
            lambda: Model(None, [k], where=[Eq(Symbol("value", real=True), k**2)]).compile(quantities=["value"]),
            "a module has a function value of its own",
        ),
        (
            lambda: Model(None, [k], where=[Eq(Symbol("partial", real=True), k**2)]).compile(quantities=["partial"]),
            "the name 'partial' is taken in the generated module",
        ),
    ],
)
def test_what_cannot_be_asked_says_so(asked: Any, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        asked()


def test_a_sum_in_a_quantity_is_checked_entry_by_entry() -> None:
    p = IndexedBase("p", (N,))
    x = IndexedBase("x", (N,))
    model = Model(None, [x], where=[Eq(p[n], exp(x[n]) / Sum(exp(x[m]), (m, 0, N - 1)))])
    assert model.check(quantities=["p"], jacobian=["p"]).ok
