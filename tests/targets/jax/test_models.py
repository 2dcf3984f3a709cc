"""Models of every kind of node, also at hostile inputs: JAX gives what NumPy gives."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sympy import (
    Eq,
    IndexedBase,
    Sum,
    Symbol,
    besselj,
    exp,
)

from symgrad import Model
from symgrad.errors import ModelError, UnsupportedError
from tests.families import one_in
from tests.targets.models import (
    FORWARD,
    MODELS,
    PADDED,
    RECURRENCE,
    ROWS,
    SERIES,
    SQUARE,
    TREE,
    J,
    K,
    L,
    M,
    N,
    X,
    Z,
    a,
    b,
    k,
    n,
    p,
)

jax = pytest.importorskip("jax")

from .comparison import agree, modules  # noqa: E402


def test_rows_padded_with_nan_beyond_their_lengths():
    model, inputs = PADDED
    numpy, in_jax = modules(model, hvp=True)
    agree(numpy, in_jax, inputs, single=1e-5)
    assert np.isfinite(in_jax.gradient(**inputs).X).all()


def test_forbidden_moves_of_a_hidden_markov_model():
    model, inputs = FORWARD
    numpy, in_jax = modules(model)
    agree(numpy, in_jax, inputs, single=1e-5)
    assert np.all(np.asarray(in_jax.gradient(**inputs).move)[inputs["move"] == -np.inf] == 0)


def test_a_recurrence_compiled_and_for_many_parameters_at_once():
    model, inputs = RECURRENCE
    numpy, in_jax = modules(model, hvp=True)
    agree(numpy, in_jax, inputs, single=1e-5)
    agree(numpy, in_jax, inputs | {"x": SERIES[:1], "y": SERIES[:1]})  # no step at all
    with jax.enable_x64(True):
        both = jax.vmap(jax.jit(in_jax.gradient), in_axes=(0, None, None, None))(
            np.array([0.3, -0.4]), 0.7, inputs["x"], inputs["y"]
        )
    wanted = [numpy.gradient(a, 0.7, inputs["x"], inputs["y"]).a for a in (0.3, -0.4)]
    np.testing.assert_allclose(both.a, wanted, rtol=1e-12)


def test_a_recurrence_along_a_tree_whose_parents_are_data():
    model, inputs = TREE
    numpy, in_jax = modules(model)
    agree(numpy, in_jax, inputs)
    late = inputs | {"parent": np.array([0, 0, 0, 3, 1, 3])}  # refers to itself
    with pytest.raises(IndexError, match="expected 0"):
        in_jax.value(**late)
    assert np.isnan(jax.jit(in_jax.value)(**late))


@pytest.mark.parametrize("name", one_in(12, MODELS))
def test_jax_gives_what_numpy_gives(name: str):
    model, inputs = MODELS[name]
    agree(*modules(model), inputs)


@pytest.mark.parametrize(
    "name", ["subscripts by data, each several times", "one factorisation for determinants and solves"]
)
def test_hessians_are_the_same(name: str):
    model, inputs = MODELS[name]
    agree(*modules(model, hessian=True, hvp=True), {"N": 4, "K": 3, **inputs}, double=1e-11)


def test_structured_hessians_and_jacobians_are_dense_arrays():
    r = IndexedBase("r", shape=(N,))
    model = Model(Sum(r[n] ** 2, (n, 0, N - 1)), [X], where=[Eq(r[n], exp(X[n, 0]) - X[n, 1])])
    numpy, in_jax = modules(model, hessian=True, jacobian=[r])
    agree(numpy, in_jax, {"X": ROWS})
    with jax.enable_x64(True):
        found = in_jax.jacobian_r(ROWS).X
    np.testing.assert_allclose(found, numpy.jacobian_r(ROWS).X.to_dense().reshape(4, 4, 3), rtol=1e-13)


def test_positions_that_are_on_no_axis_are_errors_and_while_jax_traces_not_numbers():
    model, inputs = MODELS["subscripts by data, each several times"]
    _, in_jax = modules(model)
    for wrong in (4, -1):
        given = inputs | {"L": np.array([2, 0, wrong, 3])}
        with pytest.raises(IndexError, match=rf"L\[2\] is {wrong}, expected 0 ... 3"):
            in_jax.value_and_gradient(**given)
        loss, slope = jax.jit(in_jax.value_and_gradient)(**given)
        assert np.isnan(loss) and np.isnan(slope.X).all()
    with pytest.raises(IndexError, match="J: there are 4 positions on an axis without entries"):
        modules(Model(Sum(X[J[p], 0] ** 2, (p, 0, M - 1)), [X]))[1].value(X=np.ones((0, 3)), J=np.zeros(4, int))
    shifted = Model(Sum(X[L[n] + 1, k] * Z[n, k], (k, 0, K - 1), (n, 0, N - 1)), [X])
    _, in_jax = modules(shifted)
    computed = {"X": ROWS, "Z": ROWS, "L": np.array([0, 1, 2, 2])}
    assert np.isfinite(in_jax.value(**computed))
    with pytest.raises(IndexError, match=r"\[3\] is 4, expected 0 ... 3"):
        in_jax.value(**computed | {"L": np.array([0, 1, 2, 3])})


def test_a_matrix_that_is_not_definite_is_an_error_and_while_jax_traces_not_a_number():
    model, inputs = MODELS["one factorisation for determinants and solves"]
    _, in_jax = modules(model)
    given = inputs | {"S": -SQUARE}
    with pytest.raises(ValueError, match="S is not positive definite; the model has the fact that it is"):
        in_jax.value(**given)
    assert np.isnan(jax.jit(in_jax.value)(**given))


def test_shapes_are_checked_while_tracing():
    model, inputs = MODELS["what cancels near zero"]
    _, in_jax = modules(model)
    with pytest.raises(ValueError, match=r"x: expected shape \(T\), got shape \(2, 3\)"):
        jax.jit(in_jax.value)(inputs["x"].reshape(2, 3))
    _, two = modules(MODELS["sigmoids in both tails"][0])
    with pytest.raises(ValueError, match="y: side 0 is T = 6 by x, got 5"):
        jax.eval_shape(two.value, np.ones(6), np.ones(5))
    with pytest.raises(TypeError, match="x: expected real numbers"):
        two.value("text", np.ones(6))


def test_numbers_take_the_type_of_the_arrays():
    _, in_jax = modules(MODELS["conditions of all kinds"][0])
    with jax.enable_x64(True):
        loss, slope = in_jax.value_and_gradient(SERIES.astype(np.float32), np.float64(0.5), np.arange(6))
        assert loss.dtype == slope.x.dtype == slope.a.dtype == np.float32
        assert in_jax.value(np.arange(6), 0.5, np.arange(6)).dtype == np.float64


def test_generated_modules_are_clean(tmp_path: Path):
    for number, (model, _) in enumerate(MODELS.values()):
        (tmp_path / f"model_{number}.py").write_text(
            model.source(target="jax", hvp=number in (0, 1, 7)), encoding="utf-8"
        )
    files = map(str, sorted(tmp_path.glob("*.py")))
    ran = subprocess.run([sys.executable, "-m", "ruff", "check", "--isolated", *files], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout


def test_what_jax_lacks_is_an_error_that_names_it():
    with pytest.raises(UnsupportedError, match="the target jax has no spelling of the function besselj"):
        Model(besselj(a, b), [b]).source(target="jax")
    with pytest.raises(UnsupportedError, match="the target jax has no workspace"):
        Model(a**2, [a]).source(target="jax", workspace=True)
    with pytest.raises(ModelError, match="the name 'jnp' is taken"):
        Model(Symbol("jnp") ** 2, [Symbol("jnp")]).source(target="jax")
