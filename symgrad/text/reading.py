"""Text to the syntax tree, by the grammar of `formula.lark`."""

from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import Any

from lark import Lark, Token, Transformer, v_args
from lark.exceptions import UnexpectedInput, VisitError

from symgrad.deep import with_room
from symgrad.errors import FormulaError
from symgrad.text import tree
from symgrad.text.mistakes import unexpected
from symgrad.text.statements import Between, Constraints, Equation, Objective, Origin, Sorted
from symgrad.text.tree import Span

LONGEST = 20_000  # characters: a page of formulas has two thousand
DEEPEST = 500  # levels: what is nested deeper was not written by a person

MOST_DIGITS = 308  # of a number, as of floating-point numbers

_OPENING, _CLOSING = "([", ")]"
_NESTING = "+-*/^'([&|·×−–⊙∘⊘ᵀ’"  # no level of the tree without one of these
_GOES_ON = "+-*/^,=(["  # a line that ends so goes on in the next one
_OPERATOR_OF = {"**": "^", ".**": ".^", "·": "*", "×": "*", "⊙": ".*", "∘": ".*", "⊘": "./", "−": "-", "–": "-"}
_COMPARISON_OF = {"≤": "<=", "≥": ">=", "≠": "!=", "~=": "!="}


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
        raise unexpected(error, source, text) from None
    for part in program.expressions():
        _refuse_conditions(part, source)
        if tree.depth(part) > DEEPEST:
            raise FormulaError(
                f"this is nested more than {DEEPEST} deep; give parts of it names", source, (part.at.start, part.at.end)
            )
    return program


def _refuse_conditions(part: tree.Node, source: str) -> None:
    """An error where a condition stands for a value; functions look at their arguments themselves."""
    for node in tree.walk(part):
        if isinstance(node, tree.Call | tree.Logical):
            continue
        for below in tree.parts(node):
            if isinstance(below, tree.Condition):
                raise FormulaError(
                    "a comparison is no value; if(x > 0, a, b) chooses by it", source, (below.at.start, below.at.end)
                )


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

    def logical(self, meta: Any, given: list[Any]) -> tree.Logical:
        left, operator, right = given
        for side in (left, right):
            if not isinstance(side, tree.Condition):
                raise self._fail(f"{operator} stands between two conditions: if(x > 0 & x < 1, a, b)", side.at)
        return tree.Logical(str(operator)[0], left, right, _span(meta))

    def between(self, meta: Any, given: list[Any]) -> Between:
        low, first, middle, second, high = given
        signs = [_COMPARISON_OF.get(sign, str(sign)) for sign in (first, second)]
        if signs not in (["<=", "<="], [">=", ">="]):
            raise self._fail("between two bounds stands what is written so: 0 <= x <= 1", _span(meta))
        return Between(
            tree.Comparison(signs[0], low, middle, low.at.to(middle.at)),
            tree.Comparison(signs[1], middle, high, middle.at.to(high.at)),
            _span(meta),
        )

    def equation(self, meta: Any, given: list[Any]) -> Equation:
        target, value = given
        return Equation(target, value, _span(meta))

    def kind(self, meta: Any, given: list[Any]) -> tuple[list[tree.Name], list[Any]]:
        words = [tree.Name(str(one), _place(one)) for one in given if isinstance(one, Token)]
        return words, [one for one in given if not isinstance(one, Token)]

    def declaration(self, meta: Any, given: list[Any]) -> tree.Declaration:
        *names, (words, sizes) = given
        for name in names:
            if not isinstance(name, tree.Name):
                raise self._fail("before : stands a name, as in X: matrix(N, M)", name.at)
        return tree.Declaration(tuple(names), tuple(words), tuple(sizes), _span(meta))

    def objective(self, meta: Any, given: list[Any]) -> Objective:
        return Objective(given[-1])

    def constrained(self, meta: Any, given: list[Any]) -> Constraints:
        return Constraints(given[0], tuple(one for one in given[1:] if not isinstance(one, Token)))

    def constraints(self, meta: Any, given: list[Any]) -> Constraints:
        return Constraints(None, tuple(one for one in given if not isinstance(one, Token)))

    def assumed(self, meta: Any, given: list[Any]) -> Constraints:
        return Constraints(None, tuple(one for one in given if not isinstance(one, Token)), assumed=True)

    def origin(self, meta: Any, given: list[Any]) -> Origin:
        return Origin(int(given[0][-1]), _span(meta))

    def start(self, meta: Any, given: list[Any]) -> tree.Program:
        return Sorted(self.source).program([one for one in given if not isinstance(one, Token)])


def _span(meta: Any) -> Span:
    return Span(meta.start_pos, meta.end_pos)


def _place(token: Token) -> Span:
    assert token.start_pos is not None and token.end_pos is not None
    return Span(token.start_pos, token.end_pos)
