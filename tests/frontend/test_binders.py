"""An index that is bound twice is the one of the innermost sum around it, and another one outside of that."""

import numpy as np
import pytest
from sympy import (
    Dummy,
    Eq,
    IndexedBase,
    KroneckerDelta,
    Product,
    Sum,
    Symbol,
    Tuple,
    sin,
    symbols,
)

from symgrad import LogSumExp, MaxOver, Model, ModelError, if_else, softmax
from symgrad.frontend.binders import apart
from symgrad.matrix_functions import InverseEntry
from tests.families import one_in

N, M = symbols("N M", integer=True, positive=True)
i, j, k, l, n = symbols("i j k l n", integer=True)  # noqa: E741
x, w, u = (IndexedBase(name, shape=(N,)) for name in "xwu")
X = IndexedBase("X", shape=(N, N))
all_i, all_j, all_k = ((index, 0, N - 1) for index in (i, j, k))


def test_indices_are_named_apart_from_the_outermost_to_the_innermost():
    function, limits = apart(x[i] * w[j], (Tuple(i, 0, N), Tuple(j, 0, i), Tuple(i, 0, N)), {j})
    (inner, _, _), (middle, _, end), (outer, _, _) = limits
    assert inner not in (i, outer) or outer != inner
    assert end == outer and function == x[inner] * w[middle]
    assert len({inner, middle, outer, j}) == 4
    assert apart(x[i], (Tuple(i, 0, N),), ()) == (x[i], [Tuple(i, 0, N)])


def test_a_new_name_has_the_assumptions_of_the_old_one():
    plain = Symbol("m", positive=True)
    function, ((fresh, _, _),) = apart(x[plain], (Tuple(plain, 0, N),), {plain})
    assert isinstance(fresh, Dummy) and fresh.is_positive and function == x[fresh]


# a model that binds an index twice, and the same with an index of its own for every sum
SPELLINGS = {
    "sums": (
        Sum(Sum(Sum(x[i] * w[j], all_i), (j, 0, i)), all_i),
        Sum(x[k] * w[j], all_k, (j, 0, i), all_i),
    ),
    "three times": (
        Sum(x[i] * Sum(w[i] * x[i] * Sum(sin(x[i]), (i, 0, i)), all_i), all_i),
        Sum(x[i] * Sum(w[j] * x[j] * Sum(sin(x[k]), (k, 0, j)), all_j), all_i),
    ),
    "greatest": (
        Sum(x[i] * MaxOver(x[i] + w[k], (i, 0, k), all_k), all_i),
        Sum(x[i] * MaxOver(x[j] + w[k], (j, 0, k), all_k), all_i),
    ),
    "greatest, bound twice": (
        MaxOver(x[i] + w[j], all_i, (j, 0, i), all_i),
        MaxOver(x[k] + w[j], all_k, (j, 0, i), all_i),
    ),
    "exponentials": (
        Sum(x[i] * LogSumExp(x[i] * w[i], (i, i, N - 1)), all_i),
        Sum(x[i] * LogSumExp(x[j] * w[j], (j, i, N - 1)), all_i),
    ),
    "product": (
        Sum(x[i] * Product(1 + w[i] * x[i] / 4, (i, 0, i)), all_i),
        Sum(x[i] * Product(1 + w[j] * x[j] / 4, (j, 0, i)), all_i),
    ),
    "condition": (
        Sum(if_else(i > 1, x[i], w[i] * Sum(if_else(i < 2, x[i], 0), (i, 0, i))), all_i),
        Sum(if_else(i > 1, x[i], w[i] * Sum(if_else(j < 2, x[j], 0), (j, 0, i))), all_i),
    ),
    "delta": (
        Sum(w[i] * Sum(x[i] * KroneckerDelta(i, j), all_i, (j, i, N - 1)), all_i),
        Sum(w[i] * Sum(x[k] * KroneckerDelta(k, j), all_k, (j, i, N - 1)), all_i),
    ),
    "subscript": (
        Sum(w[i] * Sum(x[i - j], (j, 0, i), all_i), all_i),
        Sum(w[i] * Sum(x[k - j], (j, 0, k), all_k), all_i),
    ),
    "softmax": (
        Sum(w[i] * Sum(x[i] * softmax(x[i], all_i), (i, 0, i)), all_i),
        Sum(w[i] * Sum(x[j] * softmax(x[j], all_j), (j, 0, i)), all_i),
    ),
    "inverse": (
        Sum(x[i] * InverseEntry(X[i, j] * x[j] + 9 * KroneckerDelta(i, j), all_i, all_j, (i, 0)), all_i),
        Sum(x[i] * InverseEntry(X[k, l] * x[l] + 9 * KroneckerDelta(k, l), all_k, (l, 0, N - 1), (i, 0)), all_i),
    ),
}  # fmt: skip


def code(model):
    """The module without its first docstring, which quotes the model as it was written."""
    return model.source().partition('"""')[2].partition('"""')[2]


@pytest.mark.parametrize("name", one_in(8, SPELLINGS))
def test_a_model_is_the_same_with_an_index_for_every_sum(name):
    twice, once = (Model(loss, [x]) for loss in SPELLINGS[name])
    assert code(twice) == code(once)
    assert once.check().ok and twice.check().ok


def test_numbers_by_hand():
    # Σ_i Σ_{j ≤ i} w[j] · Σ x = (1 + 11)·3
    module = Model(SPELLINGS["sums"][0], [x]).compile(check=False)
    assert module.value(x=np.array([1.0, 2.0]), w=np.array([1.0, 10.0])) == 36
    np.testing.assert_array_equal(module.gradient(x=np.array([1.0, 2.0]), w=np.array([1.0, 10.0])).x, [12, 12])


def test_a_definition_whose_sum_binds_an_index_of_its_left_side():
    twice = [Eq(u[i], x[i] * Sum(x[i] * w[j], (i, j, N - 1), (j, 0, i)))]
    once = [Eq(u[i], x[i] * Sum(x[k] * w[j], (k, j, N - 1), (j, 0, i)))]
    models = [Model(Sum(u[n] ** 2, (n, 0, N - 1)), [x], where=where) for where in (twice, once)]
    assert code(models[0]) == code(models[1])


@pytest.mark.parametrize(
    ("head", "limits", "mask"),
    [
        (Sum, lambda entry: (j, 0, entry - 1), "if_else(j <= L[i] - 1, ..., 0)"),
        (Sum, lambda entry: (j, entry, N - 1), "if_else(j >= L[i], ..., 0)"),
        (Product, lambda entry: (j, 0, entry), "if_else(j <= L[i], ..., 1)"),
        (MaxOver, lambda entry: (j, 0, entry), "if_else(j <= L[i], ..., -oo)"),
    ],
)
def test_a_limit_that_is_an_entry_of_data_is_refused_with_the_mask_to_write(head, limits, mask):
    entry = IndexedBase("L", shape=(N,), integer=True)[i]
    limit = limits(entry)
    with pytest.raises(ModelError) as raised:
        Model(Sum(head(X[i, j] ** 2, limit), all_i), [X])
    said = f"of j depends on L[i], which is no dimension; let j run over the whole axis and write {mask} inside"
    assert said in str(raised.value)
