"""The audit of digits: what loses them is found and named, what keeps them passes."""

import numpy as np
import pytest
import sympy as sp
from sympy import IndexedBase, Sum, log, sqrt, symbols

from symgrad import LogSumExp, Model, if_else, softplus
from symgrad.verify.accuracy import audit
from symgrad.verify.draw import Draw
from symgrad.verify.report import Finding

u, v = symbols("u v", real=True)
p = symbols("p", positive=True)
i, N = symbols("i N", integer=True)
x = IndexedBase("x", shape=(N,))


def audited(model: Model) -> list[Finding]:
    return list(
        model.check(chain=False, accuracy=True, sizes={"N": 3} if model.program.dimensions else None).edges[-1].findings
    )


@pytest.mark.parametrize(
    "loss",
    [
        u * v**2,
        softplus(u),
        p * log(p),
        LogSumExp(x[i], (i, 0, N - 1)),
        Sum(sp.Abs(x[i]), (i, 0, N - 1)),
        if_else(u > 0, u**2, -u),
    ],
    ids=str,
)
def test_what_keeps_its_digits_passes(loss: sp.Expr) -> None:
    parameter = next(s for s in (u, p, x) if loss.has(s))
    assert [finding.verdict for finding in audited(Model(loss, [parameter]))] == ["pass"]


@pytest.mark.parametrize(
    ("loss", "label", "blamed"),
    [
        ((u + 1) ** 2 - u**2 - 2 * u - 1, "value", "cancels"),
        (sqrt(1 + u**4) - u**2, "value", "(overflows)"),
        (Sum(x[i] ** 2, (i, 0, N - 1)) - x[0] ** 2 - x[1] ** 2 - x[2] ** 2, "value", "cancels"),
    ],
    ids=str,
)
def test_what_loses_digits_is_named(loss: sp.Expr, label: str, blamed: str) -> None:
    parameter = u if loss.has(u) else x
    findings = audited(Model(sp.Add(*loss.args, evaluate=False), [parameter]))
    found = [finding for finding in findings if finding.name == f"digits of {label}"]
    assert found and any(blamed in finding.detail for finding in found), findings
    assert all(finding.verdict == "fail" for finding in found)


def test_facts_restrict_the_grid() -> None:
    above = Model(log(u - 1), [u], facts=[u > 1])  # log(u - 1) is no number elsewhere, and u - 1 is exact
    assert [finding.verdict for finding in audited(above)] == ["pass"]


def test_large_inputs_are_not_looked_at() -> None:
    model = Model(Sum(x[i] ** 2, (i, 0, N - 1)), [x])
    subject = model._checking.subject(model.compile(check=False))
    (finding,) = audit(subject, Draw({"x": np.ones(1000)}, {N: 1000}, ())).findings
    assert finding.verdict == "inconclusive" and "more than 500 numbers" in finding.detail
    report = model.check(chain=False, accuracy=True, inputs={"x": np.ones(1100)})
    assert [finding.verdict for finding in report.edges[-1].findings] == ["pass"]  # on parts of them
