"""What nothing reads is not defined."""

from symgrad.statements.needed import needed

from .written import K, M, N, Writing, arrays, spelled

KNOWN = {**arrays("A B", N, M, owner="argument"), **arrays("x y z", N, M), **arrays("f", K, N, M)}


def left(lines, *results):
    return spelled(needed(Writing(KNOWN).body(lines, *results)))


def test_chains_of_definitions_go_and_what_is_read_anywhere_stays():
    assert left("x = A - B\ny = x + A\nz = A * B", "z") == ["z = A * B"]
    assert left("x = A - B\ny = x + A", "x") == ["x = A - B"]
    loop = "f = empty(K, N, M)\nx = A - B\nfor t in range(1, K):\n    y = x * f[t - 1]\n    z = x + A\n    f[t] = y"
    assert left(loop, "f")[1:] == ["x = A - B", "for t in range(1, K):", "    y = x * f[t - 1]", "    f[t] = y"]


def test_what_is_written_to_stays():
    assert left("x = A - B\nx += A") == ["x = A - B", "x += A"]


def test_blocks_of_rows_keep_their_sums():
    rows = "x = A - B\ndef rows(A):\n    y = A + B\n    z = A * x\n    return (z,)"
    assert left(rows, "rows_0") == [
        "def __before(A: Any, B: Any) -> Any:",
        '    """What is the same for all rows, for ``."""',
        "    return A - B",
        "def __rows(A: Any, x: Any) -> tuple[Any, ...]:",
        '    """Sums of a block of rows, for ``."""',
        "    z = A * x",
        "    return (z,)",
        "x = __before(A, B)",
        "(rows_0,) = _over_rows(__rows, (A,), (x,), M, M)",
    ]
