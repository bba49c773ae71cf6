"""A new choice of labels is one class and one line of the registry: everything else follows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from django.core.management import call_command

from connections.models import Project
from connections.rows.labels import SEVERAL, Label
from exports.models import ExportReport
from exports.spec.labels import LABEL_CHOICES, LabelChoice
from tests.exports.labels.world import FORMATS, boxes_of, export, filled

pytestmark = pytest.mark.django_db(transaction=True)


class First(LabelChoice):
    key = "first"
    title = "The first one"
    help = "Of each row the label that came first."

    def known(self, flags: int, creators: str) -> str | bool:
        return not flags & SEVERAL

    def reasons(self, labels: Sequence[Label]) -> list[str]:
        return ["" if place == 0 else "later_labels" for place in range(len(labels))]


@pytest.fixture(autouse=True)
def toy(tmp_path: Path, settings) -> Iterator[None]:
    settings.EXPORTADMIN_HOME = tmp_path
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    LABEL_CHOICES.register("first", First)
    yield
    LABEL_CHOICES.unregister("first")


@pytest.mark.parametrize("format", ["json", "csv"])
def test_it_chooses_and_is_counted(project: Project, format: str) -> None:
    report = export(filled(project), format, "first")
    assert boxes_of(report) == {
        "nobody": [],
        "plain": [("car", 1.0)],
        "two": [("car", 2.0)],
        "half": [("wrong", 8.0)],
        "skipped": [("wrong", 12.0)],
        "benchmark": [("car", 14.0)],
    }
    assert report.check_values["labels"]["left_out"] == {"later_labels": 4}


def test_every_channel_knows_it(project: Project, client, alice) -> None:
    # imported at the top it would be the first of REST framework, whose settings name classes of ours that need it
    from drf_spectacular.generators import SchemaGenerator

    filled(project)
    call_command("run_export", project.public_id, "--format", "csv", "--labels", "first")
    assert ExportReport.objects.get().config["labels"] == "first"
    document = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    described = document["components"]["schemas"]["CreateReport"]["properties"]["labels"]
    assert "first" in described["pattern"]
    assert First.help in described["description"]
    client.force_login(alice)
    assert First.title in client.get("/exports/new/", {"project": project.public_id}).content.decode()
    assert First.help in client.get("/help/filters/").content.decode()


@pytest.mark.parametrize("format", [format for format in FORMATS if format in ("coco_json", "png")])
def test_a_choice_that_takes_skipped_labels_brings_none_into_coco_and_masks(project: Project, format: str) -> None:
    report = export(filled(project), format, "first")
    assert "wrong" not in report.check_values["annotations_by_class"]
    assert report.check_values["left_out_by_format"]["skipped_labels"] == 3
