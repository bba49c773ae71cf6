"""Two projects with everything that REST can name, and the people around the first of them.

* **Sue** is the superuser.
* **Alice** is admin, **Oscar** operator, **Rita** reviewer of the own project; nothing to each other one.
* **Mallory** has an account and no business with either.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client

from connections.access.models import ApiToken, Membership
from connections.access.tokens import issue_token
from connections.models import Connection, Project
from connections.store.imports.actions import ImportSpec, begin_upload, import_here
from connections.store.models import ImportRun, StoreModelRun
from connections.store.upsert import write_rows
from connections.sync.models import SyncRun
from exportadmin.lib.actor import Actor
from exportadmin.runs import statuses
from exports import actions, config_actions, slice_actions
from exports.links import actions as link_actions
from exports.models import Artifact, ExportConfig, ExportReport, Link, Proof, Slice
from exports.models.proof import FULL
from exports.run import proofs
from exports.spec.spec import ExportSpec
from tests.support.cast import PASSWORD
from tests.support.deliveries import delivery_folder
from tests.support.rows import mixed

SHELL = Actor(kind="user", name="tester", channel="shell")
API = "/api/v1/"
OWN, FOREIGN = "Street scenes", "Secret harbour"
PEOPLE = ("mallory", "rita", "oscar", "alice", "sue")
ROWS = 40


class Rest:
    """A script: calls with a token (or none), JSON in and out."""

    def __init__(self, key: str | None = None, **more: Any) -> None:
        headers = {"Authorization": f"Bearer {key}"} if key is not None else {}
        self.client = Client(headers=headers, **more)

    def get(self, path: str, query: dict[str, Any] | None = None, **more: Any) -> Any:
        return self.client.get(self._path(path), query or {}, **more)

    def head(self, path: str, query: dict[str, Any] | None = None, **more: Any) -> Any:
        return self.client.head(self._path(path), query or {}, **more)

    def post(self, path: str, body: Any = None, **more: Any) -> Any:
        return self.send("POST", path, body, **more)

    def put(self, path: str, body: Any = None, **more: Any) -> Any:
        return self.send("PUT", path, body, **more)

    def patch(self, path: str, body: Any = None, **more: Any) -> Any:
        return self.send("PATCH", path, body, **more)

    def delete(self, path: str, **more: Any) -> Any:
        return self.send("DELETE", path, **more)

    def send(self, method: str, path: str, body: Any = None, *, content_type: str = "application/json", **more: Any):
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        return self.client.generic(method, self._path(path), data, content_type, **more)

    def _path(self, path: str) -> str:
        return path if path.startswith(("/", "http")) else API + path


@dataclass
class Place:
    """A project with what it can have."""

    project: Project
    done: ExportReport
    table: ExportReport
    waiting: ExportReport
    failed: ExportReport
    artifact: Artifact
    table_artifact: Artifact
    config: ExportConfig
    slice: Slice
    link: Link
    link_token: str
    imported: ImportRun
    uploading: ImportRun
    proof: Proof
    synced: SyncRun
    syncing: SyncRun
    token_id: str = ""
    connection: Connection | None = None
    # of Label Studio's dialect: a snapshot, another one that waits, a view
    snapshot: ExportReport | None = None
    unmade: ExportReport | None = None
    view: ExportConfig | None = None
    # of Diffgram's: an export
    diffgram: ExportReport | None = None
    # of Labelbox's
    task: ExportReport | None = None

    @property
    def names(self) -> list[str]:
        """What tells of it."""
        reports = [self.done, self.table, self.waiting, self.failed]
        ids = [self.project.public_id, self.artifact.public_id, self.config.public_id, self.link.public_id]
        return [
            self.project.name,
            self.config.name,
            self.artifact.name,
            *(one.name for one in reports),
            *ids,
            self.imported.file_name,
            *([self.connection.name, self.connection.public_id] if self.connection else []),
            *(one.name for one in (self.snapshot, self.unmade, self.view, self.diffgram, self.task) if one),
        ]


@dataclass
class World:
    """``people`` by name."""

    people: dict[str, User]
    own: Place
    foreign: Place

    def token(self, person: str, *scopes: str, project: Project | None = None, **more: Any) -> tuple[ApiToken, str]:
        user = self.people[person]
        wanted = scopes or ("admin",)
        return issue_token(user=user, name="script", scopes=wanted, actor=SHELL, project=project, **more)

    def script(self, person: str, *scopes: str, **more: Any) -> Rest:
        """Someone's script, with a token of its own."""
        return Rest(self.token(person, *scopes, **more)[1])

    def dialect_client(self, person: str | None, *scopes: str, project: Project | None = None, **more: Any) -> Client:
        """Someone's script made for another platform, with a token of ours in the places of that one's keys."""
        if person is None:
            return Client(**more)
        token, key = self.token(person, *scopes, project=project)
        labellerr = {"HTTP_API_KEY": token.public_id, "HTTP_API_SECRET": key, "HTTP_CLIENT_ID": "1234"}
        return Client(**labellerr, HTTP_AUTHORIZATION=f"Token {key}", **more)

    def basic_client(self, person: str, **more: Any) -> Client:
        """Someone's script that sends a token's id and key as Basic auth."""
        token, key = self.token(person)
        pair = base64.b64encode(f"{token.public_id}:{key}".encode()).decode()
        return Client(HTTP_AUTHORIZATION=f"Basic {pair}", **more)

    def browser(self, person: str | None, **more: Any) -> Client:
        """Someone's browser, signed in."""
        client = Client(**more)
        if person is not None:
            client.force_login(self.people[person])
        return client


