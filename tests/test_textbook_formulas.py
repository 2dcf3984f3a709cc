"""Formulas of textbook losses, line by line as a lecturer would write them in one line of text."""

import numpy as np
import pytest
from sympy import IndexedBase, Sum, Symbol, symbols

from symgrad import Model, if_else
from symgrad.formula.conditions import merged
from symgrad.formula.tidy import tidied
from tests.models import textbook

FORMULAS = {
    "logistic": """
C = −((𝟏 − y)ᵀlog(𝟏 − p) + yᵀlog(p))/N
z = b·𝟏 + X w
p = sigmoid(z)
∂C/∂z = 1/N·(p − y)
∂C/∂p = 1/N·(p − y)⊘(𝟏 − p)⊘p
∂C/∂w = Xᵀ∂C/∂z
∂C/∂b = sum(∂C/∂z)
""",
    "ridge": """
C = λ·‖w‖²/2 + ‖X w − y‖²/(2·N)
∂C/∂w = λ·w + 1/N·Xᵀ(X w − y)
""",
    "lasso": """
C = λ·‖w‖₁ + ‖X w − y‖²/(2·N)
∂C/∂w = λ·sign(w) + 1/N·Xᵀ(X w − y)
""",
    "elastic_net": """
C = λ·(mu·‖w‖₁ + ‖w‖²·(1 − mu)/2) + ‖X w − y‖²/(2·N)
∂C/∂w = λ·(mu·sign(w) + (1 − mu)·w) + 1/N·Xᵀ(X w − y)
""",
    "group_lasso": """
C = λ·‖w‖ + ‖X w − y‖
∂C/∂w = λ/‖w‖·w + 1/‖X w − y‖·Xᵀ(X w − y)
""",
    "huber": """
C = sum(if_else(|X w − y| ≤ delta, (X w − y)²/2, delta·(|X w − y| − delta/2)))
∂C/∂w = Xᵀif_else(|X w − y| ≤ delta, X w − y, delta·sign(X w − y))
""",
    "hinge": """
C = λ·‖w‖²/2 + sum(Max(0, 𝟏 − y∘(X w)))/N
∂C/∂w = λ·w − 1/N·Xᵀ(y∘step(𝟏 − y∘(X w)))
""",
    "probit": """
C = −sum(log_ndtr(y∘(X w)))
∂C/∂w = −Xᵀ(y∘(exp(−(y∘(X w))²/2)/(ndtr(y∘(X w))·√(2·π))))
""",
    "poisson": """
C = sum(exp(X w)) − yᵀX w
∂C/∂w = Xᵀ(exp(X w) − y)
""",
    "barrier": """
C = cᵀw − mu·sum(log(y − X w))
∂C/∂w = mu·Xᵀ(𝟏⊘(y − X w)) + c
""",
    "marginal_likelihood": """
C = N·log(2·π)/2 + yᵀ(sigma²·I + P)⁻¹ y/2 + logdet(sigma²·I + P)/2
∂C/∂sigma = sigma·(tr((sigma²·I + P)⁻¹) − yᵀ(sigma²·I + P)⁻² y)
""",
    "covariance": """
C = vᵀS⁻¹ v + logdet(S)
∂C/∂S = S⁻ᵀ − S⁻ᵀv vᵀS⁻ᵀ
""",
    "graphical_lasso": """
C = λ·‖S‖₁ + tr(A S) − logdet(S)
∂C/∂S = λ·sign(S) + Aᵀ − S⁻ᵀ
""",
    "mahalanobis": """
C = (x − mu)ᵀS⁻¹(x − mu)/2
∂C/∂mu = −1/2·(S⁻¹ + S⁻ᵀ)(x − mu)
∂C/∂S  = −1/2·S⁻ᵀ(x − mu)(x − mu)ᵀS⁻ᵀ
""",
    "gaussian_rows": """
C = N·logdet(S)/2 + tr((X − 𝟏 muᵀ)S⁻¹(X − 𝟏 muᵀ)ᵀ)/2
∂C/∂mu = −1/2·(S⁻¹ + S⁻ᵀ)(X − 𝟏 muᵀ)ᵀ𝟏
∂C/∂S  = 1/2·(N·S⁻ᵀ − S⁻ᵀ(X − 𝟏 muᵀ)ᵀ(X − 𝟏 muᵀ)S⁻ᵀ)
""",
    "matrix_normal": """
C = D·logdet(U)/2 + N·logdet(S)/2 + tr(S⁻¹(X − M)ᵀU⁻¹(X − M))/2
∂C/∂M = −1/2·(U⁻¹(X − M)S⁻¹ + U⁻ᵀ(X − M)S⁻ᵀ)
∂C/∂U = 1/2·(D·U⁻ᵀ − U⁻ᵀ(X − M)S⁻ᵀ(X − M)ᵀU⁻ᵀ)
""",
    "innovations": """
C = rᵀS⁻¹ r/2 + logdet(S)/2
r = z − H F x
S = H P Hᵀ + R
∂C/∂r = 1/2·(S⁻¹ + S⁻ᵀ)r
∂C/∂S = 1/2·(S⁻ᵀ − S⁻ᵀr rᵀS⁻ᵀ)
∂C/∂F = −Hᵀ∂C/∂r xᵀ
∂C/∂H = ∂C/∂S H Pᵀ + (∂C/∂S)ᵀH P − ∂C/∂r xᵀFᵀ
""",
    "autoencoder": """
C = ‖X − X U Uᵀ‖_F²
∂C/∂U = −2((X − X U Uᵀ)ᵀX + Xᵀ(X − X U Uᵀ))U
""",
    "factorisation": """
C = λ·(‖U‖_F² + ‖V‖_F²)/2 + ‖R − U Vᵀ‖_F²/2
∂C/∂U = λ·U − (R − U Vᵀ)V
∂C/∂V = λ·V − (R − U Vᵀ)ᵀU
""",
    "completion": """
C = ‖O∘(R − U Vᵀ)‖_F²/2
∂C/∂U = −(O∘²∘(R − U Vᵀ))V
∂C/∂V = −(O∘²∘(R − U Vᵀ))ᵀU
""",
    "attention": """
C = ‖O − T‖_F²/2
A = softmax(1/√D·Q Kᵀ)
O = A V
∂C/∂A = (O − T)Vᵀ
∂C/∂O = O − T
∂C/∂Q = 1/√D·(A∘((O − T)Vᵀ − (O∘(O − T))𝟏𝟏ᵀ))K
∂C/∂K = 1/√D·(A∘((O − T)Vᵀ − (O∘(O − T))𝟏𝟏ᵀ))ᵀQ
∂C/∂V = Aᵀ(O − T)
""",
    "rayleigh": """
C = vᵀA v/‖v‖²
∂C/∂v = 1/‖v‖²·(A + Aᵀ)v − 2·vᵀA v/‖v‖⁴·v
""",
    "discriminant": """
C = −vᵀA v/(vᵀS v)
∂C/∂v = (vᵀA v/(vᵀS v)²·(S + Sᵀ) − 1/(vᵀS v)·(A + Aᵀ))v
""",
    "cosine": """
C = 1 − aᵀc/(‖a‖·‖c‖)
∂C/∂a = 1/‖c‖·(aᵀc/‖a‖³·a − 1/‖a‖·c)
""",
    "smoothing": """
C = λ·fᵀL f/2 + ‖f − g‖²/2
∂C/∂f = λ/2·(L + Lᵀ)f + f − g
""",
    "perceptron": """
C = ‖yhat − y‖²/(2·N)
H    = tanh(X W1)
yhat = H W2
∂C/∂H    = ∂C/∂yhat W2ᵀ
∂C/∂yhat = 1/N·(yhat − y)
∂C/∂W1 = Xᵀ(∂C/∂H∘(𝟏𝟏ᵀ − H∘²))
∂C/∂W2 = Hᵀ∂C/∂yhat
""",
    "rectified": """
C = ‖H W2 − y‖²/2
H = Max(0, X W1 + 𝟏 b1)
∂C/∂H = (H W2 − y)W2ᵀ
∂C/∂W1 = Xᵀ(∂C/∂H∘step(X W1 + 𝟏 b1))
∂C/∂W2 = Hᵀ(H W2 − y)
∂C/∂b1 = 𝟏ᵀ(∂C/∂H∘step(X W1 + 𝟏 b1))
""",
    "negative_sampling": """
C = −log(sigmoid(cᵀo)) − sum(log(sigmoid(−V c)))
∂C/∂c = (sigmoid(cᵀo) − 1)·o + Vᵀsigmoid(V c)
""",
    "autoencoder_bound": """
C = (Σ_m,n (x[n, m] − Σ_j W[j, m]·z[n, j])²)/2 + (Σ_j,n (exp(s[n, j]) + mu[n, j]² − s[n, j] − 1))/2
z[n, j] = epsilon[n, j]·exp(s[n, j]/2) + mu[n, j]
∂C/∂z[n,j] = Σ_m W[j, m]·(Σ_i W[i, m]·z[n, i] − x[n, m])
∂C/∂mu[n,j] = mu[n, j] + ∂C/∂z[n, j]
∂C/∂s[n,j]  = epsilon[n, j]·∂C/∂z[n, j]·exp(s[n, j]/2)/2 + exp(s[n, j])/2 − 1/2
""",
    "hawkes": """
C = T·mu + (alpha·Σ_i (1 − exp(−beta·(T − t[i]))))/beta − Σ_i log(λ[i])
λ[i] = alpha·Σ_{j=0…i−1} exp(−beta·(t[i] − t[j])) + mu
∂C/∂λ[i] = −1/λ[i]
∂C/∂mu    = T + Σ_i ∂C/∂λ[i]
∂C/∂alpha = Σ_i ∂C/∂λ[i]·Σ_{j=0…i−1} exp(−beta·(t[i] − t[j])) + (Σ_i (1 − exp(beta·(t[i] − T))))/beta
""",
    "gamma_family": """
C = −Σ_i (alpha·log(beta) + log(x[i])·(alpha − 1) − beta·x[i] − loggamma(alpha))
∂C/∂alpha = N·digamma(alpha) − N·log(beta) − Σ_i log(x[i])
∂C/∂beta  = Σ_i x[i] − alpha·N/beta
""",
    "weibull_survival": """
C = −Σ_i (d[i]·(log(t[i]/λ)·(kappa − 1) + log(kappa) − log(λ)) − (t[i]/λ)^kappa)
∂C/∂λ     = (kappa·Σ_i (d[i] − (t[i]/λ)^kappa))/λ
∂C/∂kappa = Σ_i (t[i]/λ)^kappa·log(t[i]/λ) − Σ_i d[i]·log(t[i]/λ) − (Σ_i d[i])/kappa
""",
    "frechet": """
C = Σ_i (log(x[i]/sigma)·(alpha + 1) + log(sigma) + (x[i]/sigma)^(−alpha) − log(alpha))
∂C/∂sigma = (alpha·Σ_i ((x[i]/sigma)^(−alpha) − 1))/sigma
""",
    "inverse_gaussian": """
C = Σ_i (λ·(x[i] − mu)²/(2·mu²·x[i]) − log(λ)/2)
∂C/∂mu = (λ·Σ_i (mu − x[i]))/mu³
∂C/∂λ  = (Σ_i (x[i] − mu)²/x[i])/(2·mu²) − N/(2·λ)
""",
    "saturation": """
C = Σ_i (t[i] − alpha·x[i]/(beta + x[i]))²
∂C/∂alpha = 2·Σ_i x[i]·(alpha·x[i]/(beta + x[i]) − t[i])/(beta + x[i])
∂C/∂beta  = −2·alpha·Σ_i x[i]·(alpha·x[i] − t[i]·(beta + x[i]))/(beta + x[i])³
""",
    "normal_mixture": """
C = −Σ_n log(Σ_k w[k]·exp(−(x[n] − m[k])²/(2·sigma²))/(sigma·√(2·π)))
∂C/∂m[k] = −(w[k]·Σ_n exp(−(x[n] − m[k])²/(2·sigma²))·(x[n] − m[k])/(Σ_i w[i]·exp(−(x[n] − m[i])²/(2·sigma²))))/sigma²
""",
    "layer_norm": """
C = (Σ_j,n (y[n, j] − t[n, j])²)/2
mu[n]    = (Σ_j x[n, j])/D
sigma[n] = √(epsilon + (Σ_j (x[n, j] − mu[n])²)/D)
h[n, j]  = (x[n, j] − mu[n])/sigma[n]
y[n, j]  = gamma[j]·h[n, j]
∂C/∂mu[n]    = −(Σ_j gamma[j]·(y[n, j] − t[n, j]))/sigma[n]
∂C/∂sigma[n] = −(Σ_j gamma[j]·(x[n, j] − mu[n])·(y[n, j] − t[n, j]))/sigma[n]²
∂C/∂h[n,j]   = gamma[j]·(y[n, j] − t[n, j])
∂C/∂y[n,j]   = y[n, j] − t[n, j]
∂C/∂x[n,j]   = gamma[j]·(y[n, j] − t[n, j])/sigma[n] + ∂C/∂sigma[n]·(x[n, j] − mu[n])/(D·sigma[n]) + ∂C/∂mu[n]/D
∂C/∂gamma[j] = Σ_n h[n, j]·(y[n, j] − t[n, j])
""",
    "autoregression": """
C = (Σ_{t=K…N−1} (x[t] − Σ_k phi[k]·x[t − k − 1])²)/2
∂C/∂phi[k] = Σ_{i=K…N−1} x[i − k − 1]·(Σ_j phi[j]·x[i − j − 1] − x[i])
""",
    "convolution": """
C = (Σ_i (Σ_k f[k]·x[i + k] − y[i])²)/2
∂C/∂f[k] = Σ_i x[i + k]·(Σ_j f[j]·x[i + j] − y[i])
∂C/∂x[i] = Σ_k if_else((i − k ≥ 0) ∧ (i − k ≤ N − K), f[k]·(Σ_l f[l]·x[i + l − k] − y[i − k]), 0)
""",
    "lennard_jones": """
C = 4·epsilon·Σ_{i,j=0…i−1} (sigma¹²/r[i, j]¹² − sigma⁶/r[i, j]⁶)
r[i, j] = √(Σ_{k=0…2} (x[i, k] − x[j, k])²)
∂C/∂r[i,j] = if_else((j ≤ N − 2) ∧ (j ≤ i − 1), 24·epsilon·sigma⁶/r[i, j]⁷ − 48·epsilon·sigma¹²/r[i, j]¹³, 0)
∂C/∂x[i,k] = Σ_j ∂C/∂r[i, j]·(x[i, k] − x[j, k])/r[i, j] + Σ_j ∂C/∂r[j, i]·(x[i, k] − x[j, k])/r[i, j]
∂C/∂sigma  = 48·epsilon·sigma¹¹·Σ_{j,i=j+1…N−1} 1/r[i, j]¹² − 24·epsilon·sigma⁵·Σ_{j,i=j+1…N−1} 1/r[i, j]⁶
""",
    "huber_by_sign": """
C = Σ_n if_else(|r[n]| ≤ delta, r[n]²/2, if_else(r[n] > 0, delta·(r[n] − delta/2), −delta·(delta/2 + r[n])))
r[n] = y[n] − Σ_j w[j]·x[n, j]
∂C/∂r[n] = if_else(|r[n]| ≤ delta, r[n], if_else(r[n] > 0, delta, −delta))
∂C/∂w[j] = −Σ_n ∂C/∂r[n]·x[n, j]
""",
    "markowitz": """
C = λ·wᵀS w/2 − muᵀw
∂C/∂w = λ·S w − mu
""",
    "sharpe": """
C = −muᵀw/√(wᵀS w)
∂C/∂w = muᵀw/(wᵀS w)^(3/2)·S w − 1/√(wᵀS w)·mu
""",
    "risk_parity": """
C = √(wᵀS w) − sum(log(w))/D
∂C/∂w = 1/√(wᵀS w)·S w − 1/D·𝟏⊘w
""",
    "procrustes": """
C = beta·‖AᵀA − I‖_F²/4 + ‖X A − Z‖_F²/2
∂C/∂A = Xᵀ(X A − Z) + beta·A(AᵀA − I)
""",
    "generalised_least_squares": """
C = (y − X w)ᵀP⁻¹(y − X w)/2
∂C/∂w = −XᵀP⁻¹(y − X w)
""",
    "cox": """
C = −Σ_i d[i]·(eta[i] − log(Σ_{j=i…N−1} exp(eta[j])))
eta[i] = Σ_j w[j]·x[i, j]
∂C/∂eta[i] = exp(eta[i])·Σ_{j=0…i} d[j]/(Σ_{k=j…N−1} exp(eta[k])) − d[i]
∂C/∂w[j] = Σ_i ∂C/∂eta[i]·x[i, j]
""",
    "bradley_terry": """
C = −Σ_j,i c[i, j]·log(sigmoid(theta[i] − theta[j]))
∂C/∂theta[i] = Σ_j c[j, i]·sigmoid(theta[i] − theta[j]) − Σ_j c[i, j]·sigmoid(theta[j] − theta[i])
""",
    "contrastive": """
C = Σ_i logsumexp_j Z[i,j] − tr(Z)
Z = 1/tau·U Vᵀ
∂C/∂Z = softmax(Z) − I
∂C/∂U = 1/tau·(softmax(Z) − I)V
∂C/∂V = 1/tau·(softmax(Z)ᵀ − I)U
""",
    "garch": """
C = (Σ_t (log(h[t]) + r[t]²/h[t]))/2
h[t] = if_else(t > 0, alpha·r[t − 1]² + beta·h[t − 1] + omega, omega)
∂C/∂h[t] = (h[t] − r[t]²)/(2·h[t]²) + if_else(t ≤ N − 2, beta·∂C/∂h[t + 1], 0)
∂C/∂omega = ∂C/∂h[0] + Σ_t ∂C/∂h[t + 1]
∂C/∂alpha = Σ_t r[t]²·∂C/∂h[t + 1]
∂C/∂beta  = Σ_t h[t]·∂C/∂h[t + 1]
""",
}


