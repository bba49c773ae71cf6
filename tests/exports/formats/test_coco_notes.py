"""What a reader of a COCO file should know is counted while it is written, and told by shell, page and manifest."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import call_command

from connections.store.upsert import write_rows
from exports.display.check_value_tables import sums_of
from exports.models import ExportReport
from tests.support.rows import row

pytestmark = pytest.mark.django_db(transaction=True)
TEXT = "images without width, height or both, without which many readers stop"


def pictures(number: int, **sizes: tuple[int | None, int | None]) -> Any:
    for place, (key, (width, height)) in enumerate(sizes.items()):
        sides = (("width", width), ("height", height))
        extra = {"coco": {"file_name": "a.jpg", "nested": {"width": 1, "height": 2}}}
        picture = row(key, number=number - place, source_extra=extra)
        picture.media_attributes = {name: side for name, side in sides if side is not None}
        yield picture


@pytest.mark.parametrize("number", [9, 2**63 - 1])
def test_images_without_a_size_are_counted_and_told(project, tmp_path, capsys, number):
    write_rows(project, pictures(number, both=(5, 4), width=(5, None), height=(None, 4), neither=(None, None)))
    call_command("run_export", project.name, "--format", "coco_json", "--output", str(tmp_path / "out"))
    assert f"note: 3 {TEXT}\n" in capsys.readouterr().out
    report = ExportReport.objects.get()
    assert report.check_values["notes"] == {"images_without_size": 3}
    sums = sums_of(report.check_values, report.format)
    assert sums is not None
    assert sums.notes == (f"3 {TEXT}",)


def test_where_all_have_one_nothing_is_told(project, tmp_path, capsys):
    write_rows(project, pictures(10**9, both=(10**9, 10**9)))
    call_command("run_export", project.name, "--format", "coco_json", "--output", str(tmp_path / "out"))
    assert "note:" not in capsys.readouterr().out
    assert ExportReport.objects.get().check_values["notes"] == {}