def build() -> World:
    """Committed: exports read through a connection of their own."""
    make = get_user_model().objects
    people = {name: make.create_user(name, f"{name}@example.test", PASSWORD) for name in PEOPLE[:-1]}
    people["sue"] = make.create_superuser("sue", "sue@example.test", PASSWORD)
    connection = Connection.objects.create(name="Built-in store", kind="store")
    own, foreign = place(connection, OWN), place(connection, FOREIGN)
    for name, role in {"alice": "admin", "oscar": "operator", "rita": "reviewer"}.items():
        Membership.objects.create(project=own.project, user=people[name], role=role)
    return World(people, own, foreign)


def place(connection: Connection, name: str) -> Place:
    project = Project.objects.create(connection=connection, name=name)
    write_rows(project, mixed(ROWS), now_ms=1_000)
    StoreModelRun.objects.create(project=project, run_id="run-1", name="v1", model_id="model-1", model_name="A model")

    def run(format: str) -> ExportReport:
        report = actions.run_now(
            project=project,
            spec=ExportSpec.parse({"format": format}, project),
            actor=SHELL,
            name=f"{name} {format} run",
        )
        assert report.status == statuses.COMPLETED, report.error
        return report

    done, table = run("ndjson"), run("csv")
    spec = ExportSpec.parse({"format": "json", "statuses": ["accepted"]}, project)
    waiting = actions.request_export(project=project, spec=spec, actor=SHELL, name=f"{name} waiting run")
    failed = actions.request_export(project=project, spec=spec, actor=SHELL, name=f"{name} failed run")
    ExportReport.objects.filter(pk=failed.pk).update(status=statuses.FAILED, error="the disk is full")
    failed.refresh_from_db()
    config = config_actions.save_config(
        project=project, name=f"{name} config", spec=ExportSpec.parse({"format": "json"}, project), actor=SHELL
    )
    artifact = done.artifacts.get()
    link, token = link_actions.issue_link(artifact=artifact, actor=SHELL)
    imported, uploading = imports(project)
    with transaction.atomic():
        proof = proofs.create(table, FULL, SHELL)
    files = artifact, table.artifacts.get()
    synced = SyncRun.objects.create(project=project, status=statuses.COMPLETED)
    syncing = SyncRun.objects.create(project=project)
    runs = imported, uploading, proof, synced, syncing
    slice = slice_actions.save_slice(
        project=project, name=f"{name} slice", filter={"global_keys": ["nosuch"]}, actor=SHELL
    )
    return Place(project, done, table, waiting, failed, *files, config, slice, link, token, *runs)


def imports(project: Project) -> tuple[ImportRun, ImportRun]:
    """One whose only row was refused, and one whose file is still being sent."""
    name = f"{project.name} rows.ndjson"
    path = Path(settings.EXPORTADMIN_HOME) / f"{project.public_id}.ndjson"
    path.write_text("7\n")
    spec = ImportSpec(project.public_id, name, format="ndjson")
    return import_here(spec=spec, path=path, actor=SHELL), begin_upload(spec=spec, actor=SHELL, bytes_total=1000)


def whole(response: Any) -> bytes:
    """The body, streamed or not."""
    return b"".join(response.streaming_content) if response.streaming else response.content


def folder_of(report: ExportReport) -> Path:
    return delivery_folder(report)
