"""Model files: from what the command line was given, `MODEL.py[:name]`, to the `Model` or `Problem` of the file."""

import contextlib
import importlib.machinery
import importlib.util
import itertools
import re
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import click
from click.shell_completion import CompletionItem

from symgrad.errors import ModelError, SymgradError
from symgrad.model import Model

DEFAULT_NAME, PROBLEM = "model", "problem"  # of the variables that are taken where no name is given


@dataclass(frozen=True)
class ModelReference:
    """Where a model is to be found: a Python file and the name of a variable in it."""

    path: Path
    name: str = DEFAULT_NAME

    @classmethod
    def parse(cls, text: str) -> "ModelReference":
        """Read `MODEL.py` or `MODEL.py:name`.

        A path that exists as it stands is a path, colons and all; else the last colon divides, if a Python name
        follows it. The colon of a Windows drive never divides, since a path follows it.

        Raises
        ------
        ModelError
            If what follows the last colon cannot be the name of a variable, while what precedes it is a file.

        Examples
        --------
        >>> ModelReference.parse("logistic.py:likelihood").name
        'likelihood'
        >>> ModelReference.parse("logistic.py").name
        'model'
        """
        head, colon, tail = text.rpartition(":")
        if not colon or _exists(text):
            return cls(Path(text))
        if head and tail.isidentifier():
            return cls(Path(head), tail)
        if head and _exists(head):
            raise ModelError(f"{text}: after the colon comes the name of a model in {head}, and {tail!r} is no name")
        return cls(Path(text))


def complete_file(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Tells a shell to complete the name of a file."""
    return [CompletionItem(incomplete, type="file")]


def load_model(reference: ModelReference) -> Model:
    """Run a model file and take the model from it, as `load_stated` does.

    Raises
    ------
    ModelError
        As there, and if it is a `Problem`.
    """
    found = load_stated(reference)
    if not isinstance(found, Model):
        raise ModelError(f"{reference.path} defines a problem; this is done with models only")
    return found


def load_stated(reference: ModelReference) -> Any:
    """Run a model file and take the `Model` or `Problem` from it.

    The file runs as a module of a name of its own (so not as `__main__`), with its folder first on `sys.path`, so that
    it can import its neighbours; `sys.path` is as before afterwards. What it prints goes to the standard error
    stream, which leaves the standard output to the command.

    Raises
    ------
    ModelError
        If there is no such file, it is not Python, it raises an error or exits while it runs, or the name is that of
        neither. Other errors of symgrad's own family that the file lets escape keep their type.
    """
    path = reference.path
    source = _read(path)
    code = _compile(source, path)
    module = _new_module(path)
    sys.modules[module.__name__] = module
    try:
        with _own_folder_first(path), contextlib.redirect_stdout(sys.stderr):
            _run(code, module, path)
        return _pick(module, reference)
    except BaseException:
        sys.modules.pop(module.__name__, None)
        raise


def _exists(text: str) -> bool:
    try:
        return Path(text).exists()
    except (OSError, ValueError):  # a name too long for the file system, or with a null character in it
        return False


def _read(path: Path) -> bytes:
    if path.is_dir():
        raise ModelError(f"{path} is a folder; give the Python file in it that defines the model")
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise ModelError(f"{path}: there is no such file") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ModelError(f"{path} cannot be read: {reason}") from None


def _compile(source: bytes, path: Path) -> CodeType:
    try:
        return compile(source, str(path), "exec", dont_inherit=True)
    except SyntaxError as error:
        place = f"{path}, line {error.lineno}" if error.lineno else str(path)
        quoted = f"\n    {error.text.strip()}" if error.text and error.text.strip() else ""
        raise ModelError(f"{place}: {type(error).__name__}: {error.msg}{quoted}") from None
    except (ValueError, RecursionError, MemoryError) as error:  # null bytes; nesting beyond the parser's stack
        raise ModelError(f"{path} is not a Python file: {_describe(error)}") from None


def _new_module(path: Path) -> ModuleType:
    stem = re.sub(r"\W", "_", path.stem)
    names = (f"symgrad_model_file_{number}_{stem}" for number in itertools.count())
    name = next(name for name in names if name not in sys.modules)
    loader = importlib.machinery.SourceFileLoader(name, str(path))
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    assert spec is not None, "a specification that is given its loader is always made"
    return importlib.util.module_from_spec(spec)


@contextlib.contextmanager
def _own_folder_first(path: Path) -> Iterator[None]:
    before = sys.path.copy()
    sys.path.insert(0, str(path.resolve().parent))
    try:
        yield
    finally:
        sys.path[:] = before


def _run(code: CodeType, module: ModuleType, path: Path) -> None:
    try:
        exec(code, module.__dict__)
    except KeyboardInterrupt:
        raise
    except SystemExit as error:
        raise ModelError(
            f"{_place(error, path)}: the file exits ({_describe(error)}) while it is imported; "
            'put what is not the model under `if __name__ == "__main__":`'
        ) from None
    except SymgradError as error:
        error.add_note(f"  in {_place(error, path)}")
        raise
    except BaseException as error:  # some libraries' errors (pytest's skip, for one) are not derived from Exception
        raise ModelError(f"{_place(error, path)}: {_describe(error)}") from None


def _place(error: BaseException, path: Path) -> str:
    """Where in the model file itself an error came from: the last of its frames that is in that file."""
    lines = [line for frame, line in traceback.walk_tb(error.__traceback__) if frame.f_code.co_filename == str(path)]
    return f"{path}, line {lines[-1]}" if lines else str(path)


def _describe(error: BaseException) -> str:
    text = str(error).strip()
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _kinds() -> tuple[type, ...]:
    """What a file may define; a file that defines a problem has imported what problems are, which takes a while."""
    problems = sys.modules.get("symgrad.problem")
    return (Model,) if problems is None else (Model, problems.Problem)


def _pick(module: ModuleType, reference: ModelReference) -> Any:
    path, name = reference.path, reference.name
    variables, kinds = vars(module), _kinds()
    if name == DEFAULT_NAME and name not in variables and isinstance(variables.get(PROBLEM), kinds):
        name = PROBLEM
    found = variables.get(name)
    if isinstance(found, kinds):
        return found
    if name in variables:
        problem = f"`{name}` in {path} is {_a(type(found).__name__)}, not a symgrad.Model or symgrad.Problem"
        if callable(found):
            problem += "; if it builds one, call it in the file and give the result a name"
    else:
        problem = f"{path} does not define `{name}`"
    others = [other for other, value in variables.items() if isinstance(value, kinds) and not other.startswith("_")]
    if others:
        offers = ", ".join(f"{path}:{other}" for other in others)
        raise ModelError(f"{problem}; it defines these models: {offers}")
    raise ModelError(
        f"{problem}, nor any other model; a model file has a line `model = Model(loss, parameters)`, or "
        "`problem = Problem(objective, variables, subject_to=[...])`"
    )


def _a(noun: str) -> str:
    return f"an {noun}" if noun[0].lower() in "aeiou" else f"a {noun}"
