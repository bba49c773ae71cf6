"""Two installations: one mirrors the other through Label Studio's API, as it mirrors Label Studio itself.

What is compared is of tasks that came from a real Label Studio, so that the far installation stands in for it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from connections.connection_actions import create_connection
from connections.models import Project
from connections.sync.actions import mirror_project, sync_now
from exports import actions
from exports.spec.spec import ExportSpec
from tests.platforms.label_studio import ours, template
from tests.platforms.label_studio.conftest import need_label_studio
from tests.platforms.label_studio.template import TASKS
from tests.rest.world import SHELL
from tests.support.deliveries import delivery_folder

FORMATS = ("label_studio_json", "label_studio_json_min", "label_studio_csv", "csv", "coco_json", "yolo", "brush_to_png")
# a sync asks who annotated, of whom a snapshot without that has the number alone
BY_NUMBER = {"completed_by": "only_id"}
OPTIONS = dict.fromkeys(("label_studio_json", "label_studio_json_min", "label_studio_csv"), BY_NUMBER)


def here(project: Project, key: str) -> bytes:
    settings = {"format": key, "sync_first": False, "labels": "all", "options": OPTIONS.get(key, {})}
    spec = ExportSpec.parse(settings, project)
    report = actions.run_now(project=project, spec=spec, actor=SHELL)
    assert report.status == "completed", report.error
    (artifact,) = report.artifacts.all()
    return (delivery_folder(report) / artifact.name).read_bytes()


def there(far: ours.Ours, key: str) -> bytes:
    folder = far.installation.home / f"out-{key}"
    words = [word for pair in OPTIONS.get(key, {}).items() for word in ("--option", "=".join(pair))]
    flags = ("--format", key, "--labels", "all", "--output", str(folder), *words)
    done = far.installation.run("run_export", "Edge tasks", *flags)
    assert done.returncode == 0, done.stdout + done.stderr
    (made,) = (path for path in folder.iterdir() if path.name != "manifest.json")
    return made.read_bytes()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("near_home")
def test_a_mirror_of_another_installation_has_its_rows_and_bytes(tmp_path: Path, shared: Path):
    need_label_studio()
    with ours.running(tmp_path / "far") as far:
        tasks = tmp_path / "tasks.json"
        tasks.write_bytes((template.made_there() / "edge" / "JSON").read_bytes())
        far.bring(tasks, "Edge tasks")
        site = far.site("Edge tasks")
        address = far.address.removeprefix("http://")
        connection = create_connection(
            kind="label_studio",
            name="The other one",
            config={"base_address": site.address.rstrip("/"), "private_address": address},
            secrets={"token": site.refresh_token},
            actor=SHELL,
        )
        project = mirror_project(connection=connection, external_id=str(site.project), actor=SHELL)
        run = sync_now(project=project, actor=SHELL, mode="full")
        assert (run.status, run.error) == ("completed", "")
        assert (run.summary["created"], run.summary["refused_count"]) == (TASKS, 0)
        assert [key for key in FORMATS if here(project, key) != there(far, key)] == []
