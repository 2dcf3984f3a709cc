"""A few models of the corpus; `python tests/real_models/run.py` compares all of them."""

import pytest

from tests.families import one_in
from tests.real_models.comparison import bound_differences, cases, differences
from tests.real_models.corpus import CORPUS, DEFAULT


@pytest.mark.parametrize("name", one_in(4, DEFAULT))
def test_a_model_agrees_with_its_reference(name: str) -> None:
    (record,) = (one for one in CORPUS if one.name == name)
    for what, inputs in cases(record):
        assert list(differences(record, what, inputs)) == [], what
    assert list(bound_differences(record)) == []


def test_the_names_are_different() -> None:
    assert len({record.name for record in CORPUS}) == len(CORPUS)
