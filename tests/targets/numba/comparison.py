"""Compares generated Numba modules with the NumPy modules of the same models: value and gradient.

    PYTHONPATH=. python tests/targets/numba/comparison.py [examples | benchmarks | corpus | NAME...]

compares all examples, benchmark cases and models of the corpus, in double and single precision, which takes some
minutes; the exit code is 1 where one differs. The suite compares the quick ones.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np

from symgrad import Model
from tests.results import arrays
from tests.targets.agreement import DOUBLE, SINGLE, Different, example, same_numbers
from tests.targets.agreement import modules as of_target

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
FUNCTIONS = ("value", "gradient", "value_and_gradient")

modules = partial(of_target, name="numba")


def agree(
    of_numpy: Any,
    of_numba: Any,
    inputs: Mapping[str, Any],
    double: float = DOUBLE,
    functions: Sequence[str] = FUNCTIONS,
    single: bool = True,
) -> None:
    """Every function of first order gives the same numbers, of the same types, at the inputs (and sizes).

    Raises
    ------
    Different : one does not, or has another shape or type.
    """
    for name in functions:
        taken = signature(getattr(of_numpy, name)).parameters
        for dtype, tolerance in ((np.float64, double), *([(np.float32, SINGLE)] if single else [])):
            named = {argument: _of_type(inputs[argument], dtype) for argument in taken}
            with np.errstate(all="ignore"):
                wanted, got = (getattr(module, name)(**named) for module in (of_numpy, of_numba))
            _compare(f"{name} in {dtype.__name__}", arrays(got), arrays(wanted), tolerance, dtype is np.float32)


def _of_type(value: Any, dtype: Any) -> Any:
    array = np.asarray(value)
    return array.astype(dtype) if array.dtype.kind == "f" else value


def _compare(name: str, got: list[Any], wanted: list[Any], tolerance: float, single: bool) -> None:
    for number, (a, b) in enumerate(zip(got, wanted, strict=True)):
        if np.shape(a) != np.shape(b) or a.dtype != b.dtype or type(a) is not type(b):
            raise Different(
                f"{name}, result {number}: {type(a)} of {a.dtype} and shape {np.shape(a)}, not {type(b)} of {b.dtype} "
                f"and {np.shape(b)}"
            )
    same_numbers(name, got, wanted, tolerance, single)


def examples() -> Iterator[tuple[str, Callable[[], Model], None]]:
    from tests.examples.test_models import MODELS, NETWORKS

    for reference in (*MODELS, *NETWORKS):
        yield f"examples/{reference}", partial(example, reference), None


def benchmarks() -> Iterator[tuple[str, Callable[[], Model], Any]]:
    sys.path.insert(0, str(BENCHMARKS))
    cases = import_module("run").CASES
    for case in cases:
        yield f"benchmarks/{case.name}", case.model, [partial(case.arrays, np.random.default_rng(0))]


def corpus() -> Iterator[tuple[str, Callable[[], Model], Any]]:
    from tests.real_models.corpus import CORPUS

    for record in CORPUS:
        made = [partial(record.inputs, n, np.random.default_rng(n)) for n in record.sizes]
        yield f"corpus/{record.name}", record.build, [*made, *record.hostile.values()]


def compare(build: Callable[[], Model], inputs: Any, functions: Sequence[str] = FUNCTIONS, single: bool = True) -> None:
    """Compare the modules of a model, at the first inputs that a check draws where there are no others."""
    model = build()
    numpy, numba = modules(model)
    if inputs is None:
        draw = model.draws(numpy)[0]
        sizes = {str(dimension): size for dimension, size in draw.sizes.items()}
        inputs = [lambda: {**sizes, **draw.inputs}]
    for make in inputs:
        agree(numpy, numba, make(), functions=functions, single=single)


def main(wanted: list[str]) -> int:
    wrong = 0
    for name, build, inputs in (*examples(), *benchmarks(), *corpus()):
        if wanted and not any(part in name for part in wanted):
            continue
        try:
            compare(build, inputs)
        except Exception as problem:
            wrong += 1
            print(f"different  {name}  {type(problem).__name__}: {problem}"[:1500], flush=True)
        else:
            print(f"same       {name}", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
