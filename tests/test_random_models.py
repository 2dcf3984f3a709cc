"""Random models in three dialects: value and gradient are right, or there is a clear error; one model has one formula.

    python tests/test_random_models.py --minutes 5 --seed 1

looks for failures with new random numbers for that long. A failure is made smaller for a minute at most and printed,
and a Python program that checks the model is written to a file; at the end one table says how many models of every
construct were refused, and why, and another what was found. The exit code is 1 if anything was. The suite runs 15
models, always the same; with the environment variable SYMGRAD_EXAMPLES it runs that many.

A model is compared (`comparison.py`) with an interpreter of its SymPy trees (`independent.py`) that uses JAX or 50
digits: value and gradient along a random direction, entry by entry with JAX, in single precision, with all sizes one,
with an empty axis, and its Hessian.
"""

import argparse
import gc
import os
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from difflib import unified_diff
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sympy import Symbol
from sympy.core.cache import clear_cache

if not __package__:  # run as a script
    sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]

from symgrad import Model
from symgrad.errors import SymgradError

if __package__:
    from .comparison import Comparison, Skipped, product_limit, program_text, short_text
    from .random_arrays import ArrayModel, Drawn, array_models, written
    from .random_scalars import renamed, scalar_models
    from .random_search import Finding, Memory, findings, summary
else:
    from comparison import Comparison, Skipped, product_limit, program_text, short_text
    from random_arrays import ArrayModel, Drawn, array_models, written
    from random_scalars import renamed, scalar_models
    from random_search import Finding, Memory, findings, summary

DIALECTS = ("matrix", "index", "renamed")
EXAMPLES = int(os.environ.get("SYMGRAD_EXAMPLES", "15"))

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
memory = Memory()

OPTIONS = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 3),
        "second": st.sampled_from([False] * 4 + [True]),
        "empty": st.sampled_from([False, False, False, True]),
        "entries": st.booleans(),
    }
)


def compared(drawn: Drawn, options: dict[str, Any]) -> None:
    try:
        reason = Comparison(drawn, **options).run()
    except Skipped as why:
        tally.note({f"skipped: {why}"}, "")
    except Exception as problem:
        problem.add_note(f"{short_text(drawn)}\nof the comparison: {options}")
        problem.add_note(program_text(drawn))
        raise
    else:
        tally.note(drawn.tags, reason)


@profile(0.3)
@given(array_models(), st.sampled_from(DIALECTS), OPTIONS)
def test_a_random_model_of_arrays_is_right_or_refused(drawn: ArrayModel, dialect: str, options: Any) -> None:
    memory.run((drawn, dialect, repr(options)), lambda: compared(written(drawn, dialect), options))


@profile(0.45)
@given(scalar_models(), OPTIONS)
def test_a_random_model_of_entries_is_right_or_refused(drawn: Drawn, options: Any) -> None:
    memory.run((drawn, repr(options)), lambda: compared(drawn, options))


@profile(0.1)
@given(scalar_models())
def test_one_model_of_entries_has_one_code(drawn: Drawn) -> None:
    memory.run(drawn, lambda: confluent({"drawn": drawn, "renamed": renamed(drawn)}, formulas=False))


@profile(0.15)
@given(array_models(depth=3, one_form=True))
def test_one_model_has_one_formula_and_one_code(drawn: ArrayModel) -> None:
    memory.run(drawn, lambda: confluent({dialect: written(drawn, dialect) for dialect in DIALECTS}))


def confluent(spellings: dict[str, Drawn], formulas: bool = True) -> None:
    """Raises `AssertionError` where two spellings of one model have different formulas or different code.

    SymPy sorts the factors of a formula by the names of its indices: of formulas with many, texts cannot be compared.
    """
    found: dict[str, list[str]] = {}
    roles: set[Any] = set()
    for name, drawn in spellings.items():
        try:
            with product_limit()():
                model = drawn.model()
                lines = [_formula(model.gradient(parameter)) for parameter in model.parameters if formulas]
                found[name] = [*lines, *_code(model).splitlines()]
            roles.add(tuple((argument.name, argument.role) for argument in model.arguments))
        except SymgradError as problem:
            tally.note(drawn.tags, f"{type(problem).__name__}: {problem}")
        except Exception as problem:
            problem.add_note(short_text(drawn))
            problem.add_note(program_text(drawn))
            raise
    if len(roles) > 1:
        return  # SymPy has made a number of a product of ones; that it was the length of an axis is lost
    (first, lines), *others = found.items() if found else [("", [])]
    for name, other in others:
        if lines != other:
            difference = unified_diff(lines, other, first, name, lineterm="", n=1)
            problem = AssertionError("\n".join([f"{first} and {name} differ:", *difference]))
            problem.add_note("\n".join(short_text(spellings[each]) for each in (first, name)))
            problem.add_note("\n".join(program_text(spellings[each]) for each in (first, name)))
            raise problem


def test_refusals_are_rare() -> None:
    assert tally.refused["any"] * 100 <= MOST_REFUSED * max(tally.made["any"], 20), str(tally)


def _code(model: Model) -> str:
    """The statements of a generated module, without what quotes the model as it was written.

    These are its docstring and the subscripts in messages of errors, which have the user's names of indices.
    """
    statements = model.source().partition('"""')[2].partition('"""')[2]
    return re.sub(r"(, )'[^'\n]+: [^'\n]+'(?=\))", r"\1'…'", statements)


def _formula(expr: Any) -> str:
    """The text of a formula with its indices, which have small letters, numbered in the order of their appearance."""
    order = list(dict.fromkeys(re.findall(r"\b[a-z]\d*\b", str(expr))))
    indices = {s: Symbol(f"i{order.index(s.name)}", integer=True) for s in expr.atoms(Symbol) if s.name in order}
    text = str(expr.xreplace(indices))  # built anew: δ(m, n) is sorted by the names of its indices
    bound: dict[str, str] = {}  # those that keep their names when others are replaced
    return re.sub(r"\b[a-z]\d*\b", lambda found: bound.setdefault(found[0], f"i{len(bound)}"), text)


# --- new random numbers ---------------------------------------------------------------------------------------------


def look(minutes: float, start: int, folder: Path) -> list[Finding]:
    """Run all tests with one seed after the other for that long; what failed."""
    global memory
    end = time.monotonic() + 60 * minutes
    tests: list[Callable[[], None]] = [
        test_a_random_model_of_arrays_is_right_or_refused,
        test_a_random_model_of_entries_is_right_or_refused,
        test_one_model_of_entries_has_one_code,
        test_one_model_has_one_formula_and_one_code,
    ]
    phases = [Phase.generate, Phase.shrink]
    number, found = start, []
    while time.monotonic() < end:
        for test in tests:
            # the settings of a test are an attribute of its function
            own = profile(1, derandomize=False, max_examples=100, phases=phases)
            test._hypothesis_internal_use_settings = own  # type: ignore[attr-defined]
            memory = Memory()
            for finding in findings(test, number, folder):
                found.append(finding)
                print(finding, flush=True)
            number += 1
        forget()
    print(tally, f"the next seed is {number}", summary(found), sep="\n")
    return found


def forget() -> None:
    """Drop what SymPy keeps of each model: gigabytes in an hour."""
    clear_cache()
    gc.collect()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--programs", type=Path, default=Path(tempfile.gettempdir()) / "random_models")
    given_options = parser.parse_args()
    sys.exit(bool(look(given_options.minutes, given_options.seed, given_options.programs)))
