"""Jacobians through names of `where`: by either mode against JAX, and what their code is."""

from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from sympy import Eq, IndexedBase, LeviCivita, Rational, Sum, cos, exp, sin, sqrt, symbols

from symgrad import Model, if_else, softmax
from symgrad.graph.nodes import Input, postorder
from symgrad.outputs import jacobians
from symgrad.schedule.leading import long_last

jax = pytest.importorskip("jax", reason="JAX is the independent implementation (the extra `test` has it)")
jax.config.update("jax_enable_x64", True)
jnp = jax.numpy

C, P, R, K, M = symbols("C P R K M", integer=True, positive=True)
a, b, i, j, k, l, m, o = symbols("a b i j k l m o", integer=True)  # noqa: E741
cam, pt = IndexedBase("cam", shape=(C, 8)), IndexedBase("pt", shape=(P, 3))
camera, point = (IndexedBase(name, shape=(R,), integer=True) for name in ("camera", "point"))


@cache
def views(mode: str = "backward") -> Model:
    """Points before cameras, which have a rotation vector, a translation, a focal length and a distortion."""
    square, angle, along, far = (IndexedBase(name, shape=(R,)) for name in ("square", "angle", "along", "far"))
    cross, q = IndexedBase("cross", shape=(R, 3)), IndexedBase("q", shape=(R, 3))
    u, r = IndexedBase("u", shape=(R, 2)), IndexedBase("r", shape=(R, 2))
    seat, at, small = camera[o], pt[point[o], i], square[o] < Rational(1, 10**16)
    turned = at * cos(angle[o]) + cross[o, i] * sin(angle[o]) / angle[o]
    turned += cam[seat, i] * along[o] / angle[o] ** 2 * (1 - cos(angle[o]))
    where = [
        Eq(square[o], Sum(cam[seat, a] ** 2, (a, 0, 2))),
        Eq(angle[o], if_else(small, 1, sqrt(square[o]))),
        Eq(along[o], Sum(cam[seat, a] * pt[point[o], a], (a, 0, 2))),
        Eq(cross[o, i], Sum(LeviCivita(i, j, k) * cam[seat, j] * pt[point[o], k], (j, 0, 2), (k, 0, 2))),
        Eq(q[o, i], if_else(small, at + cross[o, i], turned) + cam[seat, i + 3]),
        Eq(u[o, b], q[o, b] / q[o, 2]),
        Eq(far[o], u[o, 0] ** 2 + u[o, 1] ** 2),
        Eq(r[o, b], cam[seat, 6] * (1 + cam[seat, 7] * far[o]) * u[o, b]),
    ]
    return Model(None, [cam, pt], where=where, name="views")


def seen(cam, pt, camera, point):
    view, x = cam[camera], pt[point]
    v, square = view[:, :3], jnp.sum(view[:, :3] ** 2, axis=1, keepdims=True)
    safe = jnp.where(square < 1e-16, 1.0, square)
    angle, cross = jnp.sqrt(safe), jnp.cross(v, x)
    turned = x * jnp.cos(angle) + cross * jnp.sin(angle) / angle
    turned += v * jnp.sum(v * x, axis=1, keepdims=True) / safe * (1 - jnp.cos(angle))
    q = jnp.where(square < 1e-16, x + cross, turned) + view[:, 3:6]
    u = q[:, :2] / q[:, 2:]
    return view[:, 6:7] * (1 + view[:, 7:8] * jnp.sum(u**2, axis=1, keepdims=True)) * u


MODES = ["backward", pytest.param("forward", marks=pytest.mark.long)]


def in_mode(mode, monkeypatch):
    monkeypatch.setattr(jacobians, "is_backward", lambda derivation, quantity: mode == "backward")


@pytest.mark.parametrize("mode", MODES)
def test_cameras_agree_with_jax(mode, monkeypatch):
    in_mode(mode, monkeypatch)
    module = views(mode).compile(check=False, quantities=["r"], jacobian=["r"])
    rng = np.random.default_rng(1)
    cams, pts = 0.3 * rng.normal(size=(3, 8)), rng.normal(size=(4, 3))
    cams[:, 5], cams[0, :3] = 6, 0
    data = {"camera": np.array([0, 1, 2, 1, 0]), "point": np.array([3, 0, 1, 1, 2])}
    value, found = module.r_and_jacobian(cams, pts, **data)
    np.testing.assert_allclose(value, seen(cams, pts, **data), rtol=1e-12)
    right = jax.jit(jax.jacrev(seen, argnums=(0, 1)))(cams, pts, **data)
    for part, want in zip(found, right, strict=True):
        np.testing.assert_allclose(part.to_dense(), np.reshape(want, (10, -1)), rtol=1e-10, atol=1e-12)


