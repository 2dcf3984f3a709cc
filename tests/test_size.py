"""Models of hostile size: thousands of terms, of parameters, and of operations inside each other."""

import re
import sys

import numpy as np
import pytest
from sympy import Add, Eq, MatMul, MatrixSymbol, Mul, Piecewise, Symbol, cos, exp, log, sin, symbols, tanh

from symgrad import Model, UnsupportedError, sigmoid
from symgrad.deep import with_room
from symgrad.walk import Preorder, depth, is_larger
from tests.families import one_in

x, a = symbols("x a", real=True)
N = Symbol("N", integer=True, positive=True)


@pytest.mark.long
def test_a_sum_of_thousands_of_terms():
    count = 3000
    module = Model(Add(*[sin(k * a) for k in range(1, count + 1)]), [a]).compile(check=False)
    value, slope = module.value_and_gradient(0.3)
    numbers = np.arange(1, count + 1)
    assert value == pytest.approx(np.sum(np.sin(0.3 * numbers)), rel=1e-9)
    assert slope.a == pytest.approx(np.sum(numbers * np.cos(0.3 * numbers)), rel=1e-9)


@pytest.mark.long
def test_a_product_of_many_factors():
    module = Model(Mul(*[log(a + k) for k in range(2, 302)]), [a]).compile(check=False)
    numbers = np.arange(2, 302)
    assert module.value(0.5) == pytest.approx(np.prod(np.log(0.5 + numbers)), rel=1e-12)


@pytest.mark.parametrize("count", one_in(4, [60, 200]))
def test_many_parameters_take_time_in_proportion(count):
    scalars = symbols(f"p0:{count}", real=True)
    module = Model(Add(*[(p - k) ** 2 for k, p in enumerate(scalars)]), scalars).compile(check=False)
    assert module.gradient(*np.ones(count)).p3 == -4.0


def test_an_expression_nested_deep():
    limit = sys.getrecursionlimit()
    loss = x
    for _ in range(200):
        loss = tanh(Add(loss, 1, evaluate=False), evaluate=False) if _ % 2 else sigmoid(loss)
    model = Model(loss, [x])
    module = model.compile()
    expected, slope = 0.3, 1.0
    for k in range(200):
        before = expected
        expected = np.tanh(before + 1) if k % 2 else 1 / (1 + np.exp(-before))
        slope *= 1 - expected**2 if k % 2 else expected * (1 - expected)
    assert module.value(0.3) == pytest.approx(expected, rel=1e-12)
    assert module.gradient(0.3).x == pytest.approx(slope, rel=1e-9)
    assert "too long to show" in model.show()
    assert sys.getrecursionlimit() == limit


def _nested(count):
    loss = x
    for k in range(count):
        loss = sin(a * loss + 1, evaluate=False) if k % 3 else loss + x
    return loss


@pytest.mark.parametrize("count", one_in(4, [50, 150]))
def test_code_grows_with_the_nesting_and_not_faster(count):
    shallow, deep = (Model(_nested(levels), [x]).source() for levels in (count, 2 * count))
    assert len(deep) < 2.5 * len(shallow)


@pytest.mark.parametrize("count", one_in(4, [15, 40]))
@pytest.mark.parametrize("build", [lambda k: cos(x + k), lambda k: 1 / (x - k), lambda k: (a + x * k) ** 2])
def test_the_gradient_of_a_product_of_many_factors(build, count):
    factors = [build(k) for k in range(count)]
    module = Model(Mul(*factors), [x]).compile(check=False)
    at = {x: 0.37, a: 1.1}
    exact = [factor.subs(at) for factor in factors]
    slopes = [factor.diff(x).subs(at) for factor in factors]
    expected = Mul(*exact) * Add(*(slope / value for slope, value in zip(slopes, exact, strict=True)))
    inputs = {name: number for name, number in {"x": 0.37, "a": 1.1}.items() if name in module.ARGUMENTS}
    assert module.gradient(**inputs).x == pytest.approx(float(expected), rel=1e-9)


