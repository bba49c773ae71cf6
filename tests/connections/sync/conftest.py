"""A toy platform with a project that is mirrored."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from connections.models import Connection, Project
from connections.store.models import StoreRow
from connections.sync.actions import mirror_project, request_sync, sync_now
from connections.sync.models import AUTO, SyncRun
from exportadmin.lib.actor import system
from exportadmin.runs import statuses
from exportadmin.runs.execute import execute
from tests.connections.platforms import toy

MINUTE = 60_000
ME = system("test")


def remote_row(number: int, *, status: str = "review", updated_at: int = 0, **more: Any) -> dict[str, Any]:
    """As a toy platform holds it."""
    return {
        "file_id": f"file-{number:03}",
        "file_name": f"{number}.jpg",
        "file_status": status,
        "file_metadata": {"image_width": 640, "image_height": 480},
        "created_at": 1_758_605_248_989,
        "updated_at": updated_at,
        "latest_answer": [
            {
                "question_name": "car",
                "question_type": "polygon",
                "answer": [{"x": 1, "y": 1}, {"x": 9, "y": 1}, {"x": 9, "y": number % 400 + 2}],
            }
        ],
        **more,
    }


@pytest.fixture(autouse=True)
def own_home(tmp_path, settings):
    settings.EXPORTADMIN_HOME = tmp_path / "home"
    settings.EXPORTADMIN_HOME.mkdir()


@pytest.fixture
def server() -> Iterator[toy.ToyServer]:
    with toy.registered() as held:
        held.rows["remote"] = [remote_row(number) for number in range(30)]
        yield held


@pytest.fixture
def toys(db: None) -> Connection:
    return Connection.objects.create(name="Toys", kind="toy")


@pytest.fixture
def mirrored(server: toy.ToyServer, toys: Connection) -> Project:
    return mirror_project(connection=toys, external_id="remote", actor=ME)


@pytest.fixture
def sync(server: toy.ToyServer, mirrored: Project) -> Callable[..., SyncRun]:
    """Syncs one after another, an hour of the platform's between them."""

    def run(mode: str = AUTO) -> SyncRun:
        server.now_ms += 60 * MINUTE
        return sync_now(project=mirrored, actor=ME, mode=mode)

    return run


def keys(project: Project) -> set[str]:
    return set(StoreRow.objects.filter(project=project).values_list("global_key", flat=True))


@dataclass
class Course:
    """How a run went: what it said while it waited, and its end."""

    run: SyncRun
    waited: list[str] = field(default_factory=list)


def carried_out(project: Project, mode: str = "auto", before_each: Callable[[], None] = lambda: None) -> Course:
    """By workers, one step after another, without the waits between them."""
    course = Course(request_sync(project=project, actor=ME, mode=mode))
    for _ in range(12):
        before_each()
        SyncRun.objects.filter(pk=course.run.pk).update(not_before=None)
        execute("sync", course.run.pk)
        course.run.refresh_from_db()
        if course.run.status in statuses.TERMINAL:
            return course
        course.waited.append(course.run.error)
    pytest.fail(f"no end: {course.waited}")
