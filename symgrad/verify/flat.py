"""The check of `pack`, `unpack` and `flat_value_and_gradient`: the same parameters and derivatives as one vector."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from symgrad.verify.differences import Array
from symgrad.verify.report import Finding
from symgrad.verify.sampling import Draw

_REPEAT_TOLERANCE = 1e-10  # two functions may sum in different orders


def flat_findings(module: Any, draw: Draw, value: float, gradients: Sequence[Array], noise: float) -> list[Finding]:
    """What there is to say of a module's flat functions; nothing of a module that has none.

    Parameters
    ----------
    module : the generated module.
    draw : the inputs.
    value, gradients : the loss and its derivatives there.
    noise : the absolute error that `value` may have.
    """
    if not hasattr(module, "pack"):
        return []
    names = module.Parameters._fields
    parameters = [np.asarray(draw.inputs[name]) for name in names]
    sizes = {str(symbol): size for symbol, size in draw.sizes.items() if str(symbol) in module.DIMENSIONS}
    data = {**sizes, **{name: given for name, given in draw.inputs.items() if name not in names}}
    try:
        with np.errstate(all="ignore"):
            theta = module.pack(*parameters)
            back = module.unpack(theta, **data)
            flat_value, flat_gradient = module.flat_value_and_gradient(theta, **data)
    except Exception as problem:  # the code under test may fail in any way, and that is a finding
        return [Finding("the flat functions compute", "fail", f"one raised {type(problem).__name__}: {problem}")]
    expected = np.concatenate([np.ravel(part) for part in parameters])
    slope = np.concatenate([np.ravel(part) for part in gradients])
    size = float(np.max(np.abs(slope), initial=0.0))
    same = all(np.array_equal(part, given) for part, given in zip(back, parameters, strict=True))
    statements = {
        "pack puts the parameters in a row": np.array_equal(theta, expected),
        "unpack undoes pack": same,
        "flat_value_and_gradient has the same value": abs(flat_value - value) <= _REPEAT_TOLERANCE * abs(value) + noise,
        "flat_value_and_gradient has the same gradient": np.shape(flat_gradient) == slope.shape
        and bool(np.all(np.abs(flat_gradient - slope) <= _REPEAT_TOLERANCE * size + noise)),
    }
    return [Finding(name, "pass" if holds else "fail") for name, holds in statements.items()]
