"""Section 2 of Petersen and Pedersen, The Matrix Cookbook (version of 15 November 2012): derivatives of scalars.

Each record is an identity of the book: a loss, what it is differentiated by, and the book's formula, all in matrix
notation. The gradient that is derived, and the module that is generated, must equal the book's formula numerically, and
the derived formula must have no more operations than the book's. Derivatives of a matrix (59, 73-75, 79) are taken of a
bilinear form with it; derivatives by a scalar are by the x of Y = A + x·B.
"""

import numpy as np
import pytest
from sympy import MatrixSymbol

from symgrad import Model
from tests.cookbook_records import RECORDS, SYMMETRIC_PARAMETER, K, M, N
from tests.matrix_numerics import operations, value

SIZES = {N: 4, M: 3, K: 2}


def inputs(model, facts, seed=7):
    """Arguments by name: matrices near to the identity, so that they are regular; as the facts say."""
    rng = np.random.default_rng(seed)
    found = {}
    for argument in model.arguments:
        shape = tuple(int(side.subs(SIZES)) for side in argument.shape)
        array = rng.standard_normal(shape) / 2
        if len(shape) == 2 and shape[0] == shape[1]:
            array += 2 * np.eye(shape[0])
            kinds = {fact.function.name for fact in facts if fact.arguments[0] == argument.symbol}
            if kinds & {"symmetric", "positive_definite"}:
                array = (array + array.T) / 2
            if "diagonal" in kinds:
                array = np.diag(np.diag(array))
        found[argument.name] = array
    return found


def gradient_and_book(record):
    """The derived formula, its value, the generated module's gradient, and the value of the book's formula."""
    model = Model(record.loss, [record.by], facts=record.facts)
    given = inputs(model, record.facts)
    arrays = {argument.symbol: given[argument.name] for argument in model.arguments}
    arrays |= {MatrixSymbol("J", N, N): np.ones((SIZES[N], SIZES[N]))}
    formula = model.gradient(record.by)
    (generated,) = model.compile(check=False).gradient(**given)
    return formula, value(formula, arrays, SIZES), generated, lambda book: value(book, arrays, SIZES)


@pytest.mark.parametrize("record", RECORDS, ids=[record.equation for record in RECORDS])
def test_an_identity_of_the_book(record):
    formula, derived, generated, of = gradient_and_book(record)
    expected = of(record.book)
    scale = np.max(np.abs(expected))
    # rounding errors of a few products and inverses of well-conditioned 4 x 4 matrices
    assert np.allclose(derived, expected, rtol=0, atol=1e-11 * scale)
    assert np.allclose(generated, expected, rtol=0, atol=1e-11 * scale)
    assert operations(formula) <= operations(record.book), (formula, record.book)


@pytest.mark.parametrize("record", SYMMETRIC_PARAMETER, ids=[record.equation for record in SYMMETRIC_PARAMETER])
def test_an_identity_for_a_symmetric_matrix(record):
    formula, derived, generated, of = gradient_and_book(record)
    expected = of(record.book)
    close = {"rtol": 0, "atol": 1e-11 * np.max(np.abs(expected))}
    assert np.allclose(2 * derived - derived * np.eye(SIZES[N]), expected, **close)
    assert np.allclose(generated, derived, **close)
    assert operations(formula) <= operations(record.book)
