"""Losses of the example networks written a second time, in JAX, from the papers; nothing here knows symgrad.

Every function takes the arguments of the generated module by name and returns the loss.
"""

import itertools

import jax
import jax.numpy as jnp
from jax.nn import log_softmax, relu

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_disable_most_optimizations", True)  # they take longer than the tiny arrays here


def alphago(s, pi, z, c, **theta):
    h = relu(s @ theta["W"] + theta["b"])
    log_p = log_softmax(h @ theta["Wp"] + theta["bp"])
    v = jnp.tanh(h @ theta["wv"] + theta["bv"])
    decay = sum(jnp.sum(part**2) for part in theta.values())
    return jnp.mean((z - v)[:, 0] ** 2 - jnp.sum(pi * log_p, axis=1)) + c * decay


def dqn(W1, b1, W2, b2, state, after, action, reward, end, gamma):
    def Q(s):
        return relu(s @ W1 + b1) @ W2 + b2

    target = jax.lax.stop_gradient(reward + gamma * (1 - end) * Q(after).max(axis=1))
    chosen = jnp.take_along_axis(Q(state), action[:, None], axis=1)[:, 0]
    return jnp.mean((target - chosen) ** 2)


def detection(W, b, B, c, x, u, v, lam):
    def region(x, u, v):
        d = jnp.einsum("j,ji->i", x, B[:, u]) + c[u] - v
        box = jnp.where(jnp.abs(d) < 1, d**2 / 2, jnp.abs(d) - 0.5).sum()
        return -log_softmax(x @ W + b)[u] + lam * jnp.where(u > 0, box, 0.0)

    return jnp.mean(jax.vmap(region)(x, u, v))


def cycle(G1, G2, F1, F2, A1, A2, B1, B2, x, y, lam):
    def G(a):
        return jnp.tanh(a @ G1) @ G2

    def F(a):
        return jnp.tanh(a @ F1) @ F2

    adversarial = jnp.mean((jnp.tanh(G(x) @ B1) @ B2 - 1) ** 2) + jnp.mean((jnp.tanh(F(y) @ A1) @ A2 - 1) ** 2)
    return adversarial + lam * (jnp.mean(jnp.abs(F(G(x)) - x)) + jnp.mean(jnp.abs(G(F(y)) - y)))


def attention(W_q, W_k, W_v, X, T):
    scores = (X @ W_q) @ (X @ W_k).T / jnp.sqrt(W_q.shape[1])
    scores = jnp.where(jnp.tril(jnp.ones_like(scores)) > 0, scores, -jnp.inf)
    return jnp.sum((jnp.exp(log_softmax(scores)) @ X @ W_v - T) ** 2) / 2


def gpt(depth):
    def norm(X, g, b):
        return g * (X - X.mean(-1, keepdims=True)) / jnp.sqrt(X.var(-1, keepdims=True) + 1e-5) + b

    def loss(E, P, g, b, token, label, w, **theta):
        def attention(X, name):  # of one text
            heads = []
            for h in range(theta[f"Wq{name}"].shape[1]):
                q, k, v = (X @ theta[f"W{part}{name}"][:, h] for part in "qkv")
                scores = q @ k.T / q.shape[1] ** 0.5
                places = jnp.arange(len(X))
                scores = jnp.where(places[:, None] >= places[None, :], scores, -jnp.inf)
                heads.append(jnp.exp(log_softmax(scores)) @ v @ theta[f"Wo{name}"][h])
            return sum(heads)

        def text(token, label, w):
            X = E[token] + P
            for level in range(1, depth + 1):
                name = f"_{level}"
                X = X + attention(norm(X, theta[f"g{name}a"], theta[f"b{name}a"]), name)
                hidden = norm(X, theta[f"g{name}b"], theta[f"b{name}b"]) @ theta[f"W1{name}"] + theta[f"b1{name}"]
                X = X + jax.nn.gelu(hidden, approximate=True) @ theta[f"W2{name}"] + theta[f"b2{name}"]
            log_p = log_softmax(norm(X, g, b) @ E.T)
            return -jnp.sum(w * log_p[jnp.arange(len(X)), label])

        return jnp.sum(jax.vmap(text)(token, label, w)) / jnp.sum(w)

    return loss


def convolve(X, K, padding, stride=1):
    """Pictures (N, C, H, W) with kernels (F, C, P, Q), as networks understand convolution: not mirrored."""
    return jax.lax.conv_general_dilated(X, K, (stride, stride), [(padding, padding)] * 2)


def batch_norm(Z, gamma, beta):
    mean, variance = Z.mean((0, 2, 3), keepdims=True), Z.var((0, 2, 3), keepdims=True)
    return gamma[:, None, None] * (Z - mean) / jnp.sqrt(variance + 1e-5) + beta[:, None, None]


def cross_entropy(logits, label):
    return -jnp.mean(jnp.take_along_axis(log_softmax(logits), label[:, None], axis=1))


