"""Networks: multilayer perceptrons, a convolutional one, a recurrent one, attention."""

from collections.abc import Callable
from typing import Any

import numpy as np
from cases import Arrays, Case, one_hot, products, softmax_and_cross_entropy
from sympy import Eq, HadamardProduct, IndexedBase, MatrixSymbol, OneMatrix, Sum, log, sqrt, symbols, tanh

from symgrad import MaxOver, Model, relu, sigmoid, softmax, total

N, T, H, D, K, B, S = symbols("N T H D K B S", integer=True, positive=True)
n, t, j, k, l, i, c, o, p, q, b, d, f = symbols("n t j k l i c o p q b d f", integer=True)  # noqa: E741


# --- multilayer perceptron with tanh, softmax and cross-entropy -------------------------------------------------------


def _perceptron_model(depth: int) -> Model:
    sides = symbols(f"n:{depth + 1}", integer=True, positive=True)
    ones = OneMatrix(N, 1)
    target, P = MatrixSymbol("t", N, sides[depth]), MatrixSymbol("P", N, sides[depth])
    layer = MatrixSymbol("X", N, sides[0])
    parameters, blocks = [], []
    for level in range(1, depth + 1):
        W = MatrixSymbol(f"W{level}", sides[level - 1], sides[level])
        bias = MatrixSymbol(f"b{level}", 1, sides[level])
        Z = MatrixSymbol(f"Z{level}", N, sides[level])
        parameters += [W, bias]
        blocks.append(Eq(Z, layer * W + ones * bias))
        if level < depth:
            layer = MatrixSymbol(f"H{level}", N, sides[level])
            blocks.append(Eq(layer, Z.applyfunc(tanh)))
    return Model(
        -total(HadamardProduct(target, P.applyfunc(log))),
        parameters,
        where=[*blocks, Eq(P, softmax(Z))],
        facts=[Eq(target * OneMatrix(sides[depth], 1), ones)],
        name=f"network of {depth} layers",
    )


def _perceptron_loss(xp: Any, X: Any, t: Any, **parameters: Any) -> Any:
    layer, depth = X, len(parameters) // 2
    for level in range(1, depth + 1):
        layer = layer @ parameters[f"W{level}"] + parameters[f"b{level}"]
        if level < depth:
            layer = xp.tanh(layer)
    return -xp.sum(t * xp.log_softmax(layer))


def _perceptron_expert(X: np.ndarray, t: np.ndarray, **parameters: np.ndarray) -> tuple[Any, ...]:
    depth = len(parameters) // 2
    layers = [X]
    for level in range(1, depth + 1):
        z = layers[-1] @ parameters[f"W{level}"]
        z += parameters[f"b{level}"]
        layers.append(z if level == depth else np.tanh(z, out=z))
    delta, loss = softmax_and_cross_entropy(layers.pop(), t)
    delta -= t
    gradient: list[np.ndarray] = []
    for level in range(depth, 0, -1):
        layer = layers.pop()
        gradient = [layer.T @ delta, delta.sum(axis=0), *gradient]
        if level > 1:
            delta = delta @ parameters[f"W{level}"].T
            layer *= layer
            np.subtract(1, layer, out=layer)
            delta *= layer
    return loss, *gradient


