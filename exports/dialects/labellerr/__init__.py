"""Labellerr's API, as its SDK of every generation speaks it: create, list, look at and fetch exports."""

from __future__ import annotations

from exports.dialects.base import Dialect, PageBlock
from exports.dialects.labellerr.urls import urlpatterns

_CORE = """from labellerr.core import constants
constants.BASE_URL = "{base}"

from labellerr.client import LabellerrClient
from labellerr.core.projects import LabellerrProject
"""
_CLIENT = """
client = LabellerrClient(api_key="{key_id}", api_secret="{key}", client_id="any")
project = LabellerrProject(client=client, project_id="{project}")
"""
_CURRENT = f"""{_CORE}from labellerr.core.schemas import CreateExportParams
{_CLIENT}export = project.create_export(CreateExportParams(
    export_name="Weekly export",
    export_description="All that is accepted",
    export_format="coco_json",
    statuses=["accepted"],
))
export.status()  # comes back when it is made
made = project.check_export_status([export.report_id])
print(made["response"][0])  # with download_url, for an hour
"""
_WANTED = """{{
    "export_name": "Weekly export",
    "export_description": "All that is accepted",
    "export_format": "coco_json",
    "statuses": ["accepted"],
}}"""
_SECOND = f"""{_CORE}{_CLIENT}export = project.create_local_export({_WANTED})
print(export.status())  # comes back when it is made
"""
_FIRST = f"""import json
import time
import labellerr.constants
labellerr.constants.BASE_URL = "{{base}}"

from labellerr.client import LabellerrClient

client = LabellerrClient(api_key="{{key_id}}", api_secret="{{key}}")
made = client.create_local_export("{{project}}", "any", {_WANTED})
report_id = made["response"]["report_id"]
while True:
    found = json.loads(client.check_export_status("{{project}}", [report_id], "any"))["status"][0]
    if found["is_completed"]:
        break
    time.sleep(2)
print(found)
print(client.fetch_download_url("{{project}}", "any", report_id, "any"))
"""

LABELLERR = Dialect(
    key="labellerr",
    title="Labellerr",
    urls=urlpatterns,
    keys="api_key is a token's id, api_secret its key; client_id can be anything.",
    scopes=("exports:read", "exports:run", "links:issue"),
    scripts=(
        ("labellerr.core, the current generation: project.create_export(CreateExportParams(…))", _CURRENT),
        ("labellerr.core of November 2025: project.create_local_export({…})", _SECOND),
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
        (
            "In a json export file_metadata.additional_metadata holds what Labellerr's shape has no place for.",
            "Another installation reads the row back as it was.",
        ),
        (
            "A json export has files whose work was skipped too, with the answers that were given.",
            "They are files of the statuses that were asked for.",
        ),
    ),
    blocks=(
        PageBlock("local", "Local Export Example"),
        PageBlock(
            "s3",
            "S3 Export Example",
            fails_with="missing",
            why="The SDK's AWSConnectionParams asks for more than the page gives; with its path it works.",
        ),
        PageBlock("list", "List All Exports Example"),
        PageBlock("incremental", "Incremental Export Example"),
        PageBlock(
            "incremental_s3",
            "Incremental S3 Export Example",
            fails_with="names no connection of kind s3",
            why="It needs the connection that the block above it does not make; with one of yours it works.",
        ),
        PageBlock("conversions", "Timestamp Conversion Examples", why="It calls nothing."),
        PageBlock("status", "Check Export Status Example"),
        PageBlock(
            "fetch",
            "Fetch Download URL Example",
            fails_with="has no attribute 'fetch_download_url'",
            why="The SDK's current client has no such call; the address comes with the status.",
        ),
        PageBlock("calculations", "Common Timestamp Calculations", why="It calls nothing."),
    ),
)
