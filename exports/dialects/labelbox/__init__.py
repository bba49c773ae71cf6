"""Labelbox's API, as its SDK of releases 3 to 7 speaks it: projects, datasets, slices, model runs, their exports."""

from __future__ import annotations

from exports.dialects.base import Dialect
from exports.dialects.labelbox.blocks import BLOCKS
from exports.dialects.labelbox.urls import urlpatterns

_CLIENT = """import labelbox as lb

client = lb.Client(
    api_key="{key}",
    endpoint="{base}/graphql",
    rest_endpoint="{base}/api/v1",
    app_url="{base}",
)
"""
_EXPORT = f"""{_CLIENT}project = client.get_project("{{project}}")
export_task = project.export(params={{{{"label_details": True}}}}, filters={{{{"workflow_status": "Done"}}}})
export_task.wait_till_done()
if export_task.has_result():
    for data_row in export_task.get_buffered_stream():
        print(data_row.json)
"""
_FROM_LINE = f"""{_CLIENT}project = client.get_project("{{project}}")
export_task = project.export()
export_task.wait_till_done()
stream = export_task.get_stream(converter=lb.JsonConverter(), stream_type=lb.StreamType.RESULT)
for row in stream.with_line(3):
    print(row.json_str)
"""

LABELBOX = Dialect(
    key="labelbox",
    title="Labelbox",
    urls=urlpatterns,
    keys="api_key is a token's key; endpoint and rest_endpoint have to be given, too.",
    scopes=("exports:read", "exports:run"),
    scripts=(
        ("labelbox 7: a project's export, row by row", _EXPORT),
        ("labelbox 3.56 to 5.2: from any line on", _FROM_LINE),
    ),
    differences=(
        (
            "Unknown keys, filters and operations are refused in words.",
            "Ignored, they lead to an export of something else than was asked for.",
        ),
        (
            "The same request again within two minutes is the same task, unless a row has changed since.",
            "The SDK sends a request again for up to two minutes when an answer is late.",
        ),
        (
            "The address of a chunk is good for an hour, as long as the token may download; each use is recorded.",
            "Who took which data must be known.",
        ),
        (
            "A catalog is that of a connection. Of a token whose projects are of several, datasets, slices and named"
            " data rows are exported; the whole catalog through a token that is bound to a project.",
            "Projects of different connections have nothing in common here.",
        ),
        (
            "Where all_projects is asked for, project_ids are among them; so are model_run_ids among all_model_runs.",
            "The page of the original gives both.",
        ),
        (
            "In experiments of data rows of the catalog, labels are those of the run's project where that is among"
            " project_ids or all_projects; else there are none.",
            "Labels leave a project where it is named, and not otherwise.",
        ),
        (
            "Masks are pictures that are painted when they are fetched, for as long as the export's files are there;"
            " masks that overlap are in different pictures.",
            "No pixel of a mask is lost, and an export shows what it showed, also later.",
        ),
        (
            "Datasets and batches have no times and no settings.",
            "They are what rows say of them.",
        ),
        (
            "Embeddings and fields of metadata are listed as none.",
            "They are what rows say of them, and exports have them.",
        ),
        (
            "A task that failed says why in its metadata, under error.",
            "Without it nobody could do anything about it.",
        ),
        (
            "Errors have the HTTP status that fits them beside their code.",
            "Whoever reads the log of a proxy sees what went wrong. The SDK reads the code alone.",
        ),
        (
            "What a row holds that Labelbox's rows have no place for stands under source_extra.",
            "Nothing is left out without a word.",
        ),
    ),
    blocks=BLOCKS,
)
