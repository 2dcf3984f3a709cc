"""Benchmarks: symgrad's modules against expert NumPy, JAX, PyTorch, autograd, PyTensor, and the limit.

    python tests/benchmarks/run.py [--cases PATTERN] [--dtype float64|float32|both] [--quick]
                                   [--only NAME,NAME] [--target NAME] [--cpu-time] [--without-avx512]
                                   [--results FILE.json] [--markdown FILE] [--plot FILE.png]

All contenders run in one process on the same arrays; their results are compared before anything is timed. Peers that
are not installed leave their column empty (`pip install jax torch autograd pytensor`; PyTorch and PyTensor compile C++
or machine code for seconds a case). A case that symgrad cannot compile is reported with symgrad's own message. The exit
code is 1 if any results disagree, and 2 if no case has the name.

With `--results` a run can be stopped and goes on where it was: cases that the file has are not measured again.
`publish.py` makes the published page of such files.

On a machine that is busy with other work, threads that wait for each other make every duration of several cores
meaningless; `taskset -c 0 python tests/benchmarks/run.py --cpu-time` compares all contenders on one core, by the time
that they have it for themselves. OpenBLAS does not know every processor that has AVX-512: where the printed line says
Haswell and the processor has it, `OPENBLAS_CORETYPE=SkylakeX` in the environment doubles the speed of matrix products.
`--without-avx512` lets NumPy, OpenBLAS, XLA and Numba take the machine for one without such vectors, as most desktops
are. `--target numba` measures the modules that Numba compiles.
"""

import argparse
import fnmatch
import gc
import importlib.util
import os
import platform
import resource
import statistics
import sys
import tempfile
import time
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import likelihoods
import networks
import numpy as np
import regression
import report
import sciences
import second_order
import sequences
import vision
from cases import Arrays, Case
from contenders import ALL, Call, Contender, Symgrad
from report import Row, Run
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from timing import Clock, durations, ratio

from symgrad import Model

CASES: list[Case] = [
    *regression.CASES,
    *likelihoods.CASES,
    *networks.CASES,
    *sequences.CASES,
    *sciences.CASES,
    *vision.CASES,
    *second_order.CASES,
]

# Of the largest entry of each array. In float32 sums of 100,000 terms in different orders differ by about 1e-5.
TOLERANCE = {"float64": 1e-9, "float32": 1e-3}

SECONDS = {True: 1.0, False: 6.0}  # for the bursts of a case in one type, with --quick and without
# NumPy's dispatch, OpenBLAS' kernels, XLA's and Numba's code generators
WITHOUT_AVX512 = {
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
    "OPENBLAS_CORETYPE": "Haswell",
    "XLA_FLAGS": "--xla_cpu_max_isa=AVX2",
    "NUMBA_CPU_NAME": "haswell",
    "NUMBA_CPU_FEATURES": "+avx2,+fma,+bmi,+bmi2,+lzcnt,+popcnt,+f16c,+movbe",
}
SLOWEST = 10  # a contender whose one call takes longer than this many times a case's seconds is not timed in bursts
BIG = 8e6  # bytes of inputs from which on the peak of memory says something


