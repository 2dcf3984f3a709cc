"""Modules of another target beside those for NumPy: the same numbers, but for rounding."""

from pathlib import Path
from typing import Any

import numpy as np

from symgrad import Model
from symgrad.cli.model_file import ModelReference, load_model
from symgrad.targets import target

EXAMPLES = Path(__file__).parents[2] / "examples"
# relative to the largest entry, beyond which two orders of the same sums do not differ; the inputs are of size one
DOUBLE, SINGLE = 1e-12, 2e-4


class Different(AssertionError):
    """The modules give different numbers."""


def example(reference: str) -> Model:
    return load_model(ModelReference.parse(str(EXAMPLES / reference)))


def modules(model: Model, name: str, **options: Any) -> tuple[Any, Any]:
    """The model's modules for NumPy and for the target of a name, unchecked."""
    numpy = model.compile(check=False, **options)
    return numpy, target(name).imported(model.source(target=name, **options), model.name)


def same_numbers(name: str, got: list[Any], wanted: list[Any], tolerance: float, single: bool) -> None:
    """Each array of a result is off by no more than a part of its largest entry; in single precision of all results'.

    Raises
    ------
    Different : one is.
    """
    largest = [_largest(array) for array in wanted]
    for number, (a, b) in enumerate(zip(got, wanted, strict=True)):
        scale = max(largest) if single else largest[number]
        with np.errstate(invalid="ignore", over="ignore"):
            off = np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0, np.abs(np.float64(a) - b))
        if not np.all(off <= tolerance * scale):
            raise Different(f"{name}, result {number}: off by {np.max(off)} where the largest entry is {scale}")


def _largest(array: Any) -> float:
    array = np.asarray(array)
    return float(np.max(np.abs(array[np.isfinite(array)]), initial=0.0))
