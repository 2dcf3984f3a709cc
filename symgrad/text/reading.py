"""Text to the syntax tree, by the grammar of `formula.lark`."""

import re
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any

from lark import Lark, Token, Transformer, v_args
from lark.exceptions import UnexpectedCharacters, UnexpectedEOF, UnexpectedInput, UnexpectedToken, VisitError

from symgrad.deep import with_room
from symgrad.errors import FormulaError
from symgrad.text import tree
from symgrad.text.tree import Span

LONGEST = 20_000  # characters: a page of formulas has two thousand
DEEPEST = 500  # levels: what is nested deeper was not written by a person

MOST_DIGITS = 308  # of a number, as of floating-point numbers

_OPENING, _CLOSING = "([", ")]"
_NESTING = "+-*/^'([·×−–⊙∘⊘ᵀ’"  # no level of the tree without one of these
_GOES_ON = "+-*/^,=(["  # a line that ends so goes on in the next one
_OPERATOR_OF = {"**": "^", ".**": ".^", "·": "*", "×": "*", "⊙": ".*", "∘": ".*", "⊘": "./", "−": "-", "–": "-"}
_COMPARISON_OF = {"≤": "<=", "≥": ">="}


@cache
def _parser() -> Lark:
    grammar = files("symgrad.text").joinpath("formula.lark").read_text(encoding="utf-8")
    return Lark(grammar, parser="lalr", propagate_positions=True)


def read(source: str) -> tree.Program:
    """The syntax tree of a formula, or of several lines of which the last expression is the result.

    Raises
    ------
    FormulaError : it is not in the grammar, with the place where it leaves it.

    Examples
    --------
    >>> read("r = X*w - y; norm2(r)^2").definitions[0].name
    'r'
    """
    if not isinstance(source, str):
        raise FormulaError(f"a formula is a text, but was given {type(source).__name__}", "", (0, 0))
    if len(source) > LONGEST:
        raise FormulaError(f"the text has more than {LONGEST} characters", source[:60] + "…", (0, 1))
    text = _one_statement_a_line(source)
    if not text.strip(" \t\r\f\u00a0\n;"):
        raise FormulaError("there is no formula", source, (0, len(source)))
    try:
        parsed = _parser().parse(text)
        levels = sum(text.count(character) for character in _NESTING)
        program: tree.Program = with_room(levels, lambda: _Builder(source).transform(parsed))
    except VisitError as error:
        raise error.orig_exc from None
    except UnexpectedInput as error:
        raise _unexpected(error, source, text) from None
    for part in program.expressions():
        if tree.depth(part) > DEEPEST:
            raise FormulaError(
                f"this is nested more than {DEEPEST} deep; give parts of it names", source, (part.at.start, part.at.end)
            )
    return program


def _one_statement_a_line(source: str) -> str:
    """The text with blanks for comments and for line ends inside brackets; every character keeps its place.

    Raises
    ------
    FormulaError : a bracket is not closed, closes nothing, or is nested too deep.
    """
    made, commented = list(source), False
    open_at: list[int] = []
    last = ""  # the last character of the line that is no blank
    for at, character in enumerate(source):
        if character == "\n":
            commented = False
            if open_at or (last in _GOES_ON and last):
                made[at] = " "
            else:
                last = ""
        elif commented or character in "#%":
            commented, made[at] = True, " "
        elif not character.isspace():
            last = character
            if character in _OPENING:
                open_at.append(at)
                if len(open_at) > DEEPEST:
                    raise FormulaError(f"brackets are nested more than {DEEPEST} deep", source, (at, at + 1))
            elif character in _CLOSING:
                if not open_at:
                    raise FormulaError(f"this {character} closes nothing", source, (at, at + 1))
                wanted = _CLOSING[_OPENING.index(source[open_at.pop()])]
                if character != wanted:
                    raise FormulaError(f"here {wanted} is expected, not {character}", source, (at, at + 1))
    if open_at:
        raise FormulaError(f"this {source[open_at[-1]]} is not closed", source, (open_at[-1], open_at[-1] + 1))
    return "".join(made)


