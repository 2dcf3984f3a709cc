"""Random models in three dialects: value and gradient are right, or there is a clear error; one model has one formula.

    python tests/test_random_models.py --minutes 5 --seed 1

looks for failures with new random numbers for that long. A failure is made smaller and printed as a Python program that
checks the model; at the end a table says how many models of every construct were refused, and why. The suite runs 500
models, always the same; with the environment variable SYMGRAD_EXAMPLES it runs that many.

A model is compared (`comparison.py`) with an interpreter of its SymPy trees (`independent.py`) that uses JAX or 50
digits: value and gradient along a random direction, entry by entry with JAX, in single precision, with all sizes one,
with an empty axis, and its Hessian.
"""

import argparse
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

if not __package__:  # run as a script
    sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]

from symgrad import Model
from symgrad.errors import SymgradError

if __package__:
    from .comparison import Comparison, Skipped, limited, program_text
    from .random_arrays import ArrayModel, Drawn, array_models, written
    from .random_scalars import scalar_models
else:
    from comparison import Comparison, Skipped, limited, program_text
    from random_arrays import ArrayModel, Drawn, array_models, written
    from random_scalars import scalar_models

DIALECTS = ("matrix", "index", "renamed")
EXAMPLES = int(os.environ.get("SYMGRAD_EXAMPLES", "500"))

# Of a hundred models so many may be refused: a Hessian through a recurrence or a product over an index has no rule, and
# SymPy takes indices out of a Piecewise.
MOST_REFUSED = 5


def profile(share: float, **more: Any) -> settings:
    """Settings for a share of the examples. A failure is reported as it was drawn: to make it smaller takes minutes."""
    options = {"derandomize": True, "phases": [Phase.generate], "max_examples": max(1, round(share * EXAMPLES))}
    return settings(deadline=None, database=None, suppress_health_check=list(HealthCheck), **(options | more))


class Tally:
    """How many models of every construct were made and refused."""

    def __init__(self) -> None:
        self.made: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()

    def note(self, tags: Any, reason: str) -> None:
        for tag in {"any", *tags}:
            self.made[tag] += 1
            self.refused[tag] += bool(reason)
        if reason:
            self.reasons[reason] += 1

    def __str__(self) -> str:
        lines = [f"{'construct':<30}{'models':>8}{'refused':>9}"]
        lines += [f"{tag:<30}{count:>8}{self.refused[tag]:>9}" for tag, count in sorted(self.made.items())]
        return "\n".join([*lines, *(f"{count:>6}  {reason}" for reason, count in self.reasons.most_common(30))])


tally = Tally()

OPTIONS = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 3),
        "second": st.sampled_from([False] * 9 + [True]),
        "empty": st.sampled_from([False, False, False, True]),
        "jax": st.sampled_from([False] * 7 + [True]),  # it compiles every operation for every shape
    }
)


def compared(drawn: Drawn, options: dict[str, Any]) -> None:
    try:
        with limited(drawn):
            reason = Comparison(drawn, **options).run()
    except Skipped as why:
        tally.note({f"skipped: {why}"}, "")
    except Exception as problem:
        problem.add_note(f"{options}\n{program_text(drawn)}")
        raise
    else:
        tally.note(drawn.tags, reason)


@profile(0.3)
@given(array_models(), st.sampled_from(DIALECTS), OPTIONS)
def test_a_random_model_of_arrays_is_right_or_refused(drawn: ArrayModel, dialect: str, options: Any) -> None:
    compared(written(drawn, dialect), options)


@profile(0.55)
@given(scalar_models(), OPTIONS)
def test_a_random_model_of_entries_is_right_or_refused(drawn: Drawn, options: Any) -> None:
    compared(drawn, options)


@profile(0.15)
@given(array_models(depth=3, one_form=True))
def test_one_model_has_one_formula_and_one_code(drawn: ArrayModel) -> None:
    found = {}
    for dialect in DIALECTS:
        parts = written(drawn, dialect)
        try:
            with limited(parts):
                model = parts.model()
                found[dialect] = (_code(model), [_formula(model.gradient(p)) for p in model.parameters])
        except SymgradError as problem:
            tally.note(parts.tags, f"{type(problem).__name__}: {problem}")
    codes, formulas = {code for code, _ in found.values()}, {tuple(formula) for _, formula in found.values()}
    assert len(codes) <= 1, "\n".join(codes)
    assert len(formulas) <= 1, formulas


def test_refusals_are_rare() -> None:
    assert tally.refused["any"] * 100 <= MOST_REFUSED * max(tally.made["any"], 20), str(tally)


def _code(model: Model) -> str:
    """The statements of a generated module, without the docstring that quotes the loss as it was written."""
    return model.source().partition('"""')[2].partition('"""')[2]


def _formula(expr: Any) -> str:
    """The text of a formula with its indices, which have small letters, numbered in the order of their appearance."""
    numbers: dict[str, str] = {}
    return re.sub(r"\b[a-z]\d*\b", lambda found: numbers.setdefault(found[0], f"i{len(numbers)}"), str(expr))


# --- new random numbers ---------------------------------------------------------------------------------------------


def look(minutes: float, start: int) -> bool:
    """Run all tests with one seed after the other for that long; whether all passed."""
    end = time.monotonic() + 60 * minutes
    tests: list[Callable[[], None]] = [
        test_a_random_model_of_arrays_is_right_or_refused,
        test_a_random_model_of_entries_is_right_or_refused,
        test_one_model_has_one_formula_and_one_code,
    ]
    phases = [Phase.generate, Phase.shrink]
    number, passed = start, True
    while time.monotonic() < end:
        for test in tests:
            # the settings of a test are an attribute of its function
            own = profile(1, derandomize=False, max_examples=100, phases=phases)
            test._hypothesis_internal_use_settings = own  # type: ignore[attr-defined]
            try:
                seed(number)(test)()
            except Exception as problem:
                passed = False
                print(f"--- seed {number}: {test.__name__}: {problem}", *getattr(problem, "__notes__", []), sep="\n")
            number += 1
    print(tally, f"the next seed is {number}", sep="\n")
    return passed


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    given_options = parser.parse_args()
    sys.exit(not look(given_options.minutes, given_options.seed))
