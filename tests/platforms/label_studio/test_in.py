"""A project of a real Label Studio, mirrored: counts, changes, what is gone, and what goes wrong there."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests

from connections.connection_actions import create_connection
from connections.models import Connection, Project
from connections.platforms import remote
from connections.platforms.base import Wanted
from connections.platforms.label_studio.platform import LabelStudioPlatform
from connections.store.models import StoreRow
from connections.sync.actions import mirror_project
from exportadmin.lib.errors import PermanentError
from exportadmin.runs import statuses
from tests.connections.platforms.contract import PlatformContract, Side
from tests.connections.sync.conftest import ME, Course, carried_out
from tests.exportadmin.runs.world import until
from tests.platforms.label_studio import ours, template
from tests.platforms.label_studio.reading import BRUSH, regions
from tests.platforms.label_studio.server import LabelStudio
from tests.platforms.label_studio.template import TASKS
from tests.rest.world import SHELL

SMALL = 40
SKIPPED = SMALL // 10
# of a project with other kinds than boxes it makes an empty VOC, and says that all is well
EMPTY_THERE = ("VOC",)
NOT_IN_COCO = "regions of the snapshot that are not in the file"
CHANGED = TASKS // 100


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, settings: Any) -> None:
    settings.EXPORTADMIN_HOME = tmp_path / "near"
    settings.EXPORTADMIN_HOME.mkdir()


def connected(there: LabelStudio, token: str, name: str = "Label Studio") -> Connection:
    address = there.address.removeprefix("http://")
    config = {"base_address": there.address, "private_address": address}
    return create_connection(kind="label_studio", name=name, config=config, secrets={"token": token}, actor=SHELL)


# --- the contract of platforms ---------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def small(label_studio: LabelStudio) -> int:
    """A project of a few tasks, for what is made of all of them again and again."""
    return label_studio.new_project("Small", template.label_config(), template.edge_tasks(SMALL))


@pytest.mark.django_db
class TestRealLabelStudio(PlatformContract):
    @pytest.fixture
    def side(self, label_studio: LabelStudio, small: int, shared: Path, db: None) -> Side:
        platform = LabelStudioPlatform(connected(label_studio, label_studio.refresh_token))
        return Side(platform, str(small), SMALL, lambda found, what: until(found, what, 120))

    def test_every_format_is_made_and_fetched(self, side: Side, tmp_path: Path):
        """Of those that it has for the project. What of the snapshot is not in a file is told."""
        listed = side.platform.client.formats(side.external_id)
        names = [one["name"] for one in listed if not one.get("disabled")]
        known = {one.key for one in side.platform.remote_formats}
        assert known >= set(names) - {"DOCLANG"}
        for name in names:
            folder = tmp_path / name
            folder.mkdir()
            wanted = Wanted(f"contract-{name}", name, "all of it")
            if name in EMPTY_THERE:
                with pytest.raises(PermanentError, match="the file holds nothing, and its snapshot has 40 tasks"):
                    side.fetched(wanted, folder)
                continue
            (file,) = side.fetched(wanted, folder)
            assert file.bytes
            # tasks that were skipped are in JSON alone
            assert file.rows in (None, SMALL if name == "JSON" else SMALL - SKIPPED), (name, file.rows)
            if name == "COCO":
                lost = [count for note, count in file.notes.items() if note.startswith(NOT_IN_COCO)]
                assert lost == [brush_regions(template.edge_tasks(SMALL))]


def brush_regions(tasks: list[dict[str, Any]]) -> int:
    return sum(one.form == BRUSH for task in tasks for one in regions(task))


# --- a mirror, over REST ---------------------------------------------------------------------------------------------


class Rest:
    """Of an installation, as sue."""

    def __init__(self, here: ours.Ours) -> None:
        self._base, self._headers = f"{here.address}/api/v1/", {"Authorization": f"Bearer {here.token['key']}"}

    def call(self, method: str, path: str, body: Any = None) -> Any:
        answer = requests.request(method, self._base + path, json=body, headers=self._headers, timeout=60)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text[:500]}"
        return answer.json() if answer.content else None

    def synced(self, project: str, mode: str) -> dict[str, Any]:
        """A sync at its end, which is a good one."""
        sync_id = self.call("POST", "syncs/", {"project": project, "mode": mode})["sync_id"]

        def ended() -> dict[str, Any] | None:
            told: dict[str, Any] = self.call("GET", f"syncs/{sync_id}/")
            return None if told["status"] in ("queued", "running") else told

        told = until(ended, f"the {mode} sync", 300)
        assert (told["status"], told["error"]) == ("completed", "")
        return told


def counted(there: LabelStudio, project: int) -> tuple[int, Counter[str]]:
    """Tasks of a project, and its regions and answers by type, in Label Studio's own database."""
    ((tasks,),) = there.query("SELECT count(*) FROM task WHERE project_id = ?", project)
    found = there.query(
        "SELECT json_extract(one.value, '$.type'), count(*) FROM task_completion AS made, json_each(made.result) AS one"
        " WHERE made.project_id = ? GROUP BY 1",
        project,
    )
    return tasks, Counter(dict(found))


