"""The data: Label Studio tasks from ``../shared/tools``, written once into a cache folder outside the repository."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from bench.measure import ROOT

GENERATOR = ROOT.parent / "shared" / "tools" / "gen_label_studio_tasks.py"
DEFAULT_CACHE = Path("/tmp/exportadmin-bench")
# disk that one row needs at the worst moment: tasks twice, database, a delivery and its copy
BYTES_PER_ROW = 26_000
_OUR_TIME = '"completed_by":1,"created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-01T00:00:00Z"'


def cache_folder() -> Path:
    """``$EXPORTADMIN_HOME/bench``, or :data:`DEFAULT_CACHE` when that is not set or lies in the repository."""
    home = os.environ.get("EXPORTADMIN_HOME")
    folder = Path(home).expanduser().resolve() / "bench" if home else DEFAULT_CACHE
    return DEFAULT_CACHE if folder.is_relative_to(ROOT) else folder


def free_bytes(folder: Path) -> int:
    """What may still be written there."""
    return shutil.disk_usage(folder).free


def tasks_file(cache: Path, rows: int) -> Path:
    """The generator's file of ``rows`` tasks (``--mix bench``)."""
    path = cache / f"tasks-{rows}.json"
    if not path.exists():
        draft = path.with_suffix(".part")
        subprocess.run([sys.executable, GENERATOR, str(rows), draft, "--mix", "bench"], check=True)
        draft.replace(path)
    return path


def config_file(cache: Path) -> Path:
    """The labelling configuration that the tasks belong to."""
    path = cache / "config.xml"
    done = subprocess.run([sys.executable, GENERATOR, "--config"], check=True, capture_output=True)
    path.write_bytes(done.stdout)
    return path


def peers_file(cache: Path, rows: int) -> Path:
    """The same tasks with the ids and times that Label Studio itself adds, which its converter insists on."""
    path = cache / f"tasks-{rows}-with-ids.json"
    if path.exists():
        return path
    draft = path.with_suffix(".part")
    with draft.open("w", encoding="utf-8") as target:
        for number, line in enumerate(lines(tasks_file(cache, rows)), start=1):
            line = line.replace('{"data":', f'{{"id":{number},"data":', 1)
            line = line.replace('"annotations":[{', f'"annotations":[{{"id":{number},{_OUR_TIME},', 1)
            target.write(("[" if number == 1 else ",\n") + line)
        target.write("]\n")
    draft.replace(path)
    return path


def masks_file(cache: Path, rows: int) -> Path:
    """``rows`` tasks that have nothing but their brush mask: every fourth of the mix has one."""
    path = cache / f"masks-{rows}.json"
    if path.exists():
        return path
    draft = path.with_suffix(".part")
    with draft.open("w", encoding="utf-8") as target:
        wanted = (line for index, line in enumerate(lines(tasks_file(cache, rows * 4))) if index % 4 == 0)
        for number, line in enumerate(wanted):
            task = json.loads(line)
            for annotation in task["annotations"]:
                annotation["result"] = [one for one in annotation["result"] if one["type"] == "brushlabels"]
            target.write(("[" if number == 0 else ",\n") + json.dumps(task, separators=(",", ":")))
        target.write("]\n")
    draft.replace(path)
    return path


def lines(path: Path) -> Iterator[str]:
    """The tasks, one a line, without the array's marks."""
    with path.open(encoding="utf-8") as source:
        for line in source:
            yield line.rstrip("\n").removeprefix("[").removesuffix("]").removesuffix(",")


def occurrences(path: Path, word: bytes) -> int:
    """How often ``word`` stands in the file; memory stays flat."""
    found, tail = 0, b""
    with path.open("rb") as source:
        while block := source.read(1 << 22):
            block = tail + block
            found += block.count(word)
            tail = block[-(len(word) - 1) :]
    return found


def remove(*paths: Path) -> None:
    """Files and folders, where they exist."""
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
