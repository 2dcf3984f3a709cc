"""How generated functions check their arguments."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from symgrad.arguments import Argument
from symgrad.codegen.arguments import assigned, conditions, whole
from symgrad.codegen.environment import texts
from symgrad.codegen.lines import WIDTH, wrapped
from symgrad.outputs.requirements import Requirements


@dataclass(frozen=True)
class Check:
    """The function that looks at what arrays do not show by themselves: lengths that are enough, subscripts in range.

    Attributes
    ----------
    name : its name.
    names : of the arguments.
    lines : of its body; none if there is nothing to look at.
    calls : the functions of the runtime that it needs.
    """

    name: str
    names: tuple[str, ...]
    lines: tuple[str, ...]
    calls: tuple[str, ...]

    @property
    def call(self) -> tuple[str, ...]:
        """The line that calls it."""
        return (f"{self.name}({', '.join(self.names)})",) if self.lines else ()


def checked(name: str, required: Requirements) -> Check:
    """What makes sure that arrays fulfil what is required of them."""
    bounded = [a for a in required.arguments if a.upper is not None]
    lines = conditions(required, bounded)
    return Check(name, tuple(a.name for a in required.arguments), lines, ("_check_range",) if bounded else ())


def array_lines(
    arguments: Sequence[Argument],
    takes_all: bool = False,
    shapes: Mapping[str, str] | None = None,
    dense: Collection[str] = (),
) -> Iterator[str]:
    """The lines that make sizes and arrays of arguments, those of the whole model or some of them.

    `shapes` are variables for the shapes in which some are given, which are asked for once they are known to be arrays.
    Those in `dense` may not be sparse, though another function takes them so.
    """
    sizes = [a.name for a in arguments if a.role == "dimension"]
    arrays = [a for a in arguments if a.role != "dimension"]
    names = [a.name for a in arrays]
    for size in sizes:
        yield f'{size} = _array("{size}", {size})'
    if arrays:
        given = [*names, *([] if takes_all and not sizes else [f"names={texts(names)}"])]
        kept = [a.name for a in whole(arrays)]
        given += [f"whole={texts(kept)}"] if kept else []
        refused = [name for name in names if name in dense]
        given += [f"dense={texts(refused)}"] if refused else []
        if not shapes:
            yield from wrapped(f"{assigned(names)} = _arguments(", given, ")")
            return
        left = f"({assigned(names)}), {', '.join(shapes.values())} ="
        right = [f"_arguments({', '.join(given)})", *(f"np.asarray({name}).shape" for name in shapes)]
        together = f"{left} {', '.join(right)}"
        yield from [together] if len(together) <= WIDTH else wrapped(f"{left} (", right, ")")


def array_calls(arguments: Sequence[Argument]) -> list[str]:
    """The functions of the runtime that these lines call."""
    roles = {a.role == "dimension" for a in arguments}
    return ["_arguments"] * (False in roles) + ["_array"] * (True in roles)
