"""Whoever starts ``exportadmin up`` gets pages: static files are collected where that was not done, once a version."""

from __future__ import annotations

import contextlib
import http.client
import re
import signal
import socket
import subprocess
from collections.abc import Iterator

import pytest

from tests.support.shell import PROGRAMS, Installation

pytestmark = [pytest.mark.one_database, pytest.mark.slow]
ADDRESS = re.compile(r"Export Admin is at http://127\.0\.0\.1:(\d+)/")


@contextlib.contextmanager
def up(installation: Installation) -> Iterator[int]:
    """``exportadmin up``, and the port that it says."""
    command = [PROGRAMS / "exportadmin", "up", "--bind", "127.0.0.1:0"]
    process = subprocess.Popen(command, env=installation.environment, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield next(int(found[1]) for line in process.stdout if (found := ADDRESS.search(line)))
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)


@contextlib.contextmanager
def web(installation: Installation) -> Iterator[int]:
    """The web server alone, on a socket where callers wait until it is ready."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        command = [PROGRAMS / "exportadmin", "web", "--bind", f"fd://{listening.fileno()}"]
        process = subprocess.Popen(command, env=installation.environment, pass_fds=[listening.fileno()])
        try:
            yield listening.getsockname()[1]
        finally:
            process.terminate()
            process.wait(timeout=60)


def get(port: int, path: str) -> tuple[int, str]:
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    with contextlib.closing(client):
        client.request("GET", path)
        answer = client.getresponse()
        return answer.status, answer.read().decode()


def style_sheets(port: int) -> list[str]:
    """Those of the sign-in page, each of which is there."""
    status, page = get(port, "/sign-in/")
    assert status == 200
    named = re.findall(r'href="(/static/[^"]+\.css)"', page)
    assert named
    for path in named:
        assert get(port, path)[0] == 200, path
    return named


def test_up_alone_serves_pages_and_collects_once_for_a_version(installation: Installation):
    with up(installation) as port:
        assert all(re.search(r"\.[0-9a-f]{12}\.css$", path) for path in style_sheets(port))
    mark = installation.home / "static" / ".collected"
    kept, seen = (installation.home / "static" / "staticfiles.json"), mark.read_text()
    kept.write_text(kept.read_text() + "\n")  # would be gone when they were collected again
    with web(installation) as port:
        style_sheets(port)
    assert kept.read_text().endswith("}\n")

    mark.write_text("of another version")
    with web(installation) as port:
        style_sheets(port)
    assert mark.read_text() == seen
    assert not kept.read_text().endswith("\n")


def test_where_they_cannot_be_collected_they_are_served_as_they_are(installation: Installation):
    (installation.home / "static").write_text("a file where a folder has to be")
    with web(installation) as port:
        assert "/static/exportadmin/app.css" in style_sheets(port)
