"""A real Label Studio, and its SDK."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.platforms.label_studio import server
from tests.platforms.label_studio.sdk import Sdk, Site


@pytest.fixture(scope="session")
def label_studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[server.LabelStudio]:
    """The session's own (a process of pytest's), which no test kills or changes; the tasks come from ``../shared``."""
    yield from _running(tmp_path_factory.mktemp("label-studio"))


@pytest.fixture
def own_label_studio(tmp_path: Path, shared: Path) -> Iterator[server.LabelStudio]:
    """One that a test may change and kill."""
    yield from _running(tmp_path / "label-studio")


def _running(folder: Path) -> Iterator[server.LabelStudio]:
    if not server.GENERATOR.is_file():
        pytest.skip("NOT RUN: ../shared is not beside this clone")
    if not server.is_installed():
        pytest.skip(server.ADVICE)
    with server.running(folder) as started:
        yield started


@pytest.fixture(scope="session")
def original(label_studio: server.LabelStudio) -> Site:
    """Label Studio itself."""
    return Site(label_studio.address, label_studio.legacy_token, label_studio.project_id)


@pytest.fixture(scope="session")
def sdk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sdk]:
    """A process with the SDK, which does not outlive the session's."""
    started = Sdk(tmp_path_factory.mktemp("sdk"))
    yield started
    started.close()
