"""A disk for deliveries that is full or read-only: the installation starts, and says so to people and monitors."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import Client

from connections.access.models import Membership
from exportadmin.lib import disk
from exportadmin.operations import checks, health


@pytest.fixture
def refuse(monkeypatch: pytest.MonkeyPatch):
    """Have the disk of one folder refuse every new file, in one way."""

    def begin(folder: Path, code: int) -> None:
        real: Any = tempfile.NamedTemporaryFile

        def refusing(*args: Any, dir: Path, **more: Any) -> Any:
            if dir == folder:
                raise OSError(code, os.strerror(code))
            return real(*args, dir=dir, **more)

        monkeypatch.setattr(disk.tempfile, "NamedTemporaryFile", refusing)
        health.kept.forget()

    yield begin
    health.kept.forget()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_a_disk_for_deliveries_that_takes_nothing_does_not_stop_the_start(refuse, code: int):
    refuse(settings.ARTIFACTS_DIR, code)
    (found,) = checks._home()
    assert not found.stops
    assert str(settings.ARTIFACTS_DIR) in found.message
    assert os.strerror(code) in found.message


@pytest.mark.parametrize("code", [errno.EACCES, errno.EPERM, errno.ENOTDIR])
def test_a_folder_that_is_wrong_stops_it(refuse, code: int):
    refuse(settings.ARTIFACTS_DIR, code)
    (found,) = checks._home()
    assert found.stops


def test_a_full_home_starts_and_a_read_only_one_does_not_since_the_database_is_in_it(refuse):
    refuse(settings.EXPORTADMIN_HOME, errno.ENOSPC)
    assert [found.stops for found in checks._home()] == [False]
    refuse(settings.EXPORTADMIN_HOME, errno.EROFS)
    assert [found.stops for found in checks._home()] == [True]


def test_readyz_says_so_without_the_folder(client: Client, transactional_db, refuse):
    refuse(settings.ARTIFACTS_DIR, errno.ENOSPC)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["artifacts"] == {
        "ok": False,
        "reason": "deliveries cannot be written: No space left on device",
    }
    assert str(settings.ARTIFACTS_DIR) not in answer.content.decode()


def test_pages_say_so_to_all_and_where_to_superusers(client: Client, project, refuse):
    people = get_user_model()
    oscar, sue = people.objects.create_user("oscar"), people.objects.create_superuser("sue")
    Membership.objects.create(user=oscar, project=project, role="operator")
    words = "Exports to this installation fail, deliveries cannot be written: Read-only file system"
    client.force_login(oscar)
    assert words not in client.get("/").content.decode()
    refuse(settings.ARTIFACTS_DIR, errno.EROFS)
    for address in ("/", "/exports/", f"/projects/{project.public_id}/"):
        page = client.get(address).content.decode()
        assert words in page, address
        assert str(settings.ARTIFACTS_DIR) not in page, address
    client.force_login(sue)
    assert f"{words} ({settings.ARTIFACTS_DIR})" in client.get("/").content.decode()
    client.logout()
    assert words not in client.get("/sign-in/").content.decode()


def test_the_words_for_a_full_disk_have_folder_need_and_room(tmp_path: Path):
    words = disk.full_disk_text(tmp_path, "rows.json has 5,000 bytes or more")
    assert words.startswith(f"the disk that holds {tmp_path} is full (rows.json has 5,000 bytes or more, ")
    assert words.endswith(" bytes are free): free some space")
    assert disk.full_disk_text(tmp_path / "gone") == f"the disk that holds {tmp_path / 'gone'} is full: free some space"
