"""The peers' environment (``make cases`` installs it) and how a test asks what they read in a file of ours."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.support.paths import ROOT

PYTHON = ROOT / ".venv-bench" / "bin" / "python"
PROGRAM = ROOT / "tests" / "support" / "peer_readers.py"


class Peers:
    """A process with the peers in it; started once, as it takes seconds."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [str(PYTHON), str(PROGRAM)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def read_coco(self, path: Path) -> dict[str, Any]:
        """``{"supervision": …, "datumaro": …}``: file name, class and box of every annotation, or ``{"error"}``."""
        return self._ask({"coco": str(path)})

    def read_training(self, folder: Path, key: str) -> dict[str, Any]:
        """``{"supervision": …, "datumaro": …}``: picture, class and place of every annotation, or ``{"error"}``."""
        return self._ask({"training": str(folder), "format": key})

    def convert(self, tasks: Path, config: str) -> dict[str, Any]:
        """``{"coco", "csv"}``: what Label Studio's own converter makes of its tasks."""
        return self._ask({"tasks": str(tasks), "config": config})

    def _ask(self, order: dict[str, str]) -> dict[str, Any]:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return dict(json.loads(self._process.stdout.readline()))

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=60)
