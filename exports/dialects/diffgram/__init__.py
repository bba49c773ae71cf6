"""Diffgram's API, as its SDK speaks it: projects, jobs and directories, exports, their data and addresses."""

from __future__ import annotations

from exports.dialects.base import Dialect, PageBlock
from exports.dialects.diffgram.urls import urlpatterns

_PROJECT = """from diffgram import Project

project = Project(
    project_string_id="{project}",
    client_id="{key_id}",
    client_secret="{key}",
    host="{base}",
)
"""
_JOB = f"""{_PROJECT}for one in project.job.list():
    print(one["id"], one["name"], one["stat_count_complete"], "of", one["stat_count_tasks"])
job = project.job.get_by_id(id=project.job.list()[0]["id"])
data = job.generate_export(ann_is_complete=True)
print(data["export_info"]["check_values"])
"""
_DIRECTORY = f"""import requests

{_PROJECT}url = project.job.generate_export(source="directory", return_type="url")
with requests.get(url, stream=True) as answer, open("export.json", "wb") as file:
    for chunk in answer.iter_content(1 << 20):
        file.write(chunk)
"""
_LATER = f"""import time

{_PROJECT}export = project.job.generate_export(source="directory", wait_for_export_generation=False)
while True:
    made = next(one for one in project.export.list() if one.id == export.id)
    if made.status != "init":
        break
    time.sleep(2)
print(made.status, made.file_list_length, made.status_text)
data = made.access_data(return_type="data")
"""

DIFFGRAM = Dialect(
    key="diffgram",
    title="Diffgram",
    urls=urlpatterns,
    keys="project_string_id is a project's id, client_id a token's id, client_secret its key; host has no slash at its"
    " end.",
    scopes=("exports:read", "exports:run", "links:issue"),
    scripts=(
        ("diffgram 0.15: the complete files of a job, waited for", _JOB),
        ("diffgram 0.15: a directory as an address, for files of any size", _DIRECTORY),
        ("diffgram 0.15: without waiting", _LATER),
    ),
    differences=(
        (
            "A job is a batch of the project, a directory a dataset; the directory that a project begins with is all of"
            " it. job.list() and directory.get_directory_list() tell their numbers.",
            "Rows come in batches and datasets here.",
        ),
        (
            "A file is complete where its row's workflow group is Done, and so is the task on it; both count every file"
            " of a job, whatever its status.",
            "A row has one status, so that complete by job and complete by directory cannot differ.",
        ),
        (
            "An export holds each file once, and file_list_length is how many entries the file has. export_info has"
            " report_id and check_values besides.",
            "The check value can be compared with the file without a list of its tasks.",
        ),
        (
            "An export of which some files could not be written is complete, with status_text saying how many; one"
            " whose worker died is made again or failed.",
            "Nothing half-made is shown, and nothing stays init for ever.",
        ),
        (
            "export_info says of its directory and its job which they are; their figures and times are null there, and"
            " stand in lists. jobs_to_sync names none. ann_is_complete is null where it chose nothing: for a task, and"
            " false for a job.",
            "A file says what was written into it, and is the same whenever it is fetched.",
        ),
        (
            "What was asked for elsewhere is told in Diffgram's words as far as they go: several batches, or rows by"
            " their keys, are an export of a directory.",
            "The list is of all exports in this format, whoever asked for them.",
        ),
        (
            "Where two jobs or directories of a project have one number or one name, it is refused with 409.",
            "Another one's files must never be handed out; REST takes their ids.",
        ),
        (
            "Wrong ids, kinds, sources and formats are refused with 400, 403 or 404 in JSON, never with 500; TF Records"
            " and YAML are not made.",
            "An unknown source would be an export that is never ready.",
        ),
        (
            "Projects that there are not and projects of others have the same answer; so have such exports.",
            "Nobody learns what there is by trying.",
        ),
        (
            "generate_export waits for 50 seconds, once a token: a second one at the same time, or one beside too many"
            " others, is not waited for. It is not ready yet then, goes on, and is in project.export.list(); log.info"
            " says which it was.",
            "No web server holds a request for an hour, or all of its threads for one script.",
        ),
        (
            "The same request of a token again within two minutes, while no row has changed, is the same export, unless"
            " it was archived; Diffgram makes another.",
            "Whoever did not get an answer, or waited in vain, can ask again without having it made twice.",
        ),
        (
            'access_data(format="url"), as the page prints it, is refused by the SDK itself: the argument is'
            " return_type.",
            "It is so with Diffgram's own server.",
        ),
        (
            "return_type url, the default of the wire, needs links:issue, which is asked before anything is made.",
            "An export that could not be handed out would be made for nothing.",
        ),
        (
            "An address that is returned is a link of this installation for 300 seconds, and each use is recorded;"
            " a file lies under the name of its export here.",
            "Who took which data must be known.",
        ),
        (
            "A directory of more than 100,000 files is listed without their ids, so that its length is 0 in the SDK.",
            "The SDK would have to send them all back before it can do anything else.",
        ),
        (
            "Masks, polygons of several rings, relationships and what a frame was asked are counted in"
            " check_values.left_out; each entry carries its row under export_admin.",
            "Diffgram's shape has no place for them; another installation reads the row back as it was.",
        ),
        (
            "Addresses of media inside a file are those that the row has, and their expiry is null.",
            "They are not signed anew: the file of an export is the same whenever it is fetched.",
        ),
        (
            "Only exports in this format are listed; archiving takes one out of this list and of no other.",
            "Its report, its files and its lines of the trail stay.",
        ),
    ),
    blocks=(
        PageBlock("job", "From a Job"),
        PageBlock("url", "Return URL"),
        PageBlock(
            "not_waiting",
            "Trigger Export generation without blocking",
            why="access_data says Export not ready yet. until it is made, as the page warns.",
        ),
        PageBlock(
            "access",
            "Access existing exports",
            fails_with="('format options', ['JSON', 'YAML'])",
            why='The SDK refuses its format="url" itself; return_type="url" works.',
        ),
    ),
)
