"""A platform of the tests' own, kept in memory: what it holds and how it misbehaves is set from outside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

import orjson

from connections.adapters import PASSED, ConnectionField, SecretField, Step
from connections.models import Connection
from connections.platforms import PLATFORMS
from connections.platforms.base import (
    Made,
    NothingThereError,
    OnBytes,
    Platform,
    Ready,
    RemoteExport,
    RemoteFile,
    RemoteFormat,
    RemoteOption,
    RemoteProject,
    RemoteRow,
    Standing,
    Waiting,
    Wanted,
)
from exportadmin.lib.errors import PermanentError, UserError


@dataclass
class ToyServer:
    """What a platform holds: rows by project, as the importer ``labellerr_json`` reads them, and what was exported.

    ``before`` is called with the name of each method before it is carried out, ``after`` before it answers; both may
    raise. ``looks`` are answered one after another, the last one again and again. ``now_ms`` is its clock.
    """

    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    exports: dict[str, tuple[str, Wanted, bytes]] = field(default_factory=dict)
    before: Callable[[str], None] = lambda step: None
    after: Callable[[str], None] = lambda step: None
    looks: list[Standing] = field(default_factory=lambda: [Ready("Created")])
    now_ms: int = 1_764_000_000_000
    # rows that it puts into every file beside those that were selected
    ignored: list[dict[str, Any]] = field(default_factory=list)
    # what its list of projects leaves out
    left_out: list[str] = field(default_factory=list)
    # has an export to a bucket put there: (place, its bytes)
    deliver: Callable[[str, bytes], None] = lambda place, content: None

    def select(self, project: str, wanted: Wanted) -> list[dict[str, Any]]:
        """The rows that the request selects; ``updated_at`` of a row is when it changed."""
        selected = [
            row
            for row in self.rows[project]
            if (not wanted.statuses or row["file_status"] in wanted.statuses)
            and (wanted.updated_after_ms is None or row.get("updated_at", 0) > wanted.updated_after_ms)
        ]
        return [{key: value for key, value in row.items() if key != "updated_at"} for row in selected] + self.ignored


class ToyPlatform(Platform):
    """Reaches :attr:`server`, whatever the connection says."""

    key = "toy"
    title = "Toy"
    help = "Holds rows of the tests."
    importer = "labellerr_json"
    tells_changes = True
    statuses: ClassVar[dict[str, str]] = {"review": "Review", "accepted": "Accepted"}
    remote_formats: ClassVar[Sequence[RemoteFormat]] = (RemoteFormat("json", "JSON"),)
    remote_options: ClassVar[Sequence[RemoteOption]] = (
        RemoteOption("questions", "Questions", "of which the answers are exported", many=True),
        RemoteOption("folder", "Folder", "bucket/path/ into which Toy delivers itself"),
    )
    mirror_options: ClassVar[Sequence[RemoteOption]] = (
        RemoteOption("drafts", "Drafts", "what is not done", choices=(("no", "No"), ("yes", "Yes"))),
    )
    connection_fields: ClassVar[tuple[ConnectionField, ...]] = (
        ConnectionField("base_address", "Address", "where it is, such as https://toy.example", is_required=True),
    )
    connection_secrets: ClassVar[tuple[SecretField, ...]] = (
        SecretField("key", "Key", "what opens it, such as abc", is_required=True),
    )
    server: ClassVar[ToyServer] = ToyServer()

    @classmethod
    def test(cls, connection: Connection) -> Iterator[Step]:
        yield Step("reach", "Reach it", PASSED)

    def projects(self) -> Iterator[RemoteProject]:
        self.left_out = self.server.left_out
        for name in self._step("projects", sorted(self.server.rows)):
            yield RemoteProject(name, f"Project {name}", "image")

    def project(self, external_id: str) -> RemoteProject:
        if external_id not in self.server.rows:
            raise PermanentError(f"there is no project {external_id!r}")
        return RemoteProject(external_id, f"Project {external_id}", "image")

    def for_sync(self, name: str, since_ms: int | None, options: Mapping[str, Any] = MappingProxyType({})) -> Wanted:
        return Wanted(name, "json", updated_after_ms=since_ms)

    def ask(self, external_id: str, wanted: Wanted) -> Made:
        self.server.before("ask")
        if not (rows := self.server.select(external_id, wanted)):
            raise NothingThereError("no rows")
        remote_id = self.make(external_id, wanted, rows)
        self.server.after("ask")
        return Made(remote_id, self.server.now_ms)

    def make(self, external_id: str, wanted: Wanted, rows: list[dict[str, Any]]) -> str:
        """As others have one made there, too."""
        remote_id = f"remote-{len(self.server.exports) + 1}"
        self.server.exports[remote_id] = (external_id, wanted, orjson.dumps(rows))
        if place := self.delivers_to(wanted):
            self.server.deliver(place, orjson.dumps(rows))
        return remote_id

    def check_wanted(self, wanted: Wanted) -> Wanted:
        if wanted.format != "json":
            raise UserError(f"Toy makes no {wanted.format!r}; known: json", field="platform_export")
        return super().check_wanted(wanted)

    def delivers_to(self, wanted: Wanted) -> str:
        return f"s3://{wanted.options['folder']}" if "folder" in wanted.options else ""

    def rows_of(self, file: RemoteFile, wanted: Wanted) -> Iterator[RemoteRow]:
        for row in orjson.loads(file.path.read_bytes()):
            yield RemoteRow(row["file_id"], row.get("file_status"), row.get("shown_updated_at"))

    def find(self, external_id: str, name: str) -> str | None:
        found = [
            key
            for key, (project, wanted, _) in self.server.exports.items()
            if (project, wanted.name) == (external_id, name)
        ]
        return self._step("find", found[0] if found else None)

    def look(self, external_id: str, remote_id: str, wanted: Wanted | None = None) -> Standing:
        if remote_id not in self.server.exports:
            raise PermanentError(f"there is no export {remote_id!r}")
        looks = self.server.looks
        return self._step("look", looks.pop(0) if len(looks) > 1 else looks[0])

    def fetch(
        self, external_id: str, remote_id: str, wanted: Wanted, folder: Path, on_bytes: OnBytes
    ) -> list[RemoteFile]:
        self.server.before("fetch")
        content = self.server.exports[remote_id][2]
        path = folder / "export.json"
        path.write_bytes(content)
        on_bytes(len(content))
        self.server.after("fetch")
        rows = orjson.loads(content)
        by_status = Counter(row["file_status"] for row in rows)
        return [RemoteFile(path, path.name, "application/json", len(content), len(rows), by_status)]

    def exports(self, external_id: str) -> list[RemoteExport]:
        return [
            RemoteExport(key, wanted.name, Waiting("Processing"), self.server.now_ms)
            for key, (project, wanted, _) in reversed(self.server.exports.items())
            if project == external_id
        ]

    def _step(self, name: str, answer: Any) -> Any:
        self.server.before(name)
        self.server.after(name)
        return answer


@contextmanager
def registered() -> Iterator[ToyServer]:
    """Meanwhile there is such a platform to connect to, and this is what it holds."""
    PLATFORMS.register(ToyPlatform.key, ToyPlatform)
    ToyPlatform.server = ToyServer()
    try:
        yield ToyPlatform.server
    finally:
        PLATFORMS.unregister(ToyPlatform.key)
