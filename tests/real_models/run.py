"""The whole corpus: python tests/real_models/run.py [names]. A line for each model and input, and a count."""

import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import NamedTuple

from tests.real_models.comparison import bound_differences, cases, differences
from tests.real_models.corpus import CORPUS


class Compared(NamedTuple):
    """What the comparison of a model found: how many inputs, what is different, and how long it took."""

    count: int
    lines: list[str]
    seconds: float


def compared(name: str) -> Compared:
    """A model at all of its inputs."""
    (record,) = (record for record in CORPUS if record.name == name)
    start, lines = time.perf_counter(), list[str]()
    comparisons = [(what, partial(differences, record, what, inputs)) for what, inputs in cases(record)]
    comparisons.append(("data bound", partial(bound_differences, record)))
    for what, found in comparisons:
        try:
            lines += [f"{what}: {line}" for line in found()]
        except Exception as error:  # whatever fails is a finding
            lines.append(f"{what}: {type(error).__name__}: {str(error)[:300]}")
    count = len(comparisons)
    return Compared(count, lines, time.perf_counter() - start)


def main(names: list[str]) -> int:
    """Compare all models, or those named, on all cores; 1 if one is different from its reference."""
    wanted = [record.name for record in CORPUS if not names or record.name in names]
    wrong = count = 0
    os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")  # most of what JAX compiles is called once
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn")) as pool:
        for name, found in zip(wanted, pool.map(compared, wanted), strict=True):
            wrong += bool(found.lines)
            count += found.count
            print(f"{'WRONG' if found.lines else 'right'}  {name} ({found.seconds:.1f} s)", flush=True)
            for line in found.lines:
                print(f"       {line}", flush=True)
    print(f"{wrong} of {len(wanted)} models wrong, {count} comparisons")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
