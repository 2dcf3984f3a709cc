"""The types of what generated functions return, in their annotations."""

from symgrad.outputs.function import Record, Result, Sparse

RecordType = tuple[str, tuple[tuple[str, str], ...]]  # the name of a NamedTuple, and its fields with their types


def type_of(result: Result, sparse: str = "Any") -> str:
    """The type of a result; `sparse` is that of sparse arrays."""
    match result:
        case Record(name=name):
            return name
        case Sparse():
            return sparse
        case tuple() if len(result) > 1:
            return f"tuple[{', '.join(type_of(part, sparse) for part in result)}]"
    return "Any"


def record_types(result: Result, sparse: str = "Any") -> tuple[RecordType, ...]:
    """The records of a result that a module does not have anyway, inner ones first, each with its fields' types."""
    parts = result if isinstance(result, tuple) else result.fields.values() if isinstance(result, Record) else ()
    inner = [made for part in parts for made in record_types(part, sparse)]
    if isinstance(result, Record) and result.name != "Gradient":
        fields = ((n, "Any" if isinstance(p, tuple) else type_of(p, sparse)) for n, p in result.fields.items())
        inner.append((result.name, tuple(fields)))
    return tuple(inner)
