"""What all of REST shares: one error shape, strict bodies and query strings, cursor pages, their description.

Nothing is ignored: unknown body keys, unknown or doubled query parameters and values of another type are refused, each
with the ``field`` that is at fault.
"""

from exportadmin.lib.rest.body import BodyTooLarge, StrictJSONParser
from exportadmin.lib.rest.description import Header
from exportadmin.lib.rest.fields import Choice, Flag, StrictSerializer, Text, Whole
from exportadmin.lib.rest.pages import Pages
from exportadmin.lib.rest.parameters import Parameter
from exportadmin.lib.rest.problems import PROBLEM_JSON, TITLES, Problem, handle, problem
from exportadmin.lib.rest.throttles import AddressThrottle, WrongKeyThrottle, address
from exportadmin.lib.rest.views import RestView

__all__ = [
    "PROBLEM_JSON",
    "TITLES",
    "AddressThrottle",
    "BodyTooLarge",
    "Choice",
    "Flag",
    "Header",
    "Pages",
    "Parameter",
    "Problem",
    "RestView",
    "StrictJSONParser",
    "StrictSerializer",
    "Text",
    "Whole",
    "WrongKeyThrottle",
    "address",
    "handle",
    "problem",
]
