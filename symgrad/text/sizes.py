"""Sizes of axes: unknown ones that are found equal to each other or to named ones."""

from collections.abc import Iterable
from dataclasses import dataclass, field

ONE = 0  # the size of the missing axis of a vector and of both axes of a scalar

Shape = tuple[int, int]
SCALAR: Shape = (ONE, ONE)


@dataclass
class Sizes:
    """Classes of equal sizes (union and find), of which each has at most one name.

    A size is a number for a class; `ONE` is a class of its own, and unknown sizes never join it: a vector is of any
    length.
    """

    _parent: list[int] = field(default_factory=lambda: [ONE])
    _label: dict[int, str] = field(default_factory=lambda: {ONE: "1"})
    _named: dict[str, int] = field(default_factory=lambda: {"1": ONE})

    def new(self) -> int:
        """An unknown size."""
        self._parent.append(len(self._parent))
        return len(self._parent) - 1

    def named(self, label: str) -> int:
        """The size of a name, `N`, or a number, `3`."""
        if label not in self._named:
            self._named[label] = self.new()
            self._label[self._named[label]] = label
        return self._named[label]

    def find(self, size: int) -> int:
        """The representative of a size's class."""
        while self._parent[size] != size:
            self._parent[size] = size = self._parent[self._parent[size]]
        return size

    def is_one(self, size: int) -> bool:
        """Whether it is that of a missing axis."""
        return self.find(size) == ONE

    def join(self, a: int, b: int) -> bool:
        """Make two sizes equal; False, and nothing is changed, where they cannot be."""
        a, b = self.find(a), self.find(b)
        if a == b:
            return True
        if ONE in (a, b) or (a in self._label and b in self._label):
            return False
        if b in self._label:
            a, b = b, a
        self._parent[b] = a
        return True

    def known(self, size: int) -> bool:
        """Whether it is equal to a named size."""
        return self.find(size) in self._label

    def names(self, in_order: Iterable[int], taken: Iterable[str]) -> dict[int, str]:
        """Names of classes: those that they have, else N, M, K, ... in the order of the sizes given."""
        names, used = dict(self._label), {*taken, *self._named}
        fresh = (name for name in _pool() if name not in used)
        for size in in_order:
            if self.find(size) not in names:
                names[self.find(size)] = next(fresh)
        return names


def _pool() -> Iterable[str]:
    """Names of sizes, without end."""
    letters = ("N", "M", "K", "L", "P", "D", "R", "H")
    yield from letters
    number = 1
    while True:
        yield from (f"{letter}{number}" for letter in letters)
        number += 1