class Bench:
    """The contenders that are there, and their measurement case by case."""

    def __init__(
        self, only: list[str] | None, quick: bool, clock: Clock = time.perf_counter, target: str = "numpy"
    ) -> None:
        self.quick, self.clock, self.target = quick, clock, target
        self.missing: dict[str, str] = {}
        self.contenders: list[Contender] = []
        for kind in ALL:
            if only is not None and kind.name not in only and kind is not Symgrad:
                self.missing[kind.name] = "not asked for"
            elif only is None and quick and kind.slow:
                self.missing[kind.name] = "left out by --quick, as it compiles for seconds a case"
            else:
                try:
                    self.contenders.append(kind())
                except ImportError as error:
                    self.missing[kind.name] = f"not installed ({error})"

    def measure(self, case: Case, dtypes: list[str]) -> list[Row]:
        rows = [Row(case.name, dtype) for dtype in dtypes]
        began = time.perf_counter()
        try:
            module, text = _compiled(case, self.target)
        except Exception as error:  # of any kind: whatever is not there yet must not end the run
            for row in rows:
                row.failure = f"not supported yet: {type(error).__name__}: {_first_line(error)}"
            return rows
        for contender in self.contenders:
            if isinstance(contender, Symgrad):
                contender.module = module
        rows[0].compile_seconds["symgrad"] = time.perf_counter() - began
        rows[0].import_seconds = _import_seconds(text)
        for row in rows:
            rng = np.random.default_rng(0)
            arrays = {name: _of_type(array, row.dtype) for name, array in case.arrays(rng).items()}
            self._measure(case, arrays, row)
            for contender in self.contenders:
                contender.forget()
            gc.collect()
        return rows

    def _measure(self, case: Case, arrays: Arrays, row: Row) -> None:
        row.input_bytes = sum(array.nbytes for array in arrays.values())
        exact = case.expert(**{name: _of_type(array, "float64") for name, array in arrays.items()})
        expected = [np.asarray(part) for part in exact]
        calls: dict[str, Call] = {}
        for contender in self.contenders:
            try:
                self._prepare(contender, case, arrays, expected, row, calls)
            except NotImplementedError as error:
                row.absent[contender.name] = str(error)
            except Exception as error:  # a peer that fails at a case must not end the run
                row.absent[contender.name] = f"{type(error).__name__}: {_first_line(error)}"
        if "symgrad" not in calls:
            why = row.absent.pop("symgrad", "its results disagree")
            row.failure = None if "symgrad" in row.disagreement else f"symgrad cannot run this: {why}"
            return
        found = durations(calls, SECONDS[self.quick], self.clock)
        for name, times in found.items():
            row.seconds[name] = float(np.median(times))
            if name != "symgrad":
                row.ratios[name] = ratio(found["symgrad"], times)

    def _prepare(
        self,
        contender: Contender,
        case: Case,
        arrays: Arrays,
        expected: list[np.ndarray],
        row: Row,
        calls: dict[str, Call],
    ) -> None:
        """Compile, compare, and enter the call."""
        began = time.perf_counter()
        call = contender.prepare(case, arrays)
        result = call()
        first = time.perf_counter() - began
        if contender.answers:
            error = _difference(contender.outputs(result), expected, case)
            if not error <= TOLERANCE[row.dtype]:
                row.disagreement[contender.name] = error
                return
        del result
        estimate = _duration(call)
        if contender.compiles:
            row.compile_seconds[contender.name] = max(0.0, first - estimate)
        if estimate > SLOWEST * SECONDS[self.quick]:
            row.absent[contender.name] = f"one call takes {estimate:.1f} s"
            return
        if row.input_bytes > BIG:
            peak = contender.peak_memory(call)
            if peak is not None:
                row.peak[contender.name] = peak
        calls[contender.name] = call


def _of_type(array: np.ndarray, dtype: str) -> np.ndarray:
    """An array of numbers in another type; labels stay integers."""
    return array if array.dtype.kind == "i" else array.astype(dtype)


def _compiled(case: Case, target: str) -> tuple[ModuleType, str]:
    model: Model = case.model()
    second = case.answer not in ("gradient", "jacobian")
    asked: dict[str, Any] = {"jacobian": ["r"]} if case.answer == "jacobian" else {"hessian": True} if second else {}
    return model.compile(check=False, target=target, **asked), model.source(target=target, **asked)


def _import_seconds(text: str) -> float:
    """The median time to import the module's file, NumPy being there already and its bytecode cached."""
    times = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "generated.py"
        path.write_text(text, encoding="utf-8")
        for _ in range(6):
            began = time.perf_counter()
            spec = importlib.util.spec_from_file_location("generated", path)
            assert spec is not None and spec.loader is not None
            spec.loader.exec_module(importlib.util.module_from_spec(spec))
            times.append(time.perf_counter() - began)
    return statistics.median(times[1:])


def _difference(found: list[np.ndarray], expected: list[np.ndarray], case: Case) -> float:
    """The largest difference relative to the largest entry, over all arrays; infinite where shapes or counts differ."""
    worst = 0.0
    if len(found) != len(expected):
        return float("inf")
    for array, wanted in zip(found, expected, strict=True):
        if case.answer == "compact" and case.factors is not None and array.shape != wanted.shape:
            array = case.factors(array)
        if array.shape != wanted.shape:
            return float("inf")
        error = float(np.max(np.abs(array - wanted)) / np.max(np.abs(wanted)))
        worst = max(worst, error if error == error else float("inf"))
    return worst


def _duration(call: Call) -> float:
    """The shorter of two calls."""
    times = []
    for _ in range(2):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
        if times[0] > 1:
            break
    return min(times)


def _first_line(error: Exception) -> str:
    line = (str(error).strip().splitlines() or [""])[0]
    return line if len(line) < 160 else line[:157] + "..."


def _machine() -> str:
    versions = [f"Python {platform.python_version()}", f"NumPy {np.__version__}{_blas()}"]
    peers = [name for name in ("jax", "torch", "pytensor") if name in sys.modules]
    versions += [f"{name} {sys.modules[name].__version__}" for name in peers]
    cores = len(os.sched_getaffinity(0))
    return f"{cores} core{'s' * (cores > 1)} of {_processor()}; " + ", ".join(versions)


