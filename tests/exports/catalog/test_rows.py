"""What the rows of a catalog hold: each data row once, and labels of the projects that were named alone."""

from __future__ import annotations

import csv
import json

import pytest

from connections.store.import_row import IncomingLabel
from connections.store.upsert import write_rows
from exportadmin.lib.errors import UserError
from exports.display.check_value_tables import note_texts
from exports.results.search import search
from exports.sources.store import TableReader
from tests.exports.catalog.world import DAY, data_row, export, ids, main_file, request, rows, run, with_several_labels
from tests.support.rows import box


def of_project(project, user):
    return {each["data_row"]["id"]: each for each in rows(export(project, user, scope=None))}


def test_without_projects_a_row_is_the_data_row_alone(world, oscar):
    report = export(world.north, oscar)
    found = rows(report)
    own = of_project(world.north, oscar)
    for each in found[:3]:
        whole = own[each["data_row"]["id"]]
        assert (
            each == {key: whole[key] for key in each if key != "projects"} | {"projects": {}}
            or each["data_row"]["id"] == "d2"
        )
        assert list(each) == [
            "data_row",
            "media_attributes",
            "attachments",
            "metadata_fields",
            "embeddings",
            "projects",
        ]
    assert report.check_values["annotations"] == 0
    assert report.check_values["rows_by_status"] == {"in no project whose labels are taken": 4}


def test_labels_of_the_named_project_go_with_the_rows_that_are_in_it(world, oscar):
    report = export(world.north, oscar, project_ids=[world.south.public_id])
    own = of_project(world.south, oscar)
    found = {each["data_row"]["id"]: each for each in rows(report)}
    assert list(found) == ["d2", "d3", "d4", "d1"]  # the named project's first
    assert found["d1"]["projects"] == {}
    for name in ("d2", "d3", "d4"):
        without_ids = json.loads(json.dumps(own[name]["projects"]))
        for label in without_ids[world.south.public_id]["labels"]:
            label.pop("export_admin", None)
        assert found[name]["projects"] == without_ids
    assert found["d3"]["source_extra"] == {"coco": {"license": 1}}
    assert report.check_values["annotations_by_class"] == {"car": 1, "quality": 1, "road": 2}


def test_a_row_of_several_projects_has_all_of_them(world, oscar):
    report = export(world.north, oscar, all_projects=True)
    north, south = of_project(world.north, oscar), of_project(world.south, oscar)
    found = {each["data_row"]["id"]: each for each in rows(report)}
    assert list(found) == ["d1", "d2", "d3", "d4"]
    assert {name: list(each["projects"]) for name, each in found.items()} == {
        "d1": [world.north.public_id],
        "d2": [world.north.public_id, world.south.public_id],
        "d3": [world.north.public_id, world.south.public_id],
        "d4": [world.south.public_id],
    }
    assert found["d2"]["projects"][world.north.public_id]["name"] == "North"
    assert found["d2"]["projects"][world.south.public_id]["name"] == "South"
    extra = found["d3"]["projects"][world.south.public_id].pop("source_extra")
    assert extra == {"coco": {"license": 1}}
    for project, own in ((world.north, north), (world.south, south)):
        for name, whole in own.items():
            expected = whole["projects"][project.public_id]
            for label in expected["labels"]:
                label.pop("export_admin", None)
            assert found[name]["projects"][project.public_id] == expected
    check_values = report.check_values
    assert check_values["annotations_by_class"] == {"car": 3, "person": 1, "quality": 1, "road": 2}
    assert check_values["annotations_by_kind"] == {"box": 4, "classification": 1, "polygon": 2}
    assert check_values["rows_by_status"] == {"review": 3, "several": 1}


def test_the_last_activity_is_that_of_all_projects_and_is_filtered_by(world, oscar):
    found = {each["data_row"]["id"]: each for each in rows(export(world.north, oscar))}
    assert found["d2"]["data_row"]["details"]["last_activity_at"] == "1970-01-06T00:00:00.000+00:00"
    assert found["d1"]["data_row"]["details"]["last_activity_at"] == "1970-01-02T00:00:00.000+00:00"
    late = export(world.north, oscar, filter={"last_activity_at": [4 * DAY, None]})
    assert ids(rows(late)) == ["d2"]
    assert late.check_values["rows_dropped"] == {"last_activity_at": 3}
    assert late.check_values["rows_read"] == 4
    assert ids(rows(export(world.north, oscar, filter={"last_activity_at": [None, 4 * DAY]}))) == ["d1", "d3", "d4"]


@pytest.mark.parametrize("more", [{}, {"all_projects": True}])
def test_a_label_that_was_made_in_any_project_counts(world, oscar, more):
    report = export(world.north, oscar, filter={"label_created_at": [5 * DAY, 7 * DAY]}, **more)
    assert ids(rows(report)) == ["d2"]
    assert sum(report.check_values["rows_dropped"].values()) == 3
    # between the times of its labels, of which the database knows the first and the last alone
    assert ids(rows(export(world.north, oscar, filter={"label_created_at": [4 * DAY, 5 * DAY]}))) == []


@pytest.mark.parametrize("identity", ["ds-pier", "Pier"])
def test_a_dataset_is_found_by_id_and_by_name_in_whatever_projects(world, oscar, identity):
    report = export(world.north, oscar, scope={"kind": "dataset", "id": identity})
    assert ids(rows(report)) == ["d3", "d4"]
    assert report.check_values["rows_read"] == 2
    assert report.check_values["rows_dropped"] == {}
    assert report.config["scope_settled"]["name"] == "Pier"


