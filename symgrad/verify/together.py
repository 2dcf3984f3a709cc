"""Several modules of one model as one: that which is checked, and others with functions that the check needs beside."""

from typing import Any


class Together:
    """What the first of some modules has that has it.

    What is set, such as the size of a block, is set in all that have it; setting it to what it was restores each.

    Parameters
    ----------
    modules : in the order in which they are asked.
    """

    def __init__(self, *modules: Any) -> None:
        self.__dict__["_modules"], self.__dict__["_before"] = modules, {}

    def __getattr__(self, name: str) -> Any:
        *first, last = self.__dict__["_modules"]
        return getattr(next((one for one in first if name in vars(one)), last), name)

    def __setattr__(self, name: str, value: Any) -> None:
        there = [one for one in self.__dict__["_modules"] if name in vars(one)]
        before = self.__dict__["_before"].setdefault(name, [getattr(one, name) for one in there])
        restored = bool(before) and before[0] is value
        for one, own in zip(there, before, strict=True):
            setattr(one, name, own if restored else value)
