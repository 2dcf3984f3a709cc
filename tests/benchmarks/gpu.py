"""Large cases on one device: symgrad's modules of tensors against torch.compile and JAX jit of the usual spelling.

    python tests/benchmarks/gpu.py [--device cuda|cpu] [--small] [--cases PATTERN] [--out FOLDER] [--seconds 420]

Arrays are on the device before anything is timed, and every call waits until the device is done. Lines come as they are
measured, to the screen and to `gpu.jsonl` in the folder: a case, a type, a contender with the milliseconds of a call
(the median of calls for about a second), or what went wrong. Cases are compiled first, several at a time, each by a
process of its own that fills the caches on disk of PyTorch and JAX; that takes `--compiling` seconds at most. No case
begins after `--seconds`, and those that did not are counted in the means. `--small` is for a try without a GPU.
Contenders whose library is missing are left out. JAX is told to take memory as it needs it.
"""

import argparse
import inspect
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # PyTorch shares the device
sys.path.insert(0, str(Path(__file__).parent))

from cases import Arrays, Case
from namespaces import JaxNamespace, TorchNamespace
from networks import ATTENTION, LENET, perceptron
from regression import logistic, mixture
from second_order import logistic_hessian

TYPES = ("float32", "float64")
AIMS = {"gradients": 1.0, "hessians": 0.3}  # for the geometric means
TOLERANCE = {"float64": 1e-8, "float32": 2e-3}  # of the largest entry of an array; TF32 is off
SECONDS, FEWEST = 1.0, 5  # of a contender, and calls

Call = Callable[[], Any]


def cases(small: bool) -> list[Case]:
    """Those of the project's goals on a GPU, or the same of a size for a try."""
    small_sizes = ((1000, 20), (256, 64, 32, 10), (500, 8, 5))
    large_sizes = ((1_000_000, 100), (8192, 784, 512, 10), (100_000, 64, 25))
    (rows, columns), (batch, *sides), (points, width, parts) = small_sizes if small else large_sizes
    return [
        logistic(rows, columns, True),
        logistic_hessian(rows, columns),
        perceptron(f"mlp-{batch}", batch, *sides),
        mixture(points, width, parts, True),
        ATTENTION,
        LENET,
    ]


# --- contenders: each gives calls that compute the answer on the device, and wait -------------------------------------


@cache
def module_of(case: Case, target: str) -> Any:
    """The module of a case, compiled once for both types."""
    return case.model().compile(target=target, check=False, hessian=case.answer == "hessian")


def given_to(module: Any, case: Case, data: dict[str, Any]) -> list[Any]:
    """The arguments of the function that is measured, in order: a Hessian does not need all data."""
    function = module.hessian if case.answer == "hessian" else module.value_and_gradient
    taken = [one.name for one in inspect.signature(function).parameters.values() if one.kind != one.KEYWORD_ONLY]
    return [data[name] for name in taken if name in data]


def of_torch(case: Case, arrays: Arrays, device: str) -> Iterator[tuple[str, Call]]:
    """The module for PyTorch as it is, the same compiled, and autograd of the usual spelling, compiled."""
    import torch

    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    names, namespace = case.parameters, TorchNamespace()
    data = {name: torch.from_numpy(array).to(device) for name, array in arrays.items()}
    module = module_of(case, "torch")

    def waiting(call: Call) -> Call:
        def whole() -> Any:
            result = call()
            if device != "cpu":
                torch.cuda.synchronize()
            return result

        return whole

    def ours(function: Callable[..., Any]) -> Call:
        given = given_to(module, case, data)
        return waiting(lambda: function(*given))

    if case.answer == "hessian":
        own = ours(module.hessian)
        yield "symgrad torch", lambda: own()[0]
        compiled = ours(torch.compile(module.hessian))
        yield "symgrad torch.compile", lambda: compiled()[0]
    else:
        yield "symgrad torch", ours(module.value_and_gradient)
        yield "symgrad torch.compile", ours(torch.compile(module.value_and_gradient))
    rest = {name: one for name, one in data.items() if name not in names}

    def loss(*parameters: Any) -> Any:
        return case.loss(namespace, **dict(zip(names, parameters, strict=True)), **rest)

    if case.answer == "hessian":
        function = torch.compile(torch.func.hessian(loss))
        yield "torch.compile", waiting(lambda: (function(data[names[0]]),))
        return
    forward, leaves = torch.compile(loss), [data[name].clone().requires_grad_() for name in names]

    def gradient() -> Any:
        value = forward(*leaves)
        return value.detach(), torch.autograd.grad(value, leaves)

    yield "torch.compile", waiting(gradient)


