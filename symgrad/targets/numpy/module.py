"""Renders the generated module: prints its functions, then fills the template."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from symgrad.arguments import Argument
from symgrad.codegen.arguments import conditions, length_lines, whole
from symgrad.codegen.chunks import FUNCTIONS as OF_CHUNKS
from symgrad.codegen.chunks import Chunks, PrintedChunks, chunk_functions, without_functions
from symgrad.codegen.environment import environment, texts
from symgrad.codegen.lines import filled, wrapped
from symgrad.codegen.parts import MEMORY
from symgrad.codegen.runtime import Import
from symgrad.codegen.signature import described, has_loss, subject
from symgrad.codegen.sizes import tuple_text
from symgrad.errors import ModelError
from symgrad.frontend.program import Program
from symgrad.graph.nodes import postorder
from symgrad.outputs.first_order import BOTH
from symgrad.outputs.function import Function, Record, Sparse
from symgrad.outputs.requirements import Length, conventions, lengths_of, notes, requirements
from symgrad.outputs.second_order import HESSIAN, PRODUCT
from symgrad.targets.numpy.arguments import Check, array_calls, array_lines, checked
from symgrad.targets.numpy.function import TYPES, Compiler, PrintedBody, PrintedFunction, print_chunks, print_function
from symgrad.targets.numpy.runtime import sources
from symgrad.univariate import code, with_name

SPARSE = ("Pattern", "Entries")  # the classes of sparse matrices
_UNPACKING = {"prod": Import("math", "prod")}  # what `unpack` needs


def module_source(
    program: Program,
    functions: Sequence[Function],
    name: str,
    formulas: Sequence[str],
    version: str,
    *,
    workspace: bool = False,
    chunks: bool = False,
    compiler: Compiler | None = None,
) -> str:
    """The text of the module; see `targets.ModuleWriter`. Functions that take all arguments can have a workspace."""
    printed = _with_shared(print_function(f, program, workspace and f.takes_all, compiler) for f in functions)
    _refuse_taken_names(program.arguments, printed)
    split = _split(program, printed, chunks)
    every = [*printed, *(one.printed for one in split.functions if isinstance(one.printed, PrintedFunction))]
    helpers = {helper for one in every for helper in one.helpers}
    checks = _checks(program, printed)
    sparse = _only_multiplied(program, every)
    rendered = _rendered(printed, checks, sparse, program.arguments)
    few, keeps = (any(f[key] for f in rendered) for key in ("first_sparse", "kept"))
    parameters = [a for a in program.arguments if a.role == "parameter"]
    shapes = _parameter_shapes(program)
    shown = [*(["Workspace"] if keeps else []), *(SPARSE if few else []), *(OF_CHUNKS if chunks else [])]
    needs = [*_of_functions(every, helpers, checks, functions), *(["_solved"] if "_solved" in shapes else [])]
    needs += OF_CHUNKS if chunks else ()
    keeping, runtime = "_once" in needs, sources()
    inside = [n for n in runtime.closure(["_Bound", *["_Keeping"] * keeping, *needs]) if n not in shown]
    _refuse_taken_functions(functions, {name for one in inside for name in runtime.known[one].imports} | {*_UNPACKING})
    template = environment().get_template("module.py.j2")
    return template.render(
        name=name,
        subject=subject(functions),
        has_loss=has_loss(functions),
        formulas=formulas,
        notes=[*split.remark(program), *notes(program), *(compiler.remarks() if compiler else [])],
        version=version,
        arguments=[_described(a) for a in program.arguments],
        parameters=[_described(a) for a in parameters],
        types=TYPES,
        conventions=conventions(postorder([program.loss.node])),
        shapes_of_parameters=shapes,
        helpers=sorted(helpers),
        scipy=sorted({name for one in every for name in one.scipy} | runtime.special(inside)),
        checks=checks.values(),
        packing=_packing(program, parameters),
        **_sizes(program),
        sparse=sparse,
        bind=_bind(program, keeping),
        head_of_flat=_head_of_flat(functions, keeps),
        keeping=keeping,
        functions=rendered,
        **_of_chunks(split, checks, sparse, program.arguments),
        workspace=keeps,
        kernels=compiler,
        imports=runtime.import_lines([*shown, *inside], {**_UNPACKING, **(compiler.imports if compiler else {})}),
        runtime="\n\n".join([runtime.text(inside), *_of_one_argument(helpers)]),
        sparse_classes=runtime.text(one for one in shown if one in SPARSE),
        workspace_class=runtime.text(one for one in shown if one == "Workspace"),
    )


def _with_shared(printed: Iterable[PrintedFunction]) -> list[PrintedFunction]:
    """The functions with one part for what several of them compute of data."""
    made: dict[tuple[object, ...], str] = {}
    return [replace(one, body=one.body.shared(made)) for one in printed]


def _sizes(program: Program) -> dict[str, Any]:
    """What a module says of dimensions, of shapes, and of arrays of integers."""
    arrays = [a for a in program.arguments if a.role != "dimension"]
    return {
        "dimensions": [str(d) for d in program.dimensions],
        "integers": [a.name for a in arrays if a.integer],
        "shapes": "\n".join(_shapes(arrays)),
    }


def _shapes(arguments: Sequence[Argument]) -> list[str]:
    """The table of shapes, on one line if it is short."""
    entries = [f'"{a["name"]}": {texts(a["labels"])}' for a in map(described, arguments)]
    start = "SHAPES: dict[str, tuple[str | int, ...]] = {"
    together = f"{start}{', '.join(entries)}}}"
    return [together] if len(together) <= 120 else [start, *(f"    {entry}," for entry in entries), "}"]


def _of_functions(
    printed: Sequence[PrintedFunction],
    helpers: Iterable[str],
    checks: Mapping[str, Check],
    functions: Sequence[Function],
) -> list[str]:
    """The functions of the runtime that functions call, for their arguments and results, or as helpers."""
    called = [f"_{helper}" for helper in sorted(helpers) if with_name(helper) is None]
    warned = ["_warn_of_zeros"] if any(map(_warning, printed)) else []
    return [*_of_arguments(printed, checks), *called, *_of_results(functions), *warned]


def _of_arguments(printed: Sequence[PrintedFunction], checks: Mapping[str, Check]) -> list[str]:
    """The functions of the runtime that arguments are looked at by."""
    calls = [call for one in printed for call in array_calls(one.arguments)]
    calls += [call for one in checks.values() for call in one.calls]
    return calls + (["_once"] if any(one.calls for one in checks.values()) else [])


def _of_results(functions: Sequence[Function]) -> list[str]:
    """The functions of the runtime that results are given out by."""
    flat = [function for function in functions if function.rows is not None]
    named = bool(flat or {HESSIAN, PRODUCT} & {function.name for function in functions})
    square = any(function.name == HESSIAN for function in functions)
    return ["_named"] * named + ["_square"] * square + ["_matrix"] * any(isinstance(one.result, Record) for one in flat)


def _packing(program: Program, parameters: Sequence[Argument]) -> dict[str, Any]:
    """The arrays that `pack` puts one behind the other, and what it looks at before."""
    names, conditioned = [a.name for a in parameters], conditions(requirements(program, parameters, []))
    labels = texts(names) if "PARAMETERS" in names else "PARAMETERS"  # an argument hides the module's constant
    called = f"_arguments({', '.join(names)}, names={labels})"
    lines = [*array_lines(parameters), *conditioned] if conditioned or whole(parameters) or len(called) > 60 else []
    return {"lines": lines, "arrays": tuple_text(names) if lines else called}


def _bind(program: Program, keeps: bool) -> list[str]:
    """The function that takes data, in order or by name, and sizes by name; `...` is what it is not given."""
    data = [a.name for a in program.arguments if a.role != "parameter"]
    sizes = [str(d) for d in program.dimensions]
    optional = "{}: Any = ...".format
    others = [size for size in sizes if size not in data]
    taken = [*map(optional, data), "*", *map(optional, others), "_bound: Any = None"]
    given = [f'"{name}": {name}' for name in dict.fromkeys([*sizes, *data])]
    kind = "(_Keeping if _bound is None else _Bound)" if keeps else "_Bound"
    varying = [a.name for a in program.arguments if a.role == "multiplier"]
    doc = "The functions of the module as ones of the parameters alone: `bind(X=X).value(w)`; data are looked at once."
    end = f"}}, varying={texts(varying)})" if varying else "})"
    return [
        *wrapped("def bind(", taken, ") -> _Bound:"),
        f'    """{doc}"""',
        *(f"    {line}" for line in wrapped(f"return _bound or {kind}({{", given, end)),
    ]


def _parameter_shapes(program: Program) -> str:
    """The shapes of parameters, by the table if data have all of their sizes."""
    parameters = [a for a in program.arguments if a.role == "parameter"]
    sides = [side for a in parameters for side in a.shape]
    symbols = {symbol for side in sides for symbol in side.free_symbols}
    known = {length.dimension for length in lengths_of([a for a in program.arguments if a.is_given])}
    if symbols <= known and all(side.is_Symbol or side.is_Integer for side in sides):
        return "[tuple([_array(n, sizes.get(n)) if n in DIMENSIONS else n for n in SHAPES[p]]) for p in PARAMETERS]"
    names = [str(d) for d in program.dimensions if d in symbols]
    shapes = f"[{', '.join(tuple_text(a.shape) for a in parameters)}]"
    return f"_solved(lambda {', '.join(names)}: {shapes}, flat.size, sizes)"


def _of_one_argument(helpers: Iterable[str]) -> list[str]:
    """The functions of one argument that the module calls."""
    found = [with_name(helper) for helper in sorted(helpers)]
    return [code(function.expression) for function in found if function is not None]


def _checks(program: Program, printed: Sequence[PrintedFunction]) -> dict[str, Check]:
    """The functions that check arguments, each with what it looks at, by what functions call them."""
    found: dict[str, list[PrintedFunction]] = {}
    for one in printed:
        if one.arguments:
            found.setdefault(one.check, []).append(one)
    made = {}
    for name, those in found.items():
        nodes = list(dict.fromkeys(node for one in those[::-1] for node in one.nodes))
        results = [node for one in those for node in one.results]
        made[name] = checked(f"_check{name}", requirements(program, those[0].arguments, nodes, results))
    return made


def _only_multiplied(program: Program, printed: Sequence[PrintedFunction]) -> list[str]:
    """The matrices that may be sparse in some function."""
    return [a.name for a in program.arguments if any(a.name in one.sparse for one in printed)]


def _head(one: PrintedFunction) -> list[str]:
    """The first lines of a function."""
    given = [TYPES.taken(a, a.name in one.sparse) for a in one.arguments if a not in one.function.directions]
    if one.function.directions:
        given = [f"direction: {TYPES.given} | tuple[{TYPES.given}, ...]", *given]
    options = [f"{name}: {TYPES.given} | None = None" for name in one.unused]
    options += ["pattern: Pattern | None = None"] if isinstance(one.function.result, Sparse) else []
    options += ["workspace: Workspace | None = None"] if one.kept else []
    return filled(f"def {one.function.name}(", [*given, *(["*", *options] if options else [])], f") -> {one.returns}:")


def _head_of_flat(functions: Sequence[Function], workspace: bool) -> list[str]:
    """The first lines of the function that SciPy's minimisers take, if there is one."""
    if BOTH not in {function.name for function in functions}:
        return []
    option = ["workspace: Workspace | None = None"] if workspace else []
    taken = [f"theta: {TYPES.given}", "/", "*given: Any", *option, "**data: Any"]
    return wrapped("def flat_value_and_gradient(", taken, f") -> tuple[float, {TYPES.array}]:")


