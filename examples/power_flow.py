"""Optimal power flow: the cheapest way to feed a network of alternating current, with the network of nine buses.

Voltages are v and angle at each bus, p and q what each generator feeds in, all in units of 100 MVA. Branch k between
the buses a and b with series admittance g + ib and charging susceptance c takes from a

    P = g v_a² − v_a v_b (g cos θ + b sin θ),  Q = −(b + c/2) v_a² − v_a v_b (g sin θ − b cos θ),  θ = angle_a − angle_b

and what the generators of a bus feed in, less its load, is what its branches take. The constraints, one for all buses,
are sums over branches whose ends are data. The network is that of Anderson and Fouad (1977), costs and limits
are those of MATPOWER's case9 (Zimmerman, Murillo-Sánchez and Thomas 2011). As a script it finds the cheapest flow,
5296.69 an hour, and draws it: the multipliers of the balance are prices of energy. Needs SciPy and matplotlib:

    python examples/power_flow.py --picture power_flow.png
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from sympy import Eq, IndexedBase, KroneckerDelta, Sum, cos, sin, symbols

from symgrad import Problem

B, G, L = symbols("B G L", integer=True, positive=True)  # buses, generators, branches
i, n, k = symbols("i n k", integer=True)

v, angle, load_p, load_q = (IndexedBase(name, (B,)) for name in ("v", "angle", "load_p", "load_q"))
p, q, square, linear, least, most = (
    IndexedBase(name, (G,)) for name in ("p", "q", "square", "linear", "least", "most")
)
at = IndexedBase("at", (G,), integer=True)
start, end = (IndexedBase(name, (L,), integer=True) for name in ("start", "end"))
g, b, charging = (IndexedBase(name, (L,)) for name in ("g", "b", "charging"))
p_out, q_out, p_back, q_back = (IndexedBase(name, (L,)) for name in ("p_out", "q_out", "p_back", "q_back"))


def flow(one: Any, other: Any) -> tuple[Any, Any]:
    """Active and reactive power that branch k takes from one bus."""
    turn, both = angle[one] - angle[other], v[one] * v[other]
    active = g[k] * v[one] ** 2 - both * (g[k] * cos(turn) + b[k] * sin(turn))
    return active, -(b[k] + charging[k] / 2) * v[one] ** 2 - both * (g[k] * sin(turn) - b[k] * cos(turn))


def taken(out: Any, back: Any) -> Any:
    """What all branches take from bus i."""
    return Sum(KroneckerDelta(start[k], i) * out[k] + KroneckerDelta(end[k], i) * back[k], (k, 0, L - 1))


def fed(made: Any) -> Any:
    """What all generators feed in at bus i."""
    return Sum(KroneckerDelta(at[n], i) * made[n], (n, 0, G - 1))


problem = Problem(
    Sum(square[n] * p[n] ** 2 + linear[n] * p[n], (n, 0, G - 1)),
    [v, angle, p, q],
    subject_to={
        "active": Eq(fed(p) - load_p[i], taken(p_out, p_back)),
        "reactive": Eq(fed(q) - load_q[i], taken(q_out, q_back)),
        "reference": Eq(angle[0], 0),
    },
    where=[
        Eq(p_out[k], flow(start[k], end[k])[0]),
        Eq(q_out[k], flow(start[k], end[k])[1]),
        Eq(p_back[k], flow(end[k], start[k])[0]),
        Eq(q_back[k], flow(end[k], start[k])[1]),
    ],
    bounds={v: (0.9, 1.1), p: (least, most), q: (-3, 3)},
    name="optimal power flow",
)

BRANCHES = np.array(
    [  # from, to, resistance, reactance, charging
        (1, 4, 0, 0.0576, 0), (4, 5, 0.017, 0.092, 0.158), (5, 6, 0.039, 0.17, 0.358), (3, 6, 0, 0.0586, 0),
        (6, 7, 0.0119, 0.1008, 0.209), (7, 8, 0.0085, 0.072, 0.149), (8, 2, 0, 0.0625, 0),
        (8, 9, 0.032, 0.161, 0.306), (9, 4, 0.01, 0.085, 0.176),
    ]
)  # fmt: skip
ADMITTANCES = 1 / (BRANCHES[:, 2] + 1j * BRANCHES[:, 3])
NETWORK = {
    "start": BRANCHES[:, 0].astype(int) - 1,
    "end": BRANCHES[:, 1].astype(int) - 1,
    "g": ADMITTANCES.real,
    "b": ADMITTANCES.imag,
    "charging": BRANCHES[:, 4],
    "at": np.array([0, 1, 2]),
    "load_p": np.array([0, 0, 0, 0, 0.9, 0, 1, 0, 1.25]),
    "load_q": np.array([0, 0, 0, 0, 0.3, 0, 0.35, 0, 0.5]),
    "square": np.array([1100.0, 850, 1225]),
    "linear": np.array([500.0, 120, 100]),
    "least": np.array([0.1, 0.1, 0.1]),
    "most": np.array([2.5, 3, 2.7]),
}
FIXED = 150 + 600 + 335  # what the generators cost at no load
CLEAR = {"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none"}  # behind a text on a line
PLACES = np.array([(0, -2), (-3, 2), (3, 2), (0, -1), (1.6, 0), (1.6, 1.5), (0, 2), (-1.6, 1.5), (-1.6, 0)])


def solve() -> Any:
    """The cheapest flow, from voltages of one and angles of zero."""
    return problem.solve({v: np.ones(9), angle: np.zeros(9), p: np.ones(3), q: np.zeros(3)}, NETWORK)


def draw(found: Any, path: Path) -> None:
    """The network with flows, prices and voltages."""
    import matplotlib  # here, since the problem above does without it

    matplotlib.use("Agg")  # a picture in a file needs no screen
    import matplotlib.pyplot as plt  # after its backend is chosen

    figure, axes = plt.subplots(figsize=(9, 6.4), layout="constrained")
    voltage = found.x.v * np.exp(1j * found.x.angle)
    for one, other, admittance, charge in zip(
        NETWORK["start"], NETWORK["end"], ADMITTANCES, NETWORK["charging"], strict=True
    ):
        current = admittance * (voltage[one] - voltage[other]) + 0.5j * charge * voltage[one]
        power = 100 * (voltage[one] * np.conj(current)).real
        tail, head = (PLACES[one], PLACES[other]) if power > 0 else (PLACES[other], PLACES[one])
        axes.plot(*np.transpose([tail, head]), color="0.75", linewidth=1 + abs(power) / 25, zorder=1)
        middle = (tail + head) / 2
        axes.annotate("", middle + 0.12 * (head - tail), middle, arrowprops={"arrowstyle": "-|>", "color": "0.3"})
        axes.annotate(
            f"{abs(power):.0f} MW", middle, (0, 10), textcoords="offset points", ha="center", color="0.3", bbox=CLEAR
        )
    prices = -found.multipliers["active"] / 100
    shown = axes.scatter(
        *PLACES.T, c=prices, s=900, cmap="YlOrRd", vmax=2 * prices.max() - prices.min(), edgecolors="0.2", zorder=2
    )
    for bus, (place, size, turn) in enumerate(zip(PLACES, found.x.v, np.degrees(found.x.angle), strict=True)):
        axes.annotate(f"{size:.2f}\n{turn + 0.01:.0f}°", place, ha="center", va="center", fontsize=8, zorder=3)
        load = f"load {100 * NETWORK['load_p'][bus]:.0f} MW" if NETWORK["load_p"][bus] else ""
        made = f"made {100 * found.x.p[bus]:.0f} MW" if bus < 3 else ""
        axes.annotate(load + made, place, (0, -26), textcoords="offset points", ha="center", weight="bold", fontsize=9)
    figure.colorbar(shown, ax=axes, label="price of energy, $/MWh: the multiplier of the balance")
    axes.set(title=f"the cheapest flow, {found.objective + FIXED:.2f} $/h; voltages and angles", xlim=(-3.6, 3.6))
    axes.margins(y=0.12)
    axes.axis("off")
    figure.savefig(path, dpi=110)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--picture", type=Path, default=Path("power_flow.png"), help="(%(default)s)")
    options = parser.parse_args()
    found = solve()
    print(found)
    print(f"cost: {found.objective + FIXED:.2f} an hour")
    draw(found, options.picture)
    print(f"flow: {options.picture}")


if __name__ == "__main__":
    main()
