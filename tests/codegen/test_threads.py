"""Blocks of rows on several threads: the same bits as on one, and nothing left behind by an error or a fork."""

import multiprocessing
import threading

import numpy as np
import pytest
from sympy import Eq, MatrixSymbol, OneMatrix, Sum, exp, log, symbols
from sympy import IndexedBase as Array

from symgrad import Model, sigmoid, softmax

N, M, K = symbols("N M K", integer=True, positive=True)
n, j, k = symbols("n j k", integer=True)
ROWS = 5000


@pytest.fixture(scope="module")
def logistic():
    X, t = MatrixSymbol("X", N, M), MatrixSymbol("t", N, 1)
    w, y, ones = MatrixSymbol("w", M, 1), MatrixSymbol("y", N, 1), OneMatrix(N, 1)
    loss = -(t.T * y.applyfunc(log) + (ones - t).T * (ones - y).applyfunc(log))
    rng = np.random.default_rng(2)
    arrays = {"w": rng.normal(size=7), "X": rng.normal(size=(ROWS, 7)), "t": rng.integers(0, 2, ROWS) * 1.0}
    return Model(loss, [w], where=[Eq(y, sigmoid(X * w))]), arrays


@pytest.fixture
def threaded(logistic):
    """A module that takes threads for the smallest arrays, and its arguments."""
    module = logistic[0].compile(check=False)
    module.BLOCK_BYTES, module.THREAD_WORK = 2**12, 0
    return module, logistic[1]


def test_the_bits_do_not_depend_on_the_number_of_threads(threaded):
    module, arrays = threaded
    found = []
    for threads in (1, 2, 3, 50, 2):
        module.THREADS = threads
        loss, (slope,) = module.value_and_gradient(**arrays)
        found.append((loss.tobytes(), slope.tobytes()))
    assert len(set(found)) == 1
    module.BLOCK_BYTES = 2**40  # all rows at once
    loss, (slope,) = module.value_and_gradient(**arrays)
    np.testing.assert_allclose(np.frombuffer(found[0][0]), loss, rtol=1e-13)
    np.testing.assert_allclose(np.frombuffer(found[0][1]), slope, rtol=1e-11, atol=1e-11)


