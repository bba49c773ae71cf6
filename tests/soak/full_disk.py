"""A disk that is really full: an export onto a file system of some kB, for its files or for its spools. Needs root."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

from tests.support.shell import PROGRAMS, Installation

# folder of the home, format that fills it, size of its disk
FULL = (("artifacts", "ndjson", "64k"), ("scratch", "coco_json", "4k"))
WORDS = r"error: export failed: the disk that holds \S+ is full \(.* [\d,]+ bytes.*, [\d,]+ bytes are free\): free some"


def is_possible() -> bool:
    """May we mount?"""
    tried = subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, check=False)
    return os.geteuid() == 0 and tried.returncode == 0


def fill_disks(installation: Installation) -> list[str]:
    """What is wrong. The installation has the demo project."""
    wrong = []
    for folder, format, size in FULL:
        place = installation.home / folder
        place.mkdir(exist_ok=True)
        run = shlex.join([str(PROGRAMS / "exportadmin"), "run_export", "Demo", "--format", format])
        mount = shlex.join(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(place)])
        done = _in_a_namespace(
            f"{mount} && {run}; code=$?; find {shlex.quote(str(place))} -type f; exit $code", installation
        )
        left = [
            line for line in done.stdout.splitlines() if line.startswith(str(place)) and ".installation" not in line
        ]
        if done.returncode != 1 or not re.match(WORDS, done.stderr):
            wrong.append(f"{format} onto a full {folder}: {done.returncode} {done.stderr}")
        if left:
            wrong.append(f"{format} onto a full {folder} left {left}")
        again = installation.run("run_export", "Demo", "--format", format)
        if again.returncode:
            wrong.append(f"{format} after there was room again: {again.stderr}")
    return wrong


def _in_a_namespace(script: str, installation: Installation) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["unshare", "-m", "sh", "-c", script],
        env=installation.environment,
        cwd=Path("/"),
        capture_output=True,
        text=True,
        check=False,
    )
