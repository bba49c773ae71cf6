"""A private PostgreSQL for one test session: unix socket only, no TCP port, gone with the process that started it.

PostgreSQL refuses to run as root, so as root it runs as the user ``postgres`` that Debian's package made. Its folder
lies directly under ``/tmp``: that user has to reach it, and the socket's path may have 107 characters at most.

``python -m tests.support.postgres COMMAND…`` runs a command with ``EXPORTADMIN_DATABASE_URL`` set to a fresh one.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# does this run leave out what SQLite has shown already? `make test-postgres` does not
LEAVES_OUT = os.environ.get("EXPORTADMIN_TEST_DB") == "postgres" and not os.environ.get("WHOLE")
ADVICE = "on Debian or Ubuntu `apt-get install postgresql` brings them"
START_SECONDS = 60
LOCALE = "C.UTF-8" if sys.platform == "linux" else "C"  # Debian's own default; macOS has no such locale
# A test cluster survives no power cut and need not.
SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "60",
}


class PostgresUnavailable(RuntimeError):
    """There are no server programs on this machine, or they did not start; the message says which."""


def binaries() -> Path | None:
    """The folder with ``initdb`` and ``postgres``: Debian's newest, else the one on the PATH, or ``None``."""

    def version(folder: Path) -> int:
        return int(re.sub(r"\D", "", folder.parent.name) or 0)

    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=version, reverse=True)
    on_path = shutil.which("initdb")
    if on_path:
        found.append(Path(on_path).resolve().parent)
    return next((folder for folder in found if (folder / "initdb").exists() and (folder / "postgres").exists()), None)


def url(folder: Path | str, database: str = "exportadmin") -> str:
    """Value of ``EXPORTADMIN_DATABASE_URL`` for the cluster in that folder."""
    return f"postgresql://postgres@/{database}?host={folder}"


def new_folder() -> Path:
    """An empty folder for a cluster."""
    return Path(tempfile.mkdtemp(prefix="exportadmin-pg-", dir="/tmp"))


class Cluster:
    """One server in ``folder``; :meth:`start` returns when it answers, :meth:`stop` removes the folder too."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._user: pwd.struct_passwd | None = None

    def start(self) -> None:
        """Make the cluster and start it. Raises :class:`PostgresUnavailable`."""
        programs = binaries()
        if programs is None:
            raise PostgresUnavailable(f"no PostgreSQL server programs on this machine; {ADVICE}")
        if os.geteuid() == 0:
            try:
                self._user = pwd.getpwnam("postgres")
            except KeyError:
                raise PostgresUnavailable("PostgreSQL does not run as root, and there is no user postgres") from None
            os.chown(self.folder, self._user.pw_uid, self._user.pw_gid)
        data = self.folder / "data"
        made = subprocess.run(
            [programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"],
            capture_output=True,
            **self._as_user(programs),
        )
        if made.returncode:
            raise PostgresUnavailable(f"initdb failed: {made.stderr.decode(errors='replace').strip()[-500:]}")
        settings = {**SETTINGS, "unix_socket_directories": str(self.folder)}
        options = [text for name, value in settings.items() for text in ("-c", f"{name}={value}")]
        log = (self.folder / "log").open("wb")
        with log:
            self._process = subprocess.Popen(
                [programs / "postgres", "-D", data, *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the tests; they stop the server when they are done
                preexec_fn=_end_with_parent,
                **self._as_user(programs),
            )
        self._wait_until_it_answers(self._process)

    def _as_user(self, programs: Path) -> dict[str, Any]:
        path = f"{programs}:/usr/local/bin:/usr/bin:/bin"
        common = {"cwd": "/", "env": {"PATH": path, "LC_ALL": LOCALE, "TZ": "UTC"}}
        if self._user is None:
            return common
        return {**common, "user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []}

    def _wait_until_it_answers(self, process: subprocess.Popen[bytes]) -> None:
        import psycopg

        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                psycopg.connect(url(self.folder, "postgres"), connect_timeout=5).close()
                return
            except psycopg.OperationalError as error:
                if process.poll() is not None or time.monotonic() > deadline:
                    log = (self.folder / "log").read_text(errors="replace").strip()[-500:]
                    self.stop()
                    raise PostgresUnavailable(f"PostgreSQL did not start: {error}\n{log}") from error
                time.sleep(0.03)

    def stop(self) -> None:
        """End the server at once (its data is not kept) and remove the folder."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGQUIT)  # PostgreSQL's "immediate shutdown"
            try:
                self._process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._process = None
        shutil.rmtree(self.folder, ignore_errors=True)


def _end_with_parent() -> None:
    """In the child, before exec: have Linux send SIGQUIT when the parent dies. A killed test run leaves no server."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, int(signal.SIGQUIT))


@contextlib.contextmanager
def running() -> Iterator[str]:
    """A cluster for the length of the block; the value is the URL of a database that the block may use."""
    import psycopg

    cluster = Cluster(new_folder())
    cluster.start()
    try:
        with psycopg.connect(url(cluster.folder, "postgres"), autocommit=True) as connection:
            connection.execute("CREATE DATABASE exportadmin")
        yield url(cluster.folder)
    finally:
        cluster.stop()


if __name__ == "__main__":
    with running() as address:
        done = subprocess.run(sys.argv[1:], env={**os.environ, "EXPORTADMIN_DATABASE_URL": address}, check=False)
    sys.exit(done.returncode)
