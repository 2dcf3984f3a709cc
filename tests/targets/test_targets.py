"""A target is a folder, found by its name."""

import pytest

from symgrad.errors import ModelError
from symgrad.targets import target, target_names


def test_every_folder_is_a_target_of_its_name():
    assert "numpy" in target_names()
    assert [target(name).name for name in target_names()] == list(target_names())


def test_an_unknown_name_is_refused_with_the_names_that_there_are():
    with pytest.raises(ModelError, match=r"no target 'fortran'; choose one of .*numpy"):
        target("fortran")
