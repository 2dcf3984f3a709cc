"""The types of what generated functions take and return, in their annotations."""

from dataclasses import dataclass

from symgrad.arguments import Argument
from symgrad.outputs.function import Array, Pattern, Record, Result, Sparse

RecordType = tuple[str, tuple[tuple[str, str], ...]]  # the name of a NamedTuple, and its fields with their types


@dataclass(frozen=True)
class Types:
    """What a target calls its types.

    Attributes
    ----------
    given : what is accepted for an array or a number.
    multiplied : the same for matrices that are only multiplied.
    array, number : what is returned.
    entries : a matrix of few entries.
    pattern : where these stand.
    """

    given: str = "Any"
    multiplied: str = "Any"
    array: str = "Any"
    number: str = "Any"
    entries: str = "Any"
    pattern: str = "Any"

    def of(self, result: Result) -> str:
        """The type of a result."""
        match result:
            case Record(name=name):
                return name
            case Sparse():
                return self.entries
            case Pattern():
                return self.pattern
            case Array(shape=shape, like=like):
                return self.array if shape or (like is not None and like.shape) else self.number
        parts = [self.of(part) for part in result]
        return f"tuple[{', '.join(parts)}]" if len(parts) > 1 else parts[0]

    def records(self, result: Result) -> tuple[RecordType, ...]:
        """The records of a result that a module does not have anyway, inner ones first, each with its fields' types."""
        parts = result if isinstance(result, tuple) else result.fields.values() if isinstance(result, Record) else ()
        inner = [made for part in parts for made in self.records(part)]
        if isinstance(result, Record) and result.name != "Gradient":
            inner.append((result.name, tuple((name, self.of(part)) for name, part in result.fields.items())))
        return tuple(inner)

    def taken(self, argument: Argument, sparse: bool = False) -> str:
        """An argument with its type, as a function takes it; matrices may be `sparse`."""
        kind = "int" if argument.role == "dimension" else self.multiplied if sparse else self.given
        return f"{argument.name}: {kind}"
