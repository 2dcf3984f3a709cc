"""Calls as they are made at first: what is missing, unknown or of another kind is said, with how to write it."""

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from functools import wraps
from inspect import Parameter, Signature, signature
from numbers import Integral
from typing import Any, ParamSpec, TypeVar

from symgrad.errors import ModelError
from symgrad.spellings import ARGUMENTS

_P = ParamSpec("_P")
_T = TypeVar("_T")


def checked(example: str) -> Callable[[Callable[_P, _T]], Callable[_P, _T]]:
    """A decorator of a function that is to be called as in the example; any other call is an error that says so.

    Examples
    --------
    >>> @checked("area(3, 4)")
    ... def area(width, height, *, unit="m"):
    ...     return width*height
    >>> try:
    ...     area(3, 4, units="cm")
    ... except ModelError as error:
    ...     print(error)
    area(width, height, *, unit=...) has no argument 'units', but unit; write it as in area(3, 4)
    """

    def made(function: Callable[_P, _T]) -> Callable[_P, _T]:
        taken = signature(function)

        @wraps(function)
        def called(*args: _P.args, **named: _P.kwargs) -> _T:
            try:
                taken.bind(*args, **named)
            except TypeError:
                problem = _problem(taken, args, named)
            else:
                return function(*args, **named)
            raise ModelError(f"{_form(example.partition('(')[0], taken)} {problem}; write it as in {example}")

        return called

    return made


def _form(name: str, taken: Signature) -> str:
    """How a function is called, without the values of what may be left out: compile(check=..., *, path=...)."""
    parts = []
    for parameter in _own(taken):
        if parameter.kind is Parameter.KEYWORD_ONLY and "*" not in parts:
            parts.append("*")
        many = parameter.kind is Parameter.VAR_POSITIONAL
        given = parameter.default is Parameter.empty
        parts.append(f"*{parameter.name}" if many else parameter.name if given else f"{parameter.name}=...")
    return f"{name}({', '.join(parts)})"


def _own(taken: Signature) -> list[Parameter]:
    """The arguments without `self`."""
    return [parameter for name, parameter in taken.parameters.items() if name != "self"]


def _problem(taken: Signature, args: tuple[Any, ...], named: dict[str, Any]) -> str:
    """What is wrong with a call."""
    own = _own(taken)
    args = args[len(taken.parameters) - len(own) :]
    for name in named:
        if name not in taken.parameters:
            near = nearest(name, [parameter.name for parameter in own], ARGUMENTS)
            return f"has no argument {name!r}{f', but {near}' if near else ''}"
    places = [parameter for parameter in own if parameter.kind is Parameter.POSITIONAL_OR_KEYWORD]
    if len(args) > len(places):
        return f"takes {_counted(len(places))} without a name, and was given also {_shortened(args[len(places)])}"
    for parameter, value in zip(places, args, strict=False):
        if parameter.name in named:
            return f"was given {parameter.name} twice, as {_shortened(value)} and by its name"
    missing = [
        parameter.name
        for parameter in places[len(args) :]
        if parameter.default is Parameter.empty and parameter.name not in named
    ]
    return f"needs {' and '.join(missing)}"


def _counted(count: int) -> str:
    return {0: "no argument", 1: "one argument"}.get(count, f"{count} arguments")


def shortened(text: str, most: int) -> str:
    """A text of at most so many characters, which ends with … where there was more."""
    return text if len(text) <= most else text[: most - 1] + "…"


def _shortened(given: Any) -> str:
    return shortened(repr(given), 60)


def quoted(given: Any) -> str:
    """What was given, with its type, for a message."""
    return f"{_shortened(given)} ({type(given).__name__})"


def nearest(name: str, known: Iterable[str], meanings: dict[str, str]) -> str:
    """What a name that does not exist means here, or what it looks like; nothing if neither is known.

    Examples
    --------
    >>> nearest("sead", ["seed", "path"], {}), nearest("wrt", ["parameters"], {"wrt": "parameters"})
    ('seed', 'parameters')
    """
    names = list(known)
    meant = meanings.get(name.lower(), "")
    if meant in names:
        return meant
    lowered = {one.lower(): one for one in names}
    found = get_close_matches(name.lower(), lowered, 1, 0.7)
    return lowered[found[0]] if found else ""


def without_attribute(owner: str, name: str, known: Iterable[str], meanings: dict[str, str]) -> AttributeError:
    """The error for an attribute that does not exist, with what to write instead where that is known."""
    cure = meanings.get(name.lower(), "") or nearest(name, [one for one in known if not one.startswith("_")], {})
    return AttributeError(f"{owner} has no attribute {name!r}{f'; write {cure}' if cure else ''}")


def switch(name: str, given: Any) -> bool:
    """An argument that is true or false.

    Raises
    ------
    ModelError : it is neither.
    """
    if not (isinstance(given, bool) or (str(getattr(given, "dtype", "")) == "bool" and not given.shape)):
        raise ModelError(f"{name} is {quoted(given)}; give True or False")
    return bool(given)


def whole_number(name: str, given: Any) -> int:
    """An argument that is an integer of at least 0.

    Raises
    ------
    ModelError : it is not.
    """
    if isinstance(given, bool) or not isinstance(given, Integral) or given < 0:
        raise ModelError(f"{name} is {quoted(given)}; give an integer of at least 0")
    return int(given)
