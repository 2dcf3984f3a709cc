"""Rows in chunks in modules for JAX and PyTorch: NumPy's numbers, bits that depend on the chunks alone, errors."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from sympy import IndexedBase, Sum, log, symbols

from symgrad import Model, if_else
from symgrad.cli.model_file import ModelReference, load_model
from tests.families import one_in
from tests.runtime.test_chunks import (
    EXAMPLES,
    MODELS,
    OF_ROWS,
    SIZES,
    N,
    directed,
    ends_of,
    flat,
    inputs_of,
    split,
)

TARGETS = ("jax", "torch")
OTHERS = [("torch", name) for name in OF_ROWS if name not in ("bundle_adjustment",)]


@cache
def module_of(target: str, name: str) -> Any:
    pytest.importorskip(target)
    model = MODELS[name] if name in MODELS else load_model(ModelReference.parse(str(EXAMPLES / f"{name}.py")))
    dense = name in MODELS and name != "batch normalisation"
    return model.compile(target=target, check=False, chunks=True, hvp=True, hessian=dense)


@pytest.fixture(autouse=True)
def double() -> Any:
    import jax

    before = jax.config.read("jax_enable_x64")
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", before)
    jax.clear_caches()  # of each operation for each length of a chunk


def on_host(result: Any) -> list[np.ndarray]:
    return [np.asarray(one) for one in flat(result)]


@pytest.mark.parametrize(
    ("target", "name"), one_in(12, [(target, name) for target in TARGETS for name in MODELS] + OTHERS)
)
def test_chunks_give_what_whole_arrays_give(target: str, name: str) -> None:
    module, given = module_of(target, name), inputs_of(name)
    rows = ends_of(module, given, 0, 0)[-1]
    length = -(-rows // 4)
    chunks, parameters = split(module, given, [*range(length, rows, length), rows])  # of at most two lengths
    for of in module.ROUNDS:
        wanted = on_host(getattr(module, of)(**directed(module, of, given)))
        got = on_host(module.over_chunks(chunks, of, **directed(module, of, parameters)))
        for a, b in zip(got, wanted, strict=True):
            assert a.shape == b.shape and a.dtype == b.dtype
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11 * np.max(np.abs(b), initial=1.0))


@pytest.mark.parametrize("target", TARGETS)
def test_bits_depend_on_the_chunks_alone(target: str) -> None:
    """Whoever computes the sums, in whatever order; however the chunks are read."""
    name = "batch normalisation"
    module, given = module_of(target, name), inputs_of(name)
    chunks, parameters = split(module, given, ends_of(module, given, 6, 4))
    wanted = [one.tobytes() for one in on_host(module.over_chunks(chunks, **parameters))]
    known: tuple[Any, ...] = ()
    for _ in range(module.ROUNDS["value_and_gradient"]):
        order = np.random.default_rng(0).permutation(len(chunks))
        parts = {number: module.partial(parameters, chunks[number], known=known) for number in order}
        known += (module.joined([parts[number] for number in range(len(chunks))]),)
    again = module.finish(parameters, known[-1], known[-1].rows, known[:-1])
    assert [one.tobytes() for one in on_host(again)] == wanted
    anew = module.over_chunks(lambda: (chunk for chunk in chunks), **parameters)
    assert [one.tobytes() for one in on_host(anew)] == wanted


def test_positions_that_rows_keep_for_later_rounds_are_positions_where_functions_are_traced() -> None:
    import jax

    n, K = symbols("n", integer=True), symbols("K", integer=True, positive=True)
    g, x, W = IndexedBase("g", (N,), integer=True), IndexedBase("x", (N,)), IndexedBase("W", (K,))
    shown = Sum(if_else(x[n] > 0, W[g[n]] ** 2 * x[n], 0), (n, 0, N - 1))
    module = Model(log(shown), [W]).compile(target="jax", check=False, chunks=True)

    def of(x: Any, g: Any, W: Any) -> Any:
        return module.over_chunks([{"x": x[:2], "g": g[:2]}, {"x": x[2:], "g": g[2:]}], W=W)

    given = np.array([1.0, 2.0, -1.0, 0.5]), np.array([0, 1, 7, 2]), np.arange(1.0, 4)
    for one in (of, jax.jit(of)):
        assert one(*given)[0] == pytest.approx(np.log(1 + 8 + 0.5 * 9))
    outside = given[0], np.array([0, 7, 7, 2]), given[2]
    assert np.isnan(jax.jit(of)(*outside)[0])


@pytest.mark.parametrize("target", TARGETS)
def test_single_precision_stays_single_and_a_chunk_of_no_rows_adds_nothing(target: str) -> None:
    module = module_of(target, "groups")
    given = {k: np.float32(v) if np.asarray(v).dtype == float else v for k, v in inputs_of("groups").items()}
    chunks, parameters = split(module, given, [7, 20, SIZES[N]])
    empty = {name: array[:0] for name, array in chunks[0].items()}
    for read in (chunks, [empty, *chunks, empty]):
        for a, b in zip(
            on_host(module.over_chunks(read, **parameters)), on_host(module.value_and_gradient(**given)), strict=True
        ):
            assert a.dtype == np.float32
            np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-5 * np.max(np.abs(b)))


BAD: list[tuple[Callable[[list[dict[str, Any]]], Any], str]] = [
    (lambda c: [], "chunks: there are none, or none with rows"),
    (lambda c: [c[0], {**c[1], "x": c[1]["x"][:, :3]}], "side 1 is M = 4 by w, got 3|side 0 is M = 3"),
    (lambda c: [c[0], {**c[1], "x": c[1]["x"].astype(np.float32)}], r"x: rows of type and shape .*float64 \(4,\) in"),
    (lambda c: [{**c[0], "s": np.ones(3)}], "'s' has no rows"),
    (lambda c: [{name: one for name, one in c[0].items() if name != "x"}], "'x' is missing"),
    (lambda c: [{**c[0], "x": c[0]["x"][1:]}], "a chunk has arrays of as many rows each, got .*'x': 6"),
    (lambda c: [{**c[0], "c": 1.0}], "a chunk has arrays of as many rows each, got .*'c': None"),
    (lambda c: [c[0], {**c[1], "g": c[1]["g"] + 3}], r"g\[\d+\] is \d, expected 0 ... 2"),
    (lambda c: [{**c[0], "g": c[0]["g"] + 0.5}], "g: expected integers"),
    (lambda c: c[0], "a chunk is a dictionary of arrays with rows, got str"),
]


@pytest.mark.parametrize("target", TARGETS)
def test_chunks_that_do_not_fit_are_errors(target: str) -> None:
    module = module_of(target, "groups")
    chunks, parameters = split(module, inputs_of("groups"), [7, 20, SIZES[N]])
    for change, error in BAD:
        with pytest.raises((ValueError, TypeError, IndexError), match=error):
            module.over_chunks(change(chunks), **parameters)
    for wrong, error in (({"z": 1}, "'z' is unknown"), ({"x": chunks[0]["x"]}, "x: these data have rows")):
        with pytest.raises((ValueError, TypeError), match=error):
            module.over_chunks(chunks, **parameters, **wrong)
    with pytest.raises(ValueError, match="'gradient' is no function of rows in chunks; there are value_and_gradient"):
        module.over_chunks(chunks, "gradient", **parameters)
    several = module_of(target, "batch normalisation")
    chunks, parameters = split(several, inputs_of("batch normalisation"), [7, SIZES[N]])
    with pytest.raises(TypeError, match="reads the rows 5 times, and list_iterator can be read once"):
        several.over_chunks(iter(chunks), **parameters)
    once = iter(chunks)
    with pytest.raises(ValueError, match="41 rows when they were read first, and none now"):
        several.over_chunks(lambda: once, **parameters)


def test_data_of_pytorch_on_another_device_or_in_autograd_are_errors() -> None:
    module = module_of("torch", "groups")
    import torch

    chunks, parameters = split(module, inputs_of("groups"), [7, SIZES[N]])
    parameters = {name: torch.as_tensor(one) for name, one in parameters.items()}
    away = {name: torch.as_tensor(one, device="meta") for name, one in chunks[1].items()}
    with pytest.raises(ValueError, match=r"c is on the device meta, and w on cpu: c.to\(...\)"):
        module.over_chunks([chunks[0], away], **parameters)
    with pytest.raises(ValueError, match="w requires a gradient, which autograd cannot follow"):
        module.over_chunks(chunks, **{**parameters, "w": torch.ones(4, requires_grad=True)})


def test_positions_on_no_axis_are_not_numbers_where_jax_traces_and_many_parameters_go_at_once() -> None:
    """They may be in any of the chunks: what `finish` sees of the data is one row."""
    module, given = module_of("jax", "groups"), inputs_of("groups")
    import jax

    chunks, parameters = split(module, given, [7, 20, SIZES[N]])
    wrong = [chunks[0], {**chunks[1], "g": chunks[1]["g"] + 3}, chunks[2]]
    rest = {name: one for name, one in parameters.items() if name != "w"}
    for read, is_wrong in ((chunks, False), (wrong, True)):
        found = jax.jit(lambda w, read=read: module.over_chunks(read, w=w, **rest))(parameters["w"])
        assert [np.isnan(one).any() for one in on_host(found)] == [is_wrong] * 3
    slope = jax.grad(lambda w: module.differentiable_value(**{**given, "w": w}))(parameters["w"])
    np.testing.assert_allclose(slope, module.gradient(**given).w, rtol=1e-12)  # `partial` is not that of functools
    many = np.stack([parameters["w"], 2 * parameters["w"]])
    both = on_host(jax.vmap(lambda w: module.over_chunks(chunks, w=w, **rest))(many))
    for number in range(2):
        one = on_host(module.value_and_gradient(**{**given, "w": many[number]}))
        for a, b in zip(both, one, strict=True):
            np.testing.assert_allclose(a[number], b, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("target", "name"), one_in(6, [(t, n) for t in TARGETS for n in ("groups", "maxima")]))
def test_the_check_looks_at_chunks(target: str, name: str) -> None:
    pytest.importorskip(target)
    assert MODELS[name].check(target=target, chunks=True, hvp=True).ok


def test_rows_are_read_as_often_as_by_the_modules_of_numpy() -> None:
    model = MODELS["batch normalisation"]
    rounds = {target: model.source(target=target, chunks=True).partition("ROUNDS = ")[2] for target in ("numpy", "jax")}
    assert rounds["numpy"].splitlines()[0] == rounds["jax"].splitlines()[0] != ""
