"""Writes the pytest file that goes with a generated module: `test_OUT.py`, which needs NumPy and pytest only."""

import json
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jinja2 import Environment

from symgrad.arguments import Argument
from symgrad.verify.arrays import Array
from symgrad.verify.differences import FIRST_STEP
from symgrad.verify.directions import Tangents
from symgrad.verify.facts import Bound
from symgrad.verify.sampling import Draw

TEMPLATE = "test_module.py.j2"

_WIDTH = 88  # of a line of numbers, apart from brackets


def test_cases(arguments: Sequence[Argument], draws: Sequence[Draw]) -> list[dict[str, Any]]:
    """What `test_file` writes into the test, from inputs that were drawn.

    Parameters
    ----------
    arguments : the module's.
    draws : inputs, as `draw_inputs` gives them.

    Returns
    -------
    list of dict
        Each with `id`, the sizes; `inputs`, by name a dict of `value` (nested lists, or a number) and `dtype`
        ("float64", "int64", or "int" for a dimension); `first_step`, the largest step of the differences, relative to a
        parameter's scale; and `directions`, by name the directions in which a parameter may be moved whose entries the
        facts tie together, each a dict of subscripts to the numbers that are not zero.
    """
    cases: list[dict[str, Any]] = []
    for number, draw in enumerate(draws, start=1):
        sizes = ", ".join(f"{symbol}={draw.sizes[symbol]}" for symbol in sorted(draw.sizes, key=str))
        name = sizes or f"draw {number}"
        directions: dict[str, list[Any]] = {}
        for argument in arguments:
            tied = [c for c in draw.constraints if getattr(c, "name", None) == argument.name]
            # A bound that leaves room on both sides ties nothing.
            if argument.role == "parameter" and any(not isinstance(c, Bound) or c.low == c.high for c in tied):
                tangents = Tangents(argument.name, draw.inputs[argument.name], draw.constraints)
                directions[argument.name] = [_nonzero(direction.vector) for direction in tangents.entries()]
        cases.append(
            {
                "id": name if all(case["id"] != name for case in cases) else f"{name}, draw {number}",
                "inputs": {key: _literal(value) for key, value in draw.inputs.items()},
                "first_step": min(FIRST_STEP, draw.distance / 8),
                "directions": directions,
            }
        )
    return cases


def test_file(
    module_name: str,
    model_name: str,
    cases: Sequence[Mapping[str, Any]],
    environment: Environment,
    *,
    hessian: bool = False,
    hvp: bool = False,
) -> str:
    """The text of a pytest file that checks the generated module lying beside it.

    Parameters
    ----------
    module_name : the module's name, without `.py`.
    model_name : the model's name, for the docstring.
    cases : inputs to check at, as `test_cases` gives them; `first_step` and `directions` may be left out.
    environment : where the template is found, with `StrictUndefined`.
    hessian, hvp : whether the module has `hessian` and `hessian_vector_product`, to be tested as well.
    """
    rendered = [
        {
            "id": _text(case["id"]),
            "inputs": {_text(key): _source(value, len(key)) for key, value in case["inputs"].items()},
            "first_step": repr(float(case.get("first_step", FIRST_STEP))),
            "directions": {_text(key): vectors for key, vectors in case.get("directions", {}).items()},
        }
        for case in cases
    ]
    # The name goes into a docstring, where a quote or a backslash would end or escape something.
    title = " ".join(model_name.split()).replace("\\", "/").replace('"', "'")
    return environment.get_template(TEMPLATE).render(
        module_file=_text(f"{module_name}.py"),
        module_name=_text(module_name),
        model_name=title,
        cases=rendered,
        any_directions=any(case["directions"] for case in rendered),
        hessian=hessian,
        hvp=hvp,
    )


# pytest takes every function of this name in a module it imports for a test.
test_cases.__test__ = False  # type: ignore[attr-defined]
test_file.__test__ = False  # type: ignore[attr-defined]


def _text(value: str) -> str:
    """A string literal; letters beyond the basic plane stay, since JSON's escapes of them are not Python's."""
    return json.dumps(value, ensure_ascii=False)


def _literal(value: Any) -> dict[str, Any]:
    if isinstance(value, int):
        return {"value": value, "dtype": "int"}
    array = np.asarray(value)
    return {"value": array.tolist(), "dtype": str(array.dtype), "shape": array.shape}


def _nonzero(vector: Array) -> dict[tuple[int, ...], float]:
    return {tuple(place): float(vector[tuple(place)]) for place in np.argwhere(vector).tolist()}


def _source(literal: Mapping[str, Any], name_length: int) -> str:
    """The Python source of one input, on a line that begins with its name."""
    value, dtype = literal["value"], literal["dtype"]
    if dtype == "int":
        return repr(int(value))
    if not isinstance(value, list):
        return f"np.{dtype}({value!r})"
    if 0 in literal.get("shape", (1,)):
        return f"np.zeros({tuple(literal['shape'])}, dtype=np.{dtype})"
    # Lists of floats make float64 arrays; for integers it depends on the platform.
    return f"np.array({_nested(value, 8, name_length)}{'' if dtype == 'float64' else f', dtype=np.{dtype}'})"


def _nested(value: list[Any], indent: int, before: int) -> str:
    """Nested lists on as few lines as fit: innermost ones filled, others one below the other."""
    flat = repr(value)
    if len(flat) + indent + before <= _WIDTH:
        return flat
    inner = " " * (indent + 4)
    if isinstance(value[0], list):
        body = "".join(f"{inner}{_nested(row, indent + 4, 0)},\n" for row in value)
    else:
        body = textwrap.fill(f"{flat[1:-1]},", _WIDTH, initial_indent=inner, subsequent_indent=inner) + "\n"
    return f"[\n{body}{' ' * indent}]"
