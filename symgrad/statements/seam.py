"""Functions with rows of data in parts: what is computed before the rows, for a block of them, and of the totals."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import count

from symgrad.statements.changing import having
from symgrad.statements.expressions import Buffer, Expression, Group, Operation, Read, Sides, buffers_of
from symgrad.statements.operations import declared
from symgrad.statements.statements import Body, Comment, Once, Release, Rows, Statement, every

BEFORE, BETWEEN, AFTER = "before", "between", "after"


@dataclass(frozen=True)
class Section:
    """Statements without rows as a function, which is called once; it may write over what nothing later takes.

    Attributes
    ----------
    name : what follows the name of the function that it is part of.
    body : its statements.
    gives : the variables that are read later on, or, of the last section, what the function returns.
    lets_go : the variables of others that nothing reads from here on.
    """

    name: str
    body: tuple[Statement, ...]
    gives: tuple[Expression, ...]
    lets_go: tuple[Buffer, ...] = ()

    @property
    def takes(self) -> tuple[Buffer, ...]:
        """The variables that it reads, or writes to, and does not define, in the order of reading."""
        own = {buffer for one in every(self.body) for buffer in one.defines}
        found: dict[Buffer, None] = {}
        for one in every(self.body):
            found.update(dict.fromkeys(buffer for part in one.expressions for buffer in buffers_of(part)))
            found.update(dict.fromkeys(one.writes))
        found.update(dict.fromkeys(buffer for part in self.gives for buffer in buffers_of(part)))
        return tuple(buffer for buffer in found if buffer not in own)

    @property
    def computes(self) -> bool:
        """Whether it does more than to pass on what there is, or parts and other shapes of it."""
        return any(not isinstance(one, Comment | Release) for one in self.body) or not all(map(_is_passed, self.gives))


@dataclass(frozen=True)
class Seam:
    """A function in parts, which a driver of blocks, threads or chunks calls one after the other.

    Attributes
    ----------
    before : what the parameters alone are needed for.
    rounds : the passes over the rows, each with what is made of its results; the last of these are the function's.
    """

    before: Section
    rounds: tuple[tuple[Rows, Section], ...]

    @property
    def parts(self) -> tuple[Section | Rows, ...]:
        """All parts in order."""
        return (self.before, *(part for pair in self.rounds for part in pair))

    @property
    def sections(self) -> tuple[Section, ...]:
        """The parts without rows."""
        return (self.before, *(section for _, section in self.rounds))


def seam_of(body: Body) -> Seam | None:
    """The parts of a function, beside what it computes once for the same data; None if it has no rows."""
    stretches: list[list[Statement]] = [[]]
    rows: list[Rows] = []
    for statement in body.statements:
        if isinstance(statement, Rows):
            rows.append(statement)
            stretches.append([])
        elif not isinstance(statement, Once):
            stretches[-1].append(statement)
    if not rows:
        return None
    between = [f"{BETWEEN}_{n}" if n > 1 else BETWEEN for n in range(1, len(rows))]
    names, made = [BEFORE, *between, AFTER], []
    hidden: set[Buffer] = set()  # variables of sections that no other part has
    for n, (name, stretch) in enumerate(zip(names, stretches, strict=True)):
        later = [one for other in stretches[n + 1 :] for one in other if not isinstance(one, Release)]
        read = body.read_at_the_end.union(*(one.mentions for one in (*rows[n:], *later)))
        made.append(_section(name, stretch, body.results if name == AFTER else None, read, hidden))
        given = {buffer for part in made[-1].gives for buffer in buffers_of(part)}
        hidden |= {buffer for one in stretch for buffer in one.defines} - given
    return Seam(made[0], tuple(zip(rows, made[1:], strict=True)))


def with_numbers(body: Body) -> Body:
    """The function with its passes over rows numbered in order."""
    numbers = count(1)

    def numbered(rows: Rows) -> Rows:
        number = next(numbers)
        return having(rows, name="rows" if number == 1 else f"rows_{number}")

    return having(body, statements=tuple(numbered(s) if isinstance(s, Rows) else s for s in body.statements))


def _section(
    name: str,
    statements: Sequence[Statement],
    results: tuple[Expression, ...] | None,
    read: frozenset[Buffer],
    hidden: Collection[Buffer],
) -> Section:
    """A section of statements, of which others read these variables, after sections whose `hidden` ones it lacks."""
    own = {buffer for one in statements for buffer in one.defines}
    ends = [buffer for one in statements if isinstance(one, Release) for buffer in one.buffers]
    inside = [left for one in statements if (left := _without(one, own)) is not None]
    gives = results or tuple(Read(b) for one in statements for b in one.defines if b in read)
    section = Section(name, tuple(inside), gives)
    taken = set(section.takes)
    return Section(
        name, section.body, gives, tuple(b for b in ends if b not in own and b not in taken and b not in hidden)
    )


def _without(statement: Statement, own: set[Buffer]) -> Statement | None:
    """A statement that lets go of nothing but variables of its own section: what others hold, too, is not free."""
    if not isinstance(statement, Release):
        return statement
    kept = tuple(buffer for buffer in statement.buffers if buffer in own)
    return Release(kept) if kept else None


def _is_passed(expression: Expression) -> bool:
    """Whether an expression is a variable, or a record of such, in any order of axes or shape."""
    match expression:
        case Read() | Sides():
            return True
        case Group(parts=parts):
            return all(map(_is_passed, parts))
        case Operation(head=head, parts=parts):
            return declared(head).memory == "part" and all(map(_is_passed, parts))
    return False
