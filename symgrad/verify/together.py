"""Two modules of one model as one: that which is checked, and another with functions that the check needs beside."""

from typing import Any


class Together:
    """What a module has, and what it lacks of another; what is set, such as a block's size, is set in both.

    Parameters
    ----------
    module : the one that is checked.
    beside : the other.
    """

    def __init__(self, module: Any, beside: Any) -> None:
        self.__dict__["_modules"] = (module, beside)

    def __getattr__(self, name: str) -> Any:
        module, beside = self.__dict__["_modules"]
        return getattr(module, name) if name in vars(module) else getattr(beside, name)

    def __setattr__(self, name: str, value: Any) -> None:
        for one in self.__dict__["_modules"]:
            setattr(one, name, value)
