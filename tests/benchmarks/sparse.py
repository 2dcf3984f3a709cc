"""Benchmarks of problems: constraints, Jacobian and Hessian of the Lagrangian, against CasADi and JAX with colouring.

    python tests/benchmarks/sparse.py [--cases PATTERN] [--sizes 1000,10000,100000] [--seconds S] [--publish]

All contenders run in one process at one point; their results are compared before anything is timed, and the calls are
interleaved. Times are those of the processor, so that other work does not count; run it under `taskset -c 0`. Peers
that are not installed are left out with a message (`pip install casadi asdex`). What builds for more than `--patience`
seconds at one size is left out of larger ones. With `--publish` the tables are written into `RESULTS.md`. The exit code
is 1 if any results disagree.
"""

import argparse
import fnmatch
import os
import platform
import sys
import time
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from problem_contenders import FUNCTIONS, KINDS, Calls, stacked
from problems import CASES, Case
from timing import durations

PAGE = Path(__file__).resolve().parent / "RESULTS.md"
BEGIN, END = "<!-- problems -->\n", "<!-- end of problems -->\n"
OURS = "symgrad"
TOLERANCE = 1e-9  # of the largest entry: orders of summation differ


@dataclass
class Row:
    """A case of one size: seconds to build, milliseconds a call, and what is said instead, by contender."""

    case: str
    count: int
    build: dict[str, float] = field(default_factory=dict)
    calls: dict[str, dict[str, float]] = field(default_factory=dict)
    ratios: dict[str, dict[str, float]] = field(default_factory=dict)


def measure(case: Case, count: int, contenders: list[Any], seconds: float) -> tuple[Row, bool]:
    """A row, and whether all results agree."""
    variables, data = case.arrays(count)
    row = Row(case.name, sum(np.size(one) for one in variables.values()))
    built: dict[str, Calls] = {}
    multipliers = np.random.default_rng(1).normal(size=_constraints(case, variables, data))
    agree, expected = True, None
    for contender in contenders:
        began = time.process_time()
        made = contender.build(case, variables, data, multipliers)
        for call in made.by_name.values():
            call()
        row.build[contender.name] = time.process_time() - began
        found = made.results()
        expected = expected or found
        off = max(_difference(one, other) for one, other in zip(found, expected, strict=True))
        if off > TOLERANCE:
            print(f"{case.name}, {row.count}: {contender.name} is {off:.1e} from {contenders[0].name}")
            agree = False
        built[contender.name] = made
    for name in FUNCTIONS:
        times = durations({other: made.by_name[name] for other, made in built.items()}, seconds, time.process_time)
        row.calls[name] = {other: 1e3 * float(np.median(found)) for other, found in times.items()}
        row.ratios[name] = {
            other: float(np.median(times[OURS] / found)) for other, found in times.items() if other != OURS
        }
    return row, agree


def _constraints(case: Case, variables: Any, data: Any) -> int:
    """The number of constraints, by the formula with numbers."""
    theta = np.concatenate([np.ravel(one) for one in variables.values()])
    return sum(np.size(part) for part in case.formula(theta, data, _NumPy)[1])


class _NumPy:
    sin, cos, exp, total, by_turns = np.sin, np.cos, np.exp, np.sum, stacked(np)


def _difference(one: Any, other: Any) -> float:
    if one.shape != other.shape:
        return np.inf
    return float(abs(one - other).max()) / max(1.0, float(abs(other).max()))


def tables(rows: list[Row], names: list[str]) -> str:
    """What was measured, as tables of Markdown."""
    others = [name for name in names if name != OURS]
    lines = [
        "## Problems: constraints, sparse Jacobian and Hessian of the Lagrangian\n",
        f"One core of {_processor()}; {_versions(names)}. Milliseconds a call, and in brackets symgrad's time by the "
        "other's: below 1 symgrad is the faster. `python tests/benchmarks/sparse.py --help` says what is compared.\n",
        f"| problem | variables | function | {' | '.join(names)} |",
        f"|---|---:|---|{'---:|' * len(names)}",
    ]
    for row in rows:
        for name in FUNCTIONS:
            cells = [f"{row.calls[name][OURS]:.3g}"]
            cells += [
                f"{row.calls[name][other]:.3g} ({row.ratios[name][other]:.2g})" if other in row.build else "—"
                for other in others
            ]
            lines.append(f"| {row.case} | {row.count:,} | {name} | {' | '.join(cells)} |")
    lines += [
        "\nSeconds from the statement of the problem to the first results of all three functions:\n",
        f"| problem | variables | {' | '.join(names)} |",
        f"|---|---:|{'---:|' * len(names)}",
    ]
    for row in rows:
        cells = [f"{row.build[name]:.3g}" if name in row.build else "—" for name in names]
        lines.append(f"| {row.case} | {row.count:,} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


def _versions(names: list[str]) -> str:
    libraries = ["numpy", "casadi"] * any("CasADi" in name for name in names) or ["numpy"]
    libraries += ["jax", "asdex"] * any("JAX" in name for name in names)
    return ", ".join([f"Python {platform.python_version()}", *(f"{one} {version(one)}" for one in libraries)])


def published(page: str, text: str) -> str:
    """The page with this text as its section on problems."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before.rstrip()}\n\n{BEGIN}{text}{END}{after}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", default="*", help="a pattern of names (%(default)s)")
    parser.add_argument("--sizes", default="1000,10000,100000", help="numbers of variables (%(default)s)")
    parser.add_argument("--seconds", type=float, default=3.0, help="for each function of a case (%(default)s)")
    parser.add_argument("--patience", type=float, default=60.0, help="seconds for building one (%(default)s)")
    parser.add_argument("--publish", action="store_true", help="write the tables into RESULTS.md")
    options = parser.parse_args()
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")  # one core for everyone
    contenders: list[Any] = []
    for name, kind in KINDS:
        try:
            contenders.append(kind())
        except ImportError as error:
            print(f"{name} is left out: {error}")
    rows, right = [], True
    for case in (one for one in CASES if fnmatch.fnmatch(one.name, options.cases)):
        patient = list(contenders)
        for count in map(int, options.sizes.split(",")):
            row, agree = measure(case, count, patient, options.seconds)
            rows.append(row)
            right = right and agree
            patient = [one for one in patient if one.name == OURS or row.build[one.name] < options.patience]
            print(tables([row], [one.name for one in contenders if one.name in row.build]), flush=True)
    text = tables(rows, [one.name for one in contenders])
    print(text)
    if options.publish:
        PAGE.write_text(published(PAGE.read_text(encoding="utf-8"), text), encoding="utf-8")
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
