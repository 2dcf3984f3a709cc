"""Products of one operand with several matrices in a loop are one product with a stack of these."""

import re

import numpy as np
import pytest
from sympy import Eq, IndexedBase, Sum, symbols, tanh

from symgrad import Model, sigmoid
from tests.models import recurrences as models

T, N, K, M = symbols("T N K M", integer=True, positive=True)
t, n, k, l, m = symbols("t n k l m", integer=True)  # noqa: E741


def body(model):
    return re.search(r"def value_and_gradient\(.*?(?=^def |\Z)", model.source(), re.M | re.S)[0]


def inner_products(text):
    return re.findall(r"^        .*@.*", text, re.M)


def test_those_of_one_operand_are_one_product():
    text = body(models.lstm)
    forward, backward = text.split("reversed(")
    assert "np.stack([Uf, Uo, Uu, Uv])" in text or len(re.findall(r"np\.stack\(\[U\w, U\w, U\w, U\w\]\)", text)) == 1
    assert len(inner_products(forward)) == 1
    assert len(re.findall(r"@", inner_products(backward)[0])) == 4  # of four operands


def test_parts_of_a_larger_matrix_and_transposed_ones_are_copied_before_the_loop():
    h, x = IndexedBase("h", shape=(T + 1, N, K)), IndexedBase("x", shape=(T, N, K))
    U = IndexedBase("U", shape=(2 * K, K))

    def product(place):
        return Sum(h[t - 1, n, l] * U[place * K + k, l], (l, 0, K - 1))

    step = sigmoid(product(0) + x[t - 1, n, k]) * h[t - 1, n, k] + tanh(product(1))
    loss = Sum(h[T, n, k] ** 2, (n, 0, N - 1), (k, 0, K - 1))
    model = Model(loss, [U], where=[Eq(h[0, n, k], x[0, n, k]), Eq(h[t, n, k], step)])
    text = body(model)
    assert re.search(r"stack_\w+ = np\.stack\(\[\w+\.T, \w+\.T\]\)", text)
    assert not re.search(r"^        .*@ \w+(\.T|\[)", text, re.M)  # no transposed matrix and no part of one in a step
    assert model.check(chain=False).ok


def test_matrices_of_different_shapes_or_operands_are_not_stacked():
    for name in ("stacked", "bidirectional", "rnn"):
        assert "np.stack" not in body(getattr(models, name))
    h, U = IndexedBase("h", shape=(T + 1, N, K)), IndexedBase("U", shape=(K, K))
    A, B = IndexedBase("A", shape=(K, M)), IndexedBase("B", shape=(M, K))
    inner = tanh(Sum(h[t - 1, n, l] * A[l, m], (l, 0, K - 1)))
    step = Sum(h[t - 1, n, l] * U[l, k], (l, 0, K - 1)) + Sum(inner * B[m, k], (m, 0, M - 1))
    h0 = IndexedBase("h0", shape=(N, K))
    loss = Sum(h[T, n, k] ** 2, (n, 0, N - 1), (k, 0, K - 1))
    model = Model(loss, [U, A, B, h0], where=[Eq(h[0, n, k], h0[n, k]), Eq(h[t, n, k], step)])
    assert "np.stack" not in body(model)
    assert model.check(chain=False).ok


@pytest.mark.parametrize("shape", [(K,), (N, K)])
def test_a_matrix_that_is_read_both_ways_is_left_as_it_is(shape):
    h, W = IndexedBase("h", shape=(T + 1, *shape)), IndexedBase("W", shape=(K, K))
    before = (n,) * (len(shape) - 1)
    products = [Sum(h[t - 1, *before, l] * W[entry], (l, 0, K - 1)) for entry in ((k, l), (l, k))]
    step = tanh(products[0]) + sigmoid(products[1])
    over = [(letter, 0, side - 1) for letter, side in zip((*before, k), shape, strict=True)]
    h0 = IndexedBase("h0", shape=shape)
    where = [Eq(h[0, *before, k], h0[*before, k]), Eq(h[t, *before, k], step)]
    model = Model(Sum(h[T, *before, k] ** 2, *over), [W, h0], where=where)
    assert "np.stack" not in body(model)
    assert model.check(chain=False).ok


def test_a_step_of_an_lstm_allocates_no_array_that_is_kept():
    text = body(models.lstm_inline)
    forward = text[: text.index("reversed(")]
    (loop,) = re.findall(r"^    for .*\n((?:        .*\n)+)", forward, re.M)
    stores = re.findall(r"^        \w+\[[^\]]*\] = .*", loop, re.M)
    assert stores == []  # all are written by `out=` or in place


def test_a_loop_keeps_both_sides_of_a_sigmoid_and_nothing_that_they_are_made_of():
    text = body(models.lstm_inline)
    forward = text[: text.index("    for ")]
    arrays = re.findall(r"^    (\w+) = (?:np\.(?:empty|zeros)\(|sum_x)", forward, re.M)
    labels = sorted(re.sub(r"_\d+$", "", name) for name in arrays)
    assert labels == sorted(["c", "h", "tanh_h", "tanh_c", *["sigma"] * 3, *["tau"] * 3]), labels
    module = models.lstm_inline.compile(check=False)
    assert np.isfinite(module.value_and_gradient(**next(iter(models.lstm_inline.draws(module))).inputs)[0])
