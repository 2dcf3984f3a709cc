"""A pytest plugin: the fixture `assert_gradient`, and the function of that name.

pytest loads this file in every run of a user's tests, wanted or not, so it imports nothing but pytest.
"""

from collections.abc import Callable
from typing import Any

import pytest


def assert_gradient(model: Any, **options: Any) -> Any:
    """Assert that a model's generated gradient agrees with its numerical one.

    Parameters
    ----------
    model : a `symgrad.Model`.
    **options : passed on to `model.check`: `seed`, `sizes`, `inputs`, and `hessian`, `hvp`, `jacobian` for derivatives
        beyond the gradient.

    Returns
    -------
    CheckReport
        The report, where the check succeeds.

    Raises
    ------
    AssertionError
        With the report's text, if an entry or a property failed, or if there was a parameter of which nothing could be
        seen.
    """
    __tracebackhide__ = True  # pytest shows the caller's line and the report
    report = model.check(**options)
    if not report.ok:
        raise AssertionError(f"the gradient check did not succeed\n{report}")
    return report


@pytest.fixture(name="assert_gradient")
def assert_gradient_fixture() -> Callable[..., Any]:
    """`assert_gradient(model, **options)`: fail with the report unless the model's gradient is right."""
    return assert_gradient
