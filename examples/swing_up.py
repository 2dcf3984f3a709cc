"""Optimal control: a pendulum swings up with a motor that is too weak to lift it, by collocation (Kelly 2017).

The angle θ is 0 where the pendulum hangs and π where it stands, in units in which gravity, mass and length are 1:

    θ″ = u − sin θ,  |u| ≤ 0.4

The variables are angle, speed and torque at times that are h apart. The trapezoidal rule makes two constraints of the
equation of motion, each for all times, and the objective is what the motor spends, ∫ u² dt. As a script it finds the
motion, and saves its frames as one picture. Needs SciPy and matplotlib:

    python examples/swing_up.py --picture swing_up.png
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from sympy import Eq, IndexedBase, Sum, pi, sin, symbols

from symgrad import Problem

MOST = 0.4  # of the torque; to hold the pendulum level takes 1

T = symbols("T", integer=True, positive=True)
t, h = symbols("t", integer=True), symbols("h", positive=True)
angle, speed, torque = (IndexedBase(name, (T + 1,)) for name in ("angle", "speed", "torque"))
now, then = (torque[n] - sin(angle[n]) for n in (t, t + 1))  # θ″ at both ends of an interval

problem = Problem(
    h / 2 * Sum(torque[t] ** 2 + torque[t + 1] ** 2, (t, 0, T - 1)),
    [angle, speed, torque],
    subject_to={
        "turn": Eq(angle[t + 1], angle[t] + h / 2 * (speed[t] + speed[t + 1])),
        "push": Eq(speed[t + 1], speed[t] + h / 2 * (now + then)),
        "hangs": Eq(angle[0], 0),
        "rests": Eq(speed[0], 0),
        "stands": Eq(angle[T], pi),
        "stays": Eq(speed[T], 0),
    },
    bounds={torque: (-MOST, MOST)},
    name="pendulum swing-up",
)


def solve(steps: int, duration: float) -> tuple[Any, np.ndarray]:
    """The solution, and its times; the start is a swing that grows evenly."""
    times = np.linspace(0, duration, steps + 1)
    swing = np.pi * times / duration * np.cos(np.pi * (duration - times) / 2)
    start = {angle: swing, speed: np.gradient(swing, times), torque: np.zeros(steps + 1)}
    return problem.solve(start, {h: duration / steps}), times


def draw(found: Any, times: np.ndarray, path: Path) -> None:
    """Frames of the motion side by side, and below them angle and torque."""
    import matplotlib  # here, since the problem above does without it

    matplotlib.use("Agg")  # a picture in a file needs no screen
    import matplotlib.pyplot as plt  # after its backend is chosen

    figure, (film, curves) = plt.subplots(
        2, 1, figsize=(12, 5.4), height_ratios=(2, 3), layout="constrained", sharex=True
    )
    pace = 0.36  # of the picture's width to a length of the pendulum
    for number in np.linspace(0, len(times) - 1, 13).round().astype(int):
        turn, middle = found.x.angle[number], times[number]
        past = found.x.angle[max(0, number - 6) : number + 1]
        film.plot(middle + pace * np.sin(past), -np.cos(past), color="tab:blue", alpha=0.3, linewidth=3)
        film.plot([middle, middle + pace * np.sin(turn)], [0, -np.cos(turn)], color="0.25", linewidth=2)
        film.plot(middle + pace * np.sin(turn), -np.cos(turn), "o", color="tab:blue", markersize=9)
        film.plot(middle, 0, "s", color="0.25", markersize=4)
    film.set(ylim=(-1.25, 1.25), title="a pendulum swings up")
    film.axis("off")
    curves.plot(times, found.x.angle / np.pi, label="angle/π")
    curves.plot(times, found.x.torque, label="torque")
    for border in (-MOST, MOST):
        curves.axhline(border, color="tab:orange", linestyle=":", linewidth=1)
    curves.set(xlabel="time", xlim=(times[0] - pace, times[-1] + pace))
    curves.grid(alpha=0.3)
    curves.legend(loc="upper left")
    figure.savefig(path, dpi=110)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=100, help="intervals of time (%(default)s)")
    parser.add_argument("--duration", type=float, default=10.0, help="(%(default)s)")
    parser.add_argument("--picture", type=Path, default=Path("swing_up.png"), help="(%(default)s)")
    options = parser.parse_args()
    found, times = solve(options.steps, options.duration)
    print(found)
    draw(found, times, options.picture)
    print(f"frames: {options.picture}")


if __name__ == "__main__":
    main()
