"""Writes the pytest file that goes with a generated module: `test_OUT.py`, which needs NumPy and pytest only."""

import json
import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
from jinja2 import Environment

from symgrad.arguments import Argument
from symgrad.frontend.facts import Unread
from symgrad.verify.arrays import Array
from symgrad.verify.directions import Tangents
from symgrad.verify.draw import Draw

TEMPLATE = "test_module.py.j2"

_WIDTH = 88  # of a line of numbers, apart from brackets


def written_test(
    module_name: str,
    model_name: str,
    arguments: Sequence[Argument],
    draws: Sequence[Draw],
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
    arguments : the module's.
    draws : inputs to check at, as `draw_inputs` gives them.
    environment : where the template is found, with `StrictUndefined`.
    hessian, hvp : whether the module has `hessian` and `hessian_vector_product`, to be tested as well.
    """
    cases: list[dict[str, Any]] = []
    for number, draw in enumerate(draws, start=1):
        sizes = ", ".join(f"{symbol}={draw.sizes[symbol]}" for symbol in sorted(draw.sizes, key=str))
        name = _text(sizes or f"draw {number}")
        cases.append(
            {
                "id": name if all(case["id"] != name for case in cases) else _text(f"{sizes}, draw {number}"),
                "inputs": {_text(key): _source(value, len(key)) for key, value in draw.inputs.items()},
                "first_step": repr(float(draw.first_step)),
                "directions": {_text(a.name): _directions(a.name, draw) for a in arguments if _is_tied(a, draw)},
            }
        )
    # The name goes into a docstring, where a quote or a backslash would end or escape something.
    title = " ".join(model_name.split()).replace("\\", "/").replace('"', "'")
    return environment.get_template(TEMPLATE).render(
        module_file=_text(f"{module_name}.py"),
        module_name=_text(module_name),
        model_name=title,
        cases=cases,
        any_directions=any(case["directions"] for case in cases),
        hessian=hessian,
        hvp=hvp,
    )


def _text(value: str) -> str:
    """A string literal; letters beyond the basic plane stay, since JSON's escapes of them are not Python's."""
    return json.dumps(value, ensure_ascii=False)


def _is_tied(argument: Argument, draw: Draw) -> bool:
    """Whether facts tie entries of a parameter together; a bound that leaves room on both sides does not."""
    own = [c for c in draw.about(argument) if not isinstance(c, Unread)]
    return argument.role == "parameter" and not all(c.leaves_room for c in own)


def _directions(name: str, draw: Draw) -> list[dict[tuple[int, ...], float]]:
    """The directions in which a parameter may be moved, each as the subscripts of its numbers that are not zero."""
    vectors = [direction.vector for direction in Tangents(name, draw.inputs[name], draw.constraints).entries()]
    return [{tuple(at): float(vector[tuple(at)]) for at in np.argwhere(vector).tolist()} for vector in vectors]


def _source(value: Any, name_length: int) -> str:
    """The Python source of one input, on a line that begins with its name."""
    if isinstance(value, int):
        return repr(value)
    array: Array = np.asarray(value)
    if not array.ndim:
        return f"np.{array.dtype}({array.item()!r})"
    if not array.size:
        return f"np.zeros({array.shape}, dtype=np.{array.dtype})"
    # Lists of floats make float64 arrays; for integers it depends on the platform.
    dtype = "" if array.dtype == np.float64 else f", dtype=np.{array.dtype}"
    return f"np.array({_nested(array.tolist(), 8, name_length)}{dtype})"


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
