"""Models of every kind of node, also at hostile inputs: PyTorch gives what NumPy gives."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sympy import Eq, IndexedBase, Sum, Symbol, besselj, exp

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

torch = pytest.importorskip("torch")

from .comparison import agree, modules, tensors  # noqa: E402


@pytest.mark.parametrize("name", one_in(6, MODELS))
def test_torch_gives_what_numpy_gives(name: str):
    model, inputs = MODELS[name]
    # products cancel to a thousandth in one of them
    agree(*modules(model, hvp="Product" not in str(model.loss)), inputs, double=1e-11)


@pytest.mark.parametrize(
    "name", ["subscripts by data, each several times", "one factorisation for determinants and solves"]
)
def test_hessians_are_the_same(name: str):
    model, inputs = MODELS[name]
    agree(*modules(model, hessian=True, hvp=True), {"N": 4, "K": 3, **inputs}, double=1e-11)


def test_rows_padded_with_nan_beyond_their_lengths():
    model, inputs = PADDED
    numpy, in_torch = modules(model, hvp=True)
    agree(numpy, in_torch, inputs, single=1e-5)
    assert torch.isfinite(in_torch.gradient(**tensors(inputs)).X).all()


def test_forbidden_moves_of_a_hidden_markov_model():
    model, inputs = FORWARD
    numpy, in_torch = modules(model)
    agree(numpy, in_torch, inputs, single=1e-5)
    assert np.all(in_torch.gradient(**tensors(inputs)).move.numpy()[inputs["move"] == -np.inf] == 0)


def test_a_recurrence_is_a_loop_also_for_many_parameters_at_once():
    model, inputs = RECURRENCE
    numpy, in_torch = modules(model, hvp=True)
    agree(numpy, in_torch, inputs, single=1e-5)
    agree(numpy, in_torch, inputs | {"x": SERIES[:1], "y": SERIES[:1]})  # no step at all
    given, many = tensors(inputs), torch.tensor([0.3, -0.4], dtype=torch.float64)
    both = torch.func.vmap(in_torch.gradient, in_dims=(0, None, None, None))(many, given["b"], given["x"], given["y"])
    wanted = [numpy.gradient(a, 0.7, inputs["x"], inputs["y"]).a for a in (0.3, -0.4)]
    np.testing.assert_allclose(both.a, wanted, rtol=1e-12)
    whole = torch.compile(in_torch.gradient, backend="eager", fullgraph=True)(**given)
    np.testing.assert_allclose(whole.a, wanted[0], rtol=1e-12)


def test_a_recurrence_along_a_tree_whose_parents_are_data():
    model, inputs = TREE
    numpy, in_torch = modules(model)
    agree(numpy, in_torch, inputs)
    late = inputs | {"parent": np.array([0, 0, 0, 3, 1, 3])}  # refers to itself
    with pytest.raises(IndexError, match="expected 0"):
        in_torch.value(**tensors(late))


def test_structured_hessians_and_jacobians_are_dense_tensors():
    r = IndexedBase("r", shape=(N,))
    model = Model(Sum(r[n] ** 2, (n, 0, N - 1)), [X], where=[Eq(r[n], exp(X[n, 0]) - X[n, 1])])
    numpy, in_torch = modules(model, hessian=True, jacobian=[r])
    agree(numpy, in_torch, {"X": ROWS})
    found = in_torch.jacobian_r(torch.tensor(ROWS)).X
    np.testing.assert_allclose(found, numpy.jacobian_r(ROWS).X.to_dense().reshape(4, 4, 3), rtol=1e-13)


def test_positions_that_are_on_no_axis_are_errors_and_under_vmap_not_numbers():
    model, inputs = MODELS["subscripts by data, each several times"]
    _, in_torch = modules(model)
    for wrong in (4, -1):
        given = tensors(inputs | {"L": np.array([2, 0, wrong, 3])})
        with pytest.raises(IndexError, match=rf"L\[2\] is {wrong}, expected 0 ... 3"):
            in_torch.value_and_gradient(**given)
    many = torch.tensor([[2, 0, -1, 3], [2, 0, 1, 3]])
    given = tensors(inputs)
    losses = torch.func.vmap(lambda L: in_torch.value(given["X"], L, given["Z"]))(many)
    assert torch.isnan(losses).tolist() == [True, False]
    with pytest.raises(IndexError, match=r"J\[0\] is 0, expected 0 ... -1"):
        module = modules(Model(Sum(X[J[p], 0] ** 2, (p, 0, M - 1)), [X]))[1]
        module.value(X=torch.ones((0, 3)), J=torch.zeros(4, dtype=torch.int64))
    shifted = Model(Sum(X[L[n] + 1, k] * Z[n, k], (k, 0, K - 1), (n, 0, N - 1)), [X])
    _, in_torch = modules(shifted)
    computed = {"X": ROWS, "Z": ROWS, "L": np.array([0, 1, 2, 2])}
    assert torch.isfinite(in_torch.value(**tensors(computed)))
    with pytest.raises(IndexError, match=r"\[3\] is 4, expected 0 ... 3"):
        in_torch.value(**tensors(computed | {"L": np.array([0, 1, 2, 3])}))


def test_a_matrix_that_is_not_definite_is_an_error_and_under_vmap_not_a_number():
    model, inputs = MODELS["one factorisation for determinants and solves"]
    _, in_torch = modules(model)
    given = tensors(inputs)
    with pytest.raises(torch.linalg.LinAlgError, match="S is not positive definite; the model has the fact"):
        in_torch.value(given["u"], -given["S"])
    many = torch.stack([given["S"], -given["S"]])
    losses = torch.func.vmap(in_torch.value, in_dims=(None, 0))(given["u"], many)
    assert torch.isnan(losses).tolist() == [False, True]


def test_shapes_are_checked():
    _, in_torch = modules(MODELS["sigmoids in both tails"][0])
    with pytest.raises(ValueError, match=r"x: expected shape \(T\), got shape \(2, 3\)"):
        in_torch.value(torch.ones(2, 3), torch.ones(6))
    with pytest.raises(ValueError, match="y: side 0 is T = 6 by x, got 5"):
        in_torch.value(torch.ones(6), torch.ones(5))
    with pytest.raises(TypeError, match="x: expected real numbers"):
        in_torch.value("text", torch.ones(6))
    with pytest.raises(TypeError, match=r"x: expected a dense tensor of real numbers, got torch\.complex64"):
        in_torch.value(torch.ones(6, dtype=torch.complex64), torch.ones(6))


def test_numbers_take_the_type_of_the_tensors():
    _, in_torch = modules(MODELS["conditions of all kinds"][0])
    x = torch.tensor(SERIES)
    loss, slope = in_torch.value_and_gradient(x.float(), torch.tensor(0.5, dtype=torch.float64), torch.arange(6))
    assert loss.dtype == slope.x.dtype == slope.a.dtype == torch.float32
    loss, slope = in_torch.value_and_gradient(x, 0.5, torch.arange(6))
    assert loss.dtype == slope.x.dtype == slope.a.dtype == torch.float64
    assert in_torch.value(x.to(torch.bfloat16), 0.5, x.to(torch.bfloat16)).dtype == torch.bfloat16
    assert in_torch.value(SERIES, 0.5, SERIES).dtype == torch.float64
    assert in_torch.value(torch.arange(6), 0.5, torch.arange(6)).dtype == torch.get_default_dtype()


def test_arrays_that_lend_their_memory_are_taken_as_they_are():
    class Lent:
        """What CuPy and others have, and NumPy with its own interface."""

        def __init__(self, array: np.ndarray) -> None:
            self._array = array

        def __dlpack__(self, **given):
            return self._array.__dlpack__(**given)

        def __dlpack_device__(self):
            return self._array.__dlpack_device__()

    _, in_torch = modules(MODELS["sigmoids in both tails"][0])
    x, y = SERIES.copy(), SERIES[::-1].copy()
    loss = in_torch.value(Lent(x), Lent(y))
    assert loss.dtype == torch.float64 and loss == in_torch.value(torch.tensor(x), torch.tensor(y))


def test_data_on_another_device_are_an_error_that_names_both():
    _, in_torch = modules(MODELS["sigmoids in both tails"][0])
    with pytest.raises(ValueError, match=r"y is on the device meta, and x on cpu: y.to\(...\)"):
        in_torch.value(torch.ones(6), torch.ones(6, device="meta"))
    with pytest.raises(ValueError, match="L is on the device meta, and X on cpu"):
        model, inputs = MODELS["subscripts by data, each several times"]
        given = tensors(inputs)
        modules(model)[1].value(given["X"], given["L"].to("meta"), given["Z"])


def test_generated_modules_are_clean(tmp_path: Path):
    for number, (model, _) in enumerate([*MODELS.values(), TREE, FORWARD]):
        text = model.source(target="torch", hvp=number in (0, 1, 7))
        (tmp_path / f"model_{number}.py").write_text(text, encoding="utf-8")
    files = map(str, sorted(tmp_path.glob("*.py")))
    ran = subprocess.run([sys.executable, "-m", "ruff", "check", "--isolated", *files], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout


def test_what_torch_lacks_is_an_error_that_names_it():
    with pytest.raises(UnsupportedError, match="the target torch has no spelling of the function besselj"):
        Model(besselj(a, b), [b]).source(target="torch")
    with pytest.raises(UnsupportedError, match="the target torch has no workspace"):
        Model(a**2, [a]).source(target="torch", workspace=True)
    with pytest.raises(ModelError, match="the name 'like' is taken in modules for PyTorch"):
        Model(Symbol("like") ** 2, [Symbol("like")]).source(target="torch")


def test_sums_of_products_lie_along_their_last_axis_and_windows_are_copied_once():
    """A convolution is a product of kernels and a matrix of windows, whose columns are those of the result."""
    C = Symbol("C", integer=True, positive=True)
    W, picture, out = IndexedBase("W", (C, 3)), IndexedBase("picture", (N, M + 2)), IndexedBase("out", (N, C, M))
    c, i = Symbol("c", integer=True), Symbol("i", integer=True)
    made = Eq(out[n, c, i], Sum(picture[n, i + k] * W[c, k], (k, 0, 2)))
    loss = Sum(exp(out[n, c, i]), (n, 0, N - 1), (c, 0, C - 1), (i, 0, M - 1))
    text = Model(loss, [W], where=[made]).source(target="torch")
    body = text.partition("def value_and_gradient")[2]
    assert "windows_picture = _windows(picture, (3, N, M), axes=(1, 0, 1), steps=(1, 1, 1)).contiguous()" in body
    assert 'torch.einsum("li,ijk->jlk", W, windows_picture)' in body  # k, the last axis, comes with the second operand
