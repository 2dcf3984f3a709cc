"""Models of finance: portfolios, options, and interest."""

import jax.numpy as jnp
import numpy as np
from jax.scipy.special import ndtr as normal_cdf
from sympy import Eq, IndexedBase, MatrixSymbol, OneMatrix, Q, Sum, exp, log, sqrt, symbols

from symgrad import Model, ndtr, softmax, softplus
from tests.real_models.record import Inputs, RealModel

N, S, T = symbols("N S T", integer=True, positive=True)
i, j, n, s, t = symbols("i j n s t", integer=True)


def covariance_matrix(size: int, rng: np.random.Generator) -> np.ndarray:
    factors = rng.normal(size=(size, 3))
    return 0.01 * (factors @ factors.T + np.diag(1 + rng.random(size)))


# --- portfolios: Markowitz (1952), equal contributions to the risk, and the expected shortfall -----------------------


def mean_variance() -> Model:
    """Return less risk and the costs of trading, in matrices."""
    w, mu, before = (MatrixSymbol(name, N, 1) for name in ("w", "mu", "before"))
    Sigma, ones = MatrixSymbol("Sigma", N, N), OneMatrix(N, 1)
    gamma, cost, budget = symbols("gamma cost budget", positive=True)
    trade = w - before
    loss = (
        gamma / 2 * w.T * Sigma * w - mu.T * w + cost * trade.T * trade + budget * (ones.T * w - OneMatrix(1, 1)) ** 2
    )
    return Model(loss, [w], facts=[Q.positive_definite(Sigma)])


def mean_variance_inputs(size: int, rng: np.random.Generator) -> Inputs:
    held = rng.random((size, 2))
    return {
        "w": held[:, 0] / size,
        "before": held[:, 1] / size,
        "mu": 0.1 * rng.normal(size=size),
        "Sigma": covariance_matrix(size, rng),
        "gamma": 3.0,
        "cost": 0.02,
        "budget": 10.0,
    }


def mean_variance_reference(w, mu, before, Sigma, gamma, cost, budget):
    trade = jnp.sum((w - before) ** 2)
    return gamma / 2 * w @ Sigma @ w - mu @ w + cost * trade + budget * (jnp.sum(w) - 1) ** 2


def risk_parity() -> Model:
    z, w, risk = (IndexedBase(name, shape=(N,)) for name in ("z", "w", "risk"))
    Sigma = IndexedBase("Sigma", shape=(N, N))
    variance = Sum(risk[j], (j, 0, N - 1))
    loss = Sum((risk[i] / variance - 1 / N) ** 2, (i, 0, N - 1))
    where = [Eq(w[i], softmax(z[i], (i, 0, N - 1))), Eq(risk[i], w[i] * Sum(Sigma[i, j] * w[j], (j, 0, N - 1)))]
    return Model(loss, [z], where=where)


def risk_parity_inputs(size: int, rng: np.random.Generator) -> Inputs:
    return {"z": rng.normal(size=size), "Sigma": covariance_matrix(size, rng)}


def risk_parity_reference(z, Sigma):
    w = jnp.exp(z - jnp.max(z))
    w = w / jnp.sum(w)
    risk = w * (Sigma @ w)
    return jnp.sum((risk / jnp.sum(risk) - 1 / len(z)) ** 2)


def expected_shortfall() -> Model:
    """Rockafellar and Uryasev (2000), the kink smoothed by softplus at a temperature."""
    w, R = IndexedBase("w", shape=(N,)), IndexedBase("R", shape=(S, N))
    level, alpha, tau = symbols("level", real=True), *symbols("alpha tau", positive=True)
    excess = -Sum(R[s, i] * w[i], (i, 0, N - 1)) - level
    return Model(level + tau * Sum(softplus(excess / tau), (s, 0, S - 1)) / ((1 - alpha) * S), [w, level])


def expected_shortfall_inputs(size: int, rng: np.random.Generator) -> Inputs:
    weights = rng.random(6)
    return {
        "w": weights / weights.sum(),
        "R": 0.02 * rng.normal(size=(size, 6)),
        "level": 0.01,
        "alpha": 0.95,
        "tau": 0.001,
    }


def expected_shortfall_sharp() -> Inputs:
    """At a temperature where exp of the excess overflows."""
    return expected_shortfall_inputs(20, np.random.default_rng(4)) | {"tau": 1e-6}


def expected_shortfall_reference(w, R, level, alpha, tau):
    excess = -R @ w - level
    return level + tau * jnp.sum(jnp.logaddexp(0.0, excess / tau)) / ((1 - alpha) * len(R))


# --- options: Black and Scholes (1973); the value of a firm: Merton (1974) --------------------------------------------


def call(spot, strike, rate, years, vol):
    d1 = (log(spot / strike) + (rate + vol**2 / 2) * years) / (vol * sqrt(years))
    return spot * ndtr(d1) - strike * exp(-rate * years) * ndtr(d1 - vol * sqrt(years))


def implied_volatility() -> Model:
    """A smile, quadratic in the moneyness, from prices of calls."""
    K, price, years = (IndexedBase(name, shape=(N,), positive=True) for name in ("K", "price", "years"))
    spot, rate = symbols("spot rate", positive=True)
    coefficients, vol = IndexedBase("c", shape=(3,)), IndexedBase("vol", shape=(N,))
    moneyness = log(K[n] / spot)
    smile = exp(coefficients[0] + coefficients[1] * moneyness + coefficients[2] * moneyness**2)
    error = call(spot, K[n], rate, years[n], vol[n]) - price[n]
    return Model(Sum(error**2, (n, 0, N - 1)) / 2, [coefficients], where=[Eq(vol[n], smile)])


