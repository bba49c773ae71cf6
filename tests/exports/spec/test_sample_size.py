"""What a plan expects of a file's size: for rows that were all written in the sample, exactly what is delivered."""

from __future__ import annotations

from typing import Any

import pytest

from connections.store.upsert import write_rows
from exports import actions
from exports.spec.sample import draw_sample
from exports.spec.spec import ExportSpec
from tests.rest.world import SHELL
from tests.support.rows import box, mask, row

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("key", ["coco_json", "label_studio_coco", "brush_to_png", "png", "ndjson"])
def test_what_a_footer_holds_of_the_rows_grows_with_them(key: str, project: Any, settings: Any, tmp_path: Any):
    settings.EXPORTADMIN_HOME = tmp_path
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    rows = [row(f"{number}.jpg", box("car"), mask("sky")) for number in range(30)]
    write_rows(project, rows, now_ms=1_700_000_000_000)
    spec = ExportSpec.parse({"format": key}, project)
    sample = draw_sample(project, spec)
    report = actions.run_now(project=project, spec=spec, actor=SHELL)
    assert sample.bytes_of(30) == report.artifacts.get().bytes
    assert sample.bytes_of(3_000) > 50 * sample.bytes_of(30)