def of_jax(case: Case, arrays: Arrays, device: str) -> Iterator[tuple[str, Call]]:
    """The module for JAX, and the usual spelling, both under jit."""
    import jax

    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_default_matmul_precision", "highest")
    chosen = jax.devices("cpu" if device == "cpu" else "gpu")[0]
    names, namespace = case.parameters, JaxNamespace()
    data = {name: jax.device_put(array, chosen) for name, array in arrays.items()}
    module = module_of(case, "jax")
    ours = jax.jit(module.hessian if case.answer == "hessian" else module.value_and_gradient)
    given = given_to(module, case, data)
    first = slice(0, 1) if case.answer == "hessian" else slice(None)
    yield "symgrad JAX jit", lambda: jax.block_until_ready(ours(*given))[first]

    def loss(parameters: Any, rest: Any) -> Any:
        return case.loss(namespace, **parameters, **rest)

    rest = {name: one for name, one in data.items() if name not in names}
    parameters = {name: data[name] for name in names}
    if case.answer == "hessian":
        theirs = jax.jit(lambda p, r: jax.hessian(loss)(p, r)[names[0]][names[0]])
        yield "JAX jit", lambda: (jax.block_until_ready(theirs(parameters, rest)),)
        return
    both = jax.jit(jax.value_and_grad(loss))

    def gradient() -> Any:
        value, slopes = jax.block_until_ready(both(parameters, rest))
        return value, tuple(slopes[name] for name in names)

    yield "JAX jit", gradient


# --- measuring -------------------------------------------------------------------------------------------------------


def flat(result: Any) -> list[np.ndarray]:
    """The arrays of a result, on the host, without sides of 1."""
    if isinstance(result, tuple | list):
        return [array for part in result for array in flat(part)]
    array = result.detach().cpu().numpy() if hasattr(result, "detach") else np.asarray(result)
    return [np.squeeze(array)]


def agrees(found: list[np.ndarray], wanted: list[np.ndarray], dtype: str) -> str:
    """What differs; empty if nothing does."""
    for number, (one, other) in enumerate(zip(found, wanted, strict=True)):
        error = np.max(np.abs(one - other.reshape(one.shape)), initial=0) / max(
            np.max(np.abs(other), initial=0), 1e-300
        )
        if not error <= TOLERANCE[dtype]:
            return f"result {number} is off by {error:.1e}"
    return ""


def milliseconds(call: Call) -> float:
    """The median of calls, after those that compile."""
    call()
    ends, taken = time.perf_counter() + SECONDS, []
    while time.perf_counter() < ends or len(taken) < FEWEST:
        began = time.perf_counter()
        call()
        taken.append(time.perf_counter() - began)
    return 1000 * statistics.median(taken)


def measured(case: Case, dtype: str, device: str, timed: bool = True) -> Iterator[dict[str, Any]]:
    """One record for each contender; what goes wrong with one is its record."""
    drawn = case.arrays(np.random.default_rng(0))
    arrays = {k: v.astype(dtype) if v.dtype.kind == "f" else v for k, v in drawn.items()}
    wanted: list[np.ndarray] | None = None
    for library in (of_torch, of_jax):
        contenders, name = library(case, arrays, device), library.__name__
        while True:
            record: dict[str, Any] = {"case": case.name, "type": dtype, "device": device}
            began = time.perf_counter()
            try:
                name, call = next(contenders)
                found = flat(call())
                record["first call, s"] = round(time.perf_counter() - began, 2)
                wanted = wanted or found
                if said := agrees(found, wanted, dtype):
                    record["wrong"] = said
                if timed:
                    record["ms"] = milliseconds(call)
            except (StopIteration, ImportError):
                break
            except Exception as error:  # a device that is out of memory must not end the run
                record["error"] = f"{type(error).__name__}: {error}"[:300]
            yield {**record, "contender": name}


