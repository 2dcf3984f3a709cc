"""Puts results into arrays that nothing reads any more: `Z += b`, `H = np.tanh(Z, out=Z)`.

Every array less is a pass over memory less, and for arrays of more than a few hundred kilobytes it saves asking the
system for pages. Only arrays that the statements themselves have made are written to, never arguments or views.
"""

import ast
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sympy import Symbol

from symgrad.codegen.array_text import OPERATORS, Array, Shape, described, made_by_helper, ufunc
from symgrad.codegen.values import words

_COMMUTE = ("add", "multiply", "maximum", "minimum")
_SIGNS = {name: sign for sign, name in OPERATORS.values()}


@dataclass
class _Statement:
    """`name = text`, or lines that are left as they are (`name` is empty then)."""

    name: str
    text: str
    reads: frozenset[str]


def in_place(
    lines: Sequence[str],
    results: Sequence[str],
    known: Mapping[str, Array],
    rows: Symbol | None,
    nested: bool = True,
) -> list[str]:
    """The statements of a function, with arrays reused.

    `results` are read at the end, `known` describes variables, `rows` is the number of rows where they come in blocks.
    Bodies of loops are left as they are; a `nested` function is treated by itself, or left as it is, too.
    """
    made: list[_Statement] = []
    for block in blocks(lines):
        if nested and block[0].startswith("def "):
            block = [block[0], *(f"    {line}" for line in _nested(block[1:], known, rows))]
        found = re.fullmatch(r"(\w+) = (.*)", block[0])
        if found is not None and len(block) == 1:
            made.append(_Statement(found[1], found[2], frozenset(words([found[2]]))))
        else:
            made.append(_Statement("", "\n".join(block), frozenset(words(block))))
    return _Pass(made, words(results), known, rows).run()


def _nested(block: Sequence[str], known: Mapping[str, Array], rows: Symbol | None) -> list[str]:
    """The body of a function that ends with what it returns; what it has from outside it does not own."""
    body = [line.removeprefix("    ") for line in block]
    start = next(n for n, line in enumerate(body) if line.startswith("return"))
    return in_place(body[:start], body[start:], known, rows) + body[start:]


def is_large(shape: Shape, rows: Symbol | None) -> bool:
    """Whether an array is worth a statement: a matrix, or a vector with an entry a row."""
    return len(shape) > 1 or shape == (rows,)


def blocks(lines: Sequence[str]) -> Iterator[list[str]]:
    """The lines in groups: each with those below it that are indented, or that close its parentheses."""
    block: list[str] = []
    for line in lines:
        if block and not line.startswith((" ", ")")):
            yield block
            block = []
        block.append(line)
    if block:
        yield block


@dataclass
class _Pass:
    statements: list[_Statement]
    results: Collection[str]
    known: Mapping[str, Array]
    rows: Symbol | None
    lines: list[str] = field(default_factory=list)
    owner: dict[str, str] = field(default_factory=dict)  # the array that a variable is, if it was made here
    shares: dict[str, frozenset[str]] = field(default_factory=dict)  # the variables whose memory one may be part of
    last: dict[str, int] = field(default_factory=dict)

    def run(self) -> list[str]:
        for n, statement in enumerate(self.statements):
            self.last.update(dict.fromkeys(statement.reads, n))
        self.last.update(dict.fromkeys(self.results, len(self.statements)))
        for n, statement in enumerate(self.statements):
            if not statement.name:
                self.lines.extend(statement.text.split("\n"))
                continue
            node = ast.parse(statement.text, mode="eval").body
            made = described(node, self.known)
            if made_by_helper(node) and statement.name in self.known:
                made = replace(self.known[statement.name], new=True)
            self.shares[statement.name] = frozenset(
                {statement.name}.union(*(self.shares.get(name, {name}) for name in statement.reads))
            )
            if self._is_number(statement.name) or (made is not None and made.new):
                self.shares[statement.name] = frozenset({statement.name})
                if made is not None and made.floating and made.shape and is_large(made.shape, self.rows):
                    self._write(statement, node, made.shape, n)
                    continue
            self.lines.append(f"{statement.name} = {statement.text}")
        return self.lines

    def _is_number(self, name: str) -> bool:
        return name in self.known and not self.known[name].shape

    def _write(self, statement: _Statement, node: ast.expr, shape: Shape, n: int) -> None:
        lines, owner = _Writer(self, statement, shape, n).written(node, frozenset())
        self.lines.extend(lines)
        self.owner[statement.name] = owner
        self.shares[statement.name] |= {owner}

    def reusable(self, name: str, n: int) -> bool:
        """Whether an array was made here, and no statement after the n-th reads anything that may be part of it."""
        if name not in self.owner:
            return False
        owner = self.owner[name]
        return all(self.last.get(other, -1) <= n for other, shared in self.shares.items() if owner in shared)


@dataclass
class _Writer:
    """Writes one statement."""

    plan: _Pass
    statement: _Statement
    shape: Shape
    n: int

    def written(self, node: ast.expr, pending: frozenset[str]) -> tuple[list[str], str]:
        """Lines that assign the expression to the statement's name, and the variable whose array that is then.

        `pending` is what the lines must not overwrite yet.
        """
        name = self.statement.name
        operation = _operation(node)
        if operation is not None:
            function, operands = operation
            texts = [self._text(operand) for operand in operands]
            for operand in operands:
                if self._is_free(operand, pending):
                    free = self._text(operand)
                    return [f"{name} = np.{function}({', '.join(texts)}, out={free})"], self.plan.owner[free]
            if function != "negative":  # NumPy itself reuses an operand that nobody else has
                ways = [self._into_operand(function, operands, place, pending) for place in range(len(operands))]
                found = [way for way in ways if way is not None]
                if found:
                    return min(found, key=lambda way: len(way[0]))
        return [f"{name} = {self._text(node)}"], name

    def _into_operand(
        self, function: str, operands: list[ast.expr], place: int, pending: frozenset[str]
    ) -> tuple[list[str], str] | None:
        """Lines that compute one operand first, if it is a whole new array, and write the result over it."""
        name, operand = self.statement.name, operands[place]
        made = described(operand, self.plan.known)
        if made is None or not made.new or not self._fits(operand):
            return None
        texts = [self._text(other) for other in operands]
        rest = [text for k, text in enumerate(texts) if k != place]
        lines, owner = self.written(operand, pending | words(rest).keys())
        if function in _SIGNS and (place == 0 or function in _COMMUTE):
            return [*lines, f"{name} {_SIGNS[function]}= {rest[0]}"], owner
        texts[place] = name
        return [*lines, f"np.{function}({', '.join(texts)}, out={name})"], owner

    def _is_free(self, operand: ast.expr, pending: frozenset[str]) -> bool:
        """Whether an operand is a whole array that can be written to."""
        return (
            isinstance(operand, ast.Name)
            and operand.id not in pending
            and self._fits(operand)
            and self.plan.reusable(operand.id, self.n)
        )

    def _fits(self, operand: ast.expr) -> bool:
        found = described(operand, self.plan.known)
        return found is not None and found.floating and found.shape == self.shape

    def _text(self, node: ast.expr) -> str:
        source = self.statement.text.encode()  # the columns count bytes
        return source[node.col_offset : node.end_col_offset].decode()


def _operation(node: ast.expr) -> tuple[str, list[ast.expr]] | None:
    """An elementwise operation that has an `out`, and its operands."""
    match node:
        case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
            return OPERATORS[type(op)][1], [left, right]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return "negative", [operand]
        case ast.Call(args=args):
            name = ufunc(node)
            return None if name is None else (name, list(args))
    return None
