"""What all of REST shares: one error shape, strict bodies and query strings, cursor pages, their description.

Nothing is ignored: unknown body keys, unknown or doubled query parameters and values of another type are refused, each
with the ``field`` that is at fault.
"""

from exportadmin.lib.rest.body import BodyTooLarge, StrictJSONParser
from exportadmin.lib.rest.description import Header
from exportadmin.lib.rest.fields import Choice, DescribedField, Flag, StrictSerializer, Text, Whole
from exportadmin.lib.rest.pages import Pages
from exportadmin.lib.rest.parameters import CommaList, Moment, Number, Query, WholeNumber
from exportadmin.lib.rest.problems import PROBLEM_JSON, TITLES, Problem, handle, problem
from exportadmin.lib.rest.views import RestView
from exportadmin.lib.throttles import AddressThrottle, WrongKeyThrottle, address

__all__ = [
    "PROBLEM_JSON",
    "TITLES",
    "AddressThrottle",
    "BodyTooLarge",
    "Choice",
    "CommaList",
    "DescribedField",
    "Flag",
    "Header",
    "Moment",
    "Number",
    "Pages",
    "Problem",
    "Query",
    "RestView",
    "StrictJSONParser",
    "StrictSerializer",
    "Text",
    "Whole",
    "WholeNumber",
    "WrongKeyThrottle",
    "address",
    "handle",
    "problem",
]
