"""Models of physics: energies of particles, spins and fields."""

import jax.numpy as jnp
import numpy as np
from sympy import Abs, Eq, IndexedBase, LeviCivita, Mod, Ne, Rational, Sum, exp, log, sqrt, symbols, tanh

from symgrad import Model, if_else
from tests.real_models.record import Inputs, RealModel

N, B, D = symbols("N B D", integer=True, positive=True)
i, j, a, b, c, n = symbols("i j a b c n", integer=True)
x = IndexedBase("x", shape=(N, 3))
PAIRS = (i, 0, N - 1), (j, 0, N - 1)


def lattice(size: int, rng: np.random.Generator, spacing: float = 1.2) -> np.ndarray:
    """Points near those of a cubic lattice: none are close to one another."""
    side = int(np.ceil(size ** (1 / 3)))
    corners = np.stack(np.meshgrid(*[np.arange(side)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    return spacing * corners[:size] + 0.1 * rng.normal(size=(size, 3))


def squares_of_distances(x):
    """Those of all pairs, with 1 where a point meets itself."""
    apart = jnp.sum((x[:, None] - x[None, :]) ** 2, axis=2)
    return jnp.where(jnp.eye(len(x), dtype=bool), 1.0, apart)


def other(entries):
    """The sum over all pairs of different points."""
    return jnp.sum(jnp.where(jnp.eye(len(entries), dtype=bool), 0.0, entries))


# --- Lennard and Jones (1924), all pairs -----------------------------------------------------------------------------


def lennard_jones() -> Model:
    epsilon, sigma = symbols("epsilon sigma", positive=True)
    r2 = Sum((x[i, a] - x[j, a]) ** 2, (a, 0, 2))
    s6 = (sigma**2 / r2) ** 3
    return Model(Sum(if_else(i < j, 4 * epsilon * (s6**2 - s6), 0), *PAIRS), [x, epsilon, sigma])


def lennard_jones_inputs(size: int, rng: np.random.Generator) -> Inputs:
    return {"x": lattice(size, rng), "epsilon": 0.7, "sigma": 1.1}


def lennard_jones_far() -> Inputs:
    """Argon in units of ångströms, and one atom far away."""
    points = lattice(6, np.random.default_rng(0), 3.8)
    points[5] = 1e8
    return {"x": points, "epsilon": 120.0, "sigma": 3.4}


def lennard_jones_reference(x, epsilon, sigma):
    s6 = (sigma**2 / squares_of_distances(x)) ** 3
    return other(2 * epsilon * (s6**2 - s6))


# --- charges in a vacuum, and masses with Plummer's softening --------------------------------------------------------


def coulomb() -> Model:
    q = IndexedBase("q", shape=(N,))
    r = sqrt(Sum((x[i, a] - x[j, a]) ** 2, (a, 0, 2)))
    return Model(Sum(if_else(Ne(i, j), q[i] * q[j] / r, 0), *PAIRS) / 2, [x, q])


def coulomb_inputs(size: int, rng: np.random.Generator) -> Inputs:
    return {"x": lattice(size, rng), "q": rng.choice([-1.0, 1.0], size)}


def coulomb_reference(x, q):
    return other(q[:, None] * q[None, :] / jnp.sqrt(squares_of_distances(x))) / 2


def gravity() -> Model:
    m, v = IndexedBase("m", shape=(N,)), IndexedBase("v", shape=(N, 3))
    G, soft = symbols("G soft", positive=True)
    kinetic = Sum(m[i] * v[i, a] ** 2 / 2, (i, 0, N - 1), (a, 0, 2))
    r2 = Sum((x[i, a] - x[j, a]) ** 2, (a, 0, 2))
    return Model(kinetic - G * Sum(m[i] * m[j] / sqrt(r2 + soft**2), (j, 0, i - 1), (i, 0, N - 1)), [x, v])


def gravity_inputs(size: int, rng: np.random.Generator) -> Inputs:
    return {
        "x": rng.normal(size=(size, 3)),
        "v": rng.normal(size=(size, 3)),
        "m": rng.random(size),
        "G": 1.5,
        "soft": 0.05,
    }


def gravity_coincident() -> Inputs:
    return gravity_inputs(4, np.random.default_rng(1)) | {"x": np.ones((4, 3))}


def gravity_reference(x, v, m, G, soft):
    apart = jnp.sum((x[:, None] - x[None, :]) ** 2, axis=2) + soft**2
    return jnp.sum(m[:, None] * v**2) / 2 - G * other(m[:, None] * m[None, :] / jnp.sqrt(apart)) / 2


# --- a molecule: Morse (1929) bonds, whose ends are data -------------------------------------------------------------


def morse() -> Model:
    bond = IndexedBase("bond", shape=(B, 2), integer=True)
    depth, width, rest = (IndexedBase(name, shape=(B,)) for name in ("depth", "width", "rest"))
    r = IndexedBase("r", shape=(B,))
    length = sqrt(Sum((x[bond[b, 0], a] - x[bond[b, 1], a]) ** 2, (a, 0, 2)))
    energy = Sum(depth[b] * (1 - exp(-width[b] * (r[b] - rest[b]))) ** 2, (b, 0, B - 1))
    return Model(energy, [x, rest], where=[Eq(r[b], length)])


def morse_inputs(size: int, rng: np.random.Generator) -> Inputs:
    bond = np.stack([np.arange(size - 1), np.arange(1, size)], axis=1)
    return {
        "x": np.cumsum(rng.normal(size=(size, 3)), axis=0),
        "bond": bond,
        "depth": 1 + rng.random(size - 1),
        "width": 1 + rng.random(size - 1),
        "rest": 1 + rng.random(size - 1),
    }


def morse_at_rest() -> Inputs:
    """All bonds within 1e-9 of their lengths at rest: 1 − exp(−x) for small x."""
    straight = np.cumsum(np.full((5, 3), [1.0, 0.0, 0.0]), axis=0)
    return morse_inputs(5, np.random.default_rng(2)) | {"x": straight, "rest": np.full(4, 1 + 1e-9)}


def morse_reference(x, bond, depth, width, rest):
    r = jnp.sqrt(jnp.sum((x[bond[:, 0]] - x[bond[:, 1]]) ** 2, axis=1))
    return jnp.sum(depth * jnp.expm1(-width * (r - rest)) ** 2)


# --- spins: dipoles, an antisymmetric exchange on a ring, Ising's model in the mean field -----------------------------


def dipoles() -> Model:
    m, r = IndexedBase("m", shape=(N, 3)), IndexedBase("r", shape=(N, N, 3))
    d = IndexedBase("d", shape=(N, N))
    along = Sum(m[i, a] * r[i, j, a], (a, 0, 2)) * Sum(m[j, b] * r[i, j, b], (b, 0, 2))
    pair = Sum(m[i, a] * m[j, a], (a, 0, 2)) / d[i, j] ** 3 - 3 * along / d[i, j] ** 5
    where = [Eq(r[i, j, a], x[j, a] - x[i, a]), Eq(d[i, j], sqrt(Sum(r[i, j, a] ** 2, (a, 0, 2))))]
    return Model(Sum(if_else(Ne(i, j), pair, 0), *PAIRS) / 2, [x, m], where=where)


def dipoles_inputs(size: int, rng: np.random.Generator) -> Inputs:
    return {"x": lattice(size, rng), "m": rng.normal(size=(size, 3))}


def dipoles_reference(x, m):
    r = x[None, :] - x[:, None]
    d = jnp.sqrt(squares_of_distances(x))
    along = jnp.einsum("ia,ija->ij", m, r) * jnp.einsum("ja,ija->ij", m, r)
    return other((m @ m.T) / d**3 - 3 * along / d**5) / 2


def antisymmetric_exchange() -> Model:
    """Dzyaloshinskii (1958): Σ D·(S × S′) of neighbours on a ring, with the field's energy."""
    spin, axis, field = IndexedBase("spin", shape=(N, 3)), IndexedBase("axis", shape=(3,)), symbols("field", real=True)
    follower = spin[Mod(n + 1, N), c]
    cross = LeviCivita(a, b, c) * axis[a] * spin[n, b] * follower
    exchange = Sum(cross, (a, 0, 2), (b, 0, 2), (c, 0, 2), (n, 0, N - 1))
    return Model(exchange - field * Sum(spin[n, 2], (n, 0, N - 1)), [spin, axis])


def antisymmetric_exchange_inputs(size: int, rng: np.random.Generator) -> Inputs:
    return {"spin": rng.normal(size=(size, 3)), "axis": rng.normal(size=3), "field": 0.3}


def antisymmetric_exchange_reference(spin, axis, field):
    return jnp.sum(jnp.cross(spin, jnp.roll(spin, -1, axis=0)) @ axis) - field * jnp.sum(spin[:, 2])


def ising_mean_field() -> Model:
    """The variational free energy, with magnetisations tanh θ."""
    theta, h, coupling = (IndexedBase(name, shape=s) for name, s in {"theta": (N,), "h": (N,), "J": (N, N)}.items())
    beta, m = symbols("beta", positive=True), IndexedBase("m", shape=(N,))
    energy = -Sum(coupling[i, j] * m[i] * m[j], *PAIRS) / 2 - Sum(h[i] * m[i], (i, 0, N - 1))
    entropy = -Sum((1 + m[i]) / 2 * log((1 + m[i]) / 2) + (1 - m[i]) / 2 * log((1 - m[i]) / 2), (i, 0, N - 1))
    return Model(energy - entropy / beta, [theta], where=[Eq(m[i], tanh(theta[i]))])


def ising_inputs(size: int, rng: np.random.Generator) -> Inputs:
    coupling = rng.normal(size=(size, size)) / np.sqrt(size)
    return {"theta": rng.normal(size=size), "h": rng.normal(size=size), "J": coupling + coupling.T, "beta": 1.3}


def ising_reference(theta, h, J, beta):
    m = jnp.tanh(theta)
    plus, minus = -jnp.logaddexp(0, -2 * theta), -jnp.logaddexp(0, 2 * theta)  # log((1 ± m)/2)
    entropy = -jnp.sum(jnp.exp(plus) * plus + jnp.exp(minus) * minus)
    return -m @ J @ m / 2 - h @ m - entropy / beta


# --- a field on a ring, a chain of springs, and eigenvalues of random matrices ---------------------------------------


def double_well() -> Model:
    """Ginzburg and Landau's energy, by central differences with periodic ends."""
    u, dx, kappa = IndexedBase("u", shape=(N,)), *symbols("dx kappa", positive=True)
    slope = (u[Mod(i + 1, N)] - u[Mod(i - 1, N)]) / (2 * dx)
    return Model(dx * Sum(kappa / 2 * slope**2 + (u[i] ** 2 - 1) ** 2 / 4, (i, 0, N - 1)), [u, kappa])


def double_well_inputs(size: int, rng: np.random.Generator) -> Inputs:
    return {"u": rng.normal(size=size), "dx": 1 / size, "kappa": 0.01}


def double_well_reference(u, dx, kappa):
    slope = (jnp.roll(u, -1) - jnp.roll(u, 1)) / (2 * dx)
    return dx * jnp.sum(kappa / 2 * slope**2 + (u**2 - 1) ** 2 / 4)


def anharmonic_chain() -> Model:
    """Fermi, Pasta, Ulam and Tsingou's chain between two walls."""
    q, p, alpha = IndexedBase("q", shape=(N,)), IndexedBase("p", shape=(N,)), symbols("alpha", real=True)
    stretch = IndexedBase("stretch", shape=(N + 1,))
    gap = if_else(Eq(i, 0), q[0], if_else(Eq(i, N), -q[N - 1], q[i] - q[i - 1]))
    energy = Sum(p[i] ** 2 / 2, (i, 0, N - 1))
    energy += Sum(stretch[i] ** 2 / 2 + alpha / 3 * stretch[i] ** 3, (i, 0, N))
    return Model(energy, [q, p], where=[Eq(stretch[i], gap)])


def anharmonic_chain_inputs(size: int, rng: np.random.Generator) -> Inputs:
    return {"q": rng.normal(size=size), "p": rng.normal(size=size), "alpha": 0.25}


def anharmonic_chain_reference(q, p, alpha):
    stretch = jnp.diff(jnp.concatenate([jnp.zeros(1), q, jnp.zeros(1)]))
    return jnp.sum(p**2) / 2 + jnp.sum(stretch**2 / 2 + alpha / 3 * stretch**3)


def log_gas() -> Model:
    """Dyson (1962): eigenvalues repel each other."""
    at, beta = IndexedBase("at", shape=(N,)), symbols("beta", positive=True)
    repulsion = Sum(if_else(Ne(i, j), log(Abs(at[i] - at[j])), 0), *PAIRS)
    return Model(Sum(at[i] ** 2, (i, 0, N - 1)) / 2 - beta * Rational(1, 2) * repulsion, [at])


def log_gas_inputs(size: int, rng: np.random.Generator) -> Inputs:
    return {"at": rng.permutation(np.arange(size) + 0.3 * rng.random(size)), "beta": 2.0}


def log_gas_reference(at, beta):
    apart = jnp.where(jnp.eye(len(at), dtype=bool), 1.0, at[:, None] - at[None, :])
    return jnp.sum(at**2) / 2 - beta / 2 * jnp.sum(jnp.log(jnp.abs(apart)))


def saturated_ising() -> Inputs:
    return ising_inputs(4, np.random.default_rng(3)) | {"theta": np.array([0.0, 25.0, -400.0, 1e-9])}


MODELS = (
    RealModel(
        "Lennard-Jones",
        lennard_jones,
        lennard_jones_inputs,
        lennard_jones_reference,
        (8, 200),
        {"far": lennard_jones_far},
    ),
    RealModel("Coulomb", coulomb, coulomb_inputs, coulomb_reference, (8, 200)),
    RealModel("gravity", gravity, gravity_inputs, gravity_reference, (5, 200), {"coincident": gravity_coincident}),
    RealModel("Morse bonds", morse, morse_inputs, morse_reference, (6, 2000), {"at rest": morse_at_rest}),
    RealModel("dipoles", dipoles, dipoles_inputs, dipoles_reference, (8, 100)),
    RealModel(
        "antisymmetric exchange",
        antisymmetric_exchange,
        antisymmetric_exchange_inputs,
        antisymmetric_exchange_reference,
        (4, 1000),
    ),
    RealModel(
        "Ising mean field",
        ising_mean_field,
        ising_inputs,
        ising_reference,
        (5, 300),
        {"saturated": saturated_ising},
    ),
    RealModel("double well", double_well, double_well_inputs, double_well_reference, (6, 1000)),
    RealModel("anharmonic chain", anharmonic_chain, anharmonic_chain_inputs, anharmonic_chain_reference, (4, 1000)),
    RealModel("log gas", log_gas, log_gas_inputs, log_gas_reference, (5, 300)),
)
