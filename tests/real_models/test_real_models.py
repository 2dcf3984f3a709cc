"""A few models of the corpus; `python tests/real_models/run.py` compares all of them."""

import warnings

import numpy as np
import pytest

from tests.families import one_in
from tests.real_models.comparison import cases, differences
from tests.real_models.corpus import CORPUS, DEFAULT
from tests.results import arrays


@pytest.mark.parametrize("name", one_in(4, DEFAULT))
def test_a_model_agrees_with_its_reference(name: str) -> None:
    (record,) = (one for one in CORPUS if one.name == name)
    for what, inputs in cases(record):
        assert list(differences(record, what, inputs)) == [], what


def test_the_names_are_different() -> None:
    assert len({record.name for record in CORPUS}) == len(CORPUS)


@pytest.mark.long
@pytest.mark.parametrize("record", CORPUS, ids=lambda record: record.name)
def test_bound_functions_give_what_the_module_gives(record) -> None:
    """In whole arrays and in blocks of rows, again after results were changed, and with other parameters."""
    module = record.build().compile(check=False)
    given = record.inputs(4 * record.sizes[0], np.random.default_rng(0))
    bound = module.bind(**{name: one for name, one in given.items() if name not in module.PARAMETERS})
    for module.BLOCK_BYTES in (2**21, 2**6):
        for moved in (0.0, 0.125, 0.0):
            at = {name: np.asarray(given[name], float) + moved for name in module.PARAMETERS}
            for name in ("value", "gradient", "value_and_gradient"):
                with warnings.catch_warnings(action="ignore"), np.errstate(all="ignore"):
                    expected = arrays(getattr(module, name)(**(given | at)))
                    found = arrays(getattr(bound, name)(**at))
                for one, other in zip(found, expected, strict=True):
                    np.testing.assert_array_equal(one, other)
                    if isinstance(one, np.ndarray):
                        one[...] = np.nan
