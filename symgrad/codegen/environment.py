"""The Jinja environment that the code generator renders its templates in."""

from collections.abc import Iterable
from functools import cache

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from symgrad.codegen.template_folder import template_folder


@cache
def environment() -> Environment:
    """The Jinja environment over symgrad's templates, one for all modules: Jinja compiles a template once for each.

    A name that a template uses and its caller does not give is an error; a line that holds only a block tag leaves no
    blank line behind; the text is Python, so nothing is escaped.

    Raises
    ------
    RuntimeError
        If the templates are not where they belong (see `template_folder`).

    Examples
    --------
    >>> template = environment().from_string("{% if sides %}\\n{{ name }} : {{ sides }}\\n{% endif %}\\n")
    >>> template.render(name="w", sides="M×1")
    'w : M×1\\n'
    """
    made = Environment(
        loader=FileSystemLoader(template_folder()),
        undefined=StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["docstring"] = _docstring
    made.filters["typed"] = "{}: Any".format
    made.filters["optional"] = "{}: Any = None".format
    made.filters["pair"] = "{0}={0}".format
    made.filters["texts"] = texts
    made.filters["tuple_of"] = _tuple_of
    return made


def _docstring(text: str) -> str:
    """A text as it may stand in a docstring: nothing in it ends the string or begins an escape."""
    safe = text.replace("\\", r"\\").replace('"""', r"\"\"\"")
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in safe)


def texts(labels: Iterable[str | int]) -> str:
    """A tuple of names and numbers as Python text: ("M", 1)."""
    return _tuple_of(str(label) if isinstance(label, int) else f'"{label}"' for label in labels)


def _tuple_of(parts: Iterable[str]) -> str:
    """A tuple of expressions as Python text."""
    texts = list(parts)
    return f"({texts[0]},)" if len(texts) == 1 else f"({', '.join(texts)})"
