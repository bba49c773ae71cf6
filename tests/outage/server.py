"""A private PostgreSQL that can be stopped at once and started again with its data."""

from __future__ import annotations

import contextlib
import signal
import subprocess
from collections.abc import Iterator
from typing import Any

from tests.support import postgres


class Server(postgres.Cluster):
    """Use its methods from the main thread: the kernel ends the server with the thread that started it."""

    def start(self) -> None:
        """As the original, with a database that keeps what it has committed, as a real one does.

        (The clusters of the suite may lose the last half second: ``synchronous_commit`` is off there.) A write-ahead
        log that has reached the kernel survives the end of the processes; only a power cut would need ``fsync``.
        """
        super().start()
        import psycopg

        with psycopg.connect(postgres.url(self.folder, "postgres"), autocommit=True) as connection:
            connection.execute("CREATE DATABASE exportadmin")
            connection.execute("ALTER DATABASE exportadmin SET synchronous_commit = on")

    @property
    def url(self) -> str:
        """Value of ``EXPORTADMIN_DATABASE_URL``."""
        return postgres.url(self.folder)

    def stop_at_once(self) -> None:
        """``pg_ctl stop -m immediate``: no goodbye to anybody, crash recovery at the next start."""
        assert self._process is not None
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(timeout=postgres.START_SECONDS)

    def start_again(self) -> None:
        """With the same data; returns when it answers."""
        programs = postgres.binaries()
        assert programs is not None and self._process is not None and self._process.poll() is not None
        settings = {**postgres.SETTINGS, "unix_socket_directories": str(self.folder)}
        options = [text for name, value in settings.items() for text in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [programs / "postgres", "-D", self.folder / "data", *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=postgres._end_with_parent,
                **self._as_user(programs),
            )
        self._wait_until_it_answers(self._process)

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """What is in the database, without the product between."""
        import psycopg

        with psycopg.connect(self.url) as connection:
            return connection.execute(query, values).fetchall()


@contextlib.contextmanager
def running() -> Iterator[Server]:
    """For the length of the block. Raises :class:`~tests.support.postgres.PostgresUnavailable`."""
    server = Server(postgres.new_folder())
    try:
        server.start()
        yield server
    finally:
        server.stop()
