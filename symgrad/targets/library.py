"""What every generated module for a library of tensors declares of its own model, for the types of its runtime."""

from typing import Any

PRODUCT: Any = None


def value(**given: Any) -> Any:
    raise NotImplementedError


def value_and_gradient(**given: Any) -> Any:
    raise NotImplementedError
