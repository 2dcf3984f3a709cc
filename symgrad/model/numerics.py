"""All that a model needs to compute numbers, to be imported together when it does: the check and the report."""

from symgrad.checking import Checking
from symgrad.codegen.environment import environment
from symgrad.inspect.report import Report, report_page
from symgrad.inspect.written_test import written_test
from symgrad.verify.calls import together
from symgrad.verify.check import check_module
from symgrad.verify.draw import Draw
from symgrad.verify.draws import draw_inputs
from symgrad.verify.report import CheckReport
from symgrad.verify.subject import Settings

__all__ = [
    "CheckReport",
    "Checking",
    "Draw",
    "Report",
    "Settings",
    "check_module",
    "draw_inputs",
    "environment",
    "report_page",
    "together",
    "written_test",
]
