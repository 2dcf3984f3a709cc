"""Puts results into arrays that nothing reads any more: `Z += b`, `H = np.tanh(Z, out=Z)`.

Every array less is a pass over memory less, and for arrays of more than a few hundred kilobytes it saves asking the
system for pages. Only arrays that the statements themselves have made are written to, never arguments or views.

In a loop the entries of arrays are written where they belong, `np.tanh(z, out=h[t])`, and an array that a loop fills
takes the place of one that the loop reads for the last time.
"""

import ast
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sympy import Symbol

from symgrad.codegen.array_text import OPERATORS, Array, Shape, described, makes_array, ufunc
from symgrad.codegen.loop_arrays import first_write, may_replace
from symgrad.codegen.values import words

_COMMUTE = ("add", "multiply", "maximum", "minimum")
_SIGNS = {name: sign for sign, name in OPERATORS.values()}


@dataclass
class _Statement:
    """`name = text`, `name[place] = text` in a loop, or lines that are left as they are (`name` is empty then)."""

    name: str
    text: str
    reads: frozenset[str]
    place: str = ""


def in_place(
    lines: Sequence[str],
    results: Sequence[str],
    known: Mapping[str, Array],
    rows: Symbol | None,
    nested: bool = True,
) -> list[str]:
    """The statements of a function, with arrays reused.

    `results` are read at the end, `known` describes variables, `rows` is the number of rows where they come in blocks.
    A `nested` function is treated by itself, or left as it is.
    """
    made: list[_Statement] = []
    for block in blocks(lines):
        if nested and block[0].startswith("def "):
            block = [block[0], *(f"    {line}" for line in _nested(block[1:], known, rows))]
        made.append(_statement(block))
    return _Pass(_reordered(made, results, known), words(results), known, rows).run()


def _statement(block: Sequence[str]) -> _Statement:
    found = re.fullmatch(r"(\w+)(?:\[([^\]]*)\])? = (.*)", block[0])
    if found is None or len(block) > 1:
        return _Statement("", "\n".join(block), frozenset(words(block)))
    return _Statement(found[1], found[3], frozenset(words(block if found[2] else [found[3]])), found[2] or "")


