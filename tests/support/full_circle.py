"""Two installations, one of which mirrors the other through a dialect: what both export, to be compared."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

import pytest

from connections.models import Project
from connections.sync.actions import sync_now
from connections.sync.models import SyncRun
from exports import actions
from exports.spec.spec import ExportSpec
from tests.rest.world import SHELL
from tests.support.deliveries import delivery_folder
from tests.support.shell import Installation

# what is derived from a project's id
OF_PROJECT = ("question_id", "ontology_id", "dataset_id", "feature_schema_id")


@pytest.fixture
def near_home(tmp_path: Path, settings: Any) -> None:
    """This process is the installation that is near, with a home of its own."""
    settings.EXPORTADMIN_HOME = tmp_path / "near"
    settings.EXPORTADMIN_HOME.mkdir()
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"


def again(project: Project, mode: str = "auto") -> SyncRun:
    """Another sync of the mirror."""
    run = sync_now(project=project, actor=SHELL, mode=mode)
    assert run.status == "completed", (run.error, run.summary)
    return run


def here(project: Project, key: str, **more: Any) -> bytes:
    """The file of an export of the mirror as it is."""
    spec = ExportSpec.parse({"format": key, "max_refused": 1, "sync_first": False, **more}, project)
    report = actions.run_now(project=project, spec=spec, actor=SHELL)
    assert report.is_delivered, report.error
    return next(
        (delivery_folder(report) / one.name).read_bytes()
        for one in report.artifacts.all()
        if one.name != "errors.ndjson"
    )


def there(installation: Installation, project_id: str, key: str, **more: Any) -> bytes:
    """The file of the same export of what is mirrored. ``more`` are ``include``, ``labels``, ``scope``, ``project_ids``
    and ``model_run_ids``."""
    folder = installation.home / f"out-{key}-{random.getrandbits(40)}"
    flags = ["--format", key, "--max-refused", "1", "--output", str(folder), "--json"]
    for name, flag in (("include", "include"), ("project_ids", "with-project"), ("model_run_ids", "with-model-run")):
        flags += [word for one in more.get(name, ()) for word in (f"--{flag}", one)]
    if "labels" in more:
        flags += ["--labels", more["labels"]]
    if "scope" in more:
        flags += ["--scope", ":".join(more["scope"].values())]
    ran = installation.run("run_export", project_id, *flags, timeout=400)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    report = json.loads(ran.stdout)
    (name,) = (one["name"] for one in report["artifacts"] if one["name"] != "errors.ndjson")
    return Path(folder, name).read_bytes()


def plain(data: bytes, *ids: str, keys: tuple[str, ...] = OF_PROJECT) -> bytes:
    """Without the projects' ``ids``, and without what is under ``keys``."""
    for one in ids:
        data = data.replace(one.encode(), b"PROJECT")
    return re.sub(rb'"(%b)":"[^"]*"' % "|".join(keys).encode(), rb'"\1":""', data)