@pytest.mark.parametrize("name", FORMULAS)
def test_a_formula_reads_as_in_the_textbook(name):
    shown = getattr(textbook, name)().show()
    lines = [line.strip() for line in shown.splitlines() if " = " in line]
    assert "\n".join(lines) == FORMULAS[name].strip()


def test_the_slope_of_softsign():
    """As a square, of which digits are left where |x| is large; 1 + |x| − x·sign(x) has none there."""
    x = Symbol("x", real=True)
    model = Model(x / (1 + abs(x)), [x])
    assert "∂C/∂x = 1/(|x| + 1)²" in model.show()
    module = model.compile(check=False, hessian=True)
    assert np.isclose(float(module.gradient(x=-1e9).x), 1 / (1 + 1e9) ** 2, rtol=1e-15)
    assert np.isclose(float(module.hessian(x=-1e9).x.x), 2 / (1 + 1e9) ** 3, rtol=1e-15)


def test_powers_are_merged_only_where_one_is_smaller_by_one():
    a, b, k, e = symbols("a b k e", positive=True)
    assert tidied(a * (a / b) ** (k - 1)) == b * (a / b) ** k
    assert tidied(-a * e * (a * b) ** (k - 1)) == -e * (a * b) ** k / b
    for same in (a * (e / b) ** (k - 1), a * (a / b) ** (k - 2), a * (a / b) ** k, a**2 * (a / b) ** (k - 1)):
        assert tidied(same) == same
    assert tidied((-a - b) ** 2 * (b - a) ** 2) == (a + b) ** 2 * (b - a) ** 2
    assert tidied((-a - b) ** 3) == (-a - b) ** 3