def _rendered(
    printed: Sequence[PrintedFunction],
    checks: Mapping[str, Check],
    sparse: Collection[str],
    arguments: Sequence[Argument],
) -> list[dict[str, Any]]:
    """What the template needs of functions; `arguments` are all that the module has."""
    made, seen = [], False
    known: set[str] = set()
    for one in printed:
        types = [(name, fields) for name, fields in one.types if name not in known]
        known |= {name for name, _ in types}
        lengths = lengths_of(one.arguments)
        dense = [name for name in sparse if name not in one.sparse]
        few = bool({"entries", "pattern", "pattern_of"} & one.body.heads)
        made.append(
            {
                "name": one.function.name,
                "doc": one.doc,
                "prepared": _prepared(one, checks, dense, arguments),
                "prepared_in": _prepared(one, checks, dense, arguments, remembers=False),
                "directions": [a.name for a in one.function.directions],
                "names": one.names,
                "head": _head(one),
                "taken": [TYPES.taken(a) for a in one.arguments],
                "takes": one.takes,
                "body": _statements(one.body, lengths),
                "kept": None if one.kept is None else _statements(one.kept, lengths),
                "returns": one.returns,
                "types": types,
                "rows": one.function.rows,
                "is_matrix": isinstance(one.function.result, Record),
                "first_sparse": few and not seen,
            }
        )
        seen = seen or few
    return made


