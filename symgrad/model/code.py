"""What can be asked of a model as code."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from symgrad import targets
from symgrad.formula.listing import WIDEST, body_of, formulas
from symgrad.formula.text import TOO_LONG, text
from symgrad.model.formulas import Formulas
from symgrad.outputs.first_order import first_order
from symgrad.outputs.function import Function
from symgrad.outputs.second_order import Request, ready, second_order
from symgrad.targets import NUMPY
from symgrad.version import __version__

LONGEST_LINE = 30  # of a second derivative in the docstring of its function


class Code(Formulas):
    """A model's generated module as text; see `Model`."""

    def source(
        self,
        *,
        hessian: bool = False,
        hvp: bool = False,
        jacobian: Sequence[Any] = (),
        workspace: bool = False,
        target: str = NUMPY,
    ) -> str:
        """The generated module's text; the same model gives the same bytes.

        Parameters
        ----------
        hessian : with `hessian`, and `hessian_compact` where the Hessian is structured.
        hvp : with `hessian_vector_product`.
        jacobian : names of `where` (as symbols or text), each with a function `jacobian_NAME`.
        workspace : with a class `Workspace`, whose arrays value and gradient use if they are given one.
        target : what the module is written in, "numpy" or "jax".

        Raises
        ------
        ModelError : there is no such target.
        UnsupportedError : the target has no spelling of a function of the model, or no such option.

        Examples
        --------
        >>> from sympy import Symbol
        >>> from symgrad import Model
        >>> a, x = Symbol("a", real=True), Symbol("x", real=True)
        >>> model = Model(a*x**3, [x], name="cubic")
        >>> "grad_x = 3 * a * x ** 2" in model.source()
        True
        """
        return self._source(self._request(hessian, hvp, jacobian), workspace, target)

    def _source(self, request: Request, workspace: bool, target: str) -> str:
        write = targets.target(target).module_source

        def written() -> str:
            more = second_order(self.derivation, request, self._derivative_text)
            functions = [*self._first_order, *ready(more, self.derivation)]
            lines = formulas(self, short=True).splitlines()
            program = self.derivation.program
            return write(program, functions, self.name, lines, __version__, workspace=workspace)

        return self._run(written)

    @cached_property
    def _first_order(self) -> list[Function]:
        """Value and gradient, as they are generated."""
        return self._run(lambda: first_order(self.derivation))

    def _derivative_text(self, of: Any, by: Any) -> str | None:
        """The formula of a second derivative or a Jacobian for a docstring; None if it is long."""
        value = self._readable(of, by, LONGEST_LINE)
        line = text(body_of(value))
        return line if value is not None and len(line) <= WIDEST and line != TOO_LONG else None
