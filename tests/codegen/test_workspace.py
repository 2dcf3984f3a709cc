"""Arrays that are kept between calls: the same results, nothing of theirs in the results, next to nothing allocated."""

import subprocess
import sys
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from sympy import (
    Eq,
    HadamardProduct,
    IndexedBase,
    MatrixSymbol,
    OneMatrix,
    Sum,
    Trace,
    exp,
    log,
    symbols,
    sympify,
    tanh,
)

from symgrad import MaxOver, Model, relu, softmax, total
from tests.families import one_in

from ..test_models import MODELS

N, M, H, K = symbols("N M H K", integer=True, positive=True)
SIDES = {"N": 400, "M": 6, "H": 20, "K": 10}


def network():
    X, t, P = MatrixSymbol("X", N, M), MatrixSymbol("t", N, K), MatrixSymbol("P", N, K)
    W1, W2, Z1 = MatrixSymbol("W1", M, H), MatrixSymbol("W2", H, K), MatrixSymbol("Z1", N, H)
    where = [Eq(Z1, X * W1), Eq(P, softmax(Z1.applyfunc(tanh) * W2))]
    facts = [Eq(t * OneMatrix(K, 1), OneMatrix(N, 1))]
    return Model(-total(HadamardProduct(t, P.applyfunc(log))), [W1, W2], where=where, facts=facts)


def factorisation():
    A, U, V = MatrixSymbol("A", N, M), MatrixSymbol("U", N, K), MatrixSymbol("V", M, K)
    return Model(Trace((A - U * V.T).T * (A - U * V.T)), [U, V])


def attention():
    b, i, j, k, m = symbols("b i j k m", integer=True)
    x, y = IndexedBase("x", shape=(N, M, H)), IndexedBase("y", shape=(N, M, H))
    U, V = IndexedBase("U", shape=(H, H)), IndexedBase("V", shape=(H, H))
    scores = Sum(x[b, i, k] * U[k, m] * x[b, j, m], (k, 0, H - 1), (m, 0, H - 1))
    weights = exp(scores) / Sum(exp(scores), (j, 0, M - 1))
    out = Sum(weights * relu(Sum(x[b, j, m] * V[m, k], (m, 0, H - 1))), (j, 0, M - 1))
    return Model(Sum((out - y[b, i, k]) ** 2, (b, 0, N - 1), (i, 0, M - 1), (k, 0, H - 1)), [U, V])


def network_over_time():
    n, k, h, s = symbols("n k h s", integer=True)
    x = IndexedBase("x", shape=(M, N, H))
    U, state = IndexedBase("U", shape=(H, H)), IndexedBase("state", shape=(M + 1, N, H))
    step = tanh(x[s - 1, n, k] + Sum(state[s - 1, n, h] * U[h, k], (h, 0, H - 1)))
    where = [Eq(state[0, n, k], 0), Eq(state[s, n, k], step)]
    return Model(Sum(state[M, n, k] ** 2, (n, 0, N - 1), (k, 0, H - 1)), [U], where=where)


def convolution():
    n, c, i, p = symbols("n c i p", integer=True)
    x, k = IndexedBase("x", shape=(N, H + 4)), IndexedBase("k", shape=(M, 3))
    found = relu(Sum(x[n, i + p] * k[c, p], (p, 0, 2)))
    pooled = MaxOver(found.subs(i, i + symbols("q", integer=True)), (symbols("q", integer=True), 0, 2))
    return Model(Sum(pooled**2, (n, 0, N - 1), (c, 0, M - 1), (i, 0, H - 1)), [k])


def arrays(model, seed=0, dtype=float, **sides):
    rng = np.random.default_rng(seed)
    sizes = {**SIDES, **sides}

    def length(side):
        return int(sympify(side).subs({symbol: sizes[symbol.name] for symbol in sympify(side).free_symbols}))

    shapes = {a.name: [length(side) for side in a.shape] for a in model.arguments}
    made = {name: rng.normal(size=shape) / 4 for name, shape in shapes.items()}
    if "t" in made:
        made["t"] = np.eye(sizes["K"])[rng.integers(sizes["K"], size=sizes["N"])]
    return {name: array.astype(dtype) for name, array in made.items()}


def same(found, expected, tolerance=1e-12):
    for part, other in zip((found[0], *found[1]), (expected[0], *expected[1]), strict=True):
        assert part.dtype == other.dtype
        np.testing.assert_allclose(part, other, rtol=tolerance, atol=tolerance * np.max(np.abs(other), initial=1e-300))