def _unexpected(error: UnexpectedInput, source: str, text: str) -> FormulaError:
    """What the parser did not expect, in words."""
    if isinstance(error, UnexpectedCharacters):
        at = error.pos_in_stream or 0
        return FormulaError(_about_character(text[at : at + 1]), source, (at, at + 1))
    if isinstance(error, UnexpectedEOF) or not isinstance(error, UnexpectedToken) or error.token.type == "$END":
        at = max(len(text.rstrip(" \t\r\n;")) - 1, 0)
        return FormulaError("the formula ends here, and something is missing", source, (at, at + 1))
    token = error.token
    at, end = token.start_pos, token.end_pos
    if token.type == "_END":
        before = max(len(text[:at].rstrip()) - 1, 0)
        return FormulaError("the line ends here, and something is missing", source, (before, before + 1))
    return FormulaError(_about_token(token, text, set(error.accepts or error.expected)), source, (at, end))


_CURES = {
    "\\": 'solve A*z = b with inv(A)*b; LaTeX is read by symgrad.parse(..., notation="latex")',
    "{": "sizes and subscripts stand in brackets, A[i,j]",
    "}": "sizes and subscripts stand in brackets, A[i,j]",
    "|": "a norm is norm2(x) or norm1(x), an absolute value abs(x)",
    "‖": "a norm is norm2(x) or norm1(x)",
    "∑": "a sum over indices is sum[i] x[i]",
    "Σ": "a sum over indices is sum[i] x[i]",
    "√": "a root is sqrt(x)",
    "&": "conditions are given one by one",
    "_": "a name begins with a letter",
    "²": "a square is x^2",
    "³": "a cube is x^3",
}


def _about_character(character: str) -> str:
    """A character that no token begins with."""
    if character == "'":
        return "nothing stands before this ' that it could transpose"
    cure = _CURES.get(character)
    return f"{character!r} has no meaning here" + (f"; {cure}" if cure else "")


def _about_token(token: Token, text: str, accepted: set[str]) -> str:
    """A token that does not belong where it is."""
    begins = {"NAME", "NUMBER", "LPAR", "REDUCTION"}
    operators = {"PLUS", "TIMES", "MINUS"}
    if token.type in ("POWER", "DOT_POWER") and "PLUS" in accepted:
        return "a power of a power can be read in two ways: write (a^b)^c or a^(b^c)"
    if token.type in begins and accepted & operators:
        before = re.search(r"\w+'?$", text[: token.start_pos].rstrip())
        left = before.group() if before else "what precedes"
        what = "a bracket" if token.type == "LPAR" else str(token)
        return f"an operator is missing between {left} and {what}; a product is written with *"
    if token.type in ("SUBJECT_TO", "MINIMISE"):
        return f"{token} begins a statement of a problem: minimise ..., then subject to ..."
    if token.type == "COMPARISON":
        return "a comparison stands alone (subject to x >= 0), or first in if(x > 0, a, b)"
    if token.type == "TRANSPOSE":
        return "nothing stands before this ' that it could transpose"
    if accepted & begins:
        return f"before {token} something is missing: a name, a number or a bracket"
    return f"{token} is not expected here"


