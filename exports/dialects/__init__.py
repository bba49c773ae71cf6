"""Other platforms' APIs spoken by us, so that their own clients work here unchanged; one line each.

A dialect parses what its platform's client sends, calls the actions that every channel calls, and answers in the shape
that the client reads. Nothing is stored twice.
"""

from __future__ import annotations

from exportadmin.lib.registry import Registry
from exports.dialects.base import Dialect

DIALECTS: Registry[Dialect] = Registry(
    "dialect",
    {
        "labellerr": "exports.dialects.labellerr:LABELLERR",
        "labelbox": "exports.dialects.labelbox:LABELBOX",
        "label_studio": "exports.dialects.label_studio:LABEL_STUDIO",
        "diffgram": "exports.dialects.diffgram:DIFFGRAM",
    },
)
