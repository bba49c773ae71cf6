"""Labelbox as a platform: what it lists, what it is asked for in which words, what is refused, and its files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from connections.adapters import FAILED, PASSED
from connections.platforms.base import NothingThereError, Ready, RemoteFile, Waiting, Wanted
from connections.platforms.labelbox import names, rows
from connections.platforms.labelbox.platform import LabelboxPlatform
from exportadmin.lib.errors import PermanentError, TransientError, UserError
from tests.connections.platforms.conftest import connected_labelbox
from tests.support.far_side import Answer, page
from tests.support.labelbox_server import IN_PROGRESS, LabelboxServer, Served, labelled_row, refusal

NOON = 1_764_504_000_000


def wanted(*statuses: str, after: int | None = None, **options: Any) -> Wanted:
    return Wanted("mine", "ndjson", "", statuses, after, options)


def asked(side: LabelboxServer) -> dict[str, Any]:
    """The last request for an export."""
    return side.sent("create")[-1]["input"]


def fetched(platform: LabelboxPlatform, external_id: str, asking: Wanted, folder: Path) -> RemoteFile:
    made = platform.ask(external_id, asking)
    (file,) = platform.fetch(external_id, made.remote_id, asking, folder, lambda count: None)
    return file


# --- the connection ---------------------------------------------------------------------------------------------------


def test_each_step_of_its_test_says_what_it_found(labelbox):
    steps = [(step.key, step.state, step.message) for step in labelbox.test(labelbox.connection)]
    assert steps == [
        ("reach", PASSED, f"{labelbox.client.place} answers"),
        ("sign_in", PASSED, "the key of owner@example.test is taken"),
        ("projects", PASSED, "1 project"),
        ("others", PASSED, "0 datasets, 0 slices, 1 models"),
        ("exports", PASSED, "0 tasks of this key's user"),
    ]


@pytest.mark.parametrize(
    ("route", "answer", "step", "words"),
    [
        ("user", page(), "reach", "a page instead of JSON"),
        ("user", Answer(404), "reach", "answered 404"),
        ("user", refusal("AUTHENTICATION_ERROR", "Invalid API key", 401), "sign_in", "the API key is wrong"),
        ("projects", refusal("AUTHORIZATION_ERROR"), "projects", "the key's user may not do that"),
        ("tasks", refusal("AUTHORIZATION_ERROR"), "exports", "the key's user may not do that"),
    ],
)
def test_the_step_that_fails_says_why_and_what_to_do(labelbox, labelbox_side, route, answer, step, words):
    labelbox_side.answers[route] = [answer]
    (failed,) = (one for one in labelbox.test(labelbox.connection) if one.state == FAILED)
    assert failed.key == step
    assert words in failed.message
    assert failed.advice


def test_a_wrong_key_is_said_in_words_without_it(labelbox_side, db):
    platform = connected_labelbox(labelbox_side, api_key="lb-another-key")
    with pytest.raises(PermanentError, match="the API key is wrong, has ended or was withdrawn: Invalid") as caught:
        platform.project("one")
    assert "lb-another-key" not in str(caught.value)


# --- what there is ----------------------------------------------------------------------------------------------------


def test_projects_datasets_slices_model_runs_and_the_catalog_can_be_mirrored(labelbox, labelbox_side):
    for held, thing_id, name in (
        (labelbox_side.datasets, "ds-1", "Pictures"),
        (labelbox_side.slices, "s-1", "Night"),
        (labelbox_side.model_runs, "mr-1", "v1"),
    ):
        held[thing_id] = Served(thing_id, name, [])
    found = [(one.external_id, one.name, one.data_type) for one in labelbox.projects()]
    assert found == [
        ("one", "First", "image"),
        ("dataset:ds-1", "Pictures (dataset)", "dataset"),
        ("slice:s-1", "Night (slice)", "slice"),
        ("model_run:mr-1", "v1 (model run)", "model run"),
        ("catalog:all", "Catalog", "catalog"),
    ]
    assert [labelbox.project(one).name for one, _, _ in found] == [name for _, name, _ in found]


def test_a_key_that_may_not_see_datasets_lists_the_others_and_the_test_says_so(labelbox, labelbox_side):
    labelbox_side.answers["datasets"] = [refusal("AUTHORIZATION_ERROR")] * 2
    assert [one.external_id for one in labelbox.projects()] == ["one", "catalog:all"]
    assert [one[:24] for one in labelbox.left_out] == ["No datasets are listed: "]
    (step,) = (one for one in labelbox.test(labelbox.connection) if one.key == "others")
    assert (step.state, step.message[:40]) == ("skipped", "they cannot be mirrored with this key: h")


def test_lists_are_read_to_their_end(labelbox, labelbox_side):
    for number in range(250):
        labelbox_side.serve(f"p-{number}")
    assert len([one for one in labelbox.projects() if ":" not in one.external_id]) == 251
    assert labelbox_side.count("projects") == 3
    assert labelbox.left_out == []


def test_a_list_that_is_longer_than_is_read_says_so_and_one_beyond_it_is_had_by_its_id(
    labelbox, labelbox_side, monkeypatch
):
    monkeypatch.setattr("connections.platforms.labelbox.client._PAGE", 2)
    monkeypatch.setattr("connections.platforms.labelbox.client._MOST_PAGES", 1)
    for number in range(3):
        labelbox_side.serve(f"p-{number}")
        labelbox_side.datasets[f"d-{number}"] = Served(f"d-{number}", "Pictures", [])
        labelbox_side.model_runs[f"r-{number}"] = Served(f"r-{number}", "v1", [])
    listed = [one.external_id for one in labelbox.projects()]
    assert listed == ["one", "p-0", "dataset:d-0", "dataset:d-1", "model_run:r-0", "model_run:r-1", "catalog:all"]
    assert [one.partition(" the first 2 ")[0] for one in labelbox.left_out] == [
        "Of the projects",
        "Of the datasets",
        "Of the runs of model model-1",
    ]
    assert labelbox.left_out[1].endswith("mirrored by its id (dataset:ID).")
    assert [labelbox.project(one).external_id for one in ("p-2", "dataset:d-2")] == ["p-2", "dataset:d-2"]
    told = {step.key: step.message for step in labelbox.test(labelbox.connection)}
    assert told["projects"] == "at least 2 projects"
    assert told["others"] == "at least 2 datasets, 0 slices, 1 models"


def test_a_list_whose_pages_are_all_the_same_is_no_list(labelbox, labelbox_side):
    same = Answer(200, orjson.dumps({"data": {"projects": [{"id": f"p-{n}", "name": "P"} for n in range(100)]}}))
    labelbox_side.answers["projects"] = [same, same]
    with pytest.raises(TransientError, match="page 2 of projects is one that it sent before"):
        list(labelbox.projects())


@pytest.mark.parametrize("external_id", ["", "dataset:", "batch:x", "catalog:some", "a b", "dataset:../x"])
def test_what_is_no_id_of_a_thing_is_refused(external_id):
    with pytest.raises(PermanentError, match="is no id of Labelbox's: expected dataset:ID, slice:ID, model_run:ID, ID"):
        names.thing(external_id)


# --- what is asked for ------------------------------------------------------------------------------------------------


def test_all_filters_of_a_project_are_sent_in_their_order_and_times_in_utc(labelbox, labelbox_side):
    labelbox.ask(
        "one",
        wanted(
            "InReview",
            after=NOON,
            last_activity_before="2025-11-30T16:00:00+0230",
            label_created_after="2025-01-01",
            data_row_ids=["r1", "r2"],
            batch_ids=["b"],
        ),
    )
    search = asked(labelbox_side)["filters"]["searchQuery"]
    assert search["query"] == [
        {
            "type": "data_row_last_activity_at",
            "value": {
                "operator": "BETWEEN",
                "timezone": "UTC",
                "value": {"min": "2025-11-30T12:00:00+0000", "max": "2025-11-30T13:30:00+0000"},
            },
        },
        {
            "type": "labeled_at",
            "value": {
                "operator": "GREATER_THAN_OR_EQUAL",
                "timezone": "UTC",
                "value": "2025-01-01T00:00:00+0000",
            },
        },
        {"ids": ["r1", "r2"], "operator": "is", "type": "data_row_id"},
        {"ids": ["b"], "operator": "is", "type": "batch"},
        {"type": "task_queue_status", "status": "InReview"},
    ]
    labelbox.ask("one", wanted("ToLabel", label_created_before="2025-01-01 10:00:00", global_keys=["k"]))
    assert asked(labelbox_side)["filters"]["searchQuery"]["query"] == [
        {
            "type": "labeled_at",
            "value": {"operator": "LESS_THAN_OR_EQUAL", "timezone": "UTC", "value": "2025-01-01T10:00:00+0000"},
        },
        {"ids": ["k"], "operator": "is", "type": "global_key"},
        {"type": "task_queue_not_exist"},
    ]


@pytest.mark.parametrize("external_id", ["one", "dataset:d", "slice:s", "model_run:m", "catalog:all"])
def test_every_option_of_a_thing_reaches_it_and_every_other_is_refused_by_name(labelbox, labelbox_side, external_id):
    for held, thing_id in (
        (labelbox_side.datasets, "d"),
        (labelbox_side.slices, "s"),
        (labelbox_side.model_runs, "m"),
    ):
        held[thing_id] = Served(thing_id, thing_id, [])
    sort = names.thing(external_id).sort
    allowed = set()
    for option in labelbox.remote_options:
        value: Any = ["x"] if option.many else option.choices[-1][0] if option.choices else "2025-01-01"
        asking = wanted(**{option.name: value})
        try:
            labelbox.check_for(external_id, asking)
        except UserError as error:
            assert f"{option.name} is not for {sort.noun}: Labelbox has it for " in str(error)
            with pytest.raises(PermanentError, match="is not for"):
                labelbox.ask(external_id, asking)
            continue
        allowed.add(option.name)
        labelbox.ask(external_id, wanted())
        before = asked(labelbox_side)
        labelbox.ask(external_id, asking)
        assert asked(labelbox_side) != before, option.name
    rows = {"data_row_ids", "global_keys", "last_activity_before", "label_created_after", "label_created_before"}
    parts = {"attachments", "metadata_fields", "embeddings", "data_row_details", "media_type_override"}
    projects = {"project_details", "label_details", "performance_details", "interpolated_frames"}
    several = {"project_ids", "model_run_ids", "all_projects", "all_model_runs"}
    assert (
        allowed
        == {
            "one": parts | projects | rows | {"batch_ids"},
            "dataset:d": parts | projects | rows | several,
            "slice:s": parts | projects | several,
            "model_run:m": parts | {"predictions", "model_run_details"},
            "catalog:all": parts | projects | rows | several,
        }[external_id]
    )
    for changed in (wanted(after=NOON), wanted("Done")):
        may = "last_activity" in sort.filters if changed.updated_after_ms else external_id == "one"
        if may:
            labelbox.check_for(external_id, changed)
        else:
            with pytest.raises(UserError, match=r"(statuses|updated_after) is not for"):
                labelbox.check_for(external_id, changed)


@pytest.mark.parametrize(
    ("asking", "words"),
    [
        (wanted(format="x"), "unknown option 'format'"),
        (replace(wanted(), format="csv"), "unknown format 'csv'; Labelbox makes ndjson"),
        (wanted("Done", "InReview"), "one status at most"),
        (wanted("DONE"), "unknown status 'DONE'; Labelbox has ToLabel, InReview, InRework, Done"),
        (wanted(after=1), "updated_after: Labelbox takes whole seconds"),
        (wanted(label_created_after="2025-01-01T00:00:00.5Z"), "label_created_after: Labelbox takes whole seconds"),
        (wanted(label_created_after="soon"), "'soon' is not a time"),
        (wanted(after=NOON, last_activity_before="2020-01-01"), "after .* and before .* is none"),
        (wanted(data_row_ids=["a"], global_keys=["b"]), "data_row_ids and global_keys are one or the other"),
        (wanted(data_row_ids=["a"] * 2001), "data_row_ids has 2,001 entries; Labelbox takes 2,000 at most"),
        (wanted(project_ids=["a"] * 31), "project_ids has 31 entries; Labelbox takes 30 at most"),
    ],
)
def test_what_it_cannot_make_is_refused_before_it_is_asked(labelbox, asking, words):
    with pytest.raises(UserError, match=words):
        labelbox.check_for("one", asking)


def test_a_catalog_without_projects_is_doubted(labelbox):
    (doubt,) = labelbox.doubts_of("dataset:d", wanted())
    assert doubt.startswith("rows of a dataset have no annotations without project_ids")
    assert labelbox.doubts_of("dataset:d", wanted(all_projects="yes")) == []
    assert labelbox.doubts_of("one", wanted()) == []


# --- exports ----------------------------------------------------------------------------------------------------------


def test_ours_are_listed_with_the_thing_that_they_are_of_and_others_where_their_metadata_names_it(
    labelbox, labelbox_side
):
    labelbox_side.serve("two")
    labelbox.ask("one", wanted())
    labelbox.ask("two", wanted())
    assert [one.name for one in labelbox.exports("one")] == ["mine"]
    labelbox_side.tasks["task00000002"].name = "somebody's"
    assert [one.name for one in labelbox.exports("two")] == []
    labelbox_side.habits.more = {"metadata": {"filters": {"projectId": "two"}}}
    assert "somebody's" in [one.name for one in labelbox.exports("two")]


def test_how_it_stands_is_told_with_its_progress(labelbox, labelbox_side):
    made = labelbox.ask("one", wanted())
    labelbox_side.habits.looks = [IN_PROGRESS, "complete"]
    assert labelbox.look("one", made.remote_id) == Waiting("IN_PROGRESS", progress=0.1)
    assert isinstance(labelbox.look("one", made.remote_id), Ready)


def test_what_others_had_made_of_another_thing_is_not_handed_out(labelbox, labelbox_side, tmp_path):
    labelbox_side.serve("two", [labelled_row(1, project="two")])
    made = labelbox.ask("two", wanted())
    unknown = Wanted("", "")
    with pytest.raises(PermanentError, match="row 1 of the file does not say that it is of a project of the id 'one'"):
        labelbox.fetch("one", made.remote_id, unknown, tmp_path, lambda count: None)
    (file,) = labelbox.fetch("two", made.remote_id, unknown, tmp_path, lambda count: None)
    assert file.rows == 1


@pytest.mark.parametrize(
    ("external_id", "row"),
    [
        ("one", {"projects": {"one": {"labels": []}, "two": {"labels": []}}}),
        ("one", {"projects": {"one": {"labels": []}}, "experiments": {"m": {"runs": {"r": {}}}}}),
        ("model_run:r", {"experiments": {"m": {"runs": {"r": {}, "r2": {}}}}}),
        ("model_run:r", {"experiments": {"m": {"runs": {"r": {}}}}, "projects": {"one": {"labels": []}}}),
    ],
)
def test_what_others_had_made_of_more_than_the_thing_is_not_handed_out(tmp_path, external_id, row):
    with pytest.raises(PermanentError, match="row 1 of the file does not say that it is of a"):
        counted(tmp_path, external_id, Wanted("", ""), row)


def test_exports_of_a_slice_which_none_could_be_shown_to_be_are_not_listed(labelbox, labelbox_side):
    labelbox_side.slices["s"] = Served("s", "Night", [labelled_row(0)])
    made = labelbox.ask("slice:s", wanted())
    assert labelbox.exports("slice:s") == []
    assert labelbox.find("slice:s", "mine") == made.remote_id


def counted(folder: Path, external_id: str, asking: Wanted, *lines: dict[str, Any]) -> RemoteFile:
    path = folder / "fetched"
    path.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))
    return rows.checked(path, names.thing(external_id), asking)


@pytest.mark.parametrize(
    ("asking", "row"),
    [
        (wanted(data_row_ids=["a"]), {"data_row": {"id": ["a"]}}),
        (wanted(global_keys=["a"]), {"data_row": {"id": "a", "global_key": {"a": 1}}}),
        (wanted(batch_ids=["b"]), {"projects": {"one": {"project_details": {"batch_id": {"b": 1}}}}}),
    ],
)
def test_ids_that_are_no_texts_are_none_of_those_that_were_asked_for(tmp_path, asking, row):
    if "data_row" not in row:
        assert counted(tmp_path, "one", asking, row).rows == 1
        return
    with pytest.raises(PermanentError, match="rows that were not asked for"):
        counted(tmp_path, "one", asking, row)


@pytest.mark.parametrize(
    ("objects", "count"),
    [
        (5, {}),
        ("car", {}),
        ({"f": 5}, {}),
        ({"f": {"feature_id": [1], "name": "car"}}, {"car": 2}),
        ({"f": {"feature_id": "f", "name": "car"}}, {"car": 1}),
        ([{"feature_id": "f", "name": "car"}], {"car": 1}),
    ],
)
def test_frames_of_any_shape_are_counted_as_far_as_they_can_be(tmp_path, objects, count):
    frames = {"1": {"objects": objects}, "2": {"objects": objects}}
    row = {"data_row": {"id": "a"}, "projects": {"one": {"labels": [{"annotations": {"frames": frames}}]}}}
    assert counted(tmp_path, "one", wanted(), row).annotations_by_class == count


def test_when_labels_were_created_is_not_checked_where_those_of_all_projects_are_not_in_the_row(tmp_path):
    asking = wanted(label_created_after="2025-01-01", project_ids=["one"])
    bare = {"data_row": {"id": "a"}}
    labelled = {**bare, "projects": {"one": {"labels": [{"label_details": {"created_at": "2024-01-01T00:00:00Z"}}]}}}
    for external_id in ("dataset:d", "catalog:all"):
        assert counted(tmp_path, external_id, asking, bare, labelled).notes[rows.NOT_CHECKED] == 2
    for external_id, options in (("one", asking), ("dataset:d", wanted(**asking.options, all_projects="yes"))):
        with pytest.raises(PermanentError, match="a filter was ignored"):
            counted(tmp_path, external_id, options, labelled)


def test_a_file_is_delivered_byte_for_byte_and_what_it_tells_is_counted(labelbox, labelbox_side, tmp_path):
    file = fetched(labelbox, "one", wanted(project_details="yes", data_row_details="yes"), tmp_path)
    (task,) = labelbox_side.tasks.values()
    assert file.path.read_bytes() == task.streams["RESULT"]
    assert (file.name, file.rows, file.rows_by_status) == ("export.ndjson", 30, {"Done": 30})
    assert file.annotations_by_class == {"car": 10, "roof": 10}
    assert file.notes == {"rows without an annotation": 20}
    told = next(labelbox.rows_of(file, wanted()))
    assert (told.row_id, told.status, told.updated_ms) == ("row-00000", "Done", 0)


def test_an_export_without_rows_is_nothing(labelbox, tmp_path):
    with pytest.raises(NothingThereError, match="no row that the request selects"):
        fetched(labelbox, "one", wanted(global_keys=["no-such-key"]), tmp_path)


@pytest.mark.parametrize(
    "asking",
    [
        wanted(data_row_ids=["row-00001"]),
        wanted(global_keys=["key-00001"]),
        wanted(batch_ids=["batch-1"], project_details="yes"),
        wanted(last_activity_before="1970-01-01T00:00:03Z", data_row_details="yes"),
        wanted(label_created_after="1970-01-01T00:00:20Z", label_details="yes"),
    ],
)
def test_one_that_ignores_a_filter_is_found_out_with_examples(labelbox, labelbox_side, tmp_path, asking):
    assert fetched(labelbox, "one", asking, tmp_path).rows
    labelbox_side.habits.ignores_filters = True
    name = next(iter(asking.options))
    with pytest.raises(PermanentError, match=rf"not asked for, such as row-00\d+ \({name}.*a filter was ignored"):
        fetched(labelbox, "one", asking, tmp_path)


# --- streams ----------------------------------------------------------------------------------------------------------


def test_another_attempt_goes_on_behind_the_last_byte(labelbox, labelbox_side, tmp_path):
    """As after a kill: what was written is there, and where it came to."""
    labelbox_side.habits.chunk_bytes = 4000
    made = labelbox.ask("one", wanted())
    received: list[int] = []

    class KilledError(Exception):
        pass

    def on_bytes(count: int) -> None:
        received.append(count)
        if sum(received) > 9000:
            raise KilledError

    with pytest.raises(KilledError):
        labelbox.fetch("one", made.remote_id, wanted(), tmp_path, on_bytes)
    held = (tmp_path / "fetched").stat().st_size
    assert held > 9000
    before, received[:] = labelbox_side.count("file"), []
    (file,) = labelbox.fetch("one", made.remote_id, wanted(), tmp_path, lambda count: received.append(count))
    (task,) = labelbox_side.tasks.values()
    assert file.path.read_bytes() == task.streams["RESULT"]
    assert (received[0], sum(received)) == (held, file.bytes)
    assert (before, labelbox_side.count("file")) == (3, 4)  # the third was whole


def test_what_an_attempt_before_had_of_another_export_is_not_taken(labelbox, labelbox_side, tmp_path):
    fetched(labelbox, "one", wanted(), tmp_path)
    labelbox_side.serve("one", [labelled_row(number, status="TO_LABEL") for number in range(30)])
    file = fetched(labelbox, "one", wanted(project_details="yes"), tmp_path)
    assert file.rows_by_status == {"ToLabel": 30}


def test_lines_that_are_more_or_fewer_than_said_are_no_whole_export(labelbox, labelbox_side, tmp_path):
    made = labelbox.ask("one", wanted())
    told = {"totalSize": len(labelbox_side.tasks[made.remote_id].streams["RESULT"]), "totalLines": 31}
    labelbox_side.answers["size"] = [Answer(200, orjson.dumps({"data": {"task": {"exportMetadataHeader": told}}}))]
    with pytest.raises(PermanentError, match="the export has 30 lines, and Labelbox says that it has 31"):
        labelbox.fetch("one", made.remote_id, wanted(), tmp_path, lambda count: None)


def test_a_broken_answer_is_worth_another_try(labelbox, labelbox_side, tmp_path):
    labelbox_side.answers["chunk"] = [page()]
    with pytest.raises(TransientError, match="does not answer as Labelbox does"):
        fetched(labelbox, "one", wanted(), tmp_path)