@pytest.mark.parametrize("count", one_in(4, [11, 24, 25, 60]))
def test_a_chain_of_matrix_products_stays_one_of_matrices_and_vectors(count):
    V, W, v = MatrixSymbol("V", N, N), MatrixSymbol("W", N, N), MatrixSymbol("v", N, 1)
    model = Model(MatMul(v.T, *[V if k % 2 else W for k in range(count)], v), [v, V])
    assert not re.search(r"(\(|= )[VW] @ [VW]\b", model.source())
    rng = np.random.default_rng(1)
    inputs = {"v": rng.normal(size=(4, 1)), "V": rng.normal(size=(4, 4)) / 2, "W": rng.normal(size=(4, 4)) / 2}
    gradient = model.compile(check=False).gradient(**inputs)
    chain = [inputs["VW"[1 - k % 2]] for k in range(count)]
    before, after = [inputs["v"].T], [inputs["v"]]
    for k in range(count):
        before.append(before[-1] @ chain[k])
        after.append(chain[count - 1 - k] @ after[-1])
    expected = sum(before[k].T @ after[count - 1 - k].T for k in range(1, count, 2))
    np.testing.assert_allclose(gradient.V, expected, rtol=1e-9, atol=1e-12 * np.abs(expected).max())
    np.testing.assert_allclose(gradient.v, before[-1].T + after[-1], rtol=1e-9)


@pytest.mark.long
def test_a_choice_nested_deep():
    loss = x
    for k in range(120):
        loss = Piecewise((sin(loss), x > k), (x, True))
    gradient = Model(loss, [x]).compile(check=False).gradient
    value, slope = 119.5, 1.0
    for _ in range(120):
        value, slope = np.sin(value), slope * np.cos(value)
    assert gradient(-0.5).x == 1.0
    assert gradient(119.5).x == pytest.approx(slope, rel=1e-9)


@pytest.mark.parametrize("count", one_in(4, [40, 150]))
def test_a_chain_of_names(count):
    names = symbols(f"z0:{count}", real=True)
    where = [Eq(z, sin(before + 1)) for before, z in zip((x, *names), names, strict=False)]
    model = Model(names[-1], [x], where=where)
    module = model.compile()
    assert "∂C/∂z0" in model.show()
    assert len(module.__doc__) < 70 * count


@pytest.mark.long
def test_what_is_shared_is_read_once():
    loss = x
    for _ in range(25):  # written out, this has 2**25 parts
        loss = Mul(sin(loss, evaluate=False), Add(loss, 1, evaluate=False), evaluate=False)
    module = Model(loss, [x]).compile(check=False)
    expected = 0.3
    for _ in range(25):
        expected = np.sin(expected) * (expected + 1)
    assert module.value(0.3) == pytest.approx(expected, rel=1e-9)


def test_an_unknown_part_of_a_deep_model_is_named():
    from sympy import dirichlet_eta

    loss = dirichlet_eta(x)
    for _ in range(300):
        loss = sigmoid(loss)
    with pytest.raises(UnsupportedError, match="dirichlet_eta"):
        Model(loss, [x]).source()


def test_room_is_made_only_for_deep_models_and_has_an_end():
    def fall(levels):
        return 0 if levels == 0 else 1 + fall(levels - 1)

    assert with_room(1000, lambda: fall(20_000)) == 20_000
    with pytest.raises(UnsupportedError, match=r"nested 1000 operations deep.*name inner parts in `where`"):
        with_room(1000, lambda: fall(10_000_000))
    with pytest.raises(RecursionError):
        with_room(3, lambda: fall(20_000))
    with pytest.raises(KeyError, match="inside"):
        with_room(1000, lambda: {}["inside"])


def test_walks():
    expr = exp(x + a) * (x + a)
    parts = list(Preorder(expr))
    assert parts[0] == expr and len(parts) == len({id(part) for part in parts})
    walk = Preorder(expr)
    next(walk)
    walk.skip()
    assert list(walk) == []
    assert depth([expr, Symbol("y")]) == 4 and depth([]) == 0
    assert not is_larger(expr, 8, 4) and is_larger(expr, 7, 4) and is_larger(expr, 8, 3)
