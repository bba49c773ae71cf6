"""The code of Labelbox's pages, block by block, by its own SDK against us; where the page itself does not work, why."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.platforms.labelbox import page, rows
from tests.platforms.labelbox.conftest import Site
from tests.platforms.labelbox.sdk import Sdk

PROJECT = {
    "batch_id_1": "batch-0",
    "batch_id_2": "batch-1",
    "data_row_id_1": rows.row_id(0),
    "data_row_id_2": rows.row_id(4),
    "global_key_1": "key-000",
    "global_key_2": "key-004",
}
ROWS = {key: value for key, value in PROJECT.items() if not key.startswith("batch")}
BOTH_NAMED = "ValueError: data_rows and global_keys cannot both be present in export filters"
DONE = "export_task = project.export()\nexport_task.wait_till_done()\n"


@pytest.fixture(autouse=True)
def needs_the_pages(shared: Path) -> None:
    """They are beside the clone."""


def printed(output: list[str]) -> list[dict[str, Any]]:
    """The rows that a script printed."""
    return [ast.literal_eval(line) for line in output if line.startswith("{")]


def ids(found: list[dict[str, Any]]) -> list[str]:
    return [row["data_row"]["id"] for row in found]


def ran(sdk: Sdk, site: Site, code: str) -> list[dict[str, Any]]:
    """The rows of a section, which counts them itself, and says how many bytes they are."""
    done = sdk.run(site.before, code)
    assert done.error == "", code
    found = printed(done.lines)
    *_, size, count = done.lines
    assert count == f"line count:  {len(found)}"
    assert int(size.removeprefix("file size:  ")) > 100 * len(found)
    return found


def catalog_ids(site: Site) -> dict[str, str]:
    """Ids that a section about data rows names beside them."""
    return {
        "<project_id_1>": site.project,
        "<project_id_2>": site.projects["Second look"],
        "<model_run_id_1>": rows.RUN,
        "<model_run_id_2>": rows.RUN,
    }


def of_data_rows(sdk: Sdk, site: Site, code: str) -> list[dict[str, Any]]:
    """Of a section about data rows: each has the run that it is in beside its projects."""
    found = ran(sdk, site, code)
    for row in found:
        run = row["experiments"][rows.MODEL]["runs"][rows.RUN]
        assert run["name"] == "v1"
        assert run["labels"] == row["projects"][site.project]["labels"]
    return found


def test_a_task_is_had_again_by_its_id(site: Site, current: Sdk):
    code = page.block(
        "export_task = lb.ExportTask.get_task(client, task_id)",
        "export_task.wait_till_done()",
        after="Creating an ExportTask instance",
    )
    done = current.run(f"{site.before}{DONE}task_id = export_task.uid\n", f"{code}print(export_task.status)\n")
    assert (done.output, done.error) == ("COMPLETE\n", "")


def test_results_and_errors_are_asked_for(site: Site, current: Sdk):
    code = page.block(
        "if not export_task.has_result():", '  print("there are errors")', after="Checking for results and errors"
    )
    assert current.run(site.before + DONE, code).output == ""
    nothing = 'export_task = project.export(filters={"data_row_ids": ["nosuch"]})\nexport_task.wait_till_done()\n'
    assert current.run(site.before + nothing, code).output == "no results\n"


@pytest.mark.parametrize("heading", ["Streaming results and errors", "Simplified Usage"])
def test_results_are_streamed(site: Site, current: Sdk, heading: str):
    first = {
        "Streaming results and errors": "# Start export from project",
        "Simplified Usage": "export_task = project.export()",
    }
    indent = {"Streaming results and errors": "        ", "Simplified Usage": "  "}
    code = page.block(first[heading], f"{indent[heading]}print(data_row.json)", after=heading)
    done = current.run(site.before, code)
    assert done.error == ""
    assert ids(printed(done.lines)) == list(map(rows.row_id, range(rows.ROWS)))


def test_sizes_are_told(site: Site, current: Sdk):
    code = page.block(
        "total_size = export_task.get_total_file_size(lb.StreamType.RESULT)",
        "total_lines = export_task.get_total_lines(lb.StreamType.ERRORS)",
        after="Print output size",
    )
    done = current.run(site.before + DONE, f"{code}print(total_size > 0, total_lines)\n")
    assert (done.output, done.error) == ("True None\n", "")


@pytest.mark.parametrize("call", [".with_offset(25548)", ".with_line(348)"])
def test_the_current_release_has_no_offset_and_no_line(site: Site, current: Sdk, call: str):
    """As the page has it; what it is about works with older releases (``test_older_releases``)."""
    code = page.line(f"export_task.get_buffered_stream(){call}")
    done = current.run(f"{site.before}{DONE}json_stream_handler = print\n", code)
    assert done.error.startswith("AttributeError: 'BufferedStream' object has no attribute 'with_")


def test_saving_results_is_not_python(site: Site, current: Sdk):
    """The page has lost its ``try``, and an export has no list of rows as its result: one of before has."""
    code = page.block(
        "    export_task = project.export()",
        '    print("An error occurred. Check the log file for details.")',
        after="Save export results and log errors",
    )
    assert current.run(site.before, code).error.startswith("IndentationError: ")
    before = f"import json, logging\n{site.before}EXPORT_FILE_PATH = 'saved.json'\n"
    assert current.run(before, f"try:\n{code}").output.startswith("An error occurred.")
    as_before = f"try:\n{code}".replace("project.export()", "project.export_v2()")
    done = current.run(before, f"{as_before}print(len(json.load(open(EXPORT_FILE_PATH))))\n")
    assert (done.lines[-1], done.error) == (str(rows.ROWS), "")


def test_a_project_is_exported(site: Site, current: Sdk):
    code = page.section("Export from a project", PROJECT)
    assert current.run(site.before, code).error == BOTH_NAMED
    (first, second) = ran(current, site, page.without(code, '"global_keys"'))
    assert ids([first, second]) == [rows.row_id(0), rows.row_id(4)]
    assert " ".join(first) == "data_row media_attributes attachments metadata_fields projects"
    project = first["projects"][site.project]
    assert (project["name"], project["project_tags"]) == ("Image Annotation Demo", [])
    details = project["project_details"]
    told = [details[key] for key in ("workflow_status", "batch_id", "batch_name")]
    assert told == ["IN_REVIEW", "batch-0", "Batch 0"]
    (label,) = project["labels"]
    assert label["label_details"]["created_by"] == "labeler@example.test"
    assert label["performance_details"]["seconds_to_create"] == 9
    by_key = page.without(code, '"data_row_ids"')
    assert ran(current, site, by_key) == [first, second]


@pytest.mark.parametrize(
    ("beginning", "found"),
    [
        ('filters = {"workflow_status"', rows.ROWS // 4),
        ('filters = {"batch_ids"', rows.ROWS),
        ('filters = {"global_keys"', 2),
        ('filters = {"data_row_ids"', 2),
    ],
)
@pytest.mark.parametrize("number", ["001", "002"])
def test_each_filter_of_the_text(site: Site, current: Sdk, number: str, beginning: str, found: int):
    code = page.line(beginning, number).partition("}")[0] + "}"
    code = page.filled(code, {key: value for key, value in PROJECT.items() if f'"{key}"' in code})
    stream = "export_task = project.export(filters=filters)\nexport_task.wait_till_done()\n"
    count = "print(sum(1 for _ in export_task.get_buffered_stream()))\n"
    assert current.run(site.before, f"{code}\n{stream}{count}").output == f"{found}\n"


def test_a_dataset_is_exported_with_labels_of_its_projects(site: Site, current: Sdk):
    named: Mapping[str, str] = {"<dataset_id>": rows.DATASET, **catalog_ids(site)}
    found = of_data_rows(current, site, page.section("Export from a dataset", named))
    assert ids(found) == list(map(rows.row_id, range(rows.ROWS)))
    assert set(found[0]["projects"]) == set(site.projects.values())
    assert set(found[1]["projects"]) == {site.project}


def test_selected_rows_of_a_dataset_are_exported(site: Site, current: Sdk):
    named = {**catalog_ids(site), **ROWS}
    code = page.section("Export a list of selected data rows from a dataset", named)
    code = f"dataset = client.get_dataset({rows.DATASET!r})\n{code}"
    assert current.run(site.before, code).error == BOTH_NAMED
    for line in ('"data_row_ids"', '"global_keys"'):
        assert ids(of_data_rows(current, site, page.without(code, line))) == [rows.row_id(0), rows.row_id(4)]


def test_a_slice_is_exported(site: Site, current: Sdk):
    named = {"<slice_id>": site.slice_id, **catalog_ids(site)}
    found = of_data_rows(current, site, page.section("Export from a slice", named))
    assert ids(found) == [rows.row_id(1), rows.row_id(2)]
    assert all(set(row["projects"]) == {site.project} for row in found)


def test_the_whole_catalog_is_exported(site: Site, current: Sdk):
    found = of_data_rows(current, site, page.section("Export your entire Catalog", catalog_ids(site)))
    assert ids(found) == list(map(rows.row_id, range(rows.ROWS)))
    assert found[5]["embeddings"][0]["values"] == [{"value": [0.25, 5]}]


def test_a_model_run_is_exported(site: Site, current: Sdk):
    code = page.section("Export data rows from a model run", {"<model_run_id>": rows.RUN})
    found = ran(current, site, code)
    assert "projects" not in found[0]
    run = found[0]["experiments"][rows.MODEL]["runs"][rows.RUN]
    assert [one["id"] for one in run["predictions"]] == ["prediction-000"]
    assert "split" not in run
