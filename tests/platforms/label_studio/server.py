"""A real Label Studio for tests: SQLite, loopback only, a folder of its own.

The program and its SDK are in an environment of their own (``make test-platforms`` installs it).
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import requests

from tests.support.paths import ROOT
from tests.support.seaweed import end_with_parent, free_ports

ENVIRONMENT: Final = ROOT / ".venv-platforms"
PYTHON: Final = ENVIRONMENT / "bin" / "python"
PROGRAM: Final = ENVIRONMENT / "bin" / "label-studio"
ADVICE: Final = "NOT RUN: Label Studio is not in .venv-platforms; `make test-platforms` installs it"
START_SECONDS: Final = 180
# tasks of one request: as many as the server writes at once
IMPORTED_AT_ONCE: Final = 1_000


class LabelStudioUnavailable(RuntimeError):
    """It is not installed, or did not start; the message says which."""


def is_installed() -> bool:
    """Both programs are there."""
    return PROGRAM.exists() and PYTHON.exists()


@dataclass
class LabelStudio:
    """A server with its data in ``folder``.

    ``legacy_token`` and ``refresh_token`` are the keys of its one user; ``project_id`` is the project with the edge
    tasks, ``boxes_id`` the small one.
    ``variables``: settings of the server beside our own.
    """

    folder: Path
    legacy_token: str = ""
    refresh_token: str = ""
    project_id: int = 0
    boxes_id: int = 0
    variables: dict[str, str] = field(default_factory=dict)
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def data(self) -> Path:
        """Its data directory."""
        return self.folder / "data"

    def start(self, *arguments: str) -> LabelStudio:
        """It answers when the call returns; a second start is on the same port.

        Raises :class:`LabelStudioUnavailable`.
        """
        temporary = self.folder / "tmp"
        for folder in (self.data, temporary):
            folder.mkdir(parents=True, exist_ok=True)
        self.port = self.port or free_ports(1)[0]
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.folder),
            "TMPDIR": str(temporary),
            "LANG": "C.UTF-8",
            "LABEL_STUDIO_BASE_DATA_DIR": str(self.data),
            "COLLECT_ANALYTICS": "false",
            "LATEST_VERSION_CHECK": "false",
            "DEBUG": "false",
            "LOG_LEVEL": "WARNING",
            # nothing of it may reach another machine: whatever tries meets a proxy that is not there
            **dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9"),
            "no_proxy": "127.0.0.1,localhost",
            **self.variables,
        }
        command = [str(PROGRAM), "start", "--no-browser", "--internal-host", "127.0.0.1", "--port", str(self.port)]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*command, *arguments],
                env=environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=end_with_parent,
            )
        self._wait_until_it_answers(self.process)
        return self

    def _wait_until_it_answers(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            with contextlib.suppress(requests.RequestException):
                if requests.get(f"{self.address}/api/version/", timeout=20).ok:
                    return
            if process.poll() is not None or time.monotonic() > deadline:
                log = (self.folder / "log").read_text(errors="replace").strip()[-2000:]
                self.kill()
                raise LabelStudioUnavailable(f"Label Studio did not start within {START_SECONDS} s\n{log}")
            time.sleep(0.05)  # between two looks

    def kill(self) -> None:
        """As a power cut does; its data stay."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def call(self, method: str, path: str, body: Any = None, *, token: str = "") -> requests.Response:
        """Of its API, as its user; ``path`` begins with ``/``."""
        headers = {"Authorization": f"Token {token or self.legacy_token}"}
        return requests.request(method, self.address + path, json=body, headers=headers, timeout=600)

    def made(self, method: str, path: str, body: Any = None) -> Any:
        """What it answers when all went well."""
        answer = self.call(method, path, body)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text[:500]}"
        return answer.json() if answer.content else None

    def new_project(self, title: str, config: str, tasks: list[dict[str, Any]]) -> int:
        """Its id, with those tasks in it."""
        project = self.made("POST", "/api/projects/", {"title": title, "label_config": config})
        for start in range(0, len(tasks), IMPORTED_AT_ONCE):
            self.made("POST", f"/api/projects/{project['id']}/import", tasks[start : start + IMPORTED_AT_ONCE])
        return int(project["id"])

    def query(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Of its database, past everything of the program's."""
        with contextlib.closing(sqlite3.connect(self.data / "label_studio.sqlite3", timeout=30)) as database, database:
            return database.execute(sql, values).fetchall()

    def memory_mb(self, key: str = "VmRSS") -> float:
        """Of the server: what it holds now, or at most so far (``VmHWM``)."""
        assert self.process is not None
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{key}:"))

    def forget_peak(self) -> None:
        """From now on ``VmHWM`` is of what comes."""
        assert self.process is not None
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def cpu_seconds(self) -> float:
        """User and system time of the server so far."""
        assert self.process is not None
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
