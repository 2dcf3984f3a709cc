"""Writing files, all of them or none."""

import contextlib
import os
import shutil
import stat
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path


def write_all(texts: Mapping[Path, str]) -> None:
    """Write all the files or none.

    Each text goes first to a new file in the same folder, and to the disk, before any file takes its place; so no
    reader ever sees half a file, and a failure leaves every file as it was. A file that is replaced keeps its
    permissions; where a path is a symbolic link, the file that it points to is the one replaced.

    Raises
    ------
    OSError
        If the operating system refuses (a full disk, a folder that has gone), with the file's name; nothing has
        changed then.
    """
    staged: dict[Path, Path] = {}
    previous: dict[Path, bytes | None] = {}
    try:
        for path, text in texts.items():
            target = path.resolve()
            # A name as long as names may be leaves no room for more, so the name of the file itself is no part of this.
            temporary = target.with_name(f".{uuid.uuid4().hex}.tmp")
            with _naming(path):
                previous[target] = target.read_bytes() if target.exists() else None
                staged[target] = temporary  # before it is made, so that an interruption in between leaves nothing
                _write_new(temporary, text.encode("utf-8"), like=target)
        _replace_all(staged, previous)
    finally:
        for temporary in staged.values():
            temporary.unlink(missing_ok=True)


def write_folder(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write a folder whole, in the place of one that is there, or leave everything as it was.

    Parameters
    ----------
    folder : the folder; the one that holds it is there.
    contents : what it holds, by name.

    Raises
    ------
    OSError
        If the operating system refuses (a full disk, no permission), with the folder's name; nothing has changed then.
    """
    target = folder.resolve()
    fresh, former = (target.with_name(f".{uuid.uuid4().hex}.tmp") for _ in range(2))
    try:
        with _naming(folder):
            fresh.mkdir()
            for name, content in contents.items():
                _write_new(fresh / name, content, like=target / name)
            if target.exists():
                os.replace(target, former)
            try:
                os.replace(fresh, target)
            except BaseException:
                if former.exists():
                    os.replace(former, target)
                raise
    finally:
        for left in (fresh, former):
            shutil.rmtree(left, ignore_errors=True)


@contextlib.contextmanager
def _naming(path: Path) -> Iterator[None]:
    """What the system refuses is told of this file: on a full disk it names none, elsewhere the temporary one."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


def _write_new(temporary: Path, content: bytes, like: Path) -> None:
    # 0o666 less the user's umask: the permissions that an ordinary new file gets.
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    if like.exists():
        temporary.chmod(stat.S_IMODE(like.stat().st_mode))


def _replace_all(staged: Mapping[Path, Path], previous: Mapping[Path, bytes | None]) -> None:
    replaced: list[Path] = []
    try:
        for target, temporary in staged.items():
            # Listed before it happens: putting an untouched file's content back changes nothing.
            replaced.append(target)
            with _naming(target):
                os.replace(temporary, target)
    except BaseException:
        for target in replaced:
            _put_back(target, previous[target])
        raise


def _put_back(target: Path, content: bytes | None) -> None:
    with contextlib.suppress(OSError):  # the first failure is the one to be told
        if content is None:
            target.unlink(missing_ok=True)
        elif target.read_bytes() != content:
            target.write_bytes(content)
