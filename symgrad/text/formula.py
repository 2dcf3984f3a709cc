"""`parse`: a formula as text, read through all three stages."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sympy import Symbol

from symgrad.calls import checked
from symgrad.deep import with_room
from symgrad.errors import FormulaError
from symgrad.text import tree
from symgrad.text.elaboration import Elaborated, elaborate
from symgrad.text.reading import read
from symgrad.text.readings import Reading, reading


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
        """The formula as SymPy objects."""
        return with_room(depth_of(self.program), lambda: elaborate(self.reading))

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

    def loss(self) -> Any:
        """The result, which has to be a scalar.

        Raises
        ------
        FormulaError : it is a vector or a matrix.
        """
        if self.reading.is_scalar:
            return self.result
        rows, columns = self.reading.result
        shape = f"a vector of {rows}" if columns == "1" else f"a row of {columns}" if rows == "1" else ""
        shape = shape or f"a matrix of {rows}×{columns}"
        raise self._error(f"the result is {shape}, and a loss is a scalar; sum(...) and norm2(...) make one of it")

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
def parse(text: str, shapes: Mapping[str, str] | None = None) -> Formula:
    """Read a formula that is written as on paper or in MATLAB.

    Parameters
    ----------
    text : the formula, or several lines with names of which the last expression is the result. The grammar is in the
        guide, and in the file `symgrad/text/formula.lark`.
    shapes : the shapes of symbols, where they are not those of the text: `{"x": "vector", "S": "symmetric matrix"}`.

    Raises
    ------
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
    return understood(read(text), shapes)


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
