"""Arrays that are kept between calls: the same results, nothing of theirs in the results, next to nothing allocated."""

import subprocess
import sys
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from sympy import Eq, HadamardProduct, MatrixSymbol, OneMatrix, Trace, log, symbols, tanh

from symgrad import Model, softmax, total

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


def arrays(model, seed=0, dtype=float, **sides):
    rng = np.random.default_rng(seed)
    sizes = {**SIDES, **sides}
    made = {a.name: rng.normal(size=[sizes[str(side)] for side in a.shape]) for a in model.arguments}
    if "t" in made:
        made["t"] = np.eye(sizes["K"])[rng.integers(sizes["K"], size=sizes["N"])]
    return {name: array.astype(dtype) for name, array in made.items()}


def same(found, expected, tolerance=1e-12):
    for part, other in zip((found[0], *found[1]), (expected[0], *expected[1]), strict=True):
        assert part.dtype == other.dtype
        np.testing.assert_allclose(part, other, rtol=tolerance, atol=tolerance * np.max(np.abs(other), initial=1e-300))


@pytest.mark.parametrize("make", [network, factorisation])
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


@pytest.mark.parametrize("make", [network, factorisation])
def test_results_are_not_changed_by_the_next_call(make):
    model = make()
    module = model.compile(check=False, workspace=True)
    workspace = module.Workspace()
    first = module.value_and_gradient(**arrays(model), workspace=workspace)
    before = [np.copy(part) for part in (first[0], *first[1])]
    module.value_and_gradient(**arrays(model, seed=1), workspace=workspace)
    for part, copy in zip((first[0], *first[1]), before, strict=True):
        np.testing.assert_array_equal(part, copy)


@pytest.mark.parametrize("make", [network, factorisation])
def test_a_training_loop_allocates_little_beyond_its_results(make):
    model = make()
    module = model.compile(check=False, workspace=True)
    given = arrays(model, N=4000)
    workspace = module.Workspace()
    results = sum(part.nbytes for part in module.value_and_gradient(**given, workspace=workspace)[1])
    tracemalloc.start()
    module.value_and_gradient(**given, workspace=workspace)
    kept = tracemalloc.get_traced_memory()[1]
    tracemalloc.reset_peak()
    module.value_and_gradient(**given)
    plain = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # NumPy casts and copies in pieces of 8192 entries; all else would be an array of N entries or more
    assert kept - results < 10 * 8192 * 8 // 4 and kept < plain


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


@pytest.mark.parametrize("name", [*MODELS][::4])
def test_any_model_has_the_same_results(name):
    model = MODELS[name]()
    module = model.compile(check=False, workspace=True)
    workspace = module.Workspace()
    for draw in model.draws(module)[:2]:
        same(module.value_and_gradient(**draw.inputs, workspace=workspace), module.value_and_gradient(**draw.inputs))


def test_the_module_is_clean(tmp_path):
    for make in (network, factorisation):
        path = tmp_path / f"{make.__name__}.py"
        path.write_text(make().source(workspace=True))
        for tool in (["ruff", "check", "--isolated"], ["mypy", "--strict"]):
            done = subprocess.run([sys.executable, "-m", *tool, str(path)], capture_output=True, text=True)
            assert done.returncode == 0, done.stdout
