"""The suite's own safety nets hold: no skip in CI, no other machine reached, a database that is a file or a server."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection as database

from tests.support import network_guard, shell
from tests.support.paths import ROOT, SHARED

SKIPS = """
import pytest
def test_that_passes(): pass
def test_that_is_skipped(): pytest.skip("no reason that counts")
@pytest.mark.shared
def test_that_reads_shared(): pytest.skip("reads shared")
"""


def _run_pytest(folder: Path, source: str, **environment: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_it.py").write_text(source, encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n    shared: reads ../shared\n", encoding="utf-8")
    plugins = ["-p", "tests.support.no_skips", "-p", "no:cacheprovider", "-p", "no:playwright"]
    inherited = {name: value for name, value in shell.plain_environment().items() if name != "CI"}
    return subprocess.run(
        [sys.executable, "-m", "pytest", *plugins, "-p", "no:django", "-p", "no:randomly", "--rootdir", folder, folder],
        env={**inherited, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_skip_in_ci_is_a_failure_that_is_named(tmp_path: Path) -> None:
    run = _run_pytest(tmp_path, SKIPS, CI="true")
    assert run.returncode == 1
    assert "test_that_is_skipped was skipped, and in CI a skip is a failure" in run.stdout
    assert "no reason that counts" in run.stdout
    excused = 0 if SHARED.is_dir() else 1
    assert f"{2 - excused} failed, 1 passed" in run.stdout


def test_a_whole_file_skipped_in_ci_is_a_failure(tmp_path: Path) -> None:
    run = _run_pytest(tmp_path, "import pytest\npytest.importorskip('no_such_module_anywhere')\n", CI="true")
    assert run.returncode == 2
    assert "in CI a skip is a failure" in run.stdout


def test_elsewhere_a_skip_stays_a_skip(tmp_path: Path) -> None:
    run = _run_pytest(tmp_path, SKIPS)
    assert run.returncode == 0
    assert "1 passed, 2 skipped" in run.stdout


@pytest.mark.parametrize(
    "address", [("192.0.2.1", 80), ("10.0.0.1", 443), ("169.254.169.254", 80), ("2001:db8::1", 80)]
)
def test_no_test_connects_to_another_machine(address: tuple[str, int], reached_network: list[str]) -> None:
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with socket.socket(family) as client, pytest.raises(network_guard.OutboundConnection):
        client.connect(address)
    assert reached_network == [f"{address[0]}:{address[1]}"]
    reached_network.clear()


def test_no_test_looks_up_a_name(reached_network: list[str]) -> None:
    with pytest.raises(network_guard.OutboundConnection):
        socket.getaddrinfo("example.org", 80)
    assert reached_network == ["name example.org"]
    reached_network.clear()


def test_loopback_is_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), timeout=5).close()


@pytest.mark.django_db
def test_the_database_is_the_one_that_was_asked_for() -> None:
    asked = os.environ["EXPORTADMIN_TEST_DB"]
    assert database.vendor == {"sqlite": "sqlite", "postgres": "postgresql"}[asked]
    if asked == "sqlite":
        # exports read through a second connection, which a database in memory does not have
        name = Path(str(database.settings_dict["NAME"]))
        assert name.is_file()
        assert name.parent == settings.EXPORTADMIN_HOME


def test_every_process_of_the_suite_has_its_own_home() -> None:
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    assert Path(os.environ["EXPORTADMIN_TEST_ROOT"], worker).resolve() == settings.EXPORTADMIN_HOME


def test_a_second_installation_shares_nothing_with_this_one(installation: shell.Installation) -> None:
    made = installation.run(
        "shell", "-c", "from django.contrib.auth.models import User; User.objects.create(username='Nobody')"
    )
    assert made.returncode == 0, made.stderr
    seen = installation.run("shell", "-c", "from django.conf import settings as s; print(s.EXPORTADMIN_HOME)")
    assert seen.stdout.strip().endswith(str(installation.home))


def test_alice_is_a_superuser_and_mallory_is_not(alice: User, mallory: User) -> None:
    assert alice.is_superuser
    assert not mallory.is_superuser


@pytest.mark.django_db
def test_the_browser_reads_a_page_of_this_very_process(live_server: Any, page: Any) -> None:
    answer = page.goto(f"{live_server.url}/")
    assert answer is not None
    assert answer.status == 200
    assert "Export Admin" in page.title()