@pytest.mark.parametrize(("name", "parameter"), [("convolution", "f"), ("convolution", "x"), ("autoregression", "phi")])
def test_a_formula_with_shifted_indices_is_the_gradient(name, parameter):
    """The formula, read as a model of its own, against the generated gradient."""
    model = getattr(textbook, name)()
    (base,) = (one for one in model.parameters if str(one.label) == parameter)
    rng, sizes = np.random.default_rng(0), {textbook.N: 7, textbook.K: 3}
    given = {a.name: rng.normal(size=[int(side.subs(sizes)) for side in a.shape]) for a in model.arguments}
    slopes = getattr(model.compile(check=False).gradient(**given), parameter)
    weights = textbook.vector("q", base.shape[0])
    at = textbook.m
    again = Model(Sum(model.gradient(base[at]) * weights[at], (at, 0, base.shape[0] - 1)), [weights])
    given["q"] = np.ones(len(slopes))
    found = again.compile(check=False).gradient(**{a.name: given[a.name] for a in again.arguments}).q
    np.testing.assert_allclose(found, slopes, rtol=1e-12)


def test_parts_of_a_sum_that_ask_the_same_are_one_choice():
    a, b, k = symbols("a b k", real=True)
    u, n = IndexedBase("u"), Symbol("n", integer=True)
    asked = if_else(a > 0, b, 0) + if_else(b > 0, if_else(a > 0, 0, k), -if_else(a > 0, 0, k)) + k
    assert merged(asked) == k + if_else(a > 0, b, if_else(b > 0, k, -k))
    apart = if_else(a > 0, b, 0) + if_else(a >= 0, 0, k)  # 0 itself is no part of the first
    assert merged(apart) == apart
    inside = Sum(if_else(u[n] > 0, u[n], 0), (n, 0, 3)) + if_else(u[n] > 0, a, b)  # another n
    assert merged(inside) == inside
