"""Every construct of subscripts, reductions, gathers and masks: checked at three sets of sizes and by autograd."""

import ast
import warnings
from functools import cache

import numpy as np
import pytest

from tests.families import one_in
from tests.independent import Independent
from tests.models.language import GATHERS, MASKS, REDUCTIONS, SUBSCRIPTS

pytest.importorskip("autograd", reason="it differentiates the independent implementation (the extra `test` has it)")

MODELS = {**SUBSCRIPTS, **REDUCTIONS, **GATHERS, **MASKS}


@cache
def model_of(name):
    """The model, derived once for all tests of it."""
    return MODELS[name]()


@pytest.mark.parametrize("name", one_in(21, MODELS))
def test_a_construct_is_right(name):
    model = model_of(name)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        report = model.check(chain=False)
        assert report.ok, report
        module = model.compile(check=False)
        draws = model.draws(module)
        assert len(draws) >= 3
        independent = Independent(model.loss, model.parameters, model.where)
        for draw in draws:
            value, gradient = module.value_and_gradient(**draw.inputs)
            values = {argument.symbol: draw.inputs[argument.name] for argument in model.arguments}
            expected, slopes = independent.value_and_gradient(values, draw.sizes)
            scale = max(1.0, abs(float(expected)), *(np.abs(np.nan_to_num(slope)).max(initial=0) for slope in slopes))
            assert abs(float(value) - float(expected)) <= 1e-9 * scale
            for number, (part, slope) in enumerate(zip(gradient, slopes, strict=True)):
                if np.isnan(slope).any():  # its own, from a branch that is not taken
                    slope = independent.by_differences(values, draw.sizes, number)
                np.testing.assert_allclose(part, slope, rtol=1e-9, atol=1e-9 * scale)


@pytest.mark.parametrize("name", one_in(7, MODELS))
def test_no_loop_runs_over_data(name):
    source = model_of(name).source()
    body = source[source.index("\ndef value_and_gradient") : source.index("\ndef pack")]
    loops = ast.For | ast.While | ast.comprehension
    assert not any(isinstance(node, loops) for node in ast.walk(ast.parse(body)))