EVERY = [network, factorisation, attention, network_over_time, convolution]


@pytest.mark.parametrize("make", one_in(5, EVERY))
def test_a_workspace_serves_any_sizes_and_types_one_after_the_other(make):
    model = make()
    module = model.compile(workspace=True)
    workspace = module.Workspace()
    for sides, dtype in [
        ({}, float),
        ({"N": 7}, float),
        ({}, np.float32),
        ({"N": 900, "M": 3}, float),
        ({"N": 1}, float),
    ]:
        given = arrays(model, dtype=dtype, **sides)
        expected = module.value_and_gradient(**given)
        tolerance = 1e-12 if dtype is float else 1e-4
        same(module.value_and_gradient(**given, workspace=workspace), expected, tolerance)
        same(
            (module.value(**given, workspace=workspace), module.gradient(**given, workspace=workspace)),
            expected,
            tolerance,
        )
        theta, data = module.pack(*expected[1]), {name: given[name] for name in given if name not in module.PARAMETERS}
        flat = module.flat_value_and_gradient(theta, **data, workspace=workspace)
        np.testing.assert_allclose(flat[1], module.flat_value_and_gradient(theta, **data)[1], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("make", one_in(2, EVERY))
def test_results_are_not_changed_by_the_next_call(make):
    model = make()
    module = model.compile(check=False, workspace=True)
    workspace = module.Workspace()
    first = module.value_and_gradient(**arrays(model), workspace=workspace)
    before = [np.copy(part) for part in (first[0], *first[1])]
    module.value_and_gradient(**arrays(model, seed=1), workspace=workspace)
    for part, copy in zip((first[0], *first[1]), before, strict=True):
        np.testing.assert_array_equal(part, copy)


def peaks(module, given, workspace):
    """Bytes held at most during a call with a workspace, and during one without."""
    tracemalloc.start()
    module.value_and_gradient(**given, workspace=workspace)
    kept = tracemalloc.get_traced_memory()[1]
    tracemalloc.reset_peak()
    module.value_and_gradient(**given)
    plain = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return kept, plain


@pytest.mark.parametrize("make", [network, factorisation])
def test_a_training_loop_allocates_little_beyond_its_results(make):
    model = make()
    module = model.compile(check=False, workspace=True)
    given = arrays(model, N=4000)
    workspace = module.Workspace()
    results = sum(part.nbytes for part in module.value_and_gradient(**given, workspace=workspace)[1])
    kept, plain = peaks(module, given, workspace)
    # NumPy casts and copies in pieces of 8192 entries; all else would be an array of N entries or more
    assert kept - results < 10 * 8192 * 8 // 4 and kept < plain


@pytest.mark.parametrize(("make", "share"), [(attention, 0.4), (network_over_time, 0.7), (convolution, 0.7)])
def test_so_do_products_over_several_axes_loops_and_windows(make, share):
    model = make()
    module = model.compile(check=False, workspace=True)
    given = arrays(model, N=600)
    workspace = module.Workspace()
    module.value_and_gradient(**given, workspace=workspace)
    kept, plain = peaks(module, given, workspace)
    assert kept < share * plain


def test_threads_and_blocks_may_share_a_workspace():
    model = network()
    module = model.compile(check=False, workspace=True)
    module.BLOCK_BYTES, module.THREAD_WORK, module.THREADS = 2**12, 0, 2
    workspace = module.Workspace()
    many = [arrays(model, seed=seed) for seed in range(8)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda given: module.value_and_gradient(**given, workspace=workspace), many))
    for given, result in zip(many, found, strict=True):
        same(result, module.value_and_gradient(**given))


def test_without_being_asked_for_nothing_changes():
    assert "workspace" not in network().source().lower()


@pytest.mark.parametrize("name", one_in(3, [*MODELS][::4]))
def test_any_model_has_the_same_results(name):
    model = MODELS[name]()
    module = model.compile(check=False, workspace=True)
    workspace = module.Workspace()
    for draw in model.draws(module)[:2]:
        same(module.value_and_gradient(**draw.inputs, workspace=workspace), module.value_and_gradient(**draw.inputs))


def test_the_module_is_clean(tmp_path):
    files = [tmp_path / f"{make.__name__}.py" for make in (network, factorisation)]
    for path, make in zip(files, (network, factorisation), strict=True):
        path.write_text(make().source(workspace=True))
    for tool in (["ruff", "check", "--isolated"], ["mypy", "--strict"]):
        done = subprocess.run([sys.executable, "-m", *tool, *map(str, files)], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout
