"""What takes long, made once: the tables of a Label Studio, its user, its tasks and the files that it makes of them.

It is kept beside the environment that it runs in; a server starts on a copy of it. It is made anew when this file, the
lock file or the generator of tasks changes.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from tests.platforms.label_studio.server import ADVICE, ENVIRONMENT, LabelStudio, LabelStudioUnavailable, is_installed
from tests.support.paths import ROOT, SHARED

GENERATOR: Final = SHARED / "tools" / "gen_label_studio_tasks.py"
TASKS: Final = 2_000
EMAIL: Final = "owner@example.test"
PASSWORD: Final = "Correct-horse-7"
# of the small project, which has nothing but boxes: turned ones, and pictures of the same name in several folders
BOXES: Final = 60
BOXES_CONFIG: Final = """<View>
  <Image name="image" value="$image"/>
  <RectangleLabels name="bbox" toName="image">
    <Label value="car"/><Label value="person"/><Label value="dog"/><Label value="sign"/>
  </RectangleLabels>
</View>"""
# the files that are kept of each project, by its own names of their formats
KEPT: Final = {
    "edge": ("JSON", "JSON_MIN", "CSV", "TSV", "COCO", "YOLO", "YOLO_OBB", "VOC", "BRUSH_TO_PNG"),
    "boxes": ("JSON", "COCO", "YOLO", "YOLO_OBB", "VOC"),
}


def label_config() -> str:
    """Of the tasks that the generator makes."""
    made = subprocess.run([sys.executable, GENERATOR, "--config"], capture_output=True, text=True, check=True)
    return made.stdout.strip()


def edge_tasks(count: int = TASKS, mix: str = "edge") -> list[dict[str, Any]]:
    """As a file for import has them; task ``i`` is the same whatever the count."""
    made = subprocess.run([sys.executable, GENERATOR, str(count), "-", "--mix", mix], capture_output=True, check=True)
    return list(json.loads(made.stdout))


def boxes_tasks() -> list[dict[str, Any]]:
    """Edge tasks with nothing but their boxes, of which every other is turned; two pictures have each name."""
    tasks = edge_tasks(BOXES)
    for number, task in enumerate(tasks):
        task["data"] = {"image": f"https://img.invalid/set{number % 16:02d}/frame_{number // 2:07d}.jpg"}
        for annotation in task["annotations"]:
            annotation["result"] = [one for one in annotation["result"] if one["type"] == "rectanglelabels"]
            for turn, region in enumerate(annotation["result"]):
                region["value"]["rotation"] = (number * 13 + turn * 45) % 360 if number % 2 else 0
    return tasks


@contextlib.contextmanager
def running(folder: Path, template: Path | None = None, **variables: str) -> Iterator[LabelStudio]:
    """On a copy of what was made once (or of another folder that such a server had), for the length of the block."""
    shutil.copytree(template or _template(), folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("made"))
    known = json.loads((folder / "known.json").read_text())
    server = LabelStudio(folder, **known, variables=variables)
    try:
        yield server.start()
    finally:
        server.kill()


def made_there() -> Path:
    """The folder with what Label Studio makes of its projects: ``edge/CSV`` and so on (:data:`KEPT`)."""
    return _template() / "made"


@functools.cache
def _template() -> Path:
    """The folder with tables, user and tasks, made by whoever needs it first."""
    if not is_installed():
        raise LabelStudioUnavailable(ADVICE)
    made_of = [Path(__file__), ROOT / "requirements" / "platforms.txt", GENERATOR]
    key = hashlib.sha256(b"".join(path.read_bytes() for path in made_of)).hexdigest()[:16]
    folder = ENVIRONMENT / f"label-studio-{key}"
    with (ENVIRONMENT / "template.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            for old in ENVIRONMENT.glob("label-studio-*"):
                shutil.rmtree(old)
            draft = ENVIRONMENT / "draft-of-label-studio"
            shutil.rmtree(draft, ignore_errors=True)
            _fill(LabelStudio(draft))
            draft.rename(folder)
    return folder


def _fill(server: LabelStudio) -> None:
    """Its user with both sorts of key, and the project."""
    server.legacy_token = hashlib.sha256(os.urandom(32)).hexdigest()[:40]
    user = ("--username", EMAIL, "--password", PASSWORD, "--user-token", server.legacy_token)
    server.folder.mkdir()
    server.start(*user, "--enable-legacy-api-token")
    try:
        server.refresh_token = server.made("POST", "/api/token/")["token"]
        server.project_id = server.new_project("Edge tasks", label_config(), edge_tasks())
        server.boxes_id = server.new_project("Boxes", BOXES_CONFIG, boxes_tasks())
        for name, project in (("edge", server.project_id), ("boxes", server.boxes_id)):
            _keep_what_it_makes(server, project, server.folder / "made" / name, KEPT[name])
    finally:
        server.kill()
    with contextlib.closing(sqlite3.connect(server.data / "label_studio.sqlite3")) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for left in ("tmp", "log"):
        path = server.folder / left
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    known = {name: getattr(server, name) for name in ("legacy_token", "refresh_token", "project_id", "boxes_id")}
    (server.folder / "known.json").write_text(json.dumps(known))


def _keep_what_it_makes(server: LabelStudio, project: int, folder: Path, formats: Sequence[str]) -> None:
    folder.mkdir(parents=True)
    path = f"/api/projects/{project}/exports/"
    export = server.made("POST", path, {})["id"]
    for name in formats:
        answer = server.call("GET", f"{path}{export}/download?exportType={name}")
        assert answer.ok, f"{name}: {answer.status_code}"
        (folder / name).write_bytes(answer.content)
    assert server.call("DELETE", f"{path}{export}").status_code == 204