def test_a_mirror_has_what_is_there_then_what_changed_then_no_more_what_is_gone(
    own_label_studio: LabelStudio, tmp_path: Path
):
    there = own_label_studio
    with ours.running(tmp_path / "here") as here:
        rest = Rest(here)
        address = there.address.removeprefix("http://")
        body = {
            "kind": "label_studio",
            "name": "Studio",
            "config": {"base_address": there.address, "private_address": address},
            "secrets": {"token": there.refresh_token},
        }
        connection = rest.call("POST", "connections/", body)["id"]
        steps = rest.call("POST", f"connections/{connection}/test/")["steps"]
        assert [step["state"] for step in steps] == ["passed"] * len(steps), steps
        mirror = rest.call("POST", f"connections/{connection}/projects/", {"external_id": str(there.project_id)})
        project = mirror["project"]["id"]

        first = rest.synced(project, "full")
        tasks, marks = counted(there, there.project_id)
        assert (first["summary"]["rows"], first["summary"]["created"]) == (tasks, TASKS)
        assert first["summary"]["annotations"] == marks.total()
        assert first["summary"]["refused_count"] == 0
        until(lambda: exports(there) == [], "nothing of the snapshot is left there")

        changed = [number for (number,) in there.query("SELECT id FROM task WHERE project_id = 1 ORDER BY id")]
        for number in changed[:: TASKS // CHANGED]:
            result = [{"type": "choices", "from_name": "quality", "to_name": "image", "value": {"choices": ["good"]}}]
            there.made("POST", f"/api/tasks/{number}/annotations/", {"result": result})
        second = rest.synced(project, "auto")
        assert (second["mode"], second["summary"]["updated"], second["summary"]["created"]) == (
            "incremental",
            CHANGED,
            0,
        )

        until(lambda: there.query("SELECT count(*) FROM data_manager_view") == [(0,)], "nor of the view")
        for number in changed[5:10]:
            there.made("DELETE", f"/api/tasks/{number}/")
        third = rest.synced(project, "full")
        assert (third["summary"]["rows"], third["summary"]["gone"]) == (TASKS - 5, 5)
        assert (third["summary"]["created"], third["summary"]["updated"]) == (0, 0)
        folder = tmp_path / "delivery"
        done = here.installation.run(
            "run_export", project, "--format", "ndjson", "--labels", "all", "--no-sync-first", "--output", str(folder)
        )
        assert done.returncode == 0, done.stderr
        check_values = json.loads((folder / "manifest.json").read_bytes())["check_values"]
        assert (TASKS - 5, check_values["annotations"]) == (
            counted(there, there.project_id)[0],
            counted(there, there.project_id)[1].total(),
        )


# --- what goes wrong there -------------------------------------------------------------------------------------------


def ended_badly(there: LabelStudio, connection: Connection, words: str) -> None:
    """A sync of a project that is mirrored already fails, and says so."""
    project = Project.objects.get(connection=connection)
    course = carried_out(project, "full")
    assert course.run.status == statuses.FAILED
    assert words in course.run.error


@pytest.mark.django_db(transaction=True)
def test_keys_that_are_no_good_any_more_are_named_with_what_to_do(own_label_studio: LabelStudio):
    there = own_label_studio
    small = there.new_project("Small", template.label_config(), template.edge_tasks(SMALL))
    legacy = connected(there, there.legacy_token, "legacy")
    personal = connected(there, there.refresh_token, "personal")
    for connection in (legacy, personal):
        project = mirror_project(connection=connection, external_id=str(small), name=connection.name, actor=ME)
        course = carried_out(project)
        assert (course.run.status, course.run.summary["created"]) == (statuses.COMPLETED, SMALL)

    off = {"api_tokens_enabled": True, "api_token_ttl_days": 73_000, "legacy_api_tokens_enabled": False}
    there.made("POST", "/api/jwt/settings", off)
    step = "Label Studio, looking at the project: "
    answered = f"{step}{there.address} answered 401 (unauthorized): "
    ended_badly(there, legacy, f"{answered}legacy tokens are switched off there")
    access = requests.post(f"{there.address}/api/token/refresh/", json={"refresh": there.refresh_token}, timeout=60)
    bearer = {"Authorization": f"Bearer {access.json()['access']}"}
    on = {**off, "legacy_api_tokens_enabled": True}
    assert requests.post(f"{there.address}/api/jwt/settings", json=on, headers=bearer, timeout=60).ok

    assert there.call("POST", "/api/token/blacklist/", {"refresh": there.refresh_token}).status_code == 204
    ended_badly(there, personal, f"{step}{there.address} takes the personal access token no more")
    assert there.call("POST", "/api/current-user/reset-token/").ok
    ended_badly(there, legacy, f"{answered}the token is wrong, has ended or was withdrawn")


class Clock:
    """That of waiting for a platform: a minute passes with each step."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
        self.ahead = 0.0
        monkeypatch.setattr(remote, "time", SimpleNamespace(time=lambda: time.time() + self.ahead))
        settings.PLATFORM_PATIENCE = 120.0

    def step(self) -> None:
        self.ahead += 60.0


@pytest.mark.django_db(transaction=True)
def test_a_server_that_is_killed_in_a_snapshot_is_not_waited_for_for_ever(
    own_label_studio: LabelStudio, monkeypatch: pytest.MonkeyPatch, settings: Any
):
    there, clock = own_label_studio, Clock(monkeypatch, settings)
    project = mirror_project(
        connection=connected(there, there.legacy_token), external_id=str(there.project_id), actor=ME
    )

    begins = threading.Event()

    def kill_in_the_snapshot() -> None:
        until(lambda: exports(there) == ["in_progress"], "a snapshot under way", 120)
        begins.set()
        there.kill()

    def next_step() -> None:
        clock.step()
        if begins.is_set() and killer.is_alive():  # no step is taken while it dies
            killer.join()
        if there.process is None:
            there.start()

    killer = threading.Thread(target=kill_in_the_snapshot)
    killer.start()
    course = carried_out(project, "full", before_each=next_step)
    assert there.process is not None, "it was not killed"
    assert course.run.status == statuses.FAILED
    assert "Label Studio has said 'in_progress' of export" in course.run.error
    assert "whose server was stopped, says so for ever" in course.run.error
    assert any("whose answer was lost" in waited or "the answer to the request" in waited for waited in course.waited)
    assert not StoreRow.objects.filter(project=project).exists()

    again = carried_out(project, "full")
    assert (again.run.status, again.run.summary["created"]) == (statuses.COMPLETED, TASKS)


def exports(there: LabelStudio) -> list[str]:
    """How all snapshots stand, in its own database."""
    return [word for (word,) in there.query("SELECT status FROM data_export_export")]


@pytest.mark.django_db(transaction=True)
def test_a_database_that_is_locked_there_is_waited_for_and_nothing_is_made_twice(
    own_label_studio: LabelStudio, monkeypatch: pytest.MonkeyPatch
):
    there = own_label_studio
    monkeypatch.setattr(remote, "LOST_SECONDS", 0.0)
    small = there.new_project("Small", template.label_config(), template.edge_tasks(SMALL))
    project = mirror_project(connection=connected(there, there.legacy_token), external_id=str(small), actor=ME)
    with locked(there) as unlock:
        steps = iter([None, unlock])

        def next_step() -> None:
            (next(steps, None) or (lambda: None))()

        course: Course = carried_out(project, "full", before_each=next_step)
    assert (course.run.status, course.run.summary["created"]) == (statuses.COMPLETED, SMALL)
    assert any("answered 500" in waited for waited in course.waited), course.waited
    assert exports(there) == []


@contextlib.contextmanager
def locked(there: LabelStudio) -> Iterator[Any]:
    """Somebody else writes into its database, until the function that comes back is called."""
    database = sqlite3.connect(there.data / "label_studio.sqlite3", isolation_level=None)
    with contextlib.closing(database):
        database.execute("BEGIN EXCLUSIVE")
        yield lambda: database.execute("ROLLBACK") if database.in_transaction else None
