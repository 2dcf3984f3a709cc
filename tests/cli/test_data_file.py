"""Arrays of the user's own for a check."""

from pathlib import Path

import numpy as np
import pytest

from symgrad.cli.commands import DONE, WRONG, main
from symgrad.cli.data_file import load_arrays
from symgrad.errors import ModelError

X, T = np.array([[1.0, 2.0], [3.0, -1.0], [0.5, 0.25]]), np.array([1, 0, 1])

MODEL = """
from sympy import IndexedBase, Sum, symbols
from symgrad import Model, softplus
N, M = symbols("N M", integer=True, positive=True)
n, m = symbols("n m", integer=True)
X, t, w = IndexedBase("X", shape=(N, M)), IndexedBase("t", shape=(N,)), IndexedBase("w", shape=(M,))
z = Sum(X[n, m]*w[m], (m, 0, M - 1))
model = Model(Sum(softplus(z) - t[n]*z, (n, 0, N - 1)), [w])
"""


def test_arrays_of_an_npz_file_and_of_a_folder(tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", X=X, t=T, other=X)
    for name, array in {"X": X, "t": T, "other": X}.items():
        np.save(tmp_path / f"{name}.npy", array)
    for path in (tmp_path / "data.npz", tmp_path):
        found = load_arrays(path, ["X", "t", "w"])
        assert sorted(found) == ["X", "t"]
        np.testing.assert_array_equal(found["X"], X)


def test_columns_of_a_csv_file(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("t,site,y\n1,oak,0.5\n0,elm,\n", encoding="utf-8")
    found = load_arrays(tmp_path / "data.csv", ["t", "y"])
    assert found["t"].dtype.kind == "i" and found["t"].tolist() == [1, 0]
    np.testing.assert_array_equal(found["y"], [0.5, np.nan])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.npz", None, "there is no such file"),
        ("data.txt", b"1 2", "expected a file .npz or .csv"),
        ("data.npz", b"not a zip", "no arrays can be read from it"),
        ("data.csv", b"", "is empty"),
        ("data.csv", b"y\noak\n", "line 2: y is 'oak', which is no number"),
        ("data.csv", b"site\noak\n", "has none of the model's arguments, which are t, y"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path: Path, name: str, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelError, match=message):
        load_arrays(tmp_path / name, ["t", "y"])


def test_a_model_is_checked_on_given_arrays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "model.py").write_text(MODEL, encoding="utf-8")
    np.savez(tmp_path / "data.npz", X=X, t=T.astype(float))
    assert main(["check", str(tmp_path / "model.py"), "--inputs", str(tmp_path / "data.npz")]) == DONE
    out = capsys.readouterr().out
    assert "at M=2, N=3" in out and "PASSED" in out
    np.savez(tmp_path / "data.npz", X=X, t=T[:2].astype(float))
    assert main(["check", str(tmp_path / "model.py"), "--inputs", str(tmp_path / "data.npz")]) == WRONG