def compile_all(given: argparse.Namespace, names: list[str]) -> None:
    """Compile each case for each type in a process of its own, as many at a time as there are cores for two each."""
    command = [sys.executable, __file__, "--device", given.device, "--compiling", "0", *["--small"] * given.small]
    waiting = [[*command, "--only-compile", "--cases", name, "--types", dtype] for dtype in TYPES for name in names]
    ends, running = time.perf_counter() + given.compiling, list[subprocess.Popen[bytes]]()
    while (waiting or running) and time.perf_counter() < ends:
        running = [one for one in running if one.poll() is None]
        if waiting and len(running) < max(1, (os.cpu_count() or 2) // 2):
            running.append(subprocess.Popen(waiting.pop(0), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        time.sleep(0.1)
    for one in running:
        one.kill()
        one.wait()


def summary(records: list[dict[str, Any]], cases: int) -> str:
    """symgrad's best time by the other library's, for each case and type, and their geometric means."""
    lines = []
    for dtype in TYPES:
        for ours, theirs in (("symgrad torch", "torch.compile"), ("symgrad JAX", "JAX jit")):
            found = {}
            for case in dict.fromkeys(record["case"] for record in records):
                mine = [r for r in records if r["case"] == case and r["type"] == dtype and "ms" in r]
                own = [r["ms"] for r in mine if r["contender"].startswith(ours)]
                other = [r["ms"] for r in mine if r["contender"] == theirs]
                if own and other:
                    found[case] = min(own) / other[0]
                    lines.append(f"{dtype}, {case}, against {theirs}: {found[case]:.2f}")
            for kind, aim in AIMS.items():
                ratios = [x for case, x in found.items() if case.startswith("hessian") == (kind == "hessians")]
                if ratios:
                    mean = statistics.geometric_mean(ratios)
                    said = f"geometric mean of {kind}, against {theirs}: {mean:.2f} (aim {aim})"
                    lines.append(f"{dtype}, {said}, {len(found)} of {cases} cases measured")
    return "\n".join([*lines, *(f"wrong: {r}" for r in records if "wrong" in r or "error" in r)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--out", type=Path, default=Path(os.environ.get("OUT", ".")))
    parser.add_argument("--cases", default="*", help="a pattern of their names")
    parser.add_argument("--types", default="*", help="a pattern of floating types")
    parser.add_argument("--seconds", type=float, default=420.0)
    parser.add_argument("--compiling", type=float, default=200.0, help="for so many seconds before at most")
    parser.add_argument("--only-compile", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(Path(tempfile.gettempdir()) / "symgrad-gpu-jax"))
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
    chosen = [one for one in cases(given.small) if fnmatch(one.name, given.cases)]
    if given.only_compile:
        for case in chosen:
            for dtype in [one for one in TYPES if fnmatch(one, given.types)]:
                list(measured(case, dtype, given.device, timed=False))
        return
    ends, records = time.perf_counter() + given.seconds, []
    given.out.mkdir(parents=True, exist_ok=True)
    if given.compiling:
        compile_all(given, [case.name for case in chosen])
        print(f"compiled in {given.seconds - ends + time.perf_counter():.0f} s", flush=True)
    with (given.out / "gpu.jsonl").open("w", encoding="utf-8") as file:
        for dtype in [one for one in TYPES if fnmatch(one, given.types)]:
            for case in chosen:
                if time.perf_counter() > ends:
                    print(f"no time for {case.name} in {dtype}", flush=True)
                    continue
                for record in measured(case, dtype, given.device):
                    records.append(record)
                    print(json.dumps(record), file=file, flush=True)
                    print(json.dumps(record), flush=True)
    print(summary(records, len(chosen)))


if __name__ == "__main__":
    main()
