"""A real Label Studio, and its SDK."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.platforms.label_studio import ours, server, template
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
    need_label_studio()
    with template.running(folder) as started:
        yield started


def need_label_studio() -> None:
    """Skip loudly where it is not installed (in CI that fails), or ``../shared`` is not there."""
    if not template.GENERATOR.is_file():
        pytest.skip("NOT RUN: ../shared is not beside this clone")
    if not server.is_installed():
        pytest.skip(server.ADVICE)


@pytest.fixture(scope="session")
def original(label_studio: server.LabelStudio) -> Site:
    """Label Studio itself."""
    told = label_studio
    return Site(f"{told.address}/", told.legacy_token, told.project_id, told.refresh_token)


@pytest.fixture(scope="session")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An installation of ours with the same tasks, as Label Studio's own JSON has them."""
    need_label_studio()
    with ours.running(tmp_path_factory.mktemp("here")) as started:
        tasks = tmp_path_factory.mktemp("tasks") / "tasks.json"
        tasks.write_bytes((template.made_there() / "edge" / "JSON").read_bytes())
        started.bring(tasks, "Edge tasks")
        yield started.site("Edge tasks")


@pytest.fixture(params=["original", "here"])
def site(request: pytest.FixtureRequest, shared: Path) -> Site:
    """Whoever speaks as Label Studio does: Label Studio itself, which proves the tests, and ours."""
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="session")
def sdk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sdk]:
    """A process with the SDK, which does not outlive the session's."""
    started = Sdk(tmp_path_factory.mktemp("sdk"))
    yield started
    started.close()
