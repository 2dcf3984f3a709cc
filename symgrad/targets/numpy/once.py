"""What follows from data alone is computed in a part of a function of its own, once where data are bound.

Kept are results that cost more than to be read: of products, sums over an axis, factorisations, special functions and
comparisons. What is made of them, or of data, entry by entry, and is larger, is computed anew: it would take memory for
no more than a pass. So is what is made in this way and returned, of which there would be a copy. Functions of a module
that need the same of data share it.
"""

from collections.abc import Callable, Iterable

from sympy import S, Symbol

from symgrad.arguments import Argument
from symgrad.lowering.names import name_of
from symgrad.statements.arithmetic import operation
from symgrad.statements.changing import having
from symgrad.statements.expressions import (
    Buffer,
    Expression,
    Group,
    Number,
    Operation,
    Read,
    buffers_of,
    parts_of,
    sizes_of,
)
from symgrad.statements.needed import needed
from symgrad.statements.operations import COMPARISONS, REDUCTIONS, facts, memory_of
from symgrad.statements.reuse import with_reuse
from symgrad.statements.seam import with_numbers
from symgrad.statements.statements import Body, Define, Loop, Once, Rows, Statement, Store, Unpack, every

# what costs no more than to read its operands, or a result of its size
_CHEAP = {"abs", "negative", "sign", "floor", "ceil", "square", "reciprocal", "add", "subtract", "multiply", "divide"}
_CHEAP |= {"maximum", "minimum", "copysign", "where", "mod", "floor_divide", "and", "or", "invert", "logical_not"}
_CHEAP |= {"signbit", "scalar", "float", "number", "real_part", "whole", "least_number", "array", "asarray", "place"}
_CHEAP |= {"arange", "empty", "eye", "full", "zeros", "ones", "block", "concatenate", "stack", "in_range", "grid"}
_CHEAP |= {"ascontiguousarray", "transpose", "reshape", "broadcast_to", "diagonal", "windows", *COMPARISONS}
_CHEAP |= {"entries", "pattern", "pattern_of"}  # which are results, or kept elsewhere


Fresh = Callable[[str], str]  # makes a name that nothing else has of one that it would like


def with_once(body: Body, arguments: Iterable[Argument], name: str, fresh: Fresh) -> Body:
    """The function of a name with what follows from data alone apart."""
    roles = {a.name: a.role for a in arguments}
    if {"memory", "span"} & roles.keys():  # what the variables are called
        return body
    data = {name for name, role in roles.items() if role == "data"}
    arrays = {b for one in every(body.statements) for b in one.mentions} | body.read_at_the_end
    given = {buffer for buffer in arrays if buffer.owner == "argument" and buffer.name in data}
    made = _Apart(body, given, fresh).apart(f"{name}_of_data")
    fixed = {b for one in made.statements if isinstance(one, Once) for b in one.results} | given
    made = with_numbers(made)  # of the passes over rows that are left
    statements = [_rows_apart(one, fixed, fresh, name) if isinstance(one, Rows) else one for one in made.statements]
    return having(made, statements=tuple(statements))


def with_shared(body: Body, made: dict[tuple[object, ...], str], typed: bool) -> Body:
    """The function with what others compute of data, too, under their name: `made` has the names, and takes more.

    A function that is `typed` has an argument of the floating type, for which its parts may ask.
    """

    def shared(one: Statement) -> Statement:
        if isinstance(one, Rows):
            return having(one, body=tuple(map(shared, one.body)))
        if not isinstance(one, Once):
            return one
        alike = tuple(having(s, width=S.Zero, size=S.Zero) if isinstance(s, Rows) else s for s in one.body)
        name = made.setdefault((alike, one.returned, typed), one.name)
        return having(one, name=name, told=name != one.name)

    return having(body, statements=tuple(map(shared, body.statements)))


def _rows_apart(rows: Rows, fixed: set[Buffer], fresh: Fresh, name: str) -> Rows:
    """A pass over rows with what follows from a block of data apart."""
    if not rows.arguments:
        return rows
    given = fixed.intersection(rows.takes)
    assert isinstance(rows.dimension, Symbol)
    made = _Apart(Body(rows.body, rows.returned), given, fresh, rows.dimension).apart(f"{name}_{rows.name}_of_data")
    return having(rows, body=made.statements, returned=made.results)


