"""Which labels of a row leave: the same ones in every format, and what stays out is counted."""

from __future__ import annotations

from pathlib import Path

import pytest

from connections.models import Project
from tests.exports.labels.world import ANN, BO, FORMATS, boxes_of, export, filled, painted, rows_of

pytestmark = pytest.mark.django_db(transaction=True)

# choice → row → class and left side of its boxes; a row that is not here stays out
EXPECTED: dict[str, dict[str, list[tuple[str, float]]]] = {
    "not_skipped": {
        "nobody": [],
        "plain": [("car", 1.0)],
        "two": [("car", 2.0), ("van", 4.0), ("van", 6.0)],
        "half": [("car", 10.0)],
        "benchmark": [("car", 14.0), ("van", 16.0)],
    },
    "latest": {
        "nobody": [],
        "plain": [("car", 1.0)],
        "two": [("car", 2.0)],
        "half": [("car", 10.0)],
        "benchmark": [("van", 16.0)],
    },
    "ground_truth": {"benchmark": [("car", 14.0)]},
    "selected": {"nobody": [], "plain": [("car", 1.0)]},
    f"created_by:{ANN}": {"plain": [("car", 1.0)], "two": [("car", 2.0)], "benchmark": [("car", 14.0)]},
    f"created_by:{BO}": {
        "two": [("van", 4.0), ("van", 6.0)],
        "half": [("car", 10.0)],
        "benchmark": [("van", 16.0)],
    },
}
EVERYTHING = {
    "nobody": [],
    "plain": [("car", 1.0)],
    "two": [("car", 2.0), ("van", 4.0), ("van", 6.0)],
    "half": [("wrong", 8.0), ("car", 10.0)],
    "skipped": [("wrong", 12.0)],
    "benchmark": [("car", 14.0), ("van", 16.0), ("wrong", 18.0)],
}


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, settings) -> None:
    settings.EXPORTADMIN_HOME = tmp_path
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"


@pytest.mark.one_database
@pytest.mark.parametrize("labels", EXPECTED)
@pytest.mark.parametrize("format", ["json", "ndjson", "csv", "coco_json"])
def test_the_same_labels_leave_in_every_format(project: Project, format: str, labels: str) -> None:
    assert boxes_of(export(filled(project), format, labels)) == EXPECTED[labels]


@pytest.mark.parametrize("labels", EXPECTED)
def test_the_same_labels_are_painted(project: Project, labels: str) -> None:
    masks = painted(export(filled(project), "png", labels))
    assert masks.keys() == EXPECTED[labels].keys()
    for key, boxes in EXPECTED[labels].items():
        # boxes of a row lie over each other by all but two columns: each shows
        assert masks[key] == {name for name, _ in boxes}


@pytest.mark.parametrize("format", FORMATS)
def test_without_a_choice_what_was_skipped_stays_out(project: Project, format: str) -> None:
    report = export(filled(project), format)
    assert report.config["labels"] == "not_skipped"
    assert report.check_values["labels"]["choice"] == "not_skipped"
    found = painted(report) if format == "png" else boxes_of(report)
    assert found.keys() == EXPECTED["not_skipped"].keys()


@pytest.mark.parametrize("format", ["json", "ndjson", "csv"])
def test_all_labels_leave_for_a_backup(project: Project, format: str) -> None:
    report = export(filled(project), format, "all")
    assert boxes_of(report) == EVERYTHING
    assert report.check_values["left_out_by_format"] == {}
    assert report.check_values["rows_dropped"] == {}


def test_coco_and_masks_hold_no_skipped_label_whatever_is_chosen(project: Project) -> None:
    coco = export(filled(project), "coco_json", "all")
    assert boxes_of(coco) == EXPECTED["not_skipped"]
    masks = export(project, "png", "all")
    assert not any("wrong" in classes for classes in painted(masks).values())
    assert "skipped" not in painted(masks)
    for report in (coco, masks):
        assert report.check_values["labels"]["choice"] == "all"
        assert report.check_values["left_out_by_format"]["skipped_labels"] == 4
        assert report.check_values["rows_dropped"] == {"labels": 1}


def test_labels_leave_whole_with_whose_they_are(project: Project) -> None:
    rows = rows_of(export(filled(project), "ndjson"))
    assert rows["half"] == [(BO, ["car"])]
    assert rows["two"] == [(ANN, ["car"]), (BO, ["van", "van"])]


@pytest.mark.parametrize("format", FORMATS)
def test_what_stays_out_is_counted_alike_in_every_format(project: Project, format: str) -> None:
    values = export(filled(project), format).check_values
    assert values["labels"] == {
        "choice": "not_skipped",
        "rows_with_several": 3,
        "labels_in_them": 7,
        "rows_leaving_with_several": 2,
        "left_out": {"skipped_labels": 3},
    }
    # two boxes and an answer of half and skipped, a box of the benchmark
    assert values["left_out_by_format"]["skipped_labels"] == 4
    assert (values["rows_read"], values["rows_kept"], values["rows_dropped"]) == (6, 5, {"labels": 1})
    assert "wrong" not in values["annotations_by_class"]
    assert values["annotations_by_class"]["van"] == 3
    assert values["annotations"] == sum(values["annotations_by_kind"].values())


def test_each_choice_says_why_labels_stay_out(project: Project) -> None:
    filled(project)
    left_out = {labels: export(project, "ndjson", labels).check_values["labels"]["left_out"] for labels in EXPECTED}
    assert left_out == {
        "not_skipped": {"skipped_labels": 3},
        "latest": {"skipped_labels": 3, "older_labels": 2},
        "ground_truth": {"skipped_labels": 3, "labels_not_ground_truth": 5},
        "selected": {"skipped_labels": 3, "labels_not_selected": 5},
        f"created_by:{ANN}": {"skipped_labels": 1, "labels_of_others": 5},
        f"created_by:{BO}": {"skipped_labels": 2, "labels_of_others": 4},
    }


@pytest.mark.parametrize("labels", ["all", *EXPECTED])
@pytest.mark.parametrize("format", FORMATS)
def test_annotations_that_leave_and_that_stay_make_all_of_them(project: Project, format: str, labels: str) -> None:
    values = export(filled(project), format, labels).check_values
    assert values["annotations"] + sum(values["left_out_by_format"].values()) == 12
    assert values["rows_kept"] + sum(values["rows_dropped"].values()) == 6


def test_an_annotation_has_the_same_coco_id_whatever_leaves_beside_it(project: Project) -> None:
    import json

    from tests.exports.labels.world import content

    filled(project)
    ids: dict[float, set[int]] = {}
    for labels in EXPECTED:
        for one in json.loads(content(export(project, "coco_json", labels)))["annotations"]:
            ids.setdefault(one["bbox"][0], set()).add(one["id"])
    assert all(len(each) == 1 for each in ids.values()), ids
    assert len({min(each) for each in ids.values()}) == len(ids) == 7
