"""Labellerr's API, as its SDK of every generation speaks it: create, list, look at and fetch exports."""

from __future__ import annotations

from exports.dialects.base import Dialect
from exports.dialects.labellerr.urls import urlpatterns

_CURRENT = """from labellerr.core import constants
constants.BASE_URL = "{base}"

from labellerr.client import LabellerrClient
from labellerr.core.projects import LabellerrProject

client = LabellerrClient(api_key="TOKEN_ID", api_secret="TOKEN", client_id="any")
project = LabellerrProject(client=client, project_id="{project}")
"""
_FIRST = """import labellerr.constants
labellerr.constants.BASE_URL = "{base}"

from labellerr.client import LabellerrClient

client = LabellerrClient(api_key="TOKEN_ID", api_secret="TOKEN")
client.create_local_export("{project}", "any", {{
    "export_name": "Weekly Export",
    "export_description": "All that is accepted",
    "export_format": "coco_json",
    "statuses": ["accepted"],
}})
"""

LABELLERR = Dialect(
    key="labellerr",
    title="Labellerr",
    urls=urlpatterns,
    keys="api_key is a token's id, api_secret its key; client_id can be anything.",
    scripts=(
        ("labellerr.core, the current generation: project.create_export(CreateExportParams(…))", _CURRENT),
        ("labellerr.core of November 2025: project.create_local_export({…})", _CURRENT),
        ("The client of version 1.0: client.create_local_export(…)", _FIRST),
    ),
    differences=(
        (
            "Unknown statuses, formats, keys and query parameters are refused with 400 and a sentence.",
            "Ignored, they lead to an export of something else than was asked for.",
        ),
        (
            "question_ids other than all are refused.",
            "An export here has all classes and questions of its rows.",
        ),
        (
            "The same request again within two minutes is the same export; later it is a new one.",
            "The SDK sends a request up to four times when an answer is late.",
        ),
        (
            "An id that is unknown, or not yours, has the status Failed with the reason beside it.",
            "The SDK would ask for ever for an export whose status it cannot get.",
        ),
        (
            "updated_after_timestamp keeps files that changed after it, not at it.",
            "What changed at that moment was in the export before.",
        ),
        (
            "A connection is tried when it is tested or an export starts, not when it is made; s3 is the only sort.",
            "What a call would find out then may be another thing when files are delivered.",
        ),
        (
            "An export with a connection grants it to the project, where the token is a superuser's with scope admin.",
            "Connections are used by projects that they were granted to; the SDK has no call for it.",
        ),
        (
            "Download addresses are signed links of this installation for an hour, and each use is recorded.",
            "Who took which data must be known.",
        ),
        (
            "Entries of a json export's latest_answer, and the columns of csv, are this product's own.",
            "Labellerr does not document its own.",
        ),
    ),
)