class _Apart:
    """Splits the statements of a function, or of a block of rows.

    Parameters
    ----------
    body : the statements.
    given : the data that they read.
    fresh : gives names to what is taken out of expressions.
    rows : the dimension of which a block has a part only; what says how many it has stays.
    """

    def __init__(self, body: Body, given: set[Buffer], fresh: Fresh, rows: Symbol | None = None) -> None:
        self.body, self.fresh, self.rows = body, fresh, rows
        self.fixed = set(given)
        self.kept: set[Buffer] = set()  # those of the fixed variables that are worth it
        self.moved: list[Statement] = []
        self.taken_out: dict[Expression, Buffer] = {}
        self.written = _with_sources({b for one in body.statements for b in _written(one)}, body.statements)
        self.returned = {buffer for result in body.results for buffer in _in_memory_of(result)}
        self.shared = {buffer for buffer in given if buffer.owner != "argument"}  # what is kept, or a part of it

    def apart(self, name: str) -> Body:
        """The statements with those of data alone in one that comes first."""
        self._mark()
        rest = [self._without(one) for one in self.body.statements if not self._is_apart(one)]
        results = tuple(self._own(self._remade(result)) for result in self.body.results)
        left = needed(Body(tuple(rest), results))
        read = {b for one in left.statements for b in one.mentions} | left.read_at_the_end
        found = [b for one in self.moved for b in one.defines if b in read and b in self.kept]
        if not found:
            return self.body
        inner = with_reuse(Body(tuple(self._before(found)), tuple(map(Read, found))), self.rows)
        return having(left, statements=(Once(name, inner.statements, inner.results, tuple(found)), *left.statements))

    def _is_apart(self, statement: Statement) -> bool:
        return bool(_changed(statement)) and _changed(statement) <= self.kept

    def _before(self, found: Iterable[Buffer]) -> list[Statement]:
        """The statements that make these variables."""
        wanted, made = set(found), list[Statement]()
        for one in reversed(self.moved):
            if _changed(one) & wanted:
                made.append(one)
                wanted |= one.reads
        return made[::-1]

    def _mark(self) -> None:
        """Find the statements that read data alone, and write to nothing that others write to."""
        statements = self.body.statements
        alone = [True] * len(statements)
        while True:
            fixed = set(self.fixed)
            for n, one in enumerate(statements):
                alone[n] = alone[n] and _from_outside(one) <= fixed and self._is_sized(one)
                fixed |= set(one.defines) if alone[n] else set()
            others = {b for n, one in enumerate(statements) if not alone[n] for b in _written(one)}
            spoiled = [n for n, one in enumerate(statements) if alone[n] and _changed(one) & others]
            if not spoiled:
                break
            for n in spoiled:
                alone[n] = False
        for n, one in enumerate(statements):
            if alone[n]:
                self._keep(one)

    def _keep(self, statement: Statement) -> None:
        """Put a statement among those that come first, and say whether its results are worth to be kept."""
        self.moved.append(statement)
        self.fixed.update(statement.defines)
        if isinstance(statement, Define | Store) and self._is_filled(statement):
            whole = _is_slow(statement)
        elif isinstance(statement, Define) and statement.buffer not in self.written:
            whole = self._is_kept(statement.expression)
        else:
            whole = any(self._costs(e) for one in every([statement]) for e in one.expressions)
            whole = whole or bool(statement.reads & self.kept) or _is_slow(statement)
        self.kept |= _changed(statement) if whole else set()

    def _without(self, statement: Statement) -> Statement:
        """A statement that stays, if only because what it makes is not worth to be kept."""
        remade = self._remade if _changed(statement) & self.returned else self._taken_out
        match statement:
            case Define(buffer=buffer):
                made = remade(statement.expression)
                made = self._own(made) if buffer in self.written else made
                self.shared |= {buffer} if self._is_shared(made) else set()
                return having(statement, expression=made)
            case Unpack():
                return having(statement, expression=self._taken_out(statement.expression))
            case Store(direct=False):
                return having(statement, expression=self._own(remade(statement.expression)))
        return statement

    def _taken_out(self, expression: Expression) -> Expression:
        """An expression with what costs something in it, and follows from data alone, as variables."""
        if isinstance(expression, Read) or not self._has_data(expression):
            return expression
        if self._may_move(expression) and self._is_kept(expression):
            if expression not in self.taken_out:
                self.taken_out[expression] = _variable(self.fresh(name_of(expression)), expression)
                self._keep(Define(self.taken_out[expression], expression))
                self.kept.add(self.taken_out[expression])
            return Read(self.taken_out[expression])
        return expression.rebuilt([self._taken_out(part) for part in expression.operands])

    def _is_filled(self, statement: Define | Store) -> bool:
        """Whether a pass over entries makes what is returned: a copy would cost no less."""
        return bool(_changed(statement) & self.returned) and not self._costs(statement.expression)

    def _remade(self, expression: Expression) -> Expression:
        """What is returned, of what is kept: the last pass over its entries stays."""
        if _is_record(expression):
            return expression.rebuilt([self._remade(part) for part in expression.operands])
        return self._taken_out(expression) if self._costs(expression) else expression

    def _own(self, expression: Expression) -> Expression:
        """What is returned, or written to, in memory of its own."""
        if _is_record(expression):
            return expression.rebuilt([self._own(part) for part in expression.operands])
        return operation("array", expression) if self._is_shared(expression) else expression

    def _is_shared(self, expression: Expression) -> bool:
        """Whether what an expression computes may be an array that is kept, or a part of one."""
        number = isinstance(expression, Read) and expression.buffer.shape == ()
        parts = memory_of(expression) != "new" and not number
        return parts and any(buffer in self.kept | self.shared for buffer in buffers_of(expression))

    def _may_move(self, expression: Expression) -> bool:
        return set(buffers_of(expression)) <= self.fixed and self._sized(expression)

    def _has_data(self, expression: Expression) -> bool:
        return any(buffer in self.fixed for buffer in buffers_of(expression))

    def _is_sized(self, statement: Statement) -> bool:
        """Whether a statement says nothing of how many rows a block has, and makes no blocks for others."""
        blocks = isinstance(statement, Rows) and "rows" in statement.joins
        return not blocks and all(self._sized(e) for one in every([statement]) for e in one.expressions)

    def _sized(self, expression: Expression) -> bool:
        """Whether an expression says nothing of how many rows a block has."""
        return self.rows is None or not any(self.rows in size.free_symbols for size in sizes_of(expression))

    def _is_kept(self, expression: Expression) -> bool:
        """Whether an expression of data is worth to be kept as a whole."""
        if self._costs_itself(expression) or _is_mask(expression):
            return True
        inner = [rank for part in parts_of(expression) if (rank := self._worth(part)) is not None]
        made = facts(expression)
        return made is not None and bool(inner) and len(made.shape) <= max(inner)

    def _worth(self, part: Expression) -> int | None:
        """How many axes a part has that saves more than a comparison; None if it does not, or if nobody knows."""
        if isinstance(part, Read):
            return len(part.buffer.shape) if part.buffer in self.kept and part.buffer.shape is not None else None
        made = facts(part) if self._costs_itself(part) else None
        return None if made is None else len(made.shape)

    def _costs_itself(self, part: Expression) -> bool:
        plain = not isinstance(part, Operation) or _is_cheap(part)
        return not plain and any(buffer.shape != () for buffer in buffers_of(part))

    def _costs(self, expression: Expression) -> bool:
        return any(self._costs_itself(part) for part in parts_of(expression))