def lenet(K1, b1, K2, b2, W1, c1, W2, c2, X, label):
    def pool(Z):
        N, F, H, W = Z.shape
        return Z.reshape(N, F, H // 2, 2, W // 2, 2).max((3, 5))

    P1 = pool(relu(convolve(X[:, None], K1[:, None], 1) + b1[:, None, None]))
    P2 = pool(relu(convolve(P1, K2, 1) + b2[:, None, None]))
    A = relu(P2.reshape(len(X), -1) @ W1.reshape(-1, W1.shape[-1]) + c1)
    return cross_entropy(A @ W2 + c2, label)


def residual(K1, gamma1, beta1, K2, gamma2, beta2, X, T):
    A = relu(batch_norm(convolve(X, K1, 1), gamma1, beta1))
    Y = relu(X + batch_norm(convolve(A, K2, 1), gamma2, beta2))
    return jnp.sum((Y - T) ** 2) / 2


def style(X, K1, K2, P, A1, A2, alpha, beta):
    F1 = relu(convolve(X[None], K1, 0))
    F2 = relu(convolve(F1, K2, 0))[0]

    def layer(F, A):
        features = F.reshape(len(A), -1)
        return jnp.sum((features @ features.T - A) ** 2) / (4 * features.size**2)

    return alpha * jnp.sum((F2 - P) ** 2) / 2 + beta * (layer(F1[0], A1) + layer(F2, A2))


def _generated(z, V, gamma, beta, K):
    a = relu(batch_norm(jnp.einsum("nk,kfij->nfij", z, V), gamma, beta))
    # a transposed convolution is one of the picture with zeros in between by the mirrored kernel
    dilated = jax.lax.conv_general_dilated(a, K[None, :, ::-1, ::-1], (1, 1), [(2, 2)] * 2, lhs_dilation=(2, 2))
    return jnp.tanh(dilated)


def _judged(pictures, Q, d):
    features = convolve(pictures, Q[:, None], 1, stride=2)
    return jnp.einsum("nfij,fij->n", jax.nn.leaky_relu(features, 0.2), d)


def dcgan_generator(z, Q, d, **theta):
    return -jnp.mean(jax.nn.log_sigmoid(_judged(_generated(z, **theta), Q, d)))


def dcgan_discriminator(z, x, Q, d, **theta):
    fake, real = _judged(_generated(z, **theta), Q, d), _judged(x[:, None], Q, d)
    return -jnp.mean(jax.nn.log_sigmoid(real)) - jnp.mean(jax.nn.log_sigmoid(-fake))


def gru(x, Y, **theta):
    def gate(name, x, h):
        return x @ theta[f"W_{name}"] + h @ theta[f"U_{name}"] + theta[f"b_{name}"]

    h = jnp.zeros_like(Y)
    for step in x:
        z, r = jax.nn.sigmoid(gate("z", step, h)), jax.nn.sigmoid(gate("r", step, h))
        h = z * h + (1 - z) * jnp.tanh(gate("c", step, r * h))
    return jnp.sum((h - Y) ** 2) / 2


def handwriting(x, **theta):
    def stroke(h, x):  # of one text
        log_weight = log_softmax(h @ theta["V_weight"] + theta["v_weight"])
        total = 0.0
        for j in range(len(log_weight)):
            mean = h @ theta["V_mu"][:, j] + theta["v_mu"][j]
            spread = jnp.diag(jnp.exp(h @ theta["V_sigma"][:, j] + theta["v_sigma"][j]))
            rho = jnp.tanh(h @ theta["V_rho"][:, j] + theta["v_rho"][j])
            covariance = spread @ jnp.array([[1, rho], [rho, 1]]) @ spread
            total += jnp.exp(log_weight[j]) * jax.scipy.stats.multivariate_normal.pdf(x[:2], mean, covariance)
        e = jax.nn.sigmoid(h @ theta["V_end"])
        return -jnp.log(total) - x[2] * jnp.log(e) - (1 - x[2]) * jnp.log(1 - e)

    h = c = jnp.zeros((x.shape[1], len(theta["b_f"])))
    loss = 0.0
    for before, after in itertools.pairwise(x):
        raw = {g: before @ theta[f"W_{g}"] + h @ theta[f"U_{g}"] + theta[f"b_{g}"] for g in "fiog"}
        f, i, o = (jax.nn.sigmoid(raw[name]) for name in "fio")
        c = f * c + i * jnp.tanh(raw["g"])
        h = o * jnp.tanh(c)
        loss += jnp.sum(jax.vmap(stroke)(h, after))
    return loss


def mixture(a, mu, A, X):
    covariance = A @ A.transpose(0, 2, 1) + jnp.eye(mu.shape[1]) / 100
    log_normal = jax.vmap(jax.scipy.stats.multivariate_normal.logpdf, (None, 0, 0))(X, mu, covariance)
    return -jnp.sum(jax.nn.logsumexp(log_softmax(a)[:, None] + log_normal, axis=0))
