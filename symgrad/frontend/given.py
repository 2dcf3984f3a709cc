"""What `Model` was given, before it is read: a loss, lists of statements, a name; anything else is refused at once."""

from collections.abc import Iterable, Mapping, Sequence
from types import FunctionType
from typing import Any, SupportsIndex

from sympy import (
    Basic,
    Derivative,
    Eq,
    Indexed,
    IndexedBase,
    Integral,
    Lambda,
    Limit,
    MatrixBase,
    MatrixSymbol,
    NumberSymbol,
    S,
    Symbol,
    SympifyError,
    Tuple,
    sympify,
)
from sympy.core.function import FunctionClass
from sympy.logic.boolalg import Boolean, BooleanAtom
from sympy.matrices.expressions.matexpr import MatrixElement

from symgrad.calls import quoted
from symgrad.errors import ModelError, UnsupportedError
from symgrad.frontend.names import base_symbol, label_of
from symgrad.frontend.scope import place_of
from symgrad.functions.solutions import with_unknown
from symgrad.walk import Preorder


def expression(loss: Any) -> Any:
    """The loss as a SymPy object.

    Raises
    ------
    ModelError : it is a text, a function or nothing that SymPy knows.
    UnsupportedError : SymPy has left a derivative, an integral or a limit in it.
    """
    if isinstance(loss, FunctionType | Lambda | FunctionClass):
        raise ModelError(
            f"the loss is {quoted(loss)}, a function; give the expression that it returns for symbols, f(w, X)"
        )
    try:
        found = loss if isinstance(loss, list | tuple) else sympify(loss, strict=True)
    except SympifyError:
        raise ModelError(f"the loss is {quoted(loss)}; give a SymPy expression, such as (x - 1)**2") from None
    if isinstance(found, Basic):
        for part in Preorder(found):
            if isinstance(part, Limit | Integral | Derivative):
                raise UnsupportedError(
                    f"symgrad does not know {place_of(part)} ({type(part).__name__}), which SymPy has left as it was "
                    "written; .doit() is its value where SymPy finds one"
                )
    return found


def listed(given: Any, place: str, example: str) -> tuple[Any, ...]:
    """An argument that is a list of SymPy objects; a single object counts as a list of one.

    Raises
    ------
    ModelError : it is neither.
    """
    if isinstance(given, Basic) and not isinstance(given, Tuple):
        return (given,)
    if isinstance(given, str | set | frozenset) or not isinstance(given, Iterable):
        raise ModelError(f"{place} is {quoted(given)}; give a list such as {example}")
    return tuple(given)


def equations(given: Any, loss: Any = None) -> tuple[Any, ...]:
    """The equations of `where`: `Eq(name, expression)`, pairs (name, expression), or a dictionary of these.

    A name may be a text, for the symbol of that name in the loss or in the expressions.

    Raises
    ------
    ModelError : it is no list of these, or a text is the name of nothing.
    """
    parts = tuple(given.items()) if isinstance(given, Mapping) else listed(given, "where", "[Eq(z, X*w)]")
    pairs = [part for part in parts if _is_pair(part)]
    model = [part for part in (loss, *(pair[1] for pair in pairs)) if isinstance(part, Basic)]

    def equation(name: Any, value: Any) -> Any:
        if isinstance(name, str):
            name = _named(name, model, "where has the name {}, which does not occur in the loss")
        if isinstance(value, str):
            raise ModelError(f"where gives {label_of(name)} as {quoted(value)}; give the expression without quotes")
        return Eq(name, sympify(value), evaluate=False)

    return tuple(with_unknown(equation(*part) if _is_pair(part) else part) for part in parts)


def _is_pair(part: Any) -> bool:
    return isinstance(part, tuple | list | Tuple) and len(part) == 2


def parameters(given: Any, model: Sequence[Any] = ()) -> tuple[Any, ...]:
    """The symbols to differentiate by; a matrix of symbols stands for its symbols, row by row, a text for a symbol.

    `model` has the loss and the equations, in which texts name symbols.

    Raises
    ------
    ModelError : it is no list of symbols, or a matrix holds something else.
    """
    found: list[Any] = []
    alone = isinstance(given, MatrixBase | str)
    for parameter in (given,) if alone else listed(given, "parameters", "[W, b]"):
        if isinstance(parameter, str):
            found.append(_named(parameter, model, "the parameter {} does not occur in the loss"))
            continue
        entries = parameter.flat() if isinstance(parameter, MatrixBase) else (parameter,)
        for entry in entries:
            if isinstance(parameter, MatrixBase) and not isinstance(entry, Symbol):
                raise ModelError(
                    f"the parameter {place_of(parameter)} is a matrix that holds {place_of(entry)}; give a "
                    "MatrixSymbol, or a matrix of distinct symbols"
                )
            if not isinstance(entry, Symbol | MatrixSymbol | IndexedBase):
                raise ModelError(
                    f"{place_of(entry)} ({type(entry).__name__}) is not a Symbol, MatrixSymbol or IndexedBase"
                    f"{_instead(entry)}"
                )
            found.append(entry)
    return tuple(found)