def _prepared(
    one: PrintedFunction,
    checks: Mapping[str, Check],
    dense: Collection[str],
    arguments: Sequence[Argument],
    remembers: bool = True,
) -> list[str]:
    """The lines of a function that look at its arguments, of which it may remember what it saw."""
    if not one.arguments:
        return []
    check = checks[one.check]
    known = f"_once({MEMORY}, {check.name}, {', '.join(check.names)})"
    looked = [known] if remembers and check.calls else check.call
    whole_model = one.function.takes_all and one.arguments == tuple(arguments)
    return [*array_lines(one.arguments, whole_model, one.given_shapes, dense), *looked, *_warning(one)]


def _warning(one: PrintedFunction) -> list[str]:
    """The line that says of a large array of zeros that there is a smaller one."""
    parameters = [a.name for a in one.arguments if a.role == "parameter" and a.shape]
    return [f"_warn_of_zeros({', '.join(parameters)})"] if one.function.zeros and parameters else []


def _split(program: Program, printed: Sequence[PrintedFunction], chunks: bool) -> Chunks:
    """What the loss is summed over, with functions for rows in chunks if they are asked for."""
    known = {one.function.name: one for one in printed}
    if chunks:
        asked = [one.function for one in printed]
        return chunk_functions(program, asked, lambda function: print_chunks(known[function.name], program))
    both = known.get(BOTH)
    return Chunks() if both is None else without_functions(program, both.function, both.body.body)


