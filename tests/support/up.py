"""``exportadmin up`` of an installation, for as long as it is needed."""

from __future__ import annotations

import contextlib
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from tests.exportadmin.runs.world import until
from tests.support.shell import PROGRAMS, Installation

ADDRESS: Final = re.compile(r"Export Admin is at (http://127\.0\.0\.1:\d+)/")


@contextlib.contextmanager
def up(installation: Installation, **variables: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Web and worker, on a port of their own: the address without a slash at its end, and the process above them."""
    environment: Mapping[str, str] = {**installation.environment, **variables}
    log = Path(installation.home, "up.log")
    with log.open("wb") as out:
        process = subprocess.Popen(
            [PROGRAMS / "exportadmin", "up", "--bind", "127.0.0.1:0"],
            env=environment,
            cwd=installation.home,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        found = until(lambda: process.poll() is not None or ADDRESS.search(log.read_text()), "the address", 180)
        assert isinstance(found, re.Match), log.read_text()
        yield found[1], process
    finally:
        process.terminate()
        process.wait(timeout=60)