def _instead(entry: Any) -> str:
    """What to write for what is no parameter."""
    if isinstance(entry, Indexed | MatrixElement):
        whole = label_of(base_symbol(entry))
        return f"; the parameter is {whole}, and the derivative by an entry is model.gradient({entry})"
    if isinstance(entry, NumberSymbol):
        return f", but a number of SymPy; a symbol of that name is Symbol({str(entry)!r}, real=True)"
    return ""


def _named(name: str, model: Sequence[Any], missing: str) -> Any:
    """The symbol of this name in expressions; `missing` says of one that is not there what it is."""
    known: dict[str, Any] = {}
    for part in model:
        walk = Preorder(part)
        for symbol in walk:
            if isinstance(symbol, Symbol | MatrixSymbol | IndexedBase):
                known.setdefault(label_of(symbol), symbol)
                walk.skip()  # the label and the sides of an array are no symbols of that kind
    if name not in known:
        raise ModelError(f"{missing.format(repr(name))}; it has {', '.join(sorted(known))}")
    return known[name]


def quantity(given: Any) -> Any:
    """What a formula is asked of: a symbol, subscripted or not, or a text.

    Raises
    ------
    ModelError : it is a matrix of symbols, or nothing that has a name.
    """
    if isinstance(given, MatrixBase):
        raise ModelError(f"{place_of(given)} is a matrix of symbols; ask for one of them at a time")
    if not isinstance(given, Basic | str):
        raise ModelError(f"{quoted(given)} is no symbol of the model")
    return given


def statement(given: Any, place: str) -> Basic:
    """A fact or equation that SymPy has not evaluated away; `place` is what errors call it, "facts[2]".

    Raises
    ------
    ModelError : SymPy has, or it is no SymPy object.
    """
    if isinstance(given, bool):
        raise ModelError(
            f"{place} is {given}, as == compares in Python; an equation is Eq(left, right), and a fact that "
            "its symbols' assumptions imply is left out"
        )
    if given is S.true:
        raise ModelError(
            f"{place} is True: SymPy found it true when it was written, by the assumptions of its symbols or "
            "as two sides are the same; leave it out"
        )
    if isinstance(given, BooleanAtom):
        raise ModelError(
            f"{place} is {given}: SymPy evaluated the statement when it was written, as it does where a "
            "matrix is said to equal a scalar; check the shapes of its two sides. A function of a matrix entry by "
            "entry is (X*w).applyfunc(log), or log(X*w) by `from symgrad import log`. Two sides that SymPy takes for "
            f"equal or not are kept apart by Eq(left, right, evaluate=False)"
        )
    if not isinstance(given, Basic):
        raise ModelError(
            f"{place} is {quoted(given)}; write a SymPy object such as Eq(left, right)"
            + (", without quotes" if isinstance(given, str) else "")
        )
    return given


def fact(given: Any, number: int) -> Basic:
    """A statement that is true or false.

    Raises
    ------
    ModelError : it states nothing.
    """
    stated = statement(given, f"facts[{number}]")
    if not isinstance(stated, Boolean) or isinstance(stated, Symbol):
        raise ModelError(
            f"facts[{number}] is {place_of(stated)} ({type(stated).__name__}), which states nothing; a fact is an "
            "equality, an inequality or a predicate, such as Eq(a, b), a > 0 or Q.orthogonal(A)"
        )
    return stated


def model_name(name: Any) -> str:
    """The model's name.

    Raises
    ------
    ModelError : it is no text, or has line breaks or control characters.
    """
    if not isinstance(name, str | None):
        raise ModelError(f"name is {quoted(name)}; give a text such as 'ridge'")
    if name and not name.isprintable():
        raise ModelError(f"name is {quoted(name)}; give a text without line breaks and control characters")
    return name or "model"


def sizes(given: Any, dimensions: Sequence[Symbol]) -> dict[Symbol, int]:
    """The lengths to expect of dimensions, which may be called by their names.

    Raises
    ------
    ModelError : they are no mapping, of something that is no dimension of the model, or no positive integers.
    """
    if not isinstance(given, Mapping):
        raise ModelError(f"sizes is {quoted(given)}; give a dictionary such as {{N: 60000, M: 784}}")
    known = {str(dimension): dimension for dimension in dimensions}
    found: dict[Symbol, int] = {}
    for key, size in given.items():
        dimension = known.get(key) if isinstance(key, str) else key
        if dimension not in known.values():
            names = f"they are {', '.join(known)}" if known else "it has none"
            raise ModelError(f"sizes: {quoted(key)} is no dimension of the model; {names}")
        if isinstance(size, bool) or not isinstance(size, SupportsIndex) or int(size) < 1:
            raise ModelError(f"sizes[{dimension}] is {quoted(size)}; give a positive integer")
        if found.setdefault(dimension, int(size)) != int(size):
            raise ModelError(f"sizes[{dimension}] is given twice, as {found[dimension]} and as {size}")
    return found
