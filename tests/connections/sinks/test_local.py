"""What only folders of this machine have: ways out of them, and somebody's own."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from connections.sinks.base import MANIFEST_NAME, DeliveredFileError
from connections.sinks.local import LocalSink
from exportadmin.lib.errors import PermanentError, TransientError, UserError


@pytest.mark.parametrize(
    "location", ["../outside", "./outside", "x/../../outside", "..", "project", "project/", "/../outside"]
)
def test_a_location_that_was_tampered_with_leads_to_no_folder_that_is_there(home: Path, location: str):
    project = home / "artifacts" / "project"
    for folder in (home / "outside", project, home / "artifacts" / "x", Path(home / "artifacts" / "outside")):
        folder.mkdir(parents=True)
        (folder / "rows").write_text("secret")
    delivery = LocalSink(None, {}).delivery(location)
    assert list(delivery.entries()) == []
    with pytest.raises(DeliveredFileError):
        delivery.open("rows")
    delivery.remove()
    assert (home / "outside" / "rows").exists() and (project / "rows").exists()


def test_a_folder_of_somebody_is_theirs_and_gets_exactly_the_delivery(home: Path, report):
    theirs = home / "theirs"
    sink = LocalSink(None, {"folder": str(theirs)})
    assert sink.is_ours is False
    delivery = sink.begin(report).commit(b"{}")
    assert (delivery.location, [path.name for path in theirs.iterdir()]) == (str(theirs), ["manifest.json"])
    assert LocalSink(None, {}).delivery(delivery.location).open("manifest.json").size == 2
    with pytest.raises(UserError, match="is not empty"):
        sink.begin(report)


def test_deliveries_are_found_in_a_home_that_was_moved(home: Path, report, settings):
    sink = LocalSink(None, {})
    location = sink.begin(report).commit(b"{}").location
    assert location == f"{report.project_id}/{report.report_id}"
    settings.ARTIFACTS_DIR = (home / "artifacts").rename(home / "elsewhere")
    assert sink.delivery(location).open("manifest.json").size == 2


def test_at_the_moment_it_appears_it_has_its_manifest_and_every_byte_is_on_disk(home: Path, report, monkeypatch):
    """Whoever looks, or cuts the power, between the rename and the next line of ours finds a whole delivery."""
    on_disk: dict[int, int] = {}
    appeared: dict[str, tuple[int, int | None]] = {}
    sync, rename = os.fsync, Path.rename

    def watched_sync(descriptor: int) -> None:
        sync(descriptor)
        state = os.fstat(descriptor)
        on_disk[state.st_ino] = state.st_size

    def watched_rename(draft: Path, final: Path) -> Path:
        synced = dict(on_disk)
        moved = rename(draft, final)
        for path in moved.iterdir():
            appeared[path.name] = (path.stat().st_size, synced.get(path.stat().st_ino))
        return moved

    monkeypatch.setattr(os, "fsync", watched_sync)
    monkeypatch.setattr(Path, "rename", watched_rename)
    draft = LocalSink(None, {}).begin(report)
    draft.write_file("rows", "text/plain", [b"some", b"thing"])
    draft.write_file("more", "text/plain", [b"x" * 300_000])
    draft.commit(b"{}")
    assert appeared == {"rows": (9, 9), "more": (300_000, 300_000), MANIFEST_NAME: (2, 2)}


FULL = r"the disk that holds /\S+ is full \(rows has [0-9,]+ bytes or more, [0-9,]+ bytes are free\): free some space"


@pytest.mark.parametrize("chunks", [[b"x"], [b"x" * 300_000] * 3], ids=["at the close", "at a write"])
def test_a_disk_that_is_really_full_is_said_with_its_folder_and_the_draft_goes(home: Path, report, monkeypatch, chunks):
    """The kernel refuses each byte of ``/dev/full``, also what is still in a buffer when the draft is given up."""
    real = Path.open

    def open_on_a_full_disk(path: Path, mode: str = "r", *more: Any, **named: Any) -> Any:
        return real(Path("/dev/full"), "wb", *more, **named) if mode == "xb" else real(path, mode, *more, **named)

    draft = LocalSink(None, {}).begin(report)
    with monkeypatch.context() as full:
        full.setattr(Path, "open", open_on_a_full_disk)
        with pytest.raises(PermanentError, match=FULL) as caught:
            draft.write_file("rows", "text/plain", chunks)
    assert isinstance(caught.value.__cause__, OSError) and caught.value.__cause__.errno == errno.ENOSPC
    draft.abort()
    assert list((home / "artifacts").glob("*/.*")) == []


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO, errno.ESTALE, errno.EMFILE])
def test_what_cannot_be_opened_just_now_is_not_called_missing(home: Path, report, monkeypatch, number: int):
    delivery = LocalSink(None, {}).begin(report).commit(b"{}")

    def fails(*args: Any, **kwargs: Any) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "open", fails)
    with pytest.raises(OSError, match=os.strerror(number)) as caught:
        delivery.open("manifest.json")
    assert not isinstance(caught.value, DeliveredFileError)


def test_a_folder_that_cannot_be_listed_just_now_is_not_called_empty(home: Path, report, monkeypatch):
    delivery = LocalSink(None, {}).begin(report).commit(b"{}")

    def fails(path: Any) -> Any:
        raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))

    monkeypatch.setattr(os, "scandir", fails)
    with pytest.raises(TransientError, match="cannot be read: Input/output error"):
        list(delivery.entries())
