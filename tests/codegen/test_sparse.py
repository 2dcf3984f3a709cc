"""Data that are only multiplied may be sparse matrices, which are never made dense; others are refused by name."""

import numpy as np
import pytest
import scipy.sparse
from sympy import Eq, HadamardProduct, MatrixSymbol, OneMatrix, Sum, Trace, exp, log, symbols, tanh

from symgrad import Model, dot, sigmoid, softmax, total

N, M, K = symbols("N M K", integer=True, positive=True)
X, w, t = MatrixSymbol("X", N, M), MatrixSymbol("w", M, 1), MatrixSymbol("t", N, 1)
W, T, H, y = MatrixSymbol("W", M, K), MatrixSymbol("T", N, K), MatrixSymbol("H", N, K), MatrixSymbol("y", N, 1)
ones = OneMatrix(N, 1)
LOGISTIC = Model(
    -(t.T * y.applyfunc(log) + (ones - t).T * (ones - y).applyfunc(log)), [w], where=[Eq(y, sigmoid(X * w))]
)
MODELS = {
    "logistic": LOGISTIC,
    "ridge": Model((X * w - t).T * (X * w - t) + w.T * w, [w]),
    "softmax": Model(
        -total(HadamardProduct(T, softmax(X * W).applyfunc(log))), [W], facts=[Eq(T * OneMatrix(K, 1), ones)]
    ),
    "layers": Model(Trace((H * W.T * w).T * (H * W.T * w)), [W, w], where=[Eq(H, (X * W).applyfunc(tanh))]),
    "columns": Model(total((X.T * t - w).applyfunc(exp)), [w]),
}
KINDS = ("csr_array", "csc_array", "csr_matrix", "coo_array")
SIZES = {N: 400, M: 30, K: 4}


class Never(scipy.sparse.csr_array):
    """A sparse array that refuses to be made dense."""

    def toarray(self, *args, **options):
        raise AssertionError("made dense")

    todense = toarray


def arrays(model):
    rng = np.random.default_rng(5)
    made = {a.name: rng.normal(size=[SIZES.get(side, 1) for side in a.shape]) for a in model.arguments}
    made["X"] *= rng.random(made["X"].shape) < 0.1
    return made


@pytest.mark.parametrize("kind", [*KINDS, Never])
@pytest.mark.parametrize("name", MODELS)
def test_sparse_data_give_the_numbers_of_dense_ones(name, kind):
    model = MODELS[name]
    module = model.compile(check=False)
    assert module.SPARSE == ("X",)
    given = arrays(model)
    make = kind if isinstance(kind, type) else getattr(scipy.sparse, kind)
    sparse = {**given, "X": make(given["X"])}
    for block in (2**21, 2**12):
        module.BLOCK_BYTES = block
        expected, found = module.value_and_gradient(**given), module.value_and_gradient(**sparse)
        np.testing.assert_allclose(found[0], expected[0], rtol=1e-12)
        for part, other in zip(found[1], expected[1], strict=True):
            assert type(part) is np.ndarray
            np.testing.assert_allclose(part, other, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(module.value(**sparse), expected[0], rtol=1e-12)
        np.testing.assert_allclose(module.gradient(**sparse)[0], expected[1][0], rtol=1e-10, atol=1e-12)


def test_sparse_data_can_be_bound_and_unpacked():
    module = LOGISTIC.compile(check=False, hvp=True)
    given = arrays(LOGISTIC)
    sparse = scipy.sparse.csr_array(given["X"])
    bound, theta = module.bind(X=sparse, t=given["t"]), given["w"].ravel()
    np.testing.assert_allclose(bound.value(theta), module.value(theta, given["X"], given["t"]), rtol=1e-12)
    flat = module.flat_value_and_gradient(theta, sparse, given["t"])
    np.testing.assert_allclose(flat[1], module.gradient(theta, given["X"], given["t"]).w, rtol=1e-10)
    product = module.hessian_vector_product(theta, theta, X=sparse)
    np.testing.assert_allclose(product.w, module.hessian_vector_product(theta, theta, X=given["X"]).w, rtol=1e-10)


def test_types_and_integers_of_sparse_data():
    module = MODELS["ridge"].compile(check=False)
    given = arrays(MODELS["ridge"])
    single = {name: array.astype(np.float32) for name, array in given.items()}
    found = module.value(**{**single, "X": scipy.sparse.csr_array(single["X"])})
    assert found.dtype == np.float32
    whole = scipy.sparse.csr_array(np.eye(400, 30, dtype=int))
    np.testing.assert_allclose(
        module.value(given["w"], whole, given["t"]), module.value(given["w"], whole.toarray(), given["t"])
    )
    with pytest.raises(ValueError, match=r"^X: side 1 is M = 30 by w, got 29"):
        module.value(given["w"], whole[:, :29], given["t"])


def test_sparse_data_that_are_not_only_multiplied_are_refused_by_name():
    model = Model(Trace((X * W).T * T) + total(X.applyfunc(exp)), [W])
    module = model.compile(check=False)
    given = arrays(model)
    assert module.SPARSE == ()
    with pytest.raises(TypeError, match=r"^X: expected real numbers, got scipy.sparse._csr.csr_array"):
        module.value(**{**given, "X": scipy.sparse.csr_array(given["X"])})
    with pytest.raises(TypeError, match=r"^w: expected real numbers, got scipy.sparse._csr.csr_array"):
        LOGISTIC.compile(check=False).value(scipy.sparse.csr_array(np.ones((3, 1))), np.ones((2, 3)), np.ones(2))


def test_two_matrices_that_are_multiplied_are_not_both_sparse():
    B = MatrixSymbol("B", M, K)
    n, j, k = symbols("n j k", integer=True)
    module = Model(Sum((X * B)[n, k] * W[j, k], (n, 0, N - 1), (j, 0, M - 1), (k, 0, K - 1)), [W]).compile(check=False)
    assert not {"X", "B"} <= set(module.SPARSE)


def test_a_workspace_takes_dense_data_only():
    module = LOGISTIC.compile(check=False, workspace=True)
    given = arrays(LOGISTIC)
    with pytest.raises(TypeError, match=r"^X: expected real numbers, got scipy.sparse._csr.csr_array"):
        module.value(**{**given, "X": scipy.sparse.csr_array(given["X"])})


def test_what_takes_no_sparse_data_says_so():
    module = Model(dot(X * w - t, X * w - t), [w]).compile(check=False, hessian=True)
    with pytest.raises(TypeError, match=r"^X: expected dense real numbers, got .*\.csr_matrix of type object"):
        module.hessian(scipy.sparse.csr_matrix(np.eye(3)))


def test_a_function_that_needs_dense_data_leaves_sparse_ones_to_the_others():
    module = LOGISTIC.compile(check=False, hessian=True, hvp=True)
    given = arrays(LOGISTIC)
    sparse = {**given, "X": scipy.sparse.csr_array(given["X"])}
    theta = given["w"].ravel()
    assert module.SPARSE == ("X",)
    np.testing.assert_allclose(module.gradient(**sparse).w, module.gradient(**given).w, rtol=1e-10)
    found = module.flat_hessian_vector_product(theta, theta, sparse["X"], sparse["t"])
    np.testing.assert_allclose(found, module.flat_hessian(theta, given["X"], given["t"]) @ theta, rtol=1e-9)
    for call in (lambda: module.hessian(**sparse), lambda: module.bind(X=sparse["X"], t=given["t"]).hessian(theta)):
        with pytest.raises(TypeError, match=r"^X: expected dense real numbers, got .*\.csr_array"):
            call()
