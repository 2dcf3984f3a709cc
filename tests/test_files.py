"""Writing all files or none."""

import os
from pathlib import Path

import pytest

from symgrad import files
from symgrad.files import write_all


def test_all_files_are_written(tmp_path: Path) -> None:
    texts = {tmp_path / "x.py": "∂ = 1\n", tmp_path / "test_x.py": "2\n"}
    write_all(texts)
    assert {path: path.read_bytes().decode() for path in tmp_path.iterdir()} == texts


def test_permissions_are_those_of_an_ordinary_file_or_of_the_one_replaced(tmp_path: Path) -> None:
    ordinary, new, old = tmp_path / "ordinary", tmp_path / "new.py", tmp_path / "old.py"
    ordinary.touch()
    old.touch()
    old.chmod(0o640)
    write_all({new: "", old: ""})
    assert new.stat().st_mode == ordinary.stat().st_mode
    assert old.stat().st_mode & 0o777 == 0o640


def test_a_symbolic_link_stays_one(tmp_path: Path) -> None:
    target, link = tmp_path / "target.py", tmp_path / "link.py"
    target.write_text("old")
    link.symlink_to(target)
    write_all({link: "new"})
    assert link.is_symlink() and target.read_text() == "new"


@pytest.mark.parametrize("failing", ["first stage", "second stage", "first replacement", "second replacement"])
@pytest.mark.parametrize("existing", [False, True])
def test_a_failure_anywhere_leaves_every_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str, existing: bool
) -> None:
    paths = [tmp_path / "x.py", tmp_path / "test_x.py"]
    if existing:
        for path in paths:
            path.write_text(f"old {path.name}")
    before = {path.name: path.read_text() for path in tmp_path.iterdir()}
    calls = {"stage": 0, "replacement": 0}

    def fail_at(step, real):
        def wrapped(*arguments, **keywords):
            calls[step] += 1
            if failing == f"{['first', 'second'][calls[step] - 1]} {step}":
                raise OSError(28, "No space left on device")
            return real(*arguments, **keywords)

        return wrapped

    monkeypatch.setattr(files.os, "fsync", fail_at("stage", os.fsync))
    monkeypatch.setattr(files.os, "replace", fail_at("replacement", os.replace))
    with pytest.raises(OSError, match="No space left"):
        write_all(dict.fromkeys(paths, "new"))
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == before