def _reordered(
    statements: Sequence[_Statement], results: Sequence[str], known: Mapping[str, Array]
) -> list[_Statement]:
    """The statements, of which one that could reuse an operand but for its other readers comes after these.

    That is, after the last reader of an array of the result's shape, if nothing needs the result before.
    """
    reads = [statement.reads for statement in statements] + [frozenset(words(results))]
    last = {name: n for n, names in enumerate(reads) for name in names}
    first = {name: n for n, names in reversed(list(enumerate(reads))) for name in names}
    made_here = {statement.name for statement in statements}
    places: list[tuple[float, int]] = []
    for n, statement in enumerate(statements):
        place: float = n
        made = known.get(statement.name)
        if made is not None and len(made.shape) > 1 and made.floating and not statement.place:
            alike = [name for name in statement.reads & made_here if name in known and known[name].shape == made.shape]
            readers = [last[name] for name in alike]
            later = [reader for reader in readers if n < reader < min(first[statement.name], len(statements))]
            elementwise = _operation(ast.parse(statement.text, mode="eval").body) is not None
            if later and n not in readers and elementwise:  # no operand is free as it is
                place = min(later) + 0.5
        places.append((place, n))
    return [statements[n] for _, n in sorted(places)]


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
    empty: dict[str, int] = field(default_factory=dict)  # of an array that a loop fills, the line that makes it

    def run(self) -> list[str]:
        for n, statement in enumerate(self.statements):
            self.last.update(dict.fromkeys(statement.reads, n))
        self.last.update(dict.fromkeys(self.results, len(self.statements)))
        for n, statement in enumerate(self.statements):
            if not statement.name:
                self._as_it_is(statement.text.split("\n"), n)
                continue
            node = ast.parse(statement.text, mode="eval").body
            if statement.place:
                self._store(statement, node, n)
                continue
            made = described(node, self.known)
            if made is None and statement.name in self.known and makes_array(node):
                made = replace(self.known[statement.name], new=True)
            if statement.text.startswith("np.empty("):
                self.empty[statement.name] = len(self.lines)
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

    def _as_it_is(self, lines: list[str], n: int) -> None:
        if lines[0].startswith("for "):
            clock = lines[0].split()[1]
            known = {**self.known, clock: Array((), False)}
            body = [_statement(block) for block in blocks([line.removeprefix("    ") for line in lines[1:]])]
            made = _Pass(body, (), known, self.rows).run()
            self._take_places(made, n)
            lines = [lines[0], *(f"    {line}" for line in made)]
        elif len(lines) == 1 and (parts := re.match(r"(\w+(?:, \w+)+) = .* @ \w+$", lines[0])):
            for name in parts[1].split(", "):  # each is a part of a new array for itself
                self.owner[name] = name
                self.shares[name] = frozenset({name})
        self.lines.extend(lines)

    def _store(self, statement: _Statement, node: ast.expr, n: int) -> None:
        """Lines that write an entry of an array."""
        target = f"{statement.name}[{statement.place}]"
        made = described(node, self.known)
        entry = described(ast.parse(target, mode="eval").body, self.known)
        fits = made is not None and entry is not None and made.floating and made.new and made.shape == entry.shape
        if made is not None and fits and is_large(made.shape, self.rows):
            self.lines.extend(_Writer(self, statement, made.shape, n).stored(node, target))
        else:
            self.lines.append(f"{target} = {statement.text}")

    def _take_places(self, body: Sequence[str], n: int) -> None:
        """Let arrays that a loop fills take the places of arrays that nothing reads after the loop."""
        filled = [(first, name) for name in self.empty if (first := first_write(body, name)) is not None]
        mentioned = words(body)
        for _, name in sorted(filled):
            line = self.empty[name]
            for old in sorted(self.owner, key=lambda old: old not in mentioned):  # what is in the cache first
                owner = self.owner[old]
                others = {other for other, shared in self.shares.items() if owner in shared} - {old}
                if (
                    owner != self.owner.get(name, owner)  # a short array is left alone
                    and (self.known[old].shape, self.known[old].floating) == (self.known[name].shape, True)
                    and self.reusable(old, n)
                    and not others & mentioned.keys()
                    and any(made.startswith(f"{old} = ") for made in self.lines[:line])
                    and may_replace(body, name, old, self.known)
                ):
                    self.lines[line] = f"{name} = {old}"
                    self.owner[name] = owner
                    self.shares[name] |= {owner}
                    break
            del self.empty[name]

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
                    lines = self._first(operands, texts, pending | {free})
                    return [*lines, f"{name} = np.{function}({', '.join(texts)}, out={free})"], self.plan.owner[free]
            if function != "negative":  # NumPy itself reuses an operand that nobody else has
                ways = [self._into_operand(function, operands, place, pending) for place in range(len(operands))]
                found = [way for way in ways if way is not None]
                if found:
                    return min(found, key=lambda way: len(way[0]))
        return [f"{name} = {self._text(node)}"], name

    def _first(self, operands: list[ast.expr], texts: list[str], pending: frozenset[str]) -> list[str]:
        """Lines that compute operands in arrays that these read for the last time, whose names then are in `texts`."""
        lines: list[str] = []
        for place, operand in enumerate(operands):
            if _operation(operand) is None or not self._fits(operand):
                continue
            inner = [part for part in ast.walk(operand) if isinstance(part, ast.Name)]
            once = [part for part in inner if words([self.statement.text])[part.id] == 1]
            free = next((part.id for part in once if self._is_free(part, pending)), None)
            if free is not None:
                lines += self.stored(operand, free)
                texts[place] = free
        return lines

    def stored(self, node: ast.expr, target: str) -> list[str]:
        """Lines that write the expression into an array that is there, without others for what it is made of."""
        operation = _operation(node)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
            operation = "matmul", [node.left, node.right]
        if operation is None:
            return [f"{target} = {self._text(node)}"]
        function, operands = operation
        texts = [self._text(operand) for operand in operands]
        for place, operand in enumerate(operands):
            rest = [text for k, text in enumerate(texts) if k != place]
            if function == "matmul" or _operation(operand) is None or not self._fits(operand):
                continue
            if target.partition("[")[0] not in words(rest):
                lines = self.stored(operand, target)
                if function in _SIGNS and (place == 0 or function in _COMMUTE):
                    return [*lines, f"{target} {_SIGNS[function]}= {rest[0]}"]
                texts[place] = target
                return [*lines, f"np.{function}({', '.join(texts)}, out={target})"]
        return [f"np.{function}({', '.join(texts)}, out={target})"]

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
        case ast.BinOp(left=left, op=ast.Pow(), right=ast.Constant(value=2)):
            return "square", [left]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return "negative", [operand]
        case ast.Call(args=args):
            name = ufunc(node)
            return None if name is None else (name, list(args))
    return None
