"""Random models in three dialects: the gradient is right, or there is a clear error; and one model has one formula.

    python tests/test_random_models.py 5000

runs as many examples of each kind (with new random numbers each time) and prints what was refused; in the test suite
the environment variable SYMGRAD_EXAMPLES says how many.
"""

import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")] if __name__ == "__main__" else []

from symgrad import Model  # noqa: E402
from symgrad.errors import SymgradError  # noqa: E402

if __name__ == "__main__":
    from random_models import Drawn, K, M, N, build, indexed_models, models
else:
    from .random_models import Drawn, K, M, N, build, indexed_models, models

DIALECTS = ("matrix", "index", "renamed")
SECONDS = 10.0  # of processor time for one model: everything, the checks included
SIZES = {N: 2, M: 3, K: 4}

EXAMPLES = int(os.environ.get("SYMGRAD_EXAMPLES", "6"))  # of each kind
PROFILE = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],  # a failure is reported as it was drawn: to make it smaller takes minutes
    suppress_health_check=list(HealthCheck),
)
refused: Counter[str] = Counter()


def compare(make: Any) -> str:
    """Check a model's gradient at 50 digits, and against JAX where that is installed; what was refused, else empty."""
    started = time.process_time()
    try:
        model: Model = make()
        sizes = {size: SIZES[size] for size in model.program.dimensions}
        report = model.check(sizes=sizes) if sizes else model.check()
    except SymgradError as problem:
        return f"{type(problem).__name__}: {problem}"
    assert report.ok or not report.failures, str(report)
    _against_jax(model, sizes)
    assert time.process_time() - started < SECONDS
    return ""


def _against_jax(model: Model, sizes: dict[Any, int]) -> None:
    jax = pytest.importorskip("jax") if "jax" in sys.modules or _has_jax() else None
    if jax is None:
        return
    if __name__ == "__main__":
        from independent import Unknown, value_and_gradient
    else:
        from .independent import Unknown, value_and_gradient
    rng = np.random.default_rng(1)
    inputs: dict[str, Any] = {}
    for argument in model.arguments:
        if argument.role == "dimension":
            inputs[argument.name] = sizes[argument.symbol]
            continue
        shape = tuple(int(side.subs(sizes)) for side in argument.shape)
        upper = int(argument.upper.subs(sizes)) if argument.upper is not None else 2
        inputs[argument.name] = rng.integers(0, upper, shape) if argument.integer else rng.normal(size=shape)
    try:
        value, gradient = value_and_gradient(model, inputs, sizes)
    except Unknown:
        return
    got, parts = model.compile(check=False).value_and_gradient(**inputs)
    np.testing.assert_allclose(got, value, rtol=1e-9, atol=1e-9)
    for part, wanted in zip(parts, gradient, strict=True):
        scale = float(np.max(np.abs(wanted), initial=1e-3))
        np.testing.assert_allclose(part, wanted, rtol=1e-7, atol=1e-9 * scale)


def _has_jax() -> bool:
    try:
        import jax
    except ImportError:
        return False
    return jax is not None


@PROFILE
@given(models(), st.sampled_from(DIALECTS))
def test_a_random_model_is_right_or_refused(drawn: Drawn, dialect: str) -> None:
    refused[compare(lambda: build(drawn, dialect))] += 1


@PROFILE
@given(indexed_models())
def test_a_random_indexed_model_is_right_or_refused(make: Callable[[], Model]) -> None:
    refused[compare(make)] += 1


@PROFILE
@given(models(calm=True))
def test_one_model_has_one_formula_and_one_code(drawn: Drawn) -> None:
    found = {}
    for dialect in DIALECTS:
        try:
            model = build(drawn, dialect)
            found[dialect] = (_code(model), [str(model.gradient(p)) for p in model.parameters])
        except SymgradError as problem:
            refused[f"{type(problem).__name__}: {problem}"] += 1
    assert len({code for code, _ in found.values()}) <= 1, found
    assert len({tuple(formulas) for _, formulas in found.values()}) <= 1, found


def _code(model: Model) -> str:
    """The statements of a generated module, without the docstring that quotes the loss as it was written."""
    return model.source().partition('"""')[2].partition('"""')[2]


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    for test in (
        test_a_random_model_is_right_or_refused,
        test_a_random_indexed_model_is_right_or_refused,
        test_one_model_has_one_formula_and_one_code,
    ):
        # the settings of a test are an attribute of its function
        test._hypothesis_internal_use_settings = settings(PROFILE, max_examples=count, derandomize=False)  # type: ignore[attr-defined]
        test()
    for reason, times in refused.most_common(20):
        print(f"{times:>6}  {reason or 'right'}")