def _perceptron_limit(X: np.ndarray, t: np.ndarray, **parameters: np.ndarray) -> Callable[[], None]:
    pairs, layer = [], X
    for level in range(1, len(parameters) // 2 + 1):
        W = parameters[f"W{level}"]
        out = np.ones((len(X), W.shape[1]), dtype=X.dtype)
        pairs += [(layer, W), (layer.T, out)] + ([(out, W.T)] if level > 1 else [])
        layer = out
    return products(*pairs)


def perceptron(name: str, rows: int, *sides: int, quick: bool = True) -> Case:
    depth = len(sides) - 1
    names = tuple(f"{letter}{level}" for level in range(1, depth + 1) for letter in "Wb")

    def arrays(rng: np.random.Generator) -> Arrays:
        made: Arrays = {}
        for level in range(1, depth + 1):
            inputs, outputs = sides[level - 1 : level + 1]
            made[f"W{level}"] = rng.normal(size=(inputs, outputs)) / np.sqrt(inputs)
            made[f"b{level}"] = 0.1 * rng.normal(size=outputs)
        return {**made, "X": rng.normal(size=(rows, sides[0])), "t": one_hot(rng, rows, sides[-1])}

    return Case(
        name=name,
        model=lambda: _perceptron_model(depth),
        arrays=arrays,
        parameters=names,
        expert=_perceptron_expert,
        loss=_perceptron_loss,
        limit=_perceptron_limit,
        quick=quick,
    )


# --- LeNet: two convolutions of 5×5 with relu and max pooling, three full layers --------------------------------------


def _lenet_model() -> Model:
    def array(name: str, *shape: Any) -> Any:
        return IndexedBase(name, shape=shape)

    def convolution(name: str, image: Any, channels: int, kernel: Any, bias: Any, outputs: int, side: int) -> list[Any]:
        z, a = array(f"z{name}", N, outputs, side, side), array(f"a{name}", N, outputs, side, side)
        half = side // 2
        pooled = array(f"h{name}", N, outputs, half, half)
        window = image[n, c, i + p, j + q] * kernel[o, c, p, q]
        made = Sum(window, (c, 0, channels - 1), (p, 0, 4), (q, 0, 4)) + bias[o]
        return [
            Eq(z[n, o, i, j], made),
            Eq(a[n, o, i, j], relu(z[n, o, i, j])),
            Eq(pooled[n, o, i, j], MaxOver(a[n, o, 2 * i + p, 2 * j + q], (p, 0, 1), (q, 0, 1))),
        ]

    x, target, P = array("x", N, 1, 32, 32), array("t", N, 10), array("P", N, 10)
    W1, b1, W2, b2 = array("W1", 6, 1, 5, 5), array("b1", 6), array("W2", 16, 6, 5, 5), array("b2", 16)
    W3, b3 = array("W3", 16, 5, 5, 120), array("b3", 120)
    W4, b4, W5, b5 = array("W4", 120, 84), array("b4", 84), array("W5", 84, 10), array("b5", 10)
    h1, h2 = array("h1", N, 6, 14, 14), array("h2", N, 16, 5, 5)
    h3, h4, z5 = array("h3", N, 120), array("h4", N, 84), array("z5", N, 10)
    flat = Sum(h2[n, c, p, q] * W3[c, p, q, k], (c, 0, 15), (p, 0, 4), (q, 0, 4))
    return Model(
        -Sum(target[n, k] * log(P[n, k]), (n, 0, N - 1), (k, 0, 9)),
        [W1, b1, W2, b2, W3, b3, W4, b4, W5, b5],
        where=[
            *convolution("1", x, 1, W1, b1, 6, 28),
            *convolution("2", h1, 6, W2, b2, 16, 10),
            Eq(h3[n, k], relu(flat + b3[k])),
            Eq(h4[n, k], relu(Sum(h3[n, l] * W4[l, k], (l, 0, 119)) + b4[k])),
            Eq(z5[n, k], Sum(h4[n, l] * W5[l, k], (l, 0, 83)) + b5[k]),
            Eq(P[n, k], softmax(z5[n, k], (k, 0, 9))),
        ],
        facts=[Eq(Sum(target[n, k], (k, 0, 9)), 1)],
        name="LeNet",
    )


def _lenet_arrays(rng: np.random.Generator) -> Arrays:
    def weights(*shape: int, inputs: int) -> np.ndarray:
        return rng.normal(size=shape) / np.sqrt(inputs)

    return {
        "W1": weights(6, 1, 5, 5, inputs=25),
        "b1": 0.1 * rng.normal(size=6),
        "W2": weights(16, 6, 5, 5, inputs=150),
        "b2": 0.1 * rng.normal(size=16),
        "W3": weights(16, 5, 5, 120, inputs=400),
        "b3": 0.1 * rng.normal(size=120),
        "W4": weights(120, 84, inputs=120),
        "b4": 0.1 * rng.normal(size=84),
        "W5": weights(84, 10, inputs=84),
        "b5": 0.1 * rng.normal(size=10),
        "x": rng.normal(size=(64, 1, 32, 32)),
        "t": one_hot(rng, 64, 10),
    }


def _lenet_loss(xp: Any, *, x: Any, t: Any, **w: Any) -> Any:
    h = xp.max_pool(xp.relu(xp.convolve(x, w["W1"]) + w["b1"][:, None, None]))
    h = xp.max_pool(xp.relu(xp.convolve(h, w["W2"]) + w["b2"][:, None, None]))
    h = xp.relu(h.reshape((64, 400)) @ w["W3"].reshape((400, 120)) + w["b3"])
    h = xp.relu(h @ w["W4"] + w["b4"])
    return -xp.sum(t * xp.log_softmax(h @ w["W5"] + w["b5"]))


def _patches(x: np.ndarray) -> np.ndarray:
    """The 5×5 windows of images (N, C, h, w) as the rows of a matrix: a row a place, a column an entry of a kernel."""
    windows = np.lib.stride_tricks.sliding_window_view(x, (5, 5), axis=(2, 3))
    return windows.transpose(0, 2, 3, 1, 4, 5).reshape(-1, x.shape[1] * 25)


def _pool(a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """relu and 2×2 maxima of (N, h, w, C) at once, and where each maximum is."""
    count, high, wide, channels = a.shape
    blocks = a.reshape(count, high // 2, 2, wide // 2, 2, channels)
    top = blocks.max(axis=(2, 4), keepdims=True)
    chosen = (blocks == top) & (top > 0)
    return np.maximum(top[:, :, 0, :, 0], 0), chosen


def _lenet_expert(x: np.ndarray, t: np.ndarray, **w: np.ndarray) -> tuple[Any, ...]:
    count = len(x)
    kernel1, kernel2 = w["W1"].reshape(6, 25).T, w["W2"].reshape(16, 150).T
    patches1 = _patches(x)
    z1 = patches1 @ kernel1
    z1 += w["b1"]
    h1, chosen1 = _pool(z1.reshape(count, 28, 28, 6))
    patches2 = _patches(h1.transpose(0, 3, 1, 2))
    z2 = patches2 @ kernel2
    z2 += w["b2"]
    h2, chosen2 = _pool(z2.reshape(count, 10, 10, 16))
    flat = h2.transpose(0, 3, 1, 2).reshape(count, 400)
    W3 = w["W3"].reshape(400, 120)
    h3 = np.maximum(flat @ W3 + w["b3"], 0)
    h4 = np.maximum(h3 @ w["W4"] + w["b4"], 0)
    delta, loss = softmax_and_cross_entropy(h4 @ w["W5"] + w["b5"], t)
    delta -= t
    by_W5, by_b5 = h4.T @ delta, delta.sum(axis=0)
    delta = (delta @ w["W5"].T) * (h4 > 0)
    by_W4, by_b4 = h3.T @ delta, delta.sum(axis=0)
    delta = (delta @ w["W4"].T) * (h3 > 0)
    by_W3, by_b3 = flat.T @ delta, delta.sum(axis=0)
    by_h2 = (delta @ W3.T).reshape(count, 16, 5, 5).transpose(0, 2, 3, 1)
    by_z2 = (chosen2 * by_h2[:, :, None, :, None]).reshape(-1, 16)
    by_kernel2, by_b2 = patches2.T @ by_z2, by_z2.sum(axis=0)
    by_patches = (by_z2 @ kernel2.T).reshape(count, 10, 10, 6, 5, 5)
    by_h1 = np.zeros((count, 14, 14, 6), dtype=x.dtype)
    for row in range(5):
        for column in range(5):
            by_h1[:, row : row + 10, column : column + 10] += by_patches[..., row, column]
    by_z1 = (chosen1 * by_h1[:, :, None, :, None]).reshape(-1, 6)
    by_kernel1, by_b1 = patches1.T @ by_z1, by_z1.sum(axis=0)
    by_W1, by_W2 = by_kernel1.T.reshape(6, 1, 5, 5), by_kernel2.T.reshape(16, 6, 5, 5)
    return loss, by_W1, by_b1, by_W2, by_b2, by_W3.reshape(16, 5, 5, 120), by_b3, by_W4, by_b4, by_W5, by_b5


def _lenet_limit(x: np.ndarray, t: np.ndarray, **w: np.ndarray) -> Callable[[], None]:
    def ones(*shape: int) -> np.ndarray:
        return np.ones(shape, dtype=x.dtype)

    places1, places2, count = len(x) * 28 * 28, len(x) * 100, len(x)
    pairs = [(ones(places1, 25), ones(25, 6)), (ones(25, places1), ones(places1, 6))]
    for rows, inner, outputs in ((places2, 150, 16), (count, 400, 120), (count, 120, 84), (count, 84, 10)):
        layer, weights, out = ones(rows, inner), ones(inner, outputs), ones(rows, outputs)
        pairs += [(layer, weights), (layer.T, out), (out, weights.T)]
    return products(*pairs)


LENET = Case(
    name="lenet-64",
    model=_lenet_model,
    arrays=_lenet_arrays,
    parameters=("W1", "b1", "W2", "b2", "W3", "b3", "W4", "b4", "W5", "b5"),
    expert=_lenet_expert,
    loss=_lenet_loss,
    limit=_lenet_limit,
)


# --- LSTM: the four gates side by side in W, U and b; cross-entropy of the last state ---------------------------------

STEPS, SEQUENCES, FEATURES, STATE, CLASSES = 50, 32, 64, 64, 10


def _lstm_model() -> Model:
    x, target = IndexedBase("x", shape=(T, N, D)), IndexedBase("t", shape=(N, K))
    W, U, bias = (
        IndexedBase("W", shape=(D, 4 * H)),
        IndexedBase("U", shape=(H, 4 * H)),
        IndexedBase("b", shape=(4 * H,)),
    )
    V, P = IndexedBase("V", shape=(H, K)), IndexedBase("P", shape=(N, K))
    h, cell = IndexedBase("h", shape=(T + 1, N, H)), IndexedBase("c", shape=(T + 1, N, H))

    def gate(place: int) -> Any:
        column = place * H + k
        forward = Sum(x[t - 1, n, j] * W[j, column], (j, 0, D - 1))
        return forward + Sum(h[t - 1, n, l] * U[l, column], (l, 0, H - 1)) + bias[column]

    entry, forget, exit_, candidate = sigmoid(gate(0)), sigmoid(gate(1)), sigmoid(gate(2)), tanh(gate(3))
    return Model(
        -Sum(target[n, k] * log(P[n, k]), (n, 0, N - 1), (k, 0, K - 1)),
        [W, U, bias, V],
        where=[
            Eq(h[0, n, k], 0),
            Eq(cell[0, n, k], 0),
            Eq(cell[t, n, k], forget * cell[t - 1, n, k] + entry * candidate),
            Eq(h[t, n, k], exit_ * tanh(cell[t, n, k])),
            Eq(P[n, k], softmax(Sum(h[T, n, l] * V[l, k], (l, 0, H - 1)), (k, 0, K - 1))),
        ],
        facts=[Eq(Sum(target[n, k], (k, 0, K - 1)), 1)],
        name="LSTM",
    )


def _lstm_arrays(rng: np.random.Generator) -> Arrays:
    return {
        "W": rng.normal(size=(FEATURES, 4 * STATE)) / np.sqrt(FEATURES),
        "U": rng.normal(size=(STATE, 4 * STATE)) / np.sqrt(STATE),
        "b": 0.1 * rng.normal(size=4 * STATE),
        "V": rng.normal(size=(STATE, CLASSES)) / np.sqrt(STATE),
        "x": rng.normal(size=(STEPS, SEQUENCES, FEATURES)),
        "t": one_hot(rng, SEQUENCES, CLASSES),
    }


def _lstm_loss(xp: Any, W: Any, U: Any, b: Any, V: Any, x: Any, t: Any) -> Any:
    def step(entry: Any, h: Any, cell: Any, U: Any) -> tuple[Any, Any]:
        z = entry + h @ U
        gates = xp.sigmoid(z[:, : 3 * STATE])
        cell = gates[:, STATE : 2 * STATE] * cell + gates[:, :STATE] * xp.tanh(z[:, 3 * STATE :])
        return gates[:, 2 * STATE :] * xp.tanh(cell), cell

    entries = x @ W + b
    start = 0 * entries[0, :, :STATE]
    h, _ = xp.scan(step, entries, (start, start), U)
    return -xp.sum(t * xp.log_softmax(h @ V))


def _lstm_expert(
    W: np.ndarray, U: np.ndarray, b: np.ndarray, V: np.ndarray, x: np.ndarray, t: np.ndarray
) -> tuple[Any, ...]:
    steps, count, features = x.shape
    side = len(U)
    gates = (x.reshape(-1, features) @ W).reshape(steps, count, -1)
    gates += b
    h, cell, bent = np.zeros((3, steps + 1, count, side), dtype=x.dtype)
    for s in range(steps):
        z = gates[s]
        z += h[s] @ U
        z[:, : 3 * side] *= 0.5  # sigmoid(z) = (1 + tanh(z / 2)) / 2: one function for all four gates
        np.tanh(z, out=z)
        z[:, : 3 * side] += 1
        z[:, : 3 * side] *= 0.5
        i, f, o, g = np.split(z, 4, axis=1)
        cell[s + 1] = f * cell[s] + i * g
        np.tanh(cell[s + 1], out=bent[s + 1])
        h[s + 1] = o * bent[s + 1]
    delta, loss = softmax_and_cross_entropy(h[-1] @ V, t)
    delta -= t
    by_V, by_h = h[-1].T @ delta, delta @ V.T
    by_cell = np.zeros_like(by_h)
    by_gates = np.empty_like(gates)
    for s in range(steps - 1, -1, -1):
        i, f, o, g = np.split(gates[s], 4, axis=1)
        di, df, do, dg = np.split(by_gates[s], 4, axis=1)
        by_cell += by_h * o * (1 - bent[s + 1] ** 2)
        di[:] = by_cell * g * i * (1 - i)
        df[:] = by_cell * cell[s] * f * (1 - f)
        do[:] = by_h * bent[s + 1] * o * (1 - o)
        dg[:] = by_cell * i * (1 - g * g)
        by_cell *= f
        by_h = by_gates[s] @ U.T
    flat = by_gates.reshape(-1, 4 * side)
    return loss, x.reshape(-1, features).T @ flat, h[:-1].reshape(-1, side).T @ flat, flat.sum(axis=0), by_V


def _lstm_limit(
    W: np.ndarray, U: np.ndarray, b: np.ndarray, V: np.ndarray, x: np.ndarray, t: np.ndarray
) -> Callable[[], None]:
    flat = x.reshape(-1, x.shape[2])
    gates, states = flat @ W, np.ones((len(flat), len(U)), dtype=x.dtype)
    h, z = states[: x.shape[1]], gates[: x.shape[1]]
    return products((flat, W), (flat.T, gates), (states.T, gates), *[(h, U), (z, U.T)] * len(x))


LSTM = Case(
    name="lstm-50x32x64",
    model=_lstm_model,
    arrays=_lstm_arrays,
    parameters=("W", "U", "b", "V"),
    expert=_lstm_expert,
    loss=_lstm_loss,
    limit=_lstm_limit,
)


# --- attention: ½‖softmax(QKᵀ/√D) V − T‖² for 16 sequences of 64 places and 64 features -------------------------------


def _attention_model() -> Model:
    x, target = IndexedBase("x", shape=(B, S, D)), IndexedBase("t", shape=(B, S, D))
    Wq, Wk, Wv = (IndexedBase(name, shape=(D, D)) for name in ("Wq", "Wk", "Wv"))
    Q, Key, V, Y = (IndexedBase(name, shape=(B, S, D)) for name in ("Q", "K", "V", "Y"))
    P = IndexedBase("P", shape=(B, S, S))

    def projection(to: Any, W: Any) -> Eq:
        return Eq(to[b, i, d], Sum(x[b, i, f] * W[f, d], (f, 0, D - 1)))

    scores = Sum(Q[b, i, d] * Key[b, j, d], (d, 0, D - 1)) / sqrt(D)
    return Model(
        Sum((Y[b, i, d] - target[b, i, d]) ** 2, (b, 0, B - 1), (i, 0, S - 1), (d, 0, D - 1)) / 2,
        [Wq, Wk, Wv],
        where=[
            projection(Q, Wq),
            projection(Key, Wk),
            projection(V, Wv),
            Eq(P[b, i, j], softmax(scores, (j, 0, S - 1))),
            Eq(Y[b, i, d], Sum(P[b, i, j] * V[b, j, d], (j, 0, S - 1))),
        ],
        name="attention",
    )


def _attention_arrays(rng: np.random.Generator) -> Arrays:
    weights = {name: rng.normal(size=(64, 64)) / 8 for name in ("Wq", "Wk", "Wv")}
    return {**weights, "x": rng.normal(size=(16, 64, 64)), "t": rng.normal(size=(16, 64, 64))}


def _attention_loss(xp: Any, Wq: Any, Wk: Any, Wv: Any, x: Any, t: Any) -> Any:
    scores = (x @ Wq) @ xp.swap(x @ Wk) / xp.side(x, 2) ** 0.5
    residual = xp.softmax(scores) @ (x @ Wv) - t
    return xp.sum(residual * residual) / 2


def _attention_expert(Wq: np.ndarray, Wk: np.ndarray, Wv: np.ndarray, x: np.ndarray, t: np.ndarray) -> tuple[Any, ...]:
    side = x.shape[2]
    flat = x.reshape(-1, side)
    Q, Key, V = ((flat @ W).reshape(x.shape) for W in (Wq * side**-0.5, Wk, Wv))
    P = Q @ Key.swapaxes(1, 2)
    P -= P.max(axis=2, keepdims=True)
    np.exp(P, out=P)
    P /= P.sum(axis=2, keepdims=True)
    Y = P @ V
    Y -= t
    by_V = P.swapaxes(1, 2) @ Y
    by_P = Y @ V.swapaxes(1, 2)
    by_P -= np.einsum("bij,bij->bi", by_P, P)[:, :, None]
    by_P *= P
    by_Q, by_K = by_P @ Key, by_P.swapaxes(1, 2) @ Q
    by_Wq, by_Wk, by_Wv = (flat.T @ by.reshape(-1, side) for by in (by_Q, by_K, by_V))
    by_Wq *= side**-0.5
    return np.vdot(Y, Y) / 2, by_Wq, by_Wk, by_Wv


def _attention_limit(
    Wq: np.ndarray, Wk: np.ndarray, Wv: np.ndarray, x: np.ndarray, t: np.ndarray
) -> Callable[[], None]:
    flat = x.reshape(-1, x.shape[2])
    P = x @ x.swapaxes(1, 2)
    projections = [pair for W in (Wq, Wk, Wv) for pair in ((flat, W), (flat.T, flat))]
    return products(*projections, *[(x, x.swapaxes(1, 2))] * 2, *[(P, x)] * 2, *[(P.swapaxes(1, 2), x)] * 2)


ATTENTION = Case(
    name="attention-16x64x64",
    model=_attention_model,
    arrays=_attention_arrays,
    parameters=("Wq", "Wk", "Wv"),
    expert=_attention_expert,
    loss=_attention_loss,
    limit=_attention_limit,
)

CASES = [
    perceptron("mlp-32-64-32-10", 32, 64, 32, 10),
    perceptron("mlp-256-64-100-10", 256, 64, 100, 10),
    perceptron("mlp-256-784-256-10", 256, 784, 256, 10),
    perceptron("mlp-4096-784-512-10", 4096, 784, 512, 10, quick=False),
    perceptron("mlp-60000-64-32-10", 60_000, 64, 32, 10),
    perceptron("mlp-256-ten-of-256", 256, *[256] * 11),
    LENET,
    LSTM,
    ATTENTION,
]
