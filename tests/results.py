"""What functions of generated modules return, as plain lists."""

from typing import Any


def arrays(result: Any) -> list[Any]:
    """The arrays and numbers in a result, in order: those in records and tuples, too."""
    return [one for part in result for one in arrays(part)] if isinstance(result, tuple) else [result]
