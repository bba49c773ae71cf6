"""What an export is of stands in its file, in the list and in its status alike, whoever asked for it and how."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connections.store.models import StoreRow
from connections.store.upsert import write_rows
from exports import actions
from exports.spec.spec import ExportSpec
from tests.exports.dialects.diffgram.conftest import Site
from tests.exports.dialects.diffgram.test_sdk_scripts import job_named
from tests.rest.world import SHELL
from tests.support.deliveries import delivery_folder
from tests.support.rows import box, row

pytestmark = pytest.mark.django_db(transaction=True)
# the keys of Diffgram's own export_info
OF_DIRECTORY = {"id", "directory_id", "nickname", "jobs_to_sync", "has_changes", "created_time"}
OF_JOB_TEXT = """
    id cache_info name time_created time_updated time_completed status type instance_type is_pinned label_schema_id
    label_schema is_live attached_directories_dict file_count_statistic stat_count_tasks stat_count_complete
    stat_count_available share_type waiting_to_be_launched launch_datetime completion_directory_id
    completion_directory output_dir_action interface_connection label_dict member_list_ids
"""
OF_JOB = set(OF_JOB_TEXT.split())
SAME = ("id", "kind", "masks", "source", "file_comparison_mode", "task", "ann_is_complete", "file_list_length")


def must_agree(told: dict[str, Any], listed: Any) -> None:
    """A file has no figures of its project; whatever else it says is what the list says."""
    assert {key: told[key] for key in SAME} == {key: getattr(listed, key) for key in SAME}
    for key, keys in (("directory", OF_DIRECTORY), ("job", OF_JOB)):
        ours, theirs = told[key], getattr(listed, key)
        assert (ours is None) == (theirs is None), key
        if ours is not None:
            assert ours.keys() == theirs.keys() == keys
            known = {one: value for one, value in ours.items() if value not in (None, "None")}
            assert known == {one: theirs[one] for one in known}
            assert {"id", "nickname" if key == "directory" else "name"} <= known.keys()


@pytest.mark.parametrize("complete", [None, True, False])
@pytest.mark.parametrize("source", ["job", "directory", "dataset", "task"])
def test_what_was_asked_stands_in_the_file_and_in_the_list(site: Site, source: str, complete: bool | None):
    client = site.client()
    found = client.post(f"/api/v1/project/{site.project.public_id}/directory/list", {})["directory_list"]
    sent: dict[str, Any] = {
        "job": {"job_id": job_named(site, "b1")["id"]},
        "directory": {},
        "dataset": {"source": "directory", "directory_id": found[1]["id"]},
        "task": {"task_id": StoreRow.objects.get(global_key="two.jpg").number},
    }[source]
    told = client.generate_export(**{"source": source, "ann_is_complete": complete} | sent)["export_info"]
    (listed,) = client.exports()
    must_agree(told, listed)
    assert told["source"] == {"dataset": "directory"}.get(source, source)
    # which has no meaning for tasks, and false none for jobs: what is written is all of them
    ignored = source == "task" or (source == "job" and complete is False)
    assert told["ann_is_complete"] == (None if ignored else complete)
    assert told["task"] == ({"id": sent["task_id"]} if source == "task" else None)
    if source == "job":
        assert (told["job"]["id"], told["job"]["name"]) == (sent["job_id"], "b1")
    if source == "dataset":
        assert (told["directory"]["id"], told["directory"]["nickname"]) == (sent["directory_id"], "demo")


@pytest.mark.parametrize(
    ("asked", "source", "complete", "task", "directory"),
    [
        ({"workflow_status": "Done"}, "directory", True, None, "all"),
        ({"statuses": ["accepted"]}, "directory", True, None, "all"),
        ({"workflow_status": ["Done", "InReview"]}, "directory", None, None, "all"),
        ({"workflow_status": ["ToLabel", "InReview", "InRework"]}, "directory", False, None, "all"),
        ({"row_numbers": [1, 3]}, "directory", None, None, "all"),
        ({"row_numbers": [2, None]}, "directory", None, None, "all"),
        ({"row_numbers": [2, 2]}, "task", None, {"id": 2}, "all"),
        ({"dataset_ids": ["Harbour"]}, "directory", None, None, "Harbour"),
        ({"dataset_ids": ["ds-2"]}, "directory", None, None, "Harbour"),
        ({"dataset_ids": ["Harbour", "demo"]}, "directory", None, None, None),
        ({"batch_ids": ["b1"]}, "job", None, None, "all"),
        ({"batch_ids": ["b1", "b2"]}, "directory", None, None, "all"),
        ({"global_keys": ["one.jpg"]}, "directory", None, None, "all"),
    ],
)
def test_an_export_of_another_channel_is_told_as_what_it_means(
    site: Site, asked: dict[str, Any], source: str, complete: bool | None, task: Any, directory: str | None
):
    numbers = StoreRow.objects.order_by("number").values_list("number", flat=True)
    assert list(numbers) == [1, 2, 3, 4]
    write_rows(site.project, [row("five.jpg", box("car"), dataset="Harbour", dataset_id="ds-2")], now_ms=1)
    body = {"format": "diffgram_json", "filter": asked}
    for whole in (body, body | {"include": []}):
        spec = ExportSpec.parse(whole, site.project)
        report = actions.run_now(project=site.project, spec=spec, actor=SHELL)
        assert report.is_delivered, report.error
        told = json.loads((delivery_folder(report) / report.artifacts.get().name).read_bytes())["export_info"]
        listed = site.client().exports()[0]
        must_agree(told, listed)
        assert (listed.id, listed.source, listed.ann_is_complete, listed.task) == (report.pk, source, complete, task)
        shown = listed.directory and listed.directory["nickname"]
        assert shown == (site.project.name if directory == "all" else directory)