def implied_volatility_inputs(size: int, rng: np.random.Generator) -> Inputs:
    return {
        "c": np.array([-1.5, -0.3, 0.2]),
        "K": 100 * np.exp(0.2 * rng.normal(size=size)),
        "price": 20 * rng.random(size),
        "years": 0.1 + rng.random(size),
        "spot": 101.0,
        "rate": 0.02,
    }


def implied_volatility_reference(c, K, price, years, spot, rate):
    moneyness = jnp.log(K / spot)
    vol = jnp.exp(c[0] + c[1] * moneyness + c[2] * moneyness**2)
    d1 = (-moneyness + (rate + vol**2 / 2) * years) / (vol * jnp.sqrt(years))
    value = spot * normal_cdf(d1) - K * jnp.exp(-rate * years) * normal_cdf(d1 - vol * jnp.sqrt(years))
    return jnp.sum((value - price) ** 2) / 2


def structural_default() -> Model:
    """Equity is a call on the firm's assets; debts that default are compared with the distance to default."""
    log_assets, log_vol = IndexedBase("log_assets", shape=(N,)), symbols("log_vol", real=True)
    debt, equity = (IndexedBase(name, shape=(N,), positive=True) for name in ("debt", "equity"))
    defaulted, rate = IndexedBase("defaulted", shape=(N,)), symbols("rate", positive=True)
    assets, vol = exp(log_assets[n]), exp(log_vol)
    value = call(assets, debt[n], rate, 1, vol)
    distance = (log_assets[n] - log(debt[n]) + rate - vol**2 / 2) / vol
    likelihood = defaulted[n] * log(ndtr(-distance)) + (1 - defaulted[n]) * log(ndtr(distance))
    return Model(Sum((log(value) - log(equity[n])) ** 2 - likelihood, (n, 0, N - 1)), [log_assets, log_vol])


def structural_default_inputs(size: int, rng: np.random.Generator) -> Inputs:
    return {
        "log_assets": 1 + 0.3 * rng.random(size),
        "log_vol": -1.2,
        "debt": 1 + rng.random(size),
        "equity": 1 + rng.random(size),
        "defaulted": rng.integers(0, 2, size).astype(float),
        "rate": 0.03,
    }


def structural_default_reference(log_assets, log_vol, debt, equity, defaulted, rate):
    assets, vol = jnp.exp(log_assets), jnp.exp(log_vol)
    d1 = (log_assets - jnp.log(debt) + rate + vol**2 / 2) / vol
    value = assets * normal_cdf(d1) - debt * jnp.exp(-rate) * normal_cdf(d1 - vol)
    right = defaulted * jnp.log(normal_cdf(vol - d1)) + (1 - defaulted) * jnp.log(normal_cdf(d1 - vol))
    return jnp.sum((jnp.log(value) - jnp.log(equity)) ** 2 - right)


# --- interest: Nelson and Siegel (1987) -------------------------------------------------------------------------------


def yield_curve() -> Model:
    months, y = IndexedBase("months", shape=(T,), positive=True), IndexedBase("y", shape=(T,))
    b0, b1, b2 = symbols("b0 b1 b2", real=True)
    lam = symbols("lam", positive=True)
    x = lam * months[t]
    curve = b0 + b1 * (1 - exp(-x)) / x + b2 * ((1 - exp(-x)) / x - exp(-x))
    return Model(Sum((curve - y[t]) ** 2, (t, 0, T - 1)), [b0, b1, b2, lam])


def yield_curve_inputs(size: int, rng: np.random.Generator) -> Inputs:
    return {
        "b0": 4.0,
        "b1": -2.0,
        "b2": 1.5,
        "lam": 0.0609,
        "months": np.linspace(1, 360, size),
        "y": 3 + 0.5 * rng.normal(size=size),
    }


def yield_curve_short() -> Inputs:
    """Overnight money at a slow decay: (1 − exp(−x))/x for x from 1e-9."""
    return yield_curve_inputs(4, np.random.default_rng(5)) | {"months": np.array([1e-6, 1e-3, 1.0, 900.0]), "lam": 1e-3}


def yield_curve_reference(b0, b1, b2, lam, months, y):
    x = lam * months
    slope = -jnp.expm1(-x) / x
    return jnp.sum((b0 + b1 * slope + b2 * (slope - jnp.exp(-x)) - y) ** 2)


MODELS = (
    RealModel("mean and variance", mean_variance, mean_variance_inputs, mean_variance_reference, (5, 300)),
    RealModel("risk parity", risk_parity, risk_parity_inputs, risk_parity_reference, (4, 300)),
    RealModel(
        "expected shortfall",
        expected_shortfall,
        expected_shortfall_inputs,
        expected_shortfall_reference,
        (50, 10000),
        {"sharp": expected_shortfall_sharp},
    ),
    RealModel(
        "implied volatility", implied_volatility, implied_volatility_inputs, implied_volatility_reference, (5, 1000)
    ),
    RealModel(
        "structural default", structural_default, structural_default_inputs, structural_default_reference, (5, 1000)
    ),
    RealModel(
        "yield curve",
        yield_curve,
        yield_curve_inputs,
        yield_curve_reference,
        (10, 1000),
        {"short": yield_curve_short},
        tolerance=1e-9,  # the reference's slope − exp(−x) cancels for short times
    ),
)
