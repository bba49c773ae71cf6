"""The benchmark runs our commands by name and reads their answers: both move, and it is run by hand only."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench import ours
from connections.models import Project

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_commands_that_are_measured_answer_what_the_benchmark_reads(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    rows = tmp_path / "rows.ndjson"
    rows.write_text('{"data_row": {"global_key": "a.jpg", "row_data": "https://pics.example.test/a.jpg"}}\n')

    def measured(*arguments: str) -> dict:
        ours.main([*arguments])
        found = json.loads(capsys.readouterr().out)
        assert {"cpu_s", "wall_s", "idle_kb", "peak_kb"} < found.keys()
        return found["output"]

    read = measured("import_rows", str(rows), "--project", project.public_id, "--format", "ndjson")
    assert read["summary"]["created"] == 1
    written = measured("run_export", project.public_id, "--format", "json", "--output", str(tmp_path / "out"))
    assert written["status"] == "completed"