def test_named_rows_are_found_in_whatever_project_they_are(world, oscar):
    scope = {"kind": "data_rows"}
    report = export(world.north, oscar, scope=scope, filter={"data_row_ids": ["d4", "d1", "d5", "nosuch"]})
    assert ids(rows(report)) == ["d1", "d4"]
    report = export(world.north, oscar, scope=scope, filter={"global_keys": ["key-d4"]})
    assert ids(rows(report)) == ["d4"]


def test_labels_of_one_project_leave_in_every_format_and_of_several_only_where_it_holds_them(world, oscar):
    coco = json.loads(
        main_file(export(world.north, oscar, "coco_json", project_ids=[world.south.public_id])).read_text()
    )
    assert len(coco["images"]) == 4
    assert len({each["id"] for each in coco["images"]}) == 4
    own = json.loads(main_file(export(world.south, oscar, "coco_json", scope=None)).read_text())
    assert coco["annotations"] == own["annotations"]
    assert coco["categories"] == own["categories"]
    table = main_file(export(world.north, oscar, "csv", project_ids=[world.south.public_id])).read_text()
    lines = list(csv.DictReader(table.splitlines()))
    assert {line["data_row_id"] for line in lines} == {"d1", "d2", "d3", "d4"}
    with pytest.raises(UserError, match="holds the labels of one project, and these are of 2") as refused:
        request(world.north, oscar, "coco_json", all_projects=True)
    assert refused.value.field == "format"


def test_every_format_takes_the_rows_of_a_catalog_without_labels(world, oscar):
    from exports.formats import formats_of_projects

    for key in formats_of_projects():
        report = run(request(world.north, oscar, key))
        assert (key, report.status, report.error) == (key, "completed", "")


def test_a_row_whose_labels_all_stay_out_stays_out_and_is_counted(world, oscar):
    report = export(world.north, oscar, all_projects=True, labels="ground_truth")
    assert rows(report) == []
    assert report.check_values["rows_dropped"] == {"labels": 4}
    report = export(world.north, oscar, all_projects=True, labels="created_by:ann@example.test")
    assert ids(rows(report)) == ["d1", "d2", "d3", "d4"]
    assert list(rows(report)[2]["projects"]) == [world.south.public_id]  # in north it has no label


def test_which_exports_contain_a_row_is_known_in_every_project_that_it_was_read_from(world, oscar):
    report = export(world.north, oscar, project_ids=[world.north.public_id])
    for name, projects in {"d2": (world.north, world.south), "d4": (world.south,)}.items():
        for project in projects:
            assert report.report_id in search(name, projects=[project.public_id]).how
    assert report.report_id not in search("d1", projects=[world.south.public_id]).how


def test_the_same_data_give_the_same_bytes(world, oscar):
    first, second = (main_file(export(world.north, oscar, all_projects=True)).read_bytes() for _ in range(2))
    assert first == second


def test_what_was_exported_of_a_catalog_is_no_export_of_the_project(world, oscar):
    from exports.display.project_contents import since_last_export

    export(world.north, oscar)
    assert since_last_export(world.north) is None
    export(world.north, oscar, scope=None)
    assert since_last_export(world.north) is not None


def test_as_many_queries_for_many_rows_as_for_few(world, oscar, monkeypatch):
    counted = []
    for name in ("fetch", "walk"):
        real = getattr(TableReader, name)

        def counting(self, *given, real=real):
            counted.append(real)
            return real(self, *given)

        monkeypatch.setattr(TableReader, name, counting)

    def queries():
        counted.clear()
        export(world.north, oscar, all_projects=True, filter={"last_activity_at": [0, None]})
        return len(counted)

    few = queries()
    write_rows(world.south, [data_row(f"x{n}") for n in range(60)])
    assert queries() == few


def test_where_projects_disagree_about_a_row_the_check_values_say_so(world, oscar):
    assert export(world.north, oscar).check_values["notes"] == {}
    other = data_row("d3", dataset_id="ds-quay")
    other.media_attributes = {"mime_type": "video/mp4"}
    write_rows(world.south, [other], now_ms=11 * DAY)
    for format in ("ndjson", "csv", "coco_json"):
        for more in ({}, {"project_ids": [world.north.public_id]}):
            assert export(world.north, oscar, format, **more).check_values["notes"]["told_differently"] == 1
    report = export(world.north, oscar, scope={"kind": "dataset", "id": "Quay"})
    assert ids(rows(report)) == ["d1", "d2"]  # of north, which has d3 first, it is of the other dataset
    assert report.check_values["notes"] == {"selected_elsewhere": 1}
    (text,) = note_texts("ndjson", report.check_values)
    assert text.startswith("1 rows are what was asked for in one project and not in the first one")


def test_labels_of_a_person_are_asked_of_the_projects_whose_labels_are_taken(world, oscar):
    bob = IncomingLabel(objects=[box("car")], created_by="bob@example.test")
    write_rows(world.south, [with_several_labels("d4", bob)], now_ms=11 * DAY)
    asked = {"labels": "created_by:bob@example.test"}
    assert ids(rows(export(world.north, oscar, project_ids=[world.south.public_id], **asked))) == ["d4"]
    with pytest.raises(UserError, match="made no label in the projects whose labels are taken"):
        request(world.north, oscar, project_ids=[world.north.public_id], **asked)