def _is_record(expression: Expression) -> bool:
    return isinstance(expression, Group)


def _in_memory_of(result: Expression) -> set[Buffer]:
    """The variables that a result is, or is a part of."""
    if _is_record(result):
        return {buffer for part in result.operands for buffer in _in_memory_of(part)}
    return set(buffers_of(result)) if memory_of(result) != "new" else set()


def _with_sources(written: set[Buffer], statements: Iterable[Statement]) -> set[Buffer]:
    """The variables that are written to, with those whose parts they are."""
    found = set(written)
    for one in reversed(tuple(statements)):
        if isinstance(one, Define) and one.buffer in found and memory_of(one.expression) != "new":
            found |= one.reads
    return found


def _from_outside(statement: Statement) -> set[Buffer]:
    """The variables that a statement reads or changes, and does not define."""
    own = {buffer for one in every([statement]) for buffer in one.defines}
    return {buffer for one in every([statement]) for buffer in (*one.reads, *one.writes)} - own


def _changed(statement: Statement) -> set[Buffer]:
    """The variables that a statement makes, or writes to."""
    return {*statement.defines, *_written(statement)}


def _written(statement: Statement) -> set[Buffer]:
    """The variables that a statement, or one inside it, writes to."""
    return {buffer for one in every([statement]) for buffer in one.writes}


def _is_slow(statement: Statement) -> bool:
    """Whether a statement goes through entries one by one, or puts them in places that are computed."""
    return isinstance(statement, Loop) or (isinstance(statement, Store) and memory_of(statement.target) == "new")


def _variable(name: str, expression: Expression) -> Buffer:
    """A variable for an expression; what is no floating array for certain is said to be of integers."""
    made = facts(expression)
    if made is not None and made.floating:
        return Buffer(name, made.shape, "real")
    if isinstance(expression, Operation) and expression.head in REDUCTIONS and expression.option("axis") is None:
        return Buffer(name, (), "real" if expression.option("dtype") is None else "integer")
    masks = isinstance(expression, Operation) and expression.head in COMPARISONS
    return Buffer(name, None if made is None else made.shape, "boolean" if masks else "integer")


def _is_mask(expression: Expression) -> bool:
    """Whether an expression is a matrix of truth values, which is an eighth of what is compared."""
    made = facts(expression) if isinstance(expression, Operation) and expression.head in COMPARISONS else None
    return made is not None and len(made.shape) > 1


def _is_cheap(part: Operation) -> bool:
    """Whether an operation costs no more than to read what it is of."""
    if part.head == "power":
        exponent = part.parts[1]
        return isinstance(exponent, Number) and bool(exponent.value.is_Integer)
    if part.head == "einsum":
        inside, out = part.option("letters")
        return len(part.parts) == 1 and set(out) == set("".join(inside))
    return part.head in _CHEAP
