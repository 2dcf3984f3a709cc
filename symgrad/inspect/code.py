"""The lines of generated code beside the formulas that they compute."""

import ast
import io
import keyword
import tokenize
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

ROWS = "rows"  # the function inside a generated one that computes its results for some rows of the data


@dataclass(frozen=True)
class Line:
    """A line of code as HTML, and the keys of the formulas that it serves."""

    html: str
    keys: tuple[str, ...]


def linked_lines(source: str, function: str, keys: Mapping[str, str], results: Sequence[str]) -> list[Line]:
    """The lines of one function, each with the formulas it is for.

    Parameters
    ----------
    source : the module's text.
    function : the function's name.
    keys : the key of the formula that a variable holds, by variable.
    results : the keys of what is returned: of the value, then of each part of the gradient.

    A line without a formula of its own serves those of the lines that use its result. A function inside, which computes
    the results for some rows of the data, is followed as if its lines stood where it is called.
    """
    (body,) = (part for part in ast.parse(source).body if isinstance(part, ast.FunctionDef) and part.name == function)
    links = _Links(keys, {argument.arg for argument in body.args.args})
    links.follow(body.body, [{result} for result in results])
    coloured = _coloured(source)
    numbers = range(body.lineno, (body.end_lineno or body.lineno) + 1)
    return [Line(coloured[number - 1], tuple(sorted(links.owners.get(number, ())))) for number in numbers]


class _Links:
    """Follows what every statement is for, from the last to the first; `owners` are the keys by line number."""

    def __init__(self, keys: Mapping[str, str], arguments: set[str]) -> None:
        self.owners: dict[int, set[str]] = {}
        self._keys = keys
        self._arguments = arguments
        self._serves: dict[str, set[str]] = {}  # what a variable is used for further down
        self._results: dict[str, list[set[str]]] = {}  # what the results of an inner function are for

    def follow(self, statements: Sequence[ast.stmt], results: Sequence[set[str]]) -> None:
        """The statements of a function whose results, in order, are for these keys."""
        for statement in reversed(statements):
            if isinstance(statement, ast.FunctionDef):
                self.follow(statement.body, self._results.get(statement.name, []))
                continue
            found = self._returned(statement, results) if isinstance(statement, ast.Return) else self._made(statement)
            for number in range(statement.lineno, (statement.end_lineno or statement.lineno) + 1):
                self.owners[number] = found

    def _returned(self, statement: ast.Return, results: Sequence[set[str]]) -> set[str]:
        """What is computed where it is returned is for that result; a variable that is returned, too."""
        parts: list[ast.expr] = []
        for part in statement.value.elts if isinstance(statement.value, ast.Tuple) else [statement.value]:
            is_gradient = isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and part.func.id == "Gradient"
            parts += part.args if is_gradient and isinstance(part, ast.Call) else [part] if part is not None else []
        found: set[str] = set()
        for part, keys in zip(parts, results, strict=False):
            self._use(_names(part, ast.Load), keys)
            found |= set() if isinstance(part, ast.Name) else keys
        return found

    def _made(self, statement: ast.stmt) -> set[str]:
        targets = _names(statement, ast.Store)
        if targets & self._arguments or _is_size(statement):
            return set()  # arguments and sizes are there for everything
        found = set().union(*(self._purpose(name) for name in targets)) if targets else set()
        used = _names(statement, ast.Load) - targets
        inner = used & {ROWS}
        if inner and isinstance(statement, ast.Assign):
            (target,) = statement.targets
            parts = target.elts if isinstance(target, ast.Tuple) else [target]
            made = [self._purpose(part.id) if isinstance(part, ast.Name) else set() for part in parts]
            self._results.update(dict.fromkeys(inner, made))
        self._use(used, found)
        return found

    def _purpose(self, name: str) -> set[str]:
        return {self._keys[name]} if name in self._keys else self._serves.get(name, set())

    def _use(self, names: set[str], keys: set[str]) -> None:
        for name in names:
            self._serves.setdefault(name, set()).update(keys)


def _is_size(statement: ast.stmt) -> bool:
    """Whether a statement reads a size off an array."""
    value = getattr(statement, "value", None)
    return isinstance(value, ast.Subscript) and isinstance(value.value, ast.Attribute) and value.value.attr == "shape"


def _names(tree: ast.AST, context: type[ast.expr_context]) -> set[str]:
    return {part.id for part in ast.walk(tree) if isinstance(part, ast.Name) and isinstance(part.ctx, context)}


def _coloured(source: str) -> list[str]:
    """The lines as HTML, with keywords, numbers, strings and comments marked."""
    lines = source.splitlines()
    marks: list[list[tuple[int, int, str]]] = [[] for _ in lines]
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        kind = {tokenize.STRING: "string", tokenize.COMMENT: "comment", tokenize.NUMBER: "number"}.get(token.type)
        if token.type == tokenize.NAME and keyword.iskeyword(token.string):
            kind = "keyword"
        if kind is None:
            continue
        for number in range(token.start[0], token.end[0] + 1):
            start = token.start[1] if number == token.start[0] else 0
            stop = token.end[1] if number == token.end[0] else len(lines[number - 1])
            marks[number - 1].append((start, stop, kind))
    made = []
    for line, spans in zip(lines, marks, strict=True):
        text, place = "", 0
        for start, stop, kind in spans:
            text += escape(line[place:start]) + f'<span class="{kind}">{escape(line[start:stop])}</span>'
            place = stop
        made.append(text + escape(line[place:]))
    return made
