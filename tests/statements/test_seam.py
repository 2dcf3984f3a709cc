"""A function with rows in parts: what each takes and gives, and what these parts may not do."""

from dataclasses import replace

import pytest
from sympy import Symbol

from symgrad.codegen.parts import printed_parts
from symgrad.codegen.speller import Speller
from symgrad.statements.arithmetic import operation
from symgrad.statements.expressions import LIST, FloatingType, Group, Read, Sides, buffers_of
from symgrad.statements.seam import seam_of
from symgrad.statements.spec import IllegalStatement, check
from symgrad.statements.statements import Body, Loop, Release, Rows
from symgrad.targets.numpy.functions import NUMPY

from .written import M, N, Writing, arrays, spelled

KNOWN = {
    **arrays("A B", N, M, owner="argument"),
    **arrays("w", M, owner="argument"),
    **arrays("u v g h", M),
    **arrays("r", N),
}


A_W, A_V = "def a(A):\n    return (A @ w,)", "def b(A):\n    return (A @ v,)"


def written(lines, *results):
    return Writing(KNOWN).body(lines, *results)


WHOLE = "u = exp(w)\nv = u * w\ndef rows(A):\n    return (A @ v, A @ w)\ng = rows_0 * u\nh = g + rows_1"


def names(buffers):
    return [buffer.name for buffer in buffers]


def test_a_part_takes_what_it_reads_and_gives_what_others_read():
    seam = seam_of(written(WHOLE, "h"))
    ((rows, after),) = seam.rounds
    assert [part.name for part in seam.parts] == ["before", "rows", "after"]
    assert names(seam.before.takes) == ["w"] and seam.before.gives == (Read(KNOWN["u"]), Read(KNOWN["v"]))
    assert names(rows.takes) == ["A", "v", "w"]
    assert names(after.takes) == ["rows_0", "u", "rows_1"] and after.gives == (Read(KNOWN["h"]),)
    assert all(section.computes for section in seam.sections)


def test_there_is_no_seam_without_rows():
    assert seam_of(written("u = exp(w)", "u")) is None


def test_what_computes_nothing_is_no_function():
    body = written("def rows(A):\n    return (A @ w, A @ w)", "rows_0", "rows_1.T")
    assert [section.computes for section in seam_of(body).sections] == [False, False]
    assert not any("before" in line or "after" in line for line in spelled(body))


def test_parts_are_functions_of_their_names():
    parts = printed_parts(written(WHOLE, "h"), Speller(NUMPY, "A.dtype", function="f"), "Loss")
    assert [[line.text for line in function if '"""' not in line.text] for function in parts.functions] == [
        ["def _f_before(w: Any) -> tuple[Any, ...]:", "    u = np.exp(w)", "    v = u * w", "    return u, v"],
        ["def _f_rows(A: Any, v: Any, w: Any) -> tuple[Any, ...]:", "    return A @ v, A @ w"],
        [
            "def _f_after(rows_0: Any, u: Any, rows_1: Any) -> Loss:",
            "    g = rows_0 * u",
            "    return g + rows_1",
        ],
    ]
    assert [line.text for line in parts.lines] == [
        "u, v = _f_before(w)",
        "rows_0, rows_1 = _over_rows(_f_rows, (A,), (v, w), M, M)",
    ]
    assert parts.result == "_f_after(rows_0, u, rows_1)"


def test_a_part_that_needs_the_floating_type_takes_an_array_of_it():
    body = written("def rows(A):\n    return (A @ w,)\ng = zeros(M)\nh = g + w", "h")
    zeros, last = body.statements[1:]
    typed = replace(zeros, expression=operation("zeros", Sides((M,)), dtype=FloatingType()))
    for read, taken in ((last, "w"), (replace(last, expression=Read(KNOWN["g"])), "A")):
        made = printed_parts(
            replace(body, statements=(body.statements[0], typed, read)), Speller(NUMPY, "A.dtype", typed="A")
        )
        assert made.result == f"__after({taken}, M)"
        assert f"    g = np.zeros((M,), dtype={taken}.dtype)" in [line.text for line in made.functions[1]]


def test_what_others_hold_is_let_go_of_by_who_calls_the_parts():
    body = written(WHOLE, "h")
    u, v, rows, *after = body.statements
    gone = Release((KNOWN["u"], KNOWN["v"]))
    seam = seam_of(replace(body, statements=(u, v, rows, after[0], gone, after[1])))
    section = seam.rounds[0][1]
    assert section.body == tuple(after) and section.lets_go == (KNOWN["v"],)  # u is read there: its caller has it, too


def test_nobody_lets_go_of_what_a_part_keeps_to_itself():
    body = written("u = exp(w)\nv = u * w\ndef rows(A):\n    return (A @ v,)\ng = rows_0 * v", "g")
    seam = seam_of(replace(body, statements=(*body.statements, Release((KNOWN["u"], KNOWN["v"])))))
    assert names(buffer for part in seam.before.gives for buffer in buffers_of(part)) == ["v"]
    assert seam.rounds[0][1].lets_go == ()  # u is a variable of the first part alone, v is read in the last


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            written(
                "u = exp(w)\ndef rows(A):\n    return (A @ u,)\nu += w\ndef more(A):\n    return (A @ u,)", "more_0"
            ),
            "u, which later parts take, is written to",
        ),
        (
            written(
                "u = exp(w)\nv = u[:]\ndef a(A):\n    return (A @ w,)\nu += w\ndef b(A):\n    return (A @ v,)", "b_0"
            ),
            "u, which later parts take, is written to",
        ),
        (Body((Loop("t", Symbol("K"), Symbol("K"), False, written(WHOLE, "h").statements[2:3]),)), "rows inside"),
    ],
)
def test_what_is_wrong_is_named(body, said):
    with pytest.raises(IllegalStatement, match=said):
        check(body)


def test_arrays_in_blocks_are_for_later_rows_only():
    body = written("def a(A):\n    r = A @ w\n    return (r,)\ndef b(A):\n    return (A @ w,)", "b_0")
    first, second = body.statements
    assert isinstance(first, Rows) and isinstance(second, Rows)
    kept = replace(first, joins=("rows",), returned=(Group(LIST, first.returned),))
    check(replace(body, statements=(kept, replace(second, kept=first.results))))
    wrong = {
        "a_0 is not kept in blocks": (first, replace(second, kept=first.results)),
        "a_0, which is in blocks, is read at once": (kept, replace(second, returned=(Read(first.results[0]),))),
        "there are rows of N and of M": (first, replace(second, dimension=M)),
    }
    for said, statements in wrong.items():
        with pytest.raises(IllegalStatement, match=said):
            check(replace(body, statements=statements))
    with pytest.raises(IllegalStatement, match="a_0, which is in blocks, is read at once"):
        check(Body((kept, second), (Read(first.results[0]),)))
