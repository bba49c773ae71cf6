"""A real data set that nobody here wrote: TACO in, COCO out, judged by pycocotools."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path

import pytest

from exportadmin.lib.actor import Actor
from exports import actions
from exports.spec.spec import ExportSpec
from tests.support.deliveries import delivery_folder
from tests.support.imports import import_file

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
SHELL = Actor(kind="user", name="tester", channel="shell")


@pytest.fixture
def exported(shared, tmp_path, settings):
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    result = import_file(shared / "data" / "taco.coco.json", "TACO")
    report = actions.run_now(
        project=result.project, spec=ExportSpec.parse({"format": "coco_json"}, result.project), actor=SHELL
    )
    assert report.is_delivered, report.error
    (artifact,) = report.artifacts.all()
    return result, report, delivery_folder(report) / artifact.name


def scores(truth: Path, found: list[dict], kind: str) -> float:
    """Average precision at IoU .50:.95 with 1,000 detections an image; every detection has the score 1."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):
        reference = COCO(str(truth))
        evaluation = COCOeval(reference, reference.loadRes([{**one, "score": 1.0} for one in found]), kind)
        evaluation.params.maxDets = [1, 100, 1000]
        evaluation.evaluate()
        evaluation.accumulate()
    precision = evaluation.eval["precision"][:, :, :, 0, 2]
    return float(precision[precision > -1].mean())


def test_taco_goes_in_whole_and_comes_out_the_same(exported, shared):
    result, report, path = exported
    summary = result.summary
    assert tuple(summary[name] for name in ("rows", "created", "refused_count", "annotations")) == (1500, 1500, 0, 4784)
    assert [(note["kind"], note["count"]) for note in summary["notes"]] == [
        ("changed", 2),
        ("carried", 4296),
        ("carried", 7),
    ]
    assert summary["notes"][0]["example"] == "309, 4040"
    assert (summary["note_counts"]["changed"], summary["note_counts"]["carried"]) == (2, 4303)

    original = json.loads((shared / "data" / "taco.coco.json").read_text())
    export = json.loads(path.read_text())
    assert [(one["id"], one["name"]) for one in export["categories"]] == [
        (one["id"], one["name"]) for one in original["categories"]
    ]
    assert len(export["categories"]) == 60
    assert export["categories"][0]["id"] == 0
    key = lambda one: one["id"]  # noqa: E731
    assert sorted(export["images"], key=key) == sorted(original["images"], key=key)
    ids = [one["id"] for one in export["annotations"]]
    assert len(set(ids)) == len(ids) == 4784
    # two ids stand twice: the first keeps it
    again = {one["id"]: one["source_id"] for one in export["annotations"] if "source_id" in one}
    assert again == {4784: 309, 4785: 4040}
    assert {*ids} - {*again} == {one["id"] for one in original["annotations"]}

    def content(annotations):
        return sorted(
            json.dumps(
                {name: value for name, value in one.items() if name != "source_id"}
                | {"id": one.get("source_id", one["id"])},
                sort_keys=True,
            )
            for one in json.loads(json.dumps(annotations), parse_int=float)  # 5 and 5.0 are one number
        )

    assert content(export["annotations"]) == content(original["annotations"])
    assert report.check_values["annotations"] == 4784
    assert report.check_values["rows_kept"] == 1500


def test_the_scene_lists_that_coco_does_not_know_are_in_the_rows(exported):
    from connections.store.models import StoreProject, StoreRow

    result, _, _ = exported
    assert StoreRow.objects.filter(body__contains='"scene_annotations":').count() > 1400
    assert len(StoreProject.objects.get(project=result.project).source_extra["coco"]["scene_categories"]) == 7


@pytest.mark.one_database  # pycocotools asks the file, which is the same from both
@pytest.mark.parametrize("kind", ["bbox", "segm"])
def test_the_export_scores_against_the_original_what_the_original_scores_against_itself(
    exported, shared, kind, tmp_path
):
    _, _, path = exported
    truth = shared / "data" / "taco.coco.json"
    original = json.loads(truth.read_text())
    # pycocotools keys annotations by id and takes 0 for "none": the double ids of TACO would vanish from the truth
    for number, annotation in enumerate(original["annotations"], start=1):
        annotation["id"] = number
    clean = tmp_path / "truth.json"
    clean.write_text(json.dumps(original))
    export = json.loads(path.read_text())["annotations"]
    itself = scores(clean, original["annotations"], kind)
    assert itself > 0.999
    assert scores(clean, export, kind) == pytest.approx(itself, abs=1e-12)
