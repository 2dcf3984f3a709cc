"""The functions of `symgrad.runtime` as they stand in a generated module."""

import pkgutil
from functools import cache

import symgrad.runtime
from symgrad.codegen.runtime import Sources, definitions

# what a module declares of its own model, which the others refer to
DECLARED = "symgrad.runtime.declared"
# functions of other libraries, which compute every piece everywhere; those of the same names that choose are NumPy's
TRACED = "symgrad.runtime.tensors"


@cache
def sources() -> Sources:
    """Everything that the files of the runtime define."""
    return Sources({name: found for file in files() for name, found in definitions(file).items()})


def files() -> list[str]:
    """The files of the runtime whose functions are NumPy's."""
    names = (f"{symgrad.runtime.__name__}.{file.name}" for file in pkgutil.iter_modules(symgrad.runtime.__path__))
    return sorted({*names} - {DECLARED, TRACED})
