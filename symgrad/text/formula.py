"""`parse`: a formula as text, read through all three stages."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, count
from typing import Any

from sympy import Eq, MatrixSymbol, Symbol

from symgrad.calls import checked
from symgrad.deep import with_room
from symgrad.errors import FormulaError, ModelError
from symgrad.text import lengths, tree
from symgrad.text.elaboration import Elaborated, elaborate
from symgrad.text.latex import read_latex
from symgrad.text.reading import read
from symgrad.text.readings import Reading, reading

TEXT, LATEX = "text", "latex"
READERS: dict[str, Callable[[str], tree.Program]] = {TEXT: read, LATEX: read_latex}
_OF_LATEX = re.compile(r"\\(?:[A-Za-z]{2}|[^A-Za-z])")  # a command; A\b is a mistake that has a message of its own


def notation_of(text: str) -> str:
    """The notation that a formula is written in: LaTeX has commands, which the other one lacks."""
    return LATEX if _OF_LATEX.search(text) else TEXT


@dataclass(frozen=True)
class Formula:
    """A formula with its shapes; what `parse` returns.

    Attributes
    ----------
    program : the syntax tree, with places.
    reading : the shapes of its symbols and parts, each with its reason.
    """

    program: tree.Program
    reading: Reading

    @cached_property
    def elaborated(self) -> Elaborated:
        """The formula as SymPy objects.

        Raises
        ------
        FormulaError : SymPy cannot hold it.
        """
        try:
            return with_room(depth_of(self.program), lambda: elaborate(self.reading))
        except (ArithmeticError, AttributeError, NotImplementedError, TypeError, ValueError) as error:
            raise self._error(f"SymPy cannot hold this formula: {error}") from error

    @property
    def result(self) -> Any:
        """The result as a SymPy object: a scalar, or a matrix expression."""
        return self.elaborated.result

    @property
    def where(self) -> tuple[Any, ...]:
        """The equations of what is defined."""
        return self.elaborated.where

    @property
    def symbols(self) -> dict[str, Any]:
        """Symbols and defined quantities as SymPy objects, by name."""
        return self.elaborated.symbols

    @property
    def facts(self) -> tuple[Any, ...]:
        """What the declared properties say of symbols, as SymPy statements."""
        return self.elaborated.facts

    @property
    def constraints(self) -> tuple[tuple[Any, ...], ...]:
        """What a problem is subject to: relations, each with the ranges of its indices."""
        return self.elaborated.constraints

    @property
    def quantity(self) -> str | None:
        """The name of a result that is no scalar: its own, where it is defined, else f; None for a scalar."""
        if self.reading.is_scalar:
            return None
        result = self.program.result
        if isinstance(result, tree.Name) and result.text in (one.name for one in self.program.definitions):
            return result.text
        sizes = (size for symbol in self.reading.symbols for size in symbol.declared.sizes)
        taken = {*self.symbols, *(name for size in sizes for name in lengths.names(size))}
        return next(name for name in chain(["f"], (f"f{n}" for n in count(1))) if name not in taken)

    def statement(self) -> tuple[Any, tuple[Any, ...]]:
        """Loss and equations of the model: a result that is no scalar is no loss, but a quantity of its own."""
        name = self.quantity
        if name is None:
            return self.result, self.where
        if name in self.symbols:
            return None, self.where
        named = MatrixSymbol(name, *self.result.shape)
        return None, (*self.where, Eq(named, self.result, evaluate=False))

    def symbol(self, name: str) -> Any:
        """The symbol of a name, or a quantity that is defined.

        Raises
        ------
        FormulaError : there is none of that name.
        """
        if name in self.symbols:
            return self.symbols[name]
        known = ", ".join(symbol.name for symbol in self.reading.symbols)
        raise self._error(f"{name} does not occur in the formula; its symbols are {known or 'none'}")

    def size(self, name: str) -> Any:
        """The symbol of a size, by its name in the reading."""
        return Symbol(name, integer=True, positive=True)

    def _error(self, message: str) -> FormulaError:
        place = self.program.result.at
        return FormulaError(message, self.program.source, (place.start, place.end))

    def __str__(self) -> str:
        return self.program.source


@checked('parse("norm2(X*w - y)^2")')
def parse(text: "str | Formula", shapes: Mapping[str, str] | None = None, *, notation: str = TEXT) -> Formula:
    """Read a formula that is written as on paper or in MATLAB.

    Parameters
    ----------
    text : the formula, or several lines with names of which the last expression is the result. The grammar is in the
        guide, and in the file `symgrad/text/formula.lark`. A formula that is parsed already is itself.
    shapes : the shapes of symbols, where they are not those of the text: `{"x": "vector", "S": "symmetric matrix"}`.
    notation : "text", or "latex" for the subset that the guide describes.

    Raises
    ------
    ModelError : there is no such notation.
    FormulaError : it is not in the grammar, its shapes do not fit, or it can be read in several ways; the message
        underlines the place.

    Examples
    --------
    >>> formula = parse("norm2(X*w - y)^2 + lambda*w'*w")
    >>> print(formula.reading.text())
    X: matrix(N, M)
    w: vector(M)
    y: vector(N)
    lambda: scalar
    >>> formula.result
    lambda*Trace(w.T*w) + Total(HadamardPower(X*w - y, 2))
    """
    if isinstance(text, Formula):
        return text if shapes is None else understood(text.program, shapes)
    if notation not in READERS:
        raise ModelError(f"notation {notation!r} is not known; choose {', '.join(READERS)}")
    return understood(READERS[notation](text), shapes)


def understood(program: tree.Program, shapes: Mapping[str, str] | None = None) -> Formula:
    """A syntax tree with its shapes: the second stage, for whatever has read the tree.

    Raises
    ------
    FormulaError : as for `parse`.
    """
    return Formula(program, with_room(depth_of(program), lambda: reading(program, shapes)))


def depth_of(program: tree.Program) -> int:
    """How deep the expressions of a program are nested."""
    return max(tree.depth(part) for part in program.expressions())