def test_names_stay_names_and_reverse_mode_has_fewer_columns():
    model = views()
    quantity = next(name for name in model.program.names if str(name) == "r")
    assert jacobians.is_backward(model.derivation, quantity)
    code = model.source(quantities=["r"], jacobian=["r"]).split("def r_and_jacobian")[1].split("def pack")[0]
    assert {"d_u", "d_far", "d_along", "d_cross"} <= {line.split()[0] for line in code.splitlines() if " = " in line}
    assert code.count("np.cos(") == code.count("np.sqrt(") == 1  # value and derivatives have them in common


def test_what_is_picked_for_each_row_has_its_rows_last():
    """Three coordinates of many points are three vectors: nothing is repeated along an axis of three entries."""
    code = views().source(quantities=["r"], jacobian=["r"]).split("def r_and_jacobian")[1].split("def pack")[0]
    assert "np.ascontiguousarray(pt[point].T)" in code
    made = {line.split()[0]: line for line in code.splitlines() if " = " in line}
    assert not any("None" in made[name] for name in ("along", "angle", "q", "u", "far", "d_far", "d_u"))


def test_rows_are_last_of_what_has_a_few_numbers_for_each_alone():
    """Neither arrays of one number a row, nor arguments, nor arrays with an axis that data do not pick."""
    names = [views().program.names[name] for name in views().program.names]
    found = long_last(list(postorder(names)))
    assert {node.name: found.get(node) for node in names} == {
        **dict.fromkeys(("square", "angle", "along", "far")),
        **dict.fromkeys(("cross", "q", "u", "r"), (1, 0)),
    }
    assert {side for node in found for side in node.shape if not side.is_number} == {R}
    assert not any(isinstance(node, Input) for node in found)


def chain() -> Model:
    """A scale that is made in several steps of two numbers, and an array of it: forward mode has the small arrays."""
    x, r = IndexedBase("x", shape=(R,)), IndexedBase("r", shape=(R,))
    scale, names = symbols("u v", real=True), symbols("s:4", real=True)
    where = [Eq(names[0], scale[0] * exp(scale[1]))]
    where += [Eq(after, sin(before) + before**2) for before, after in pairwise(names)]
    return Model(None, list(scale), where=[*where, Eq(r[o], sin(names[-1] * x[o]))])


def test_forward_mode_is_taken_where_it_is_cheaper():
    model = chain()
    quantity = next(name for name in model.program.names if str(name) == "r")
    assert not jacobians.is_backward(model.derivation, quantity)
    x = np.array([0.3, -0.4, 0.5])

    def made(u, v):
        s = u * jnp.exp(v)
        for _ in range(3):
            s = jnp.sin(s) + s**2
        return jnp.sin(s * x)

    found = model.compile(check=False, jacobian=["r"]).jacobian_r(0.3, 0.2, x)
    np.testing.assert_allclose(np.stack(found), np.stack(jax.jacfwd(made, argnums=(0, 1))(0.3, 0.2)), rtol=1e-12)


@pytest.mark.parametrize("mode", MODES)
def test_a_network_by_its_weights(mode, monkeypatch):
    """Two layers and a softmax: deltas between the axes of quantity and parameter."""
    in_mode(mode, monkeypatch)
    X, W, V = IndexedBase("X", shape=(R, M)), IndexedBase("W", shape=(M, K)), IndexedBase("V", shape=(K, K))
    h, p = IndexedBase("h", shape=(R, K)), IndexedBase("p", shape=(R, K))
    where = [
        Eq(h[o, k], sin(Sum(X[o, m] * W[m, k], (m, 0, M - 1)))),
        Eq(p[o, k], softmax(Sum(h[o, l] * V[l, k], (l, 0, K - 1)), (k, 0, K - 1))),
    ]
    module = Model(None, [W, V], where=where).compile(check=False, jacobian=["p"])
    rng = np.random.default_rng(2)
    given = rng.normal(size=(2, 3)), rng.normal(size=(3, 3)), rng.normal(size=(4, 2))
    right = jax.jacrev(lambda W, V, X: jax.nn.softmax(jnp.sin(X @ W) @ V), argnums=(0, 1))(*given)
    for part, want in zip(module.jacobian_p(*given), right, strict=True):
        np.testing.assert_allclose(part, want, rtol=1e-10, atol=1e-12)
