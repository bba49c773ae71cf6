"""Every sink that is registered, and the one of blobs, each with a connection where it needs one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connections.models import Connection
from connections.sinks import SINKS
from connections.sinks.base import ReportKey, Sink
from exportadmin.lib.ids import new_id
from tests.connections.sinks.blobs import BlobSink
from tests.support import s3_store

# this installation, where its files are kept in a store
IN_STORE = "local in a store"


@pytest.fixture
def home(tmp_path: Path, settings) -> Path:
    """A home of this test's own."""
    settings.EXPORTADMIN_HOME = tmp_path
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    settings.RETENTION_DAYS = 30
    return tmp_path


@pytest.fixture
def blobs() -> Iterator[type[BlobSink]]:
    """The second sink, registered."""
    SINKS.register(BlobSink.key, BlobSink)
    yield BlobSink
    SINKS.unregister(BlobSink.key)


@pytest.fixture
def in_store(settings, monkeypatch: pytest.MonkeyPatch, s3_folder: str) -> str:
    """``bucket/path/`` that this installation keeps its files in."""
    s3_store.keep_artifacts_in(s3_folder, settings, monkeypatch)
    return s3_folder


@pytest.fixture(params=[*SINKS, BlobSink.key, IN_STORE])
def sink(request, home: Path, blobs: type[BlobSink]) -> Sink:
    """Built as the product builds it; connections are not saved."""
    if request.param == IN_STORE:
        request.getfixturevalue("in_store")
        return SINKS["local"](None, {})
    kind = SINKS[request.param]
    if kind.key == "s3":
        return kind(request.getfixturevalue("s3_connection"), {})
    return kind(Connection(name="Archive", kind=kind.key) if kind.needs_connection else None, {})


@pytest.fixture
def report() -> ReportKey:
    """The first attempt of some report."""
    return ReportKey(new_id(), new_id(), attempt=1)
