"""Symbols of any name: each works in every generated function and in the generated test, or is refused."""

import builtins
import keyword

import numpy as np
import pytest
from sympy import Eq, IndexedBase, MatrixSymbol, Sum, Symbol, symbols, tanh

from symgrad import Model, ModelError, sigmoid, total
from symgrad.targets.numpy.function import TAKEN
from tests.families import one_in

N, M, K = symbols("N M K", integer=True, positive=True)
n, m = symbols("n m", integer=True)
rng = np.random.default_rng(3)

LOCALS = """
    theta data shape sizes sources part parts name given array arrays value gradient pack unpack x out axes loss
    side labels label expected known unknown start shapes index values dtype parameters arguments error floats
    types typed axis moved flat kept what minimum source tail flat_value_and_gradient value_and_gradient
    w_1_shape X_1_shape prod_X_1 sum_1 grad_w_1 d_h count self scipy numpy T ndim S I C pi
""".split()  # noqa: SIM905 - words are easier to read than eighty literals
UNICODE = ["θ", "λ", "ﬁ", "µ", "ϕ", "𝐱", "变量", "𠀀", "é", "e\u0301", "ß", "ı"]
NAMES = sorted({*TAKEN, *LOCALS, *UNICODE, "lambda", "match", "float", "len", "type", "__init__", "_x", "_scatter", ""})


def _roles(label):
    """Models in which a parameter, data, a matrix parameter, a name of `where` and a dimension have the name."""
    w, X = MatrixSymbol("w_1", M, 1), MatrixSymbol("X_1", N, M)
    scalar, thin = Symbol(label, real=True), MatrixSymbol(label, M, 1)
    yield "matrix", lambda: Model(total(sigmoid(X * thin)) + total(w), [thin, w])
    yield "data", lambda: Model(total((X * w).applyfunc(tanh)) * scalar, [w])
    side = Symbol(label, integer=True, positive=True)
    data, weights = MatrixSymbol("X_1", N, side), MatrixSymbol("w_1", side, 1)
    yield "dimension", lambda: Model(total((data * weights).applyfunc(tanh)) / side, [weights])
    H = MatrixSymbol(label, N, 1)
    yield "quantity", lambda: Model(total(H.applyfunc(tanh)) + total(H), [w], where=[Eq(H, X * w)])


@pytest.mark.parametrize("label", one_in(18, NAMES))
def test_a_symbol_of_any_name_works_everywhere_or_is_refused(label):
    refused = 0
    for role, build in _roles(label):
        try:
            model = build()
        except (ModelError, ValueError) as error:
            assert repr(label) in str(error) or not label, role
            refused += 1
            continue
        module = model.compile(check=False)
        sides = {N: 4, 1: 1}
        inputs = {a.name: rng.normal(size=[sides.get(side, 3) for side in a.shape]) for a in model.arguments}
        value, gradient = module.value_and_gradient(**inputs)
        parameters = [inputs.pop(name) for name in module.PARAMETERS]
        theta = module.pack(*parameters)
        for again, part in zip(module.unpack(theta, **inputs), parameters, strict=True):
            np.testing.assert_array_equal(again, part)
        flat_value, flat_gradient = module.flat_value_and_gradient(theta, **inputs)
        assert flat_value == pytest.approx(value, rel=1e-14)
        np.testing.assert_allclose(flat_gradient, module.pack(*gradient), rtol=1e-12, err_msg=role)
    assert refused == 1 if keyword.iskeyword(label) else refused in (0, 4)  # of a dimension that is a keyword


def test_the_generated_test_file_knows_names_of_any_kind(tmp_path):
    import subprocess
    import sys

    labels = ["value", "theta", "case", "inputs", "MODULE", "CASES", "变量", "𠀀", "load", "pytest"]
    scalars = [Symbol(label, real=True) for label in labels]
    model = Model(sum((k + 1) * tanh(s) for k, s in enumerate(scalars)) * Symbol("data", real=True), scalars)
    (tmp_path / "module.py").write_text(model.source(), encoding="utf-8")
    (tmp_path / "test_module.py").write_text(model.test_source("module"), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_module.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stdout


def test_keywords_get_an_underscore_and_builtins_are_refused_where_they_would_be_hidden():
    usable = []
    for label in dict.fromkeys([*keyword.kwlist, *keyword.softkwlist, *dir(builtins)]):
        try:
            Model(Symbol(label, real=True) ** 2, [Symbol(label, real=True)])
        except ModelError as error:
            assert repr(label) in str(error)
        else:
            usable.append(label)
    assert {*keyword.kwlist, "match", "sum", "ValueError"} < set(usable)
    scalars = [Symbol(label, real=True) for label in usable]
    size = Symbol("K", integer=True, positive=True)
    model = Model(
        Sum(n * sum(s**2 for s in scalars), (n, 0, size - 1)) + total(sigmoid(MatrixSymbol("w", 2, 1))), scalars
    )
    module = model.compile(check=False)
    ones, w = np.ones(len(scalars)), np.zeros(2)
    value, slope = module.flat_value_and_gradient(ones, w=w, K=3)
    assert value == 3 * len(scalars) + 1 and slope.tolist() == [6.0] * len(scalars)


def test_a_variable_for_a_shape_does_not_hide_an_argument():
    w, X, shape = MatrixSymbol("w", M, 1), MatrixSymbol("X", N, M), Symbol("w_shape", real=True)
    model = Model(total(X * w) * shape, [w])
    assert model.compile().gradient(np.ones((3, 1)), np.ones((2, 3)), 5.0).w.tolist() == [[10.0]] * 3


def test_a_dimension_called_like_the_compilers_own_symbol():
    side, inside = symbols("side inside", integer=True)
    a, b = IndexedBase("a", shape=(side + inside - 1,)), IndexedBase("b", shape=(inside,))
    model = Model(Sum(a[n + m] * b[m], (n, 0, side - 1), (m, 0, inside - 1)), [b])
    assert model.compile().gradient(np.ones(2), np.arange(4.0)).b.tolist() == [3.0, 6.0]


@pytest.mark.parametrize("label", ["kept", "workspace"])
def test_names_of_a_workspace_are_refused_where_there_is_one(label):
    for role, make in _roles(label):
        if role in ("matrix", "data"):
            make().source()
            with pytest.raises(ModelError, match=f"'{label}' is taken by the generated functions with a workspace"):
                make().source(workspace=True)


def test_a_parameter_may_be_called_as_the_flat_vector_is():
    x, theta = IndexedBase("x", shape=(N,)), Symbol("theta", real=True)
    module = Model(Sum((x[n] - theta) ** 2, (n, 0, N - 1)), [theta]).compile(check=False)
    value, slope = module.flat_value_and_gradient([1.0], np.array([0.0, 3.0]))
    assert value == 5.0 and slope.tolist() == [-2.0]