@v_args(meta=True)
class _Builder(Transformer):  # type: ignore[type-arg]
    """The parser's tree as the nodes of `tree`."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.source = source

    def _fail(self, message: str, at: Span) -> FormulaError:
        return FormulaError(message, self.source, (at.start, at.end))

    def number(self, meta: Any, given: list[Any]) -> tree.Number:
        digits, _, exponent = str(given[0]).lower().partition("e")
        if len(digits) > MOST_DIGITS or abs(int(exponent[:9] or 0)) > MOST_DIGITS:
            raise self._fail(f"a number has at most {MOST_DIGITS} digits, before and after the point", _span(meta))
        return tree.Number(str(given[0]), _span(meta))

    def name(self, meta: Any, given: list[Any]) -> tree.Name:
        return tree.Name(str(given[0]), _span(meta))

    def group(self, meta: Any, given: list[Any]) -> Any:
        return replace(given[0], at=_span(meta))

    def call(self, meta: Any, given: list[Any]) -> tree.Call:
        name, *arguments = given
        return tree.Call(str(name), tuple(arguments), _span(meta), _place(name))

    def subscripted(self, meta: Any, given: list[Any]) -> tree.Subscripted:
        return tree.Subscripted(given[0], tuple(given[1:]), _span(meta))

    def transposed(self, meta: Any, given: list[Any]) -> tree.Transposed:
        return tree.Transposed(given[0], _span(meta))

    def negative(self, meta: Any, given: list[Any]) -> tree.Negative:
        return tree.Negative(given[-1], _span(meta))

    def positive(self, meta: Any, given: list[Any]) -> Any:
        return replace(given[-1], at=_span(meta))

    def binary(self, meta: Any, given: list[Any]) -> tree.Binary:
        left, operator, right = given
        return tree.Binary(_OPERATOR_OF.get(operator, str(operator)), left, right, _span(meta), _place(operator))

    def power(self, meta: Any, given: list[Any]) -> tree.Expression:
        base, operator, exponent, *transpositions = given
        made: tree.Expression = self.binary(meta, [base, operator, exponent])
        if transpositions and not isinstance(exponent, tree.Number):
            raise self._fail("this can be read in two ways: write (a^b)' or a^(b')", made.at)
        for token in transpositions:
            made = tree.Transposed(made, Span(made.at.start, token.end_pos))
        return made

    def binder(self, meta: Any, given: list[Any]) -> tree.Binder:
        index, lower, upper = given if len(given) == 3 else (*given, None, None)
        return tree.Binder(str(index), lower, upper, _span(meta))

    def reduction(self, meta: Any, given: list[Any]) -> tree.Reduction:
        name, *binders, body = given
        return tree.Reduction(str(name).strip(), tuple(binders), body, _span(meta), _place(name))

    def comparison(self, meta: Any, given: list[Any]) -> tree.Comparison:
        left, operator, right = given
        return tree.Comparison(_COMPARISON_OF.get(operator, str(operator)), left, right, _span(meta))

    def between(self, meta: Any, given: list[Any]) -> "_Between":
        low, first, middle, second, high = given
        signs = [_COMPARISON_OF.get(sign, str(sign)) for sign in (first, second)]
        if signs not in (["<=", "<="], [">=", ">="]):
            raise self._fail("between two bounds stands what is written so: 0 <= x <= 1", _span(meta))
        return _Between(
            tree.Comparison(signs[0], low, middle, low.at.to(middle.at)),
            tree.Comparison(signs[1], middle, high, middle.at.to(high.at)),
            _span(meta),
        )

    def equation(self, meta: Any, given: list[Any]) -> "_Equation":
        target, value = given
        return _Equation(target, value, _span(meta))

    def kind(self, meta: Any, given: list[Any]) -> tuple[list[tree.Name], list[Any]]:
        words = [tree.Name(str(one), _place(one)) for one in given if isinstance(one, Token)]
        return words, [one for one in given if not isinstance(one, Token)]

    def declaration(self, meta: Any, given: list[Any]) -> tree.Declaration:
        *names, (words, sizes) = given
        for name in names:
            if not isinstance(name, tree.Name):
                raise self._fail("before : stands a name, as in X: matrix(N, M)", name.at)
        return tree.Declaration(tuple(names), tuple(words), tuple(sizes), _span(meta))

    def objective(self, meta: Any, given: list[Any]) -> "_Objective":
        return _Objective(given[-1])

    def constrained(self, meta: Any, given: list[Any]) -> "_Constraints":
        return _Constraints(given[0], tuple(one for one in given[1:] if not isinstance(one, Token)))

    def constraints(self, meta: Any, given: list[Any]) -> "_Constraints":
        return _Constraints(None, tuple(one for one in given if not isinstance(one, Token)))

    def start(self, meta: Any, given: list[Any]) -> tree.Program:
        return _Sorted(self.source).program([one for one in given if not isinstance(one, Token)])


@dataclass(frozen=True)
class _Objective:
    """minimise value."""

    value: Any


@dataclass(frozen=True)
class _Equation:
    """target = value: a definition, or what a problem is subject to."""

    target: Any
    value: Any
    at: Span


@dataclass(frozen=True)
class _Between:
    """low ≤ middle ≤ high, as two comparisons."""

    first: tree.Comparison
    second: tree.Comparison
    at: Span


@dataclass(frozen=True)
class _Constraints:
    """A line with `subject to`: the statement before it, and the comparisons after it."""

    statement: Any
    conditions: tuple[Any, ...]


class _Sorted:
    """The statements of a text by what they are."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.declarations: list[tree.Declaration] = []
        self.definitions: list[tree.Definition] = []
        self.results: list[tree.Expression] = []
        self.constraints: list[tree.Constraint] = []
        self.minimised = self.subject = False

    def program(self, statements: list[Any]) -> tree.Program:
        for statement in statements:
            self._take(statement)
        if not self.results and self.definitions and not self.subject:
            last = self.definitions[-1]  # of r = X*w - y alone the result is r
            self.results.append(tree.Name(last.name, Span(last.at.start, last.at.start + len(last.name))))
        if not self.results:
            raise FormulaError("there is no formula to differentiate", self.source, (0, len(self.source)))
        (result,) = self.results
        return tree.Program(
            self.source,
            tuple(self.declarations),
            tuple(self.definitions),
            result,
            self.minimised,
            tuple(self.constraints),
        )

    def _take(self, statement: Any) -> None:
        if isinstance(statement, _Constraints):
            if statement.statement is not None:
                self._take(statement.statement)
            self.subject = True
            for condition in statement.conditions:
                self._take(condition)
        elif isinstance(statement, _Objective):
            self._result(statement.value)
            self.minimised = True
        elif isinstance(statement, tree.Declaration):
            self.declarations.append(statement)
        elif isinstance(statement, _Equation) and not self.subject:
            self.definitions.append(self._definition(statement))
        elif isinstance(statement, _Equation):
            self._constrain(tree.Comparison("==", statement.target, statement.value, statement.at))
        elif isinstance(statement, tree.Comparison):
            self._constrain(statement)
        elif isinstance(statement, _Between):
            self._constrain(statement.first)
            self._constrain(statement.second)
        elif self.subject:
            raise self._fail("what follows `subject to` are comparisons, such as x >= 0", statement.at)
        else:
            self._result(statement)

    def _result(self, value: tree.Expression) -> None:
        if self.results:
            raise self._fail("there is a result already; intermediate quantities have names: r = X*w - y", value.at)
        self.results.append(value)

    def _definition(self, equation: _Equation) -> tree.Definition:
        target = equation.target
        parts: tuple[Any, ...] = (target,)
        if isinstance(target, tree.Subscripted):
            parts = (target.base, *target.subscripts)
        name, *subscripts = parts
        if not all(isinstance(one, tree.Name) for one in parts):
            raise self._fail("before = stands a name, or a name with indices: r = X*w - y, r[i] = x[i]^2", target.at)
        return tree.Definition(name.text, tuple(subscripts), equation.value, equation.at)

    def _constrain(self, comparison: tree.Comparison) -> None:
        """A comparison as a constraint; the indices that it leaves open are those for all of which it holds."""
        if not self.subject:
            raise self._fail("a comparison is no value; constraints follow `subject to`", comparison.at)
        if comparison.operator in ("<", ">"):
            message = "a strict inequality has no points on its border, where minima lie; write {}="
            raise self._fail(message.format(comparison.operator), comparison.at)
        self.constraints.append(tree.Constraint(comparison, tree.open_indices(comparison)))

    def _fail(self, message: str, at: Span) -> FormulaError:
        return FormulaError(message, self.source, (at.start, at.end))


def _span(meta: Any) -> Span:
    return Span(meta.start_pos, meta.end_pos)


def _place(token: Token) -> Span:
    assert token.start_pos is not None and token.end_pos is not None
    return Span(token.start_pos, token.end_pos)