def _of_chunks(
    split: Chunks, checks: Mapping[str, Check], sparse: Collection[str], arguments: Sequence[Argument]
) -> dict[str, Any]:
    """What the template needs of functions for rows in chunks."""
    return {
        "rows": None if split.dimension is None else str(split.dimension),
        "in_chunks": [_in_chunks(one, checks, sparse, arguments) for one in split.functions],
        "chunks": sources().text(OF_CHUNKS if split.functions else ()),
    }


def _in_chunks(
    one: PrintedChunks, checks: Mapping[str, Check], sparse: Collection[str], arguments: Sequence[Argument]
) -> dict[str, Any]:
    """What the template needs of a function for rows in chunks."""
    assert isinstance(one.printed, PrintedFunction)
    dense = [name for name in sparse if name not in one.printed.sparse]
    return {
        "name": one.name,
        "head": one.head,
        "rounds": one.rounds,
        "directions": [a.name for a in one.printed.function.directions],
        "prepared": _prepared(one.printed, checks, dense, arguments, remembers=False),
        "body": {
            "lines": one.lines,
            "result": one.parts.result,
            "functions": [[line.text for line in function] for function in one.parts.functions],
        },
    }


def _statements(body: PrintedBody, lengths: Sequence[Length]) -> dict[str, Any]:
    """The statements of a function, after those that read off arrays the dimensions that they mention."""
    parts, dimensions = body.parts_in_place(lengths)
    lines = [*length_lines(lengths, dimensions), *(line.text for line in parts.lines)]
    functions = [[line.text for line in function] for function in parts.functions]
    return {"lines": lines, "result": parts.result, "keeps": body.keeps, "functions": functions}


def _refuse_taken_names(arguments: Sequence[Argument], printed: Sequence[PrintedFunction]) -> None:
    """Arguments must not hide what functions beside value and gradient, or those with a workspace, refer to."""
    of_second_order = {name for one in printed for name, _ in one.types}
    of_second_order |= (
        {"direction", "pattern", *SPARSE} if not all(one.function.takes_all for one in printed) else set()
    )
    of_workspaces = {"workspace", "kept"} if any(one.kept is not None for one in printed) else set()
    for argument in arguments:
        for taken, functions in ((of_second_order, "of second order"), (of_workspaces, "with a workspace")):
            if argument.name in taken:
                raise ModelError(
                    f"the name {argument.name!r} is taken by the generated functions {functions}: rename the symbol"
                )


def _refuse_taken_functions(functions: Sequence[Function], imported: Collection[str]) -> None:
    """Functions of quantities must not hide others of the module, nor what it imports."""
    taken = {"pack", "unpack", "bind", "np", "scipy", "Parameters", "Gradient", *OF_CHUNKS, *imported}
    for function in functions:
        if function.name in taken:
            raise ModelError(
                f"the name {function.name!r} is taken in the generated module, so that no function of a quantity can "
                "be called so: rename the symbol"
            )
        taken |= {function.name, f"flat_{function.name}"}


def _described(argument: Argument) -> dict[str, Any]:
    return {**described(argument), "axes": argument.shape, "typed": TYPES.taken(argument)}
