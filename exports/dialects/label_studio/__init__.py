"""Label Studio's API, as its SDK speaks it: projects, snapshots, conversions, downloads."""

from __future__ import annotations

from exports.dialects.base import Dialect, PageBlock
from exports.dialects.label_studio.urls import urlpatterns

_CLIENT = """from label_studio_sdk import LabelStudio

client = LabelStudio(base_url="{base}/", api_key="{key}")
"""
_AT_ONCE = f"""{_CLIENT}tasks = client.projects.exports.as_json({{number}}, timeout=3600)
print(len(tasks), "tasks")
"""
_SNAPSHOT = f"""import time

{_CLIENT}made = client.projects.exports.create(id={{number}}, title="Weekly export")
while True:
    made = client.projects.exports.get(id={{number}}, export_pk=made.id)
    if made.status in ("completed", "failed"):
        break
    time.sleep(1)
print(made.status, made.counters)
with open("export.json", "wb") as file:
    for chunk in client.projects.exports.download(id={{number}}, export_pk=made.id, export_type="JSON"):
        file.write(chunk)
"""

LABEL_STUDIO = Dialect(
    key="label_studio",
    title="Label Studio",
    urls=urlpatterns,
    keys="api_key is a token's key; the slash at the end of base_url has to stay.",
    scopes=("exports:read", "exports:run"),
    scripts=(
        ("label-studio-sdk 2: a snapshot, waited for and downloaded", _SNAPSHOT),
        ("label-studio-sdk 2: all tasks at once", _AT_ONCE),
    ),
    differences=(
        (
            "Unknown keys and query parameters, and unknown values of known ones, are refused with 400 and a sentence.",
            "Ignored, they lead to an export of something else than was asked for.",
        ),
        (
            "The same request again within two minutes is the same snapshot, unless a row has changed since.",
            "The SDK sends a request up to three times when an answer is late.",
        ),
        (
            "create answers created at once, and a worker makes the snapshot.",
            "Whatever its size, no request has to last for as long as it takes.",
        ),
        (
            "A conversion is made once, from the snapshot, and kept; download waits for one that is being made.",
            "What is downloaded twice is the same twice.",
        ),
        (
            "A view is a saved config that says nothing beside its filter; other configs are none. Its filters are"
            " tasks:id, tasks:updated_at, tasks:total_annotations and tasks:cancelled_annotations with the operators"
            " that a refusal names, joined by and; how a table looks is not kept.",
            "What a view says is what a snapshot made with it has.",
        ),
        (
            "A view that there is not, or of another project, and sorts of annotations that are all off, are refused.",
            "There, all tasks and all annotations are exported.",
        ),
        (
            "Of a task with several pictures each is a row: tasks:id of a view is a row's number, and task_number and"
            " counters count rows. ids of an export without a snapshot are ids of tasks, with all their pictures; at"
            " most 100 such tasks at once.",
            "Rows are what is counted and chosen here.",
        ),
        (
            "A labeling config that is made of an ontology has Choices without a Choice.",
            "Which answers a question has is not kept beside it.",
        ),
        (
            "total_annotations and cancelled_annotations are compared with none and some.",
            "How many there are is not kept beside a row.",
        ),
        (
            "Titles have up to 200 characters, and no two views of a project have the same.",
            "They are names of exports and of saved configs here.",
        ),
        (
            "Pictures come with the types …_WITH_IMAGES, or where download_resources is true, which is the same: COCO"
            " with it is listed as COCO_WITH_IMAGES, and downloaded under either name.",
            "Nobody waits for pictures that were not asked for.",
        ),
        (
            "An export without a snapshot is waited for for 50 seconds; then it is 503, and the same request gets it.",
            "It is made as any other, and stays in the list of exports.",
        ),
        (
            "A snapshot that failed, and a conversion, have error with the reason.",
            "Without it nobody could do anything about it.",
        ),
        (
            "A snapshot that is deleted loses its files and those of its conversions; that takes a token with admin."
            " One that failed has none, stays in the list, and to delete it is refused with 400.",
            "Its report and its lines of the trail stay.",
        ),
        (
            "An access token ends at once with the token that it was made of, which POST /api/token/ makes a refresh"
            " token of.",
            "A key that was revoked opens nothing for another five minutes.",
        ),
        (
            "The edition is Enterprise.",
            "With it the SDK's as_json and its like pass their filters on and wait for the snapshot.",
        ),
        (
            "Errors are JSON always, also for addresses without a slash at the end.",
            "A script can read what is wrong.",
        ),
    ),
    blocks=(
        PageBlock("script", "Example script", why="Its lines have to be indented again first: the page lost that."),
    ),
)
