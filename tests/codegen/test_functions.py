"""Every scalar function that NumPy or SciPy can compute: value and gradient against mpmath, and single precision."""

import numpy as np
import pytest
import sympy as sp
from sympy import IndexedBase, Rational, Sum, Symbol

from symgrad import Model, UnsupportedError, relu, softplus
from symgrad.codegen.speller import LINALG
from symgrad.lowering.functions import COMPOSED, SCIPY, SPECIAL, UFUNCS
from symgrad.reference import evaluate
from symgrad.statements.operations import OPERATIONS
from symgrad.targets.numpy.functions import RUNTIME_HEADS
from tests.differences import differences
from tests.families import one_in

x = Symbol("x", real=True)
N = Symbol("N", integer=True, positive=True)
n = Symbol("n", integer=True)
v = IndexedBase("v", shape=(N,))

EVERYWHERE = (-2.7, -1.3, -0.4, 0.35, 0.8, 1.6, 4.2)
POSITIVE = (0.3, 0.9, 1.7, 3.4, 6.1)
INSIDE = (-0.9, -0.35, 0.2, 0.75)
OUTSIDE = (-3.1, -1.2, 1.4, 2.6)

POINTS = {
    "sin cos tan sec csc cot sinh cosh tanh sech csch coth exp atan acot asinh acsch sinc Abs sign floor ceiling frac "
    "erf erfc erfi Si Shi fresnels fresnelc airyai airyaiprime airybi airybiprime Ei": EVERYWHERE,
    "log gamma loggamma digamma trigamma factorial harmonic LambertW Ci Chi": POSITIVE,
    "asin acos atanh erfinv elliptic_k elliptic_e": INSIDE,
    "asec acsc acoth": OUTSIDE,
    "acosh li": (1.5, 2.4, 7.0),
    "asech": (0.2, 0.55, 0.9),
    "erfcinv": (0.2, 0.7, 1.4),
    "cbrt sqrt": POSITIVE,
}
ONE_ARGUMENT = {name: (getattr(sp, name), points) for names, points in POINTS.items() for name in names.split()}
MORE = {
    "besselj of order 0": (lambda e: sp.besselj(0, e), EVERYWHERE),
    "besselj of order 5/3": (lambda e: sp.besselj(Rational(5, 3), e), POSITIVE),
    "bessely": (lambda e: sp.bessely(1, e), POSITIVE),
    "besseli": (lambda e: sp.besseli(2, e), EVERYWHERE),
    "besselk": (lambda e: sp.besselk(1, e), POSITIVE),
    "polygamma": (lambda e: sp.polygamma(2, e), POSITIVE),
    "expint": (lambda e: sp.expint(2, e), POSITIVE),
    "beta": (lambda e: sp.beta(e, Rational(5, 2)), POSITIVE),
    "binomial": (lambda e: sp.binomial(e, Rational(3, 2), evaluate=False), POSITIVE),
    "erf2": (lambda e: sp.erf2(e, 2 * e), EVERYWHERE),
    "lowergamma": (lambda e: sp.lowergamma(Rational(7, 3), e), POSITIVE),
    "uppergamma": (lambda e: sp.uppergamma(Rational(7, 3), e), POSITIVE),
    "zeta of Hurwitz": (lambda e: sp.zeta(3, e), POSITIVE),
    "Mod by a number": (lambda e: sp.Mod(e, Rational(3, 4)), EVERYWHERE),
    "Mod of a number": (lambda e: sp.Mod(Rational(17, 4), e), POSITIVE),
    "Mod of both": (lambda e: sp.Mod(e**2 + 1, e), EVERYWHERE),
    "real_root": (lambda e: sp.real_root(e, 3), EVERYWHERE),
    "power": (lambda e: sp.Pow(e, e), POSITIVE),
    "atan2": (lambda e: sp.atan2(e, e**2 - 1), EVERYWHERE),
    "acot of a product": (lambda e: sp.acot(2 * e - 1), EVERYWHERE),
    "asec of a sum": (lambda e: sp.asec(3 + e**2), EVERYWHERE),
    "gamma of a sum": (lambda e: 2 * sp.factorial(e + 1) ** 2 + sp.harmonic(1 + e), POSITIVE),
}
CASES = {**ONE_ARGUMENT, **MORE}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", one_in(12, CASES))
def test_value_and_gradient_of_every_function(name):
    function, points = CASES[name]
    loss = Sum(function(v[n]) * (n + 1), (n, 0, N - 1))
    module = Model(loss, [v]).compile(check=False)
    inputs = np.array(points)
    value, slope = module.value_and_gradient(inputs)
    sizes = {N: len(points)}
    np.testing.assert_allclose(value, float(evaluate(loss, {v: inputs}, sizes)), rtol=1e-12, atol=1e-13)
    exact = [float(differences(loss, {v: inputs}, sizes, v, (k,))) for k in range(len(points))]
    np.testing.assert_allclose(slope.v, exact, rtol=1e-10, atol=1e-12)
    single_value, single_slope = module.value_and_gradient(inputs.astype(np.float32))
    assert single_value.dtype == single_slope.v.dtype == np.float32
    np.testing.assert_allclose(single_slope.v, slope.v, rtol=2e-3, atol=2e-3 * np.max(np.abs(slope.v)))


