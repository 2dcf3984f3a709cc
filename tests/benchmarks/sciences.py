"""Models of the sciences: a torus, potentials, levels of groups, an arm, packed triangles."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from cases import Arrays, Case
from regression import gmm_expert, gmm_loss
from sympy import Eq, IndexedBase, Mod, Sum, cos, exp, lambdify, sin, symbols

from symgrad import LogSumExp, Model, if_else

N, M, K, D, T, J, R = symbols("N M K D T J R", integer=True, positive=True)
n, m, i, j, k, t, a = symbols("n m i j k t a", integer=True)


def array(name: str, *shape: Any, integer: bool | None = None) -> Any:
    return IndexedBase(name, shape=shape, integer=integer)


# --- Poisson's equation on a torus: the residual of a stencil with periodic ends --------------------------------------


def _torus_model() -> Model:
    u, f = array("u", N, M), array("f", N, M)
    around = u[Mod(n - 1, N), m] + u[Mod(n + 1, N), m] + u[n, Mod(m - 1, M)] + u[n, Mod(m + 1, M)]
    return Model(Sum((around - 4 * u[n, m] - f[n, m]) ** 2, (n, 0, N - 1), (m, 0, M - 1)) / 2, [u], name="torus")


def _torus_loss(xp: Any, u: Any, f: Any) -> Any:
    around = sum(xp.roll(u, step, axis) for step in (1, -1) for axis in (0, 1))
    return xp.sum((around - 4 * u - f) ** 2) / 2


def _laplacian(u: np.ndarray) -> np.ndarray:
    out = -4 * u
    for axis in (0, 1):
        for step in (1, -1):
            out += np.roll(u, step, axis)
    return out


def _torus_expert(u: np.ndarray, f: np.ndarray) -> tuple[Any, ...]:
    residual = _laplacian(u)
    residual -= f
    return np.vdot(residual, residual) / 2, _laplacian(residual)


TORUS = Case(
    "torus-500x500",
    _torus_model,
    lambda rng: {"u": rng.normal(size=(500, 500)), "f": rng.normal(size=(500, 500))},
    ("u",),
    _torus_expert,
    _torus_loss,
)


# --- Lennard and Jones (1924), all pairs ------------------------------------------------------------------------------


def _potential_model() -> Model:
    x = array("x", N, 3)
    square = Sum((x[i, a] - x[j, a]) ** 2, (a, 0, 2))
    loss = Sum(if_else(i < j, 4 * (square**-6 - square**-3), 0), (i, 0, N - 1), (j, 0, N - 1))
    return Model(loss, [x], name="Lennard-Jones")


def _potential_loss(xp: Any, x: Any) -> Any:
    same = np.eye(xp.side(x, 0))
    apart = xp.sum((x[:, None] - x[None]) ** 2, 2) + same
    return xp.sum((1 - same) * 2 * (apart**-6 - apart**-3))


def _potential_expert(x: np.ndarray) -> tuple[Any, ...]:
    d = x.T[:, :, None] - x.T[:, None]
    square = np.einsum("aij,aij->ij", d, d)
    np.fill_diagonal(square, np.inf)
    third = square**-3
    slope = (6 * third - 12 * third * third) / square
    return 2 * np.vdot(third, third) - 2 * third.sum(), 4 * np.einsum("ij,aij->ia", slope, d)


def _lattice(rng: np.random.Generator) -> Arrays:
    corners = np.stack(np.meshgrid(*[np.arange(6)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)[:200]
    return {"x": 1.2 * corners + 0.1 * rng.normal(size=(200, 3))}


POTENTIAL = Case("lennard-jones-200", _potential_model, _lattice, ("x",), _potential_expert, _potential_loss)


# --- radon in houses by county: levels and slopes that vary (Gelman and Hill 2007) ------------------------------------


def _radon_model() -> Model:
    mu, spread, z, noise = array("mu", 2), array("spread", 2), array("z", J, 2), symbols("noise", real=True)
    y, floor, county = array("y", N), array("floor", N), array("county", N, integer=True)
    level, slope = (mu[k] + exp(spread[k]) * z[county[n], k] for k in (0, 1))
    error = (y[n] - level - slope * floor[n]) * exp(-noise)
    prior = Sum(z[j, k] ** 2, (j, 0, J - 1), (k, 0, 1)) + Sum(mu[k] ** 2 + spread[k] ** 2, (k, 0, 1)) + noise**2
    return Model(prior / 2 + Sum(error**2 / 2 + noise, (n, 0, N - 1)), [mu, spread, z, noise], name="radon")


def _radon_loss(xp: Any, mu: Any, spread: Any, z: Any, noise: Any, y: Any, floor: Any, county: Any) -> Any:
    by_county = mu + xp.exp(spread) * z
    found = by_county[county]
    error = (y - found[:, 0] - found[:, 1] * floor) * xp.exp(-noise)
    prior = xp.sum(z * z) + xp.sum(mu * mu) + xp.sum(spread * spread) + noise * noise
    return prior / 2 + xp.sum(error * error) / 2 + xp.side(y, 0) * noise


def _radon_expert(
    mu: np.ndarray,
    spread: np.ndarray,
    z: np.ndarray,
    noise: np.ndarray,
    y: np.ndarray,
    floor: np.ndarray,
    county: np.ndarray,
) -> tuple[Any, ...]:
    scale, weight = np.exp(spread), np.exp(-2 * noise)
    found = (mu + scale * z)[county]
    error = found[:, 0] + found[:, 1] * floor - y
    square = weight * (error @ error)
    error *= weight
    sums = np.stack([np.bincount(county, part, len(z)) for part in (error, error * floor)], axis=1)
    prior = np.vdot(z, z) + mu @ mu + spread @ spread + noise * noise
    loss = (prior + square) / 2 + len(y) * noise
    slopes = mu + sums.sum(axis=0), spread + scale * (sums * z).sum(axis=0), z + scale * sums
    return loss, *(slope.astype(y.dtype) for slope in slopes), noise - square + len(y)


RADON = Case(
    "radon-919x85",
    _radon_model,
    lambda rng: {
        **{"mu": rng.normal(size=2), "spread": rng.normal(size=2) / 3, "z": rng.normal(size=(85, 2))},
        **{"noise": np.array(-0.2), "y": rng.normal(size=919), "floor": rng.integers(2, size=919) * 1.0},
        "county": rng.integers(85, size=919),
    },
    ("mu", "spread", "z", "noise"),
    _radon_expert,
    _radon_loss,
)


# --- an arm of six joints in space, in scalars: how far its hand is from where it should be ---------------------------

_JOINTS, _GOAL = tuple(f"q{joint}" for joint in range(1, 7)), ("gx", "gy", "gz")


def _hand(q: Any, sine: Callable[[Any], Any], cosine: Callable[[Any], Any]) -> tuple[Any, Any, Any]:
    """Where the hand is: a base that turns, links that bend in its plane, the last one out of it."""
    bent = [q[1]]
    for angle in q[2:4]:
        bent.append(bent[-1] + angle)
    reach = sum(length * cosine(angle) for length, angle in zip((0.5, 0.4, 0.25), bent, strict=True))
    height = sum(length * sine(angle) for length, angle in zip((0.5, 0.4, 0.25), bent, strict=True))
    ahead, aside = cosine(q[4]) * cosine(q[5]) / 8, sine(q[5]) / 8
    reach, height = reach + cosine(bent[-1]) * ahead, height + sine(bent[-1]) * ahead + sine(q[4]) / 8
    return cosine(q[0]) * reach - sine(q[0]) * aside, sine(q[0]) * reach + cosine(q[0]) * aside, height


def _arm_model() -> Model:
    joints, goal = symbols(" ".join(_JOINTS), real=True), symbols(" ".join(_GOAL), real=True)
    loss = sum((at - to) ** 2 for at, to in zip(_hand(joints, sin, cos), goal, strict=True))
    return Model(loss, list(joints), name="arm")


def _arm_loss(xp: Any, **given: Any) -> Any:
    found = _hand([given[name] for name in _JOINTS], xp.sin, xp.cos)
    return sum((at - given[name]) ** 2 for at, name in zip(found, _GOAL, strict=True))


@cache
def _arm_code() -> Callable[..., list[Any]]:
    joints, goal = symbols(" ".join(_JOINTS), real=True), symbols(" ".join(_GOAL), real=True)
    loss = sum((at - to) ** 2 for at, to in zip(_hand(joints, sin, cos), goal, strict=True))
    return lambdify([*joints, *goal], [loss, *(loss.diff(joint) for joint in joints)], "numpy", cse=True)


def _arm_expert(**given: np.ndarray) -> list[Any]:
    """SymPy's own code of SymPy's own gradient."""
    return _arm_code()(*(given[name] for name in (*_JOINTS, *_GOAL)))


ARM = Case(
    "arm-of-six-joints",
    _arm_model,
    lambda rng: {name: np.array(rng.uniform(-1, 1)) for name in (*_JOINTS, *_GOAL)},
    _JOINTS,
    _arm_expert,
    _arm_loss,
)


# --- normals whose triangular matrices are packed, in two spellings ---------------------------------------------------


def _packed_model(named: bool) -> Model:
    alpha, mu, q = array("alpha", K), array("mu", K, D), array("q", K, D)
    l, x, L = array("l", K, D * (D - 1) / 2), array("x", N, D), array("L", K, D, D)  # noqa: E741
    entry, away = l[k, i * (i - 1) / 2 + j], x[n, j] - mu[k, j]
    matrix = if_else(i > j, entry, if_else(Eq(i, j), exp(q[k, i]), 0))
    if named:
        y, where = Sum(L[k, i, j] * away, (j, 0, D - 1)), [Eq(L[k, i, j], matrix)]
    else:
        y, where = exp(q[k, i]) * (x[n, i] - mu[k, i]) + Sum(entry * away, (j, 0, i - 1)), []
    score = alpha[k] + Sum(q[k, i], (i, 0, D - 1)) - Sum(y**2, (i, 0, D - 1)) / 2
    loss = N * LogSumExp(alpha[k], (k, 0, K - 1)) - Sum(LogSumExp(score, (k, 0, K - 1)), (n, 0, N - 1))
    return Model(loss, [alpha, mu, q, l], where=where, name="packed mixture")


def _places(side: int) -> np.ndarray:
    """Where the entries below the diagonal are packed."""
    places = np.zeros((side, side), int)
    places[np.tril_indices(side, -1)] = np.arange(side * (side - 1) // 2)
    return places


def _packed_loss(xp: Any, alpha: Any, mu: Any, q: Any, l: Any, x: Any) -> Any:  # noqa: E741
    return gmm_loss(xp, alpha, mu, q, l[:, _places(xp.side(mu, 1))], x)


def _packed_expert(alpha: np.ndarray, mu: np.ndarray, q: np.ndarray, l: np.ndarray, x: np.ndarray) -> tuple[Any, ...]:  # noqa: E741
    side = mu.shape[1]
    *others, slope = gmm_expert(alpha, mu, q, l[:, _places(side)], x)
    return *others, slope[:, *np.tril_indices(side, -1)]


def packed_mixture(rows: int, columns: int, components: int, named: bool) -> Case:
    def arrays(rng: np.random.Generator) -> Arrays:
        made = {"alpha": rng.normal(size=components), "mu": rng.normal(size=(components, columns))}
        made |= {"q": 0.1 * rng.normal(size=(components, columns))}
        made |= {"l": 0.1 * rng.normal(size=(components, columns * (columns - 1) // 2))}
        return made | {"x": rng.normal(size=(rows, columns))}

    return Case(
        f"packed-gmm-{rows}x{columns}x{components}-{'named' if named else 'in-sums'}",
        lambda: _packed_model(named),
        arrays,
        ("alpha", "mu", "q", "l"),
        _packed_expert,
        _packed_loss,
    )


CASES = [
    TORUS,
    POTENTIAL,
    RADON,
    ARM,
    *(packed_mixture(1000, 10, 25, named) for named in (True, False)),
]
