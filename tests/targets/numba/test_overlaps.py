"""A loop of many arrays is several, whose steps come after what they read and before what overwrites it."""

from sympy import S, Symbol

from symgrad.statements.arithmetic import operation
from symgrad.statements.expressions import Buffer, Expression, Length, Read, Subscript
from symgrad.targets.numba.overlaps import MOST, told_apart
from symgrad.targets.numba.steps import Step

i = Symbol("i", integer=True)


def array(name: str) -> Buffer:
    return Buffer(name, (S(9),), "real")


def entry(name: str) -> Expression:
    return Subscript(Read(array(name)), (Length(i),))


def step(name: str, *read: str) -> tuple[Step, Symbol]:
    value = operation("exp", entry(read[0])) if len(read) == 1 else operation("multiply", *map(entry, read))
    return Step(array(name), (Length(i),), value, (i,)), i


def order(parts: list[list[tuple[Step, Symbol]]]) -> list[list[str]]:
    return [[one.buffer.name for one, _ in part] for part in parts]


def test_a_loop_of_few_arrays_stays_one():
    steps = [step("s", "a"), step("x", "s", "b"), step("y", "s", "c")]
    assert order(told_apart(steps, {array("s")})) == [["s", "x", "y"]]


def test_numbers_are_computed_where_they_are_needed_first():
    steps = [step("s", "a"), step("r", "b"), step("x", "r", "c"), step("y", "s", "d"), step("z", "e", "f")]
    assert MOST == 8
    assert order(told_apart(steps, {array("s"), array("r")})) == [["r", "x"], ["s", "y"], ["z"]]


def test_a_number_is_read_before_its_array_is_overwritten():
    steps = [step("s", "c"), step("x", "a", "b"), step("c", "d", "e"), step("y", "f", "g"), step("z", "s", "h")]
    found = order(told_apart(steps, {array("s")}))
    every = [name for part in found for name in part]
    assert sorted(every) == ["c", "s", "x", "y", "z"] and every.index("s") < every.index("c") < every.index("z")
    assert len(found) > 1
