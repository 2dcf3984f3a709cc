"""The table of hostile numbers: errors of value and gradient beside those of JAX and PyTorch, as a page of the docs.

python tests/hostile/table.py            # write examples/NUMBERS.md (some minutes, most of them mpmath's)
python tests/hostile/table.py --print    # print it instead
"""

import math
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.hostile.cases import CASES, Case, Inputs
from tests.hostile.measured import Errors, as_type, compiled, errors, exactly, of_symgrad
from tests.hostile.words import Jax, Torch

PAGE = Path(__file__).parents[2] / "examples" / "NUMBERS.md"

INTRODUCTION = """\
# Hostile numbers

How exact value and gradient are where formulas as written overflow, cancel or divide by zero, beside the usual spelling
of the same in JAX and PyTorch. `python tests/hostile/table.py` writes this page; the models are in
`tests/hostile/cases.py`.

An error is that of the worst entry, in units of its last place (ulps) in float64 or float32, against mpmath at 1150
digits. Conditioning is taken out: where an entry moves by c > 1 ulps when every input moves by one ulp (up or down at
random, the largest of four draws), its error is divided by c. So 1 means: as good as the inputs allow. ∞ is a number
that should be finite and is not. ⚠ is a warning of NumPy's; everything without one ran without. Below the least normal
number an ulp is the spacing there. `—` is no point of that type: it rounds to one where there is no finite value.
"""

REMARKS = """\
## Where more than a few ulps remain

* *Softmax, confident and right:* pₖ − tₖ with pₖ rounded to 1. The entry is as exact as pₖ is, half an ulp of 1; to
  have its own digits, the sum of the other classes would have to be kept apart, for which tₖ must be known to be one
  of 0 and 1: one more array, and two more passes, for digits that a sum over samples loses again beside any sample that
  is not yet right. All three compute it so. The binary cross-entropy keeps them, at no cost (logistic regression).
* *LSTM with gates that saturate:* the derivative of tanh is 1 − tanh², which reuses the value and loses the digits that
  tanh has in common with 1. All three compute it so.
* *Norms whose squares overflow or vanish:* Σ x² is formed as written. PyTorch and JAX do the same. At 0 the gradient is
  0 by convention.
* *0·log 0* is not a number, with NumPy's warning: a product is what it is. Written with conditions,
  `if_else(t > 0, t*log(p), 0)`, value and gradient are exact, and so is the gradient at p = 0 and 1, where the peers'
  `xlogy` has a value but no gradient.

Powers: x⁰ is 1, also of 0, and its derivative by x is 0; x**y·log x is 0 where x is 0 and y is not negative. Negative
bases have real powers for whole exponents only; others are not a number.
"""

SPOILED = """\
## Infinite and missing data

Not-a-number and infinite data are propagated, by the arithmetic of IEEE 754; nothing is mended, and one thing refused:
a matrix that facts say is positive definite, and is not (`LinAlgError`). NumPy warns where it meets ∞ − ∞ or 0·∞
(`np.errstate(all="ignore")` silences it). The first number of the data is replaced (of softmax, of the logits; of
log-determinants, of the matrix); value, then gradient (the kinds of number in it).

The mixture at ±∞: all exponents of a point are −∞, and log Σ exp takes their maximum from them, −∞ − (−∞). The peers
test for that, and have the value ∞; the gradient is not a number in all three.
"""


def peers() -> dict[str, Any]:
    return {"JAX": Jax(), "PyTorch": Torch()}


def table(case: Case, others: dict[str, Any]) -> Iterator[str]:
    """The lines of one case's table."""
    yield "| inputs | type | " + " | ".join(f"{name}: value | gradient" for name in ("symgrad", *others)) + " |"
    yield "|---|---|" + "---:|---:|" * (1 + len(others))
    for label, inputs in case.points.items():
        for dtype in ("float64", "float32"):
            given = as_type(inputs, dtype)
            found = measured(case, given, others)
            cells = [cell for one in found for cell in _cells(one)] if found else ["—"] * (2 + 2 * len(others))
            yield f"| {label} | {dtype} | {' | '.join(cells)} |"


def measured(case: Case, given: Inputs, others: dict[str, Any]) -> list[Errors] | None:
    """The errors of symgrad and of the others; None where the exact numbers are not finite."""
    exact = exactly(case, given) if all(np.isfinite(value).all() for value in given.values()) else None
    if exact is None:
        return None
    dtype = next(iter(given.values())).dtype
    value, gradient, warned = of_symgrad(case, given)
    found = [errors(exact, value, gradient, dtype, warned)]
    for peer in others.values():
        found.append(errors(exact, *_of_peer(case, given, peer), dtype))
    return found


def _of_peer(case: Case, given: Inputs, peer: Any) -> tuple[Any, list[Any]]:
    return peer.value_and_gradient(case.loss, given, list(compiled(case).PARAMETERS))  # type: ignore[no-any-return]


def _cells(found: Errors) -> list[str]:
    sign = " ⚠" if found.warned else ""
    return [_number(found.value) + sign, _number(found.gradient) + sign]


def _number(ulps: float) -> str:
    if math.isinf(ulps):
        return "∞"
    if ulps < 1000:
        return f"{ulps:.1f}"
    digits, exponent = f"{ulps:.0e}".split("e")
    return f"{digits}e{int(exponent)}"


def spoiled(others: dict[str, Any]) -> Iterator[str]:
    """The lines of the table of infinite and missing data."""
    yield "| model | data | " + " | ".join(("symgrad", *others)) + " |"
    yield "|---|---|" + "---|" * (1 + len(others))
    for case in CASES:
        if case.data is None:
            continue
        for bad in (np.nan, np.inf, -np.inf):
            given = as_type(next(iter(case.points.values())), "float64")
            array = given[case.data].copy()
            array.flat[0] = bad
            given[case.data] = array
            try:
                value, gradient, warned = of_symgrad(case, given)
            except np.linalg.LinAlgError:
                cells = ["refused"]
            else:
                cells = [_kinds(value, gradient) + (" ⚠" if warned else "")]
            cells += [_kinds(*_of_peer(case, given, peer)) for peer in others.values()]
            yield f"| {case.name} | {bad} | {' | '.join(cells)} |"


def _kinds(value: Any, gradient: list[Any]) -> str:
    return f"{_kind(np.ravel(value))}; {_kind(np.concatenate([np.ravel(part) for part in gradient]))}"


def _kind(numbers: Any) -> str:
    kinds = {"nan": np.isnan(numbers).any(), "inf": np.isinf(numbers).any(), "finite": np.isfinite(numbers).any()}
    return ", ".join(kind for kind, there in kinds.items() if there)


def page() -> str:
    """The whole page."""
    others = peers()
    parts = [INTRODUCTION]
    for case in CASES:
        parts.append(f"## {case.name[0].upper()}{case.name[1:]}\n\n" + "\n".join(table(case, others)) + "\n")
    parts += [REMARKS, SPOILED + "\n" + "\n".join(spoiled(others)) + "\n"]
    return "\n".join(parts)


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # those of symgrad's modules are caught and shown
    text = page()
    if "--print" in sys.argv:
        print(text)
    else:
        PAGE.write_text(text, encoding="utf-8")
