"""Errors about the model that a problem stands on, in words of problems: variables and an objective."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from symgrad.errors import SymgradError

_WORDS = {
    r"\b(the|a|no) parameter(s?)\b": r"\1 variable\2",
    r"\b(the|a|no) loss\b": r"\1 objective",
    r", and the derivative by an entry is model\.gradient\(.*?\)": ", and a constraint or bounds fix an entry",
}


@contextmanager
def in_words_of_problems() -> Iterator[None]:
    """What a model calls its parameters and its loss are the variables and the objective of a problem."""
    try:
        yield
    except SymgradError as error:
        said = str(error)
        for words, meant in _WORDS.items():
            said = re.sub(words, meant, said)
        if said == str(error):
            raise
        raise type(error)(said) from None
