"""What can be asked of a model as code."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from symgrad import targets
from symgrad.calls import checked, switch
from symgrad.errors import ModelError
from symgrad.formula.listing import WIDEST, body_of, formulas
from symgrad.formula.text import TOO_LONG, text
from symgrad.later import Later
from symgrad.model.formulas import Formulas
from symgrad.outputs.request import Request
from symgrad.targets import NUMPY
from symgrad.version import __version__

if TYPE_CHECKING:
    from symgrad.outputs import first_order, second_order
    from symgrad.outputs.function import Function
else:
    first_order, second_order = Later("symgrad.outputs.first_order"), Later("symgrad.outputs.second_order")

LONGEST_LINE = 30  # of a second derivative in the docstring of its function


@dataclass(frozen=True)
class Options:
    """What a module has beside its functions of arrays; see `Code.source`."""

    workspace: bool = False
    chunks: bool = False


class Code(Formulas):
    """A model's generated module as text; see `Model`."""

    @checked('source(target="jax")')
    def source(
        self,
        *,
        hessian: bool | Literal["sparse"] = False,
        hvp: bool = False,
        jacobian: Sequence[Any] = (),
        quantities: Sequence[Any] = (),
        workspace: bool = False,
        chunks: bool = False,
        target: str = NUMPY,
    ) -> str:
        """The generated module's text; the same model gives the same bytes.

        Parameters
        ----------
        hessian : with `hessian`, and `hessian_compact` where the Hessian is structured; "sparse": with `hessian_sparse`
            and `hessian_pattern` instead, entries and where they stand, with no array for what is zero.
            A condition |i − j| ≤ 2, or |i − j| ≤ W with a size W, leaves a band.
        hvp : with `hessian_vector_product`.
        jacobian : names of `where` (as symbols or text), each with a function `jacobian_NAME`.
        quantities : names of `where`, each with a function `NAME` of its value; of those with a Jacobian there is
            `NAME_and_jacobian` besides, and `flat_NAME`, `flat_jacobian_NAME` by one vector of all parameters.
        workspace : with a class `Workspace`, whose arrays value and gradient use if they are given one.
        chunks : with `partial`, `combine`, `finish` and `over_chunks`, for rows of data that never are in memory
            together, and `batches`.
        target : what the module is written in, "numpy", "jax", "torch" or "numba".

        Raises
        ------
        ModelError : there is no such target.
        UnsupportedError : the target has no spelling of a function of the model, or no such option; or, with
            `chunks`, the model is no sum over rows of data, and the message names the quantity that ties these.

        Examples
        --------
        >>> from sympy import Symbol
        >>> from symgrad import Model
        >>> a, x = Symbol("a", real=True), Symbol("x", real=True)
        >>> model = Model(a*x**3, [x], name="cubic")
        >>> "grad_x = 3 * a * x ** 2" in model.source()
        True
        """
        options = Options(switch("workspace", workspace), switch("chunks", chunks))
        return self._source(self._request(hessian, hvp, jacobian, quantities), options, target)

    def _source(self, request: Request, options: Options, target: str) -> str:
        if self.loss is None and not request:
            raise ModelError(
                'a model without a loss computes what is asked for: give quantities=["r"], names of `where`, and '
                'jacobian=["r"] for their derivatives'
            )
        goal = targets.target(target)
        asked = request, options, goal

        def written() -> str:
            first = [] if self.loss is None else self._first_order
            functions = [*first, *self._second_order(request)]
            program, lines = self.derivation.program, self._short_formulas
            return goal.module_source(program, functions, self.name, lines, __version__, **asdict(options))

        if asked not in self._sources:
            self._sources[asked] = self._run(written)
        return self._sources[asked]

    @cached_property
    def _sources(self) -> dict[tuple[Request, Options, targets.Target], str]:
        """The texts that were asked for: `source`, `compile` and `check` of a model need the same one."""
        return {}

    def _second_order(self, request: Request) -> "list[Function]":
        """What else is wanted, as it is generated; targets and workspaces share it."""
        if request not in self._ready:
            more = second_order.second_order(self.derivation, request, self._derivative_text)
            self._ready[request] = second_order.ready(more, self.derivation)
        return self._ready[request]

    @cached_property
    def _ready(self) -> "dict[Request, list[Function]]":
        return {}

    @cached_property
    def _short_formulas(self) -> list[str]:
        """The lines of the module's docstring."""
        return formulas(self, short=True).splitlines()

    @cached_property
    def _first_order(self) -> "list[Function]":
        """Value and gradient, as they are generated."""
        return self._run(lambda: first_order.first_order(self.derivation))

    def _derivative_text(self, of: Any, by: Any) -> str | None:
        """The formula of a second derivative or a Jacobian for a docstring; None if it is long."""
        value = self._readable(of, by, LONGEST_LINE)
        line = text(body_of(value))
        return line if value is not None and len(line) <= WIDEST and line != TOO_LONG else None
