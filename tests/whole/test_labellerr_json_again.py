"""Our own labellerr_json read back is the same project: equal rows, and equal bytes in every format."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from connections.models import Project
from connections.rows.batch import PARTS
from connections.store import demo
from connections.store.imports import files
from connections.store.models import StoreRow
from connections.store.upsert import write_rows
from exports import actions
from exports.spec.spec import ExportSpec
from tests.support.deliveries import delivery_folder
from tests.support.imports import SHELL, import_file

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture(autouse=True)
def own_home(tmp_path, settings):
    settings.EXPORTADMIN_HOME = tmp_path / "home"
    settings.EXPORTADMIN_HOME.mkdir()
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"


def export(project: Project, format_key: str, **more: Any) -> Path:
    spec = ExportSpec.parse({"format": format_key, "max_refused": 1, **more}, project)
    report = actions.run_now(project=project, spec=spec, actor=SHELL)
    assert report.is_delivered, report.error
    return delivery_folder(report) / next(one.name for one in report.artifacts.all() if one.name != "errors.ndjson")


def content(project: Project, format_key: str) -> bytes:
    """The file without what names the project or its installation: the ids that are derived from it."""
    parts = {"include": [part for part in PARTS if part != "embeddings"]} if format_key == "ndjson" else {}
    data = export(project, format_key, **parts).read_bytes()
    for one in Project.objects.all():
        data = data.replace(one.public_id.encode(), b"PROJECT").replace(json.dumps(one.name).encode(), b'"NAME"')
    if format_key in ("json", "ndjson"):
        data = re.sub(rb'"(ontology_id|dataset_id|feature_schema_id)":"[^"]*"', rb'"\1":""', data)
        data = re.sub(rb'"name":"[^"]*","labels"', b'"name":"","labels"', data)
    if format_key == "labellerr_json":
        data = re.sub(rb'"(question_id|ontology_id|dataset_id)":"[^"]*"', rb'"\1":""', data)
    return data


def must_be_equal(first: Project, second: Project) -> None:
    assert StoreRow.objects.filter(project=second).count() == StoreRow.objects.filter(project=first).count() > 0
    for key in ("csv", "coco_json", "png", "labellerr_json"):
        one, two = content(first, key), content(second, key)
        assert hashlib.sha256(one).digest() == hashlib.sha256(two).digest(), (key, _difference(one, two))
    mine, theirs = (content(each, "ndjson").splitlines() for each in (first, second))
    for one, two in zip(mine, theirs, strict=True):
        if one == two:
            continue
        assert json.loads(one) == json.loads(two)


def _difference(one: bytes, two: bytes) -> Any:
    place = next((at for at, both in enumerate(zip(one, two, strict=False)) if both[0] != both[1]), len(one))
    return place, one[max(0, place - 200) : place + 200], two[max(0, place - 200) : place + 200]


def again(project: Project) -> Project:
    run = import_file(export(project, "labellerr_json", labels="all"), "Again", format="labellerr_json")
    assert run.status == "completed", files.first_refused(run, 3)
    return run.project


def test_the_demo(project):
    """But for its embeddings, which Labellerr's shape does not carry."""
    write_rows(project, demo.demo_rows(f"/media/{project.public_id}"), classes=demo.CLASSES, now_ms=demo.WRITTEN_MS)
    must_be_equal(project, again(project))


def test_taco(shared):
    project = import_file(shared / "data" / "taco.coco.json", "TACO").project
    must_be_equal(project, again(project))


def test_tasks_of_every_form(shared, tmp_path):
    path = tmp_path / "edge.json"
    subprocess.run(
        [sys.executable, str(shared / "tools" / "gen_label_studio_tasks.py"), "2000", str(path), "--mix", "edge"],
        check=True,
    )
    project = import_file(path, "Edge").project
    must_be_equal(project, again(project))
