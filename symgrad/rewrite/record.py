"""A rewrite as a record: the function that makes it, with what it states, why it is made, and where that is from.

The phases of `pipeline` and of `schedule` apply records and nothing else. The tests walk over all of them: each fires
in a sample, is right there at 50 digits, and loses no digits that were there before.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, ParamSpec, TypeVar

from symgrad.graph.nodes import Use

Given = ParamSpec("Given")
Made = TypeVar("Made")

BLANCHARD = "Blanchard, Higham and Higham, Accurately computing the log-sum-exp and softmax functions (2021)"
COOKBOOK = "Petersen and Pedersen, The Matrix Cookbook (2012)"
HIGHAM = "Higham, Accuracy and Stability of Numerical Algorithms (2002), chapters 9, 10 and 14"
LOGISTIC = "definition of the logistic function"
MAECHLER = "Mächler, Accurately Computing log(1 - exp(-|a|)) (2012)"


@dataclass(frozen=True)
class Reason:
    """An identity in words or signs, why it is used, and its source."""

    identity: str
    reason: str
    source: str


@dataclass(frozen=True, eq=False)
class Record(Generic[Given, Made]):
    """A rewrite of one term, of one node, or of all terms, by name; calling it makes it.

    Of one term (`Use`) or node it gives the new term, None where it does not apply. Of all terms it gives all new ones.

    Attributes
    ----------
    name : what it is called.
    reason : why it is there.
    function : what makes it.
    heads : functions of which it needs one in the term, or a name that the term refers to; it is not tried on others.
    """

    name: str
    reason: Reason
    function: Callable[Given, Made]
    heads: frozenset[Any] = frozenset()

    def __call__(self, *given: Given.args, **options: Given.kwargs) -> Made:
        return self.function(*given, **options)


AxisRule = Record[[Use], Use | None]


def record(
    identity: str, reason: str, source: str, name: str = "", heads: Iterable[Any] = ()
) -> Callable[[Callable[Given, Made]], Record[Given, Made]]:
    """Make a function a record, called by its own name where no other is given."""

    def recorded(function: Callable[Given, Made]) -> Record[Given, Made]:
        return Record(name or function.__name__, Reason(identity, reason, source), function, frozenset(heads))

    return recorded
