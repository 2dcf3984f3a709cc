"""Every rewrite of `rewrite` and `schedule`: it has a record and a sample, keeps values to 50 digits and loses none."""

import inspect
from functools import cache

import numpy as np
import pytest

from symgrad import Model
from symgrad.compiler import plain_gradient
from symgrad.graph.nodes import Use
from symgrad.graph.symmetry import as_known
from symgrad.graph.transform import own
from symgrad.rewrite import pipeline
from symgrad.rewrite.engine import Trace
from symgrad.rewrite.pipeline import recognise, simplify
from symgrad.schedule.pipeline import schedule
from symgrad.verify.draw import Draw
from tests.families import one_in

from . import records
from .record_accuracy import errors_of_record
from .records import OF_CODE, changes, compare, doing, every_record, modules, switched_off, wide, wrong
from .samples import SAMPLES
from .ulps import COARSE

RECORDS = every_record()
OF_TERMS = [name for name in RECORDS if name not in ("row_plan", "leading")]
# exp(x) − 1 − x cancels 200 digits at 1e-100, and so on.
ROOM = dict.fromkeys(("one_argument", "quotient", "merged_sum", "merged_product"), 450)
PHASES = {"near_certainty", "recognise", "simplify", "stabilise", "rewrite", "lower", "factorise"}


@cache
def drawn(name: str) -> list[tuple[Model, list[Draw]]]:
    """The models of a record's samples, with inputs at which they are compared."""
    models = [(sample, sample.model()) for sample in SAMPLES[name]]
    return [(m, m.draws(m.compile(check=False), seed=1, sizes=sample.sizes or None)[:2]) for sample, m in models]


def compared(name: str, inputs_of: list[tuple[Model, list[Draw]]]) -> int:
    """How many numbers that a record changes in its samples agree before and after it, on wide samples."""
    count = 0
    for number, (sample, (model, draws)) in enumerate(zip(SAMPLES[name], inputs_of, strict=True)):
        pairs = changes(RECORDS[name], sample.model(), sample.request)
        assert pairs, f"sample {number} of {name} does not make it fire"
        rng = np.random.default_rng(number)
        for draw in draws:
            for powers in ((0, 0), (-3, 2), (-100, -50)):
                inputs = {**wide(model, draw, rng, *powers), **sample.inputs}
                count += sum(compare(pair, inputs, draw.sizes, ROOM.get(name, records.ROOM)) for pair in pairs)
    return count


def test_every_record_has_samples_a_reason_and_a_source() -> None:
    assert set(SAMPLES) == set(RECORDS)
    assert all(made.reason.identity and made.reason.reason and made.reason.source for made in RECORDS.values())


def test_every_function_that_makes_terms_of_terms_is_a_record_or_a_phase() -> None:
    """What is private is part of one of these."""
    found = {
        name
        for module in modules()
        for name, part in vars(module).items()
        if inspect.isfunction(part) and part.__module__ == module.__name__ and not name.startswith("_")
        if inspect.signature(part).return_annotation in (Use | None, list[Use], "Use | None", "list[Use]")
    }
    parts = {"freed", "mirrored", "over_exponent", "rooted"}  # which several records have as a part
    # what chunks of rows alone are printed from: tests/runtime/test_chunks.py compares it on all models with rows
    assert found == PHASES | parts | {"without_count", "corrected_by_sums", "with_own_conditions"}


def test_the_phases_do_nothing_but_apply_records(monkeypatch: pytest.MonkeyPatch) -> None:
    for phase in ("_RECOGNISE", "_STABILISE"):
        monkeypatch.setattr(pipeline, phase, [])
    for made in RECORDS.values():
        monkeypatch.setitem(made.__dict__, "function", OF_CODE.get(made.name, switched_off))
    for name, samples in SAMPLES.items():
        program = samples[0].model().program
        roots = [program.loss, *plain_gradient(program)]
        names = list(program.names.values())
        assert recognise(roots, program.identities, Trace()) == roots, name
        assert simplify(roots, names, program.identities, Trace()) == roots, name
        known = [as_known(root, [own(root.node)]) for root in roots]  # a symmetric array or its transpose
        assert schedule([roots], program.identities) == [known], name


@pytest.mark.parametrize("name", one_in(27, OF_TERMS))
def test_a_rewrite_keeps_the_value_to_50_digits(name: str) -> None:
    assert compared(name, drawn(name)) > 0


@pytest.mark.parametrize("name", one_in(24, OF_TERMS))
def test_a_wrong_rewrite_is_found(name: str) -> None:
    right = drawn(name)
    with doing(RECORDS[name], wrong(RECORDS[name].function)), pytest.raises(AssertionError, match="became"):
        compared(name, right)


@pytest.mark.parametrize("name", one_in(27, SAMPLES))
def test_code_is_never_worse_than_a_good_plain_form(name: str) -> None:
    found = errors_of_record(name, COARSE)
    assert len(found.points) > 10
    assert [(found.points[n], found.plain[n], found.replaced[n]) for n in found.worse] == []


@pytest.mark.parametrize("name", one_in(2, OF_CODE))
def test_a_rewrite_of_code_changes_it_and_is_right(name: str) -> None:
    for sample in SAMPLES[name]:
        with doing(RECORDS[name], OF_CODE[name]):
            plain = sample.model().source()
        assert sample.model().source() != plain
        assert sample.model().check().ok
