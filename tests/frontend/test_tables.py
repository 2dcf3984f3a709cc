"""Arrays that are written out: Levi-Civita symbols and constant arrays of any rank, at any subscripts."""

from itertools import permutations

import numpy as np
import pytest
from sympy import (
    Array,
    Identity,
    IndexedBase,
    KroneckerDelta,
    LeviCivita,
    MutableDenseNDimArray,
    Rational,
    Sum,
    symbols,
)
from sympy.combinatorics import Permutation

from symgrad import Model, ModelError, UnsupportedError
from tests.families import one_in

N = symbols("N", integer=True, positive=True)
i, j, k, n, m = symbols("i j k n m", integer=True)
u = symbols("u", real=True)
a, b, c = (IndexedBase(name, shape=(3,)) for name in "abc")
X = IndexedBase("X", shape=(N, 4))
kinds = IndexedBase("kinds", shape=(N,), integer=True)
FLAT, DEEP = Array([3, -1, Rational(1, 2)]), Array([[[0, 2, u], [-1, Rational(1, 2), 1]], [[0, 2, 1], [-1, u**2, 1]]])

A, B, C = np.array([0.3, -0.7, 1.1]), np.array([2.0, 0.5, -1.0]), np.array([1.0, 4.0, 0.25])


def over(body, *indices, parameters=(a,), first=0, last=2):
    return Model(Sum(body, *((index, first, last) for index in indices)), [*parameters])


@pytest.mark.parametrize("first", [0, 1])
def test_the_triple_product(first):
    body = LeviCivita(i, j, k) * a[i - first] * b[j - first] * c[k - first]
    value, slope = over(body, i, j, k, first=first, last=first + 2).compile().value_and_gradient(A, B, C)
    np.testing.assert_allclose(value, A @ np.cross(B, C), rtol=1e-15)
    np.testing.assert_allclose(slope.a, np.cross(B, C), rtol=1e-15)


@pytest.mark.parametrize("rank", [2, 3, 4, 5])
def test_signs_of_permutations(rank):
    indices = symbols(f"i0:{rank}", integer=True)
    rows = [IndexedBase(f"r{number}", shape=(rank,)) for number in range(rank)]
    body = LeviCivita(*indices)
    for row, index in zip(rows, indices, strict=True):
        body *= row[index]
    model = Model(Sum(body, *((index, 0, rank - 1) for index in indices)), rows)
    given = np.random.default_rng(0).normal(size=(rank, rank))
    by_leibniz = sum(
        (-1) ** Permutation(list(at)).parity() * np.prod(given[range(rank), at]) for at in permutations(range(rank))
    )
    np.testing.assert_allclose(model.compile(check=rank < 4).value(*given), by_leibniz, rtol=1e-12)


TABLES = {
    "flat": lambda: over(FLAT[i] * a[i] ** 2, i),
    "shifted": lambda: over(FLAT[i - 1] * a[i] ** 2, i, first=1, last=2),
    "a constant subscript": lambda: over(DEEP[1, j, k] * a[k] * b[j], j, k, last=1, parameters=(a, u)),
    "deep": lambda: Model(
        Sum(DEEP[i, j, k] * a[k] * b[i] * c[j], (i, 0, 1), (j, 0, 1), (k, 0, 2)), [a, u]
    ),
    "by data": lambda: Model(Sum(DEEP[i, 1, kinds[n]] * a[i] ** 2 * (n + 1), (i, 0, 1), (n, 0, N - 1)), [a, u]),
    "an identity": lambda: Model(
        Sum(Identity(N)[n, m] * X[n, 0] * X[m, 1] ** 2 * (m + 1), (n, 0, N - 1), (m, 0, N - 1)), [X]
    ),
    "a delta with a range": lambda: Model(
        Sum(KroneckerDelta(n, m, (1, 2)) * X[n, 0] * X[m, 1] ** 2, (n, 0, N - 1), (m, 0, N - 1)), [X]
    ),
    "mutable": lambda: over(MutableDenseNDimArray([[1, 2, 0], [0, 3, 1], [0, 0, 0]])[i, j] * a[i] * b[j], i, j),
    "the cross product": lambda: Model(
        Sum(Sum(LeviCivita(i, j, k) * X[n, j] * b[k], (j, 0, 2), (k, 0, 2)) ** 2, (i, 0, 2), (n, 0, N - 1)), [X, b]
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", one_in(3, TABLES))
def test_an_array_that_is_written_out(name):
    model = TABLES[name]()
    report = model.check(hessian=name in ("flat", "by data"))
    assert report.ok, report
    assert model.show() and model.show("latex")


def test_data_beyond_a_constant_array_is_an_index_error():
    module = TABLES["by data"]().compile(check=False)
    with pytest.raises(IndexError):
        module.value(A, 0.5, np.array([0, 3]))


def test_what_has_no_entry_is_refused():
    with pytest.raises(ModelError, match="goes up to 2, but the axis has size 2"):
        over(DEEP[i, j, k] * a[k], i, j, k)
    with pytest.raises(UnsupportedError, match="consecutive integers"):
        over(LeviCivita(i, j, k) * a[0], i, j, k, last=3)