def _processor() -> str:
    """Its name, its instruction set and the widest vectors."""
    try:
        said = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        said = ""
    vectors = next((name for name in ("avx512f", "avx2", "asimd") if name in said.split()), None)
    name = next((line.partition(":")[2] for line in said.splitlines() if line.startswith("model name")), "")
    kind = " ".join([*name.split(), platform.machine()])
    less = ", of which AVX2 alone is used" if os.environ.keys() >= WITHOUT_AVX512.keys() else ""
    return f"{kind} processor" + (f" with {vectors.upper()}{less}" if vectors else "")


def _blas() -> str:
    """For which processor NumPy's BLAS has chosen its kernels: the wrong one halves the speed of matrix products."""
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return ""
    kernels = dict.fromkeys(found["architecture"] for found in threadpool_info() if "architecture" in found)
    return "".join(f" (OpenBLAS for {kernel})" for kernel in kernels)


def _limit_memory() -> None:
    """Three quarters of the memory that is free now, so that too large a temporary is an error and not the end."""
    available = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_DATA, (int(0.75 * available), resource.RLIM_INFINITY))


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cases", default="*", metavar="PATTERN", help="names to run, as in a shell: 'mlp-*,lstm*'")
    parser.add_argument("--dtype", choices=["float64", "float32", "both"], default="both")
    parser.add_argument("--quick", action="store_true", help="a minute or two: small cases, peers that compile fast")
    parser.add_argument(
        "--only", metavar="NAMES", help=f"contenders beside symgrad: {', '.join(k.name for k in ALL[1:])}"
    )
    parser.add_argument("--target", choices=["numpy", "numba"], default="numpy", help="what symgrad's modules are for")
    parser.add_argument(
        "--without-avx512", action="store_true", help="as on a processor that has no vectors of 512 bits"
    )
    parser.add_argument("--cpu-time", action="store_true", help="time on the core, not on the wall; for one core only")
    parser.add_argument(
        "--results", type=Path, metavar="FILE.json", help="go on with what the file has, and keep it up"
    )
    parser.add_argument("--markdown", type=Path, metavar="FILE")
    parser.add_argument("--plot", type=Path, metavar="FILE.png")
    parser.add_argument("--list", action="store_true", help="print the names of the cases and stop")
    options = parser.parse_args()
    if options.without_avx512 and not os.environ.keys() >= WITHOUT_AVX512.keys():  # libraries read it when they load
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **WITHOUT_AVX512})
    patterns = options.cases.split(",")
    chosen = [case for case in CASES if any(fnmatch.fnmatch(case.name, pattern) for pattern in patterns)]
    if options.quick and options.cases == "*":
        chosen = [case for case in chosen if case.quick]
    if options.list or not chosen:
        print("\n".join(case.name for case in CASES))
        return 0 if options.list else 2
    _limit_memory()
    warnings.simplefilter("ignore")  # peers warn of themselves; wrong numbers are found by comparison
    dtypes = ["float64", "float32"] if options.dtype == "both" else [options.dtype]
    if options.cpu_time and len(os.sched_getaffinity(0)) > 1:
        parser.error("--cpu-time adds up the time of all threads: bind the process to one core, as by taskset -c 0")
    clock = time.process_time if options.cpu_time else time.perf_counter
    bench = Bench(options.only and options.only.split(","), options.quick, clock, options.target)
    if options.results and options.results.exists():
        run = Run.load(options.results)
    else:
        run = Run([], [kind.name for kind in ALL[1:]], bench.missing)
    kind = "modules for Numba, " if options.target == "numba" else ""
    run.clock = kind + ("time on one core" if options.cpu_time else "wall time")
    run.clock += ", without AVX-512" if options.without_avx512 else ""
    done = {(row.case, row.dtype) for row in run.rows}
    console = Console()
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    # No refreshing thread: it would take a core from the contenders.
    with Progress(*columns, console=console, transient=True, auto_refresh=False) as progress:
        task = progress.add_task("", total=len(chosen))
        for case in chosen:
            progress.update(task, description=case.name, refresh=True)
            missing = [dtype for dtype in dtypes if (case.name, dtype) not in done]
            run.rows += bench.measure(case, missing) if missing else []
            if options.results:
                run.machine = _machine()
                run.save(options.results)
            progress.advance(task)
    run.machine = _machine()
    console.print(run.machine, highlight=False)
    report.print_run(run, console)
    if options.markdown:
        options.markdown.write_text(report.markdown(run), encoding="utf-8")
    if options.plot:
        report.plot(run, options.plot)
    return 1 if run.disagreements else 0


if __name__ == "__main__":
    sys.exit(main())
