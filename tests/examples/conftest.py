"""The examples as modules."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from symgrad.cli.model_file import ModelReference, load_model

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def example() -> Iterator[Callable[[str], ModuleType]]:
    """Load an example by its name; the module is forgotten afterwards."""
    before = set(sys.modules)

    def load(name: str) -> ModuleType:
        known = set(sys.modules)
        load_model(ModelReference(EXAMPLES / f"{name}.py"))
        (added,) = (new for new in set(sys.modules) - known if new.startswith("symgrad_model_file"))
        return sys.modules[added]

    yield load
    for added in set(sys.modules) - before:
        if added.startswith("symgrad_model_file"):
            del sys.modules[added]