def test_every_row_is_in_one_block(threaded):
    module, _ = threaded
    module.THREADS = 2
    seen = []

    def rows(index):
        seen.extend(index.tolist())
        return (np.sum(index),)

    for count in (1, 2, 3, 64, 65, 4999):
        seen.clear()
        assert [*module._over_rows(rows, (np.arange(count),), (), 3, 1)] == [count * (count - 1) // 2]
        assert sorted(seen) == list(range(count))


def test_threads_are_taken_for_large_arrays_only(threaded):
    module, arrays = threaded
    module.THREADS = 2
    names = set()

    def rows(X):
        names.add(threading.current_thread().name)
        return (np.sum(X),)

    module._over_rows(rows, (arrays["X"],), (), 7, 1)
    assert names and threading.current_thread().name not in names
    names.clear()
    module.THREAD_WORK = 2**24
    module._over_rows(rows, (arrays["X"],), (), 7, 1)
    assert names == {threading.current_thread().name}


def test_the_default_is_what_blas_would_take_where_nobody_else_has_threads(threaded, monkeypatch):
    module, arrays = threaded
    assert module.THREADS is None
    taken = []
    real = module.ThreadPoolExecutor
    monkeypatch.setattr(module, "ThreadPoolExecutor", lambda count, **more: taken.append(count) or real(count, **more))
    monkeypatch.setattr(module, "_blas", lambda free: lambda count: 6 if free else 1)
    module.value(**arrays)
    assert taken == [6]
    caller = threading.Thread(target=lambda: module.value(**arrays))
    caller.start()
    caller.join()
    assert taken == [6]  # the caller has threads himself
    module.THREADS = 3
    module.value(**arrays)
    assert taken == [6, 3]


@pytest.mark.parametrize("threads", [1, 2])
def test_blas_has_one_thread_meanwhile(threaded, threads):
    """Its own threads cost more in products of a block than they save, and would change the bits of sums."""
    module, arrays = threaded
    module.THREADS = threads
    limit = module._blas(True)
    given, inside = limit(2), []
    try:
        if limit(2) != 2:
            pytest.skip("this NumPy has a BLAS whose threads cannot be limited")
        module._over_rows(lambda X: (inside.append(limit(1)) or np.sum(X),), (arrays["X"],), (), 7, 1)
        assert set(inside) == {1} and limit(2) == 2
    finally:
        limit(given)


@pytest.mark.parametrize("library", [object(), OSError("no library")])
def test_blas_without_known_functions_is_left_alone(threaded, monkeypatch, library):
    module, arrays = threaded

    def load(path):
        if isinstance(library, OSError):
            raise library
        return library

    monkeypatch.setattr(module.ctypes, "CDLL", load)
    module._blas.cache_clear()
    assert module._blas(True)(2) == 1
    module.THREADS = 1
    expected = module.value(**arrays)
    module.THREADS = 2
    assert module.value(**arrays) == expected


def test_an_error_in_a_block_reaches_the_caller_and_leaves_no_thread(threaded):
    module, arrays = threaded
    module.THREADS = 2
    before = threading.active_count()

    def rows(index):
        if 4000 in index:
            raise IndexError("of row 4000")
        return (np.sum(index),)

    with pytest.raises(IndexError, match="of row 4000"):
        module._over_rows(rows, (np.arange(ROWS),), (), 3, 1)
    assert threading.active_count() == before
    assert np.isfinite(module.value(**arrays))


def test_the_callers_treatment_of_floating_point_errors_holds_in_threads():
    x, w = Array("x", shape=(N,)), symbols("w")
    module = Model(Sum(exp(w * x[n]), (n, 0, N - 1)), [w]).compile(check=False)
    module.BLOCK_BYTES, module.THREAD_WORK, module.THREADS = 2**10, 0, 2
    with np.errstate(over="raise"), pytest.raises(FloatingPointError):
        module.value(1.0, np.full(ROWS, 1000.0))
    with np.errstate(over="ignore"):
        assert module.value(1.0, np.full(ROWS, 1000.0)) == np.inf


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="the system cannot fork")
def test_a_forked_process_can_use_threads_too(threaded):
    module, arrays = threaded
    module.THREADS = 2
    expected = module.value(**arrays)
    context = multiprocessing.get_context("fork")
    found = context.SimpleQueue()
    child = context.Process(target=lambda: found.put(module.value(**arrays)))
    child.start()
    child.join(timeout=60)
    assert child.exitcode == 0 and found.get() == expected


def test_wide_sums_have_blocks_that_outweigh_adding_them_up(threaded):
    module, _ = threaded
    module.BLOCK_BYTES = 2**21
    assert module._block_rows(10, 1) == 2**21 // 80
    assert module._block_rows(867, 7841) == 127  # products of less than a million multiplications
    assert module._block_rows(10**6, 1) == 1
    assert 360 <= module._block_rows(4451, 407_000) <= 400
    assert module._block_rows(0, 0) > 0


def test_results_that_are_matrices_add_up(threaded):
    X, t = Array("X", shape=(N, M)), Array("t", shape=(N, K))
    W, P = Array("W", shape=(M, K)), Array("P", shape=(N, K))
    model = Model(
        -Sum(t[n, k] * log(P[n, k]), (k, 0, K - 1), (n, 0, N - 1)),
        [W],
        where=[Eq(P[n, k], softmax(Sum(X[n, j] * W[j, k], (j, 0, M - 1)), (k, 0, K - 1)))],
    )
    rng = np.random.default_rng(3)
    arrays = {"W": rng.normal(size=(4, 3)), "X": rng.normal(size=(ROWS, 4)), "t": np.eye(3)[rng.integers(3, size=ROWS)]}
    module = model.compile(check=False)
    loss, (whole,) = module.value_and_gradient(**arrays)
    module.BLOCK_BYTES, module.THREAD_WORK, module.THREADS = 2**12, 0, 2
    blocked, (slope,) = module.value_and_gradient(**arrays)
    np.testing.assert_allclose(blocked, loss, rtol=1e-13)
    np.testing.assert_allclose(slope, whole, rtol=1e-11, atol=1e-11)