@pytest.mark.parametrize("name", ["acot", "Si", "LambertW", "floor", "frac", "besselj of order 0"])
def test_a_function_of_a_scalar_parameter_passes_the_check(name):
    function, points = CASES[name]
    model = Model(function(x) ** 2 + x, [x], facts=[x > 0])
    module = model.compile()
    value, slope = module.value_and_gradient(points[-1])
    assert np.ndim(value) == np.ndim(slope.x) == 0


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("function", "value", "slope"), [(sp.sinc, 1, 0), (sp.LambertW, 0, 1), (sp.acot, np.pi / 2, -1)]
)
def test_removable_singularities_at_zero(function, value, slope):
    module = Model(function(x), [x]).compile(check=False)
    got = module.value_and_gradient(0.0)
    assert got[0] == pytest.approx(value) and got[1].x == pytest.approx(slope)


@pytest.mark.parametrize("at", [1e-9, 1e-5, 1e-3, 0.0999, 0.1001, 0.5])
def test_the_slope_of_sinc_keeps_its_digits(at):
    module = Model(sp.sinc(x), [x]).compile(check=False)
    exact = float(differences(sp.sinc(x), {x: at}, {}, x))
    assert module.gradient(at).x == pytest.approx(exact, rel=1e-11)


@pytest.mark.parametrize("function", [sp.zeta, sp.fibonacci, sp.dirichlet_eta, sp.bernoulli])
def test_a_function_without_a_derivative_or_a_spelling_is_refused_by_name(function):
    with pytest.raises(UnsupportedError, match=function.__name__):
        Model(function(x), [x]).source()
    with pytest.raises(UnsupportedError, match=function.__name__):
        Model(x * function(Symbol("data", real=True)), [x]).source()


def test_no_function_of_the_tables_is_left_out():
    tested = {function for function, _ in ONE_ARGUMENT.values()}
    tested |= {type(part) for function, _ in CASES.values() for part in sp.preorder_traversal(sp.sympify(function(x)))}
    known = {
        head for table in (UFUNCS, COMPOSED, SCIPY) for head in table if head.__module__.startswith("sympy.functions")
    }
    assert known - tested <= {sp.Max, sp.Min, sp.digamma}, known - tested


def test_a_number_and_a_condition_in_a_sum_stay_in_single_precision():
    model = Model(Sum(relu(v[n]) - softplus(v[n]) + v[n], (n, 0, N - 1)), [v])
    gradient = model.compile(check=False).gradient(np.array([-1.0, 2.0], np.float32)).v
    assert "(v > 0)" in model.source() and gradient.dtype == np.float32
    assert np.allclose(gradient, [1 - 1 / (1 + np.e), 2 - 1 / (1 + np.exp(-2.0))])


def test_a_function_of_the_module_does_not_take_the_place_of_one_of_numpy_of_the_same_name():
    quotient = Model(Sum(sp.sin(v[n]) / v[n], (n, 0, N - 1)), [v])
    assert "_sinc(v)" in quotient.source()  # sin(x)/x as a function of the module's own
    module = Model(Sum(sp.sinc(v[n]), (n, 0, N - 1)), [v]).compile(check=False)
    np.testing.assert_allclose(module.value(np.array([2.0, 0.0])), np.sin(2.0) / 2 + 1, rtol=1e-15)


def test_the_heads_of_operations_say_whose_functions_they_are():
    arrays = {*UFUNCS.values(), *OPERATIONS} - set(RUNTIME_HEADS)
    assert not arrays & SPECIAL and not SPECIAL & set(RUNTIME_HEADS) and not LINALG & {*SPECIAL, *RUNTIME_HEADS}
    assert not set(RUNTIME_HEADS) & set(dir(np)) - {"place"}  # what NumPy calls so is not used
