"""Labellerr as a platform."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from time import monotonic
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.conf import settings

from connections.adapters import PRIVATE_ADDRESS, ConnectionField, SecretField, Step
from connections.models import Connection
from connections.platforms import fields
from connections.platforms.base import (
    Failed,
    Made,
    NewRemoteConnection,
    OnBytes,
    Platform,
    Ready,
    RemoteConnection,
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
from connections.platforms.labellerr import names
from exportadmin.lib.errors import ExportAdminError, UserError
from exportadmin.lib.masking import remember, scrub
from exportadmin.lib.text import check_line
from exportadmin.lib.times import parse_ms

if TYPE_CHECKING:
    from connections.platforms.labellerr.client import Client

LOCAL, S3 = "local", "s3"
ALL_QUESTIONS: Final = ["all"]
_CREATED: Final = frozenset({"created", "completed"})
_PROCESSING: Final = "processing"
MAX_NAME: Final = 200
_Json = dict[str, Any]


class LabellerrPlatform(Platform):
    """See ``client.py`` for the wire and ``rows.py`` for the files."""

    key = "labellerr"
    title = "Labellerr"
    help = "Mirrors projects of Labellerr, and has exports made there."
    importer = "labellerr_json"
    tells_changes = True
    has_remote_connections = True
    statuses: ClassVar[Mapping[str, str]] = names.STATUSES
    untold: ClassVar[Mapping[str, str]] = names.UNTOLD
    stand_ins: ClassVar[Mapping[str, str]] = names.STAND_INS
    connection_fields: ClassVar[tuple[ConnectionField, ...]] = (
        ConnectionField(
            "base_address",
            "Base address",
            "of its API, such as https://api.labellerr.com; a path may follow, as in https://host/dialects/labellerr",
            default=names.DEFAULT_ADDRESS,
            parse=names.base_address,
        ),
        ConnectionField(
            "client_id",
            "Client id",
            "of your workspace, as Labellerr shows it, such as 1234",
            is_required=True,
            parse=names.client_id,
        ),
        ConnectionField(
            "email",
            "E-mail",
            "of the key's user, such as me@example.com, for Labellerr's own connections to buckets; empty: the API key "
            "is sent for it, as Labellerr's SDK does",
            parse=names.email,
        ),
        ConnectionField(
            PRIVATE_ADDRESS,
            "Private address",
            "host:port of an API within your own network; empty: public addresses only",
            parse=fields.private_address,
            warning="Whoever may use this connection then reaches that address from this machine.",
        ),
    )
    connection_secrets: ClassVar[tuple[SecretField, ...]] = (
        SecretField("api_key", "API key", "as Labellerr shows it", is_required=True, parse=fields.secret),
        SecretField("api_secret", "API secret", "what belongs to it", is_required=True, parse=fields.secret),
    )
    remote_formats: ClassVar[tuple[RemoteFormat, ...]] = (
        RemoteFormat("json", "JSON", "Labellerr's own, an object a file"),
        RemoteFormat("coco_json", "COCO JSON", "ids from 0, with Labellerr's keys beside"),
        RemoteFormat("csv", "CSV", "a line a record"),
        RemoteFormat("png", "PNG masks", "a mask a file"),
    )
    remote_options: ClassVar[tuple[RemoteOption, ...]] = (
        RemoteOption("question_ids", "Questions", "ids of the template's questions; none: all", many=True),
        RemoteOption(
            "destination",
            "Destination",
            "where Labellerr puts the file",
            choices=((LOCAL, "Fetched from Labellerr"), (S3, "Delivered by Labellerr to S3")),
        ),
        RemoteOption(
            "connection_id",
            "Labellerr's connection",
            "for S3: the id of one of Labellerr's own connections",
            is_connection=True,
        ),
        RemoteOption("folder", "Folder", "for S3: bucket_name/path/to/folder/"),
    )

    @classmethod
    def test(cls, connection: Connection) -> Iterator[Step]:
        from connections.platforms.labellerr import steps

        yield from steps.run(connection)

    @cached_property
    def client(self) -> Client:
        """Whoever only asks what there is to connect to does not load it."""
        from connections.platforms.labellerr.client import Client

        return Client(self.connection)

    # --- projects ----------------------------------------------------------------------------------------------------

    def projects(self) -> Iterator[RemoteProject]:
        """Those that the list does not say all of are asked about one by one; one that cannot be read is listed so."""
        until = monotonic() + settings.PLATFORM_ANSWER_SECONDS
        for item in self.client.projects():
            project_id = item.get("project_id")
            if not isinstance(project_id, str) or not project_id:
                continue
            if not item.get("project_name") or not item.get("data_type"):
                if monotonic() > until:  # somebody waits
                    item = {**item, "error": "it was not asked about: the platform takes too long"}
                else:
                    try:
                        item = {**item, **self.client.project(project_id)}
                    except ExportAdminError as error:
                        item = {**item, "error": str(error)}
            yield _project(project_id, item)

    def project(self, external_id: str) -> RemoteProject:
        return _project(external_id, self.client.project(external_id))

    # --- exports -----------------------------------------------------------------------------------------------------

    def for_sync(self, name: str, since_ms: int | None, options: Mapping[str, Any] = MappingProxyType({})) -> Wanted:
        return Wanted(name, "json", "A mirror by Export Admin", tuple(names.STATUSES), updated_after_ms=since_ms)

    def check_wanted(self, wanted: Wanted) -> Wanted:
        """With what Labellerr demands filled in: a description, statuses (none: all)."""
        wanted = super().check_wanted(wanted)
        check_line(wanted.name, "name")
        if not 0 < len(wanted.name) <= MAX_NAME:
            raise UserError(f"name has {len(wanted.name)} characters: 1 to {MAX_NAME} are right", field="name")
        if not wanted.format:
            known = ", ".join(one.key for one in self.remote_formats)
            raise UserError(f"format is missing: Labellerr knows {known}", field="format")
        for status in wanted.statuses:
            if status not in names.STATUSES:
                known = ", ".join(names.STATUSES)
                raise UserError(f"unknown status {status[:60]!r}; Labellerr has {known}", field="statuses")
        if wanted.updated_after_ms is not None and wanted.updated_after_ms < 0:
            raise UserError("updated_after is before 1970", field="updated_after")
        return replace(
            wanted,
            description=wanted.description or wanted.name,
            statuses=wanted.statuses or tuple(names.STATUSES),
            options=self._options(wanted.options),
        )

    def _options(self, options: Mapping[str, Any]) -> dict[str, Any]:
        questions = options.get("question_ids") or ALL_QUESTIONS
        if not isinstance(questions, list | tuple) or not all(isinstance(one, str) and one for one in questions):
            raise UserError("question_ids is a list of ids, or left out for all", field="question_ids")
        found: dict[str, Any] = {"question_ids": list(questions), "destination": options.get("destination") or LOCAL}
        given = {name: str(options.get(name) or "") for name in ("connection_id", "folder")}
        if found["destination"] == LOCAL:
            for name, value in given.items():
                if value:
                    raise UserError(f"{name} is for destination = s3", field=name)
            return found
        if found["destination"] != S3:
            raise UserError(f"unknown destination {found['destination']!r}; known: {LOCAL}, {S3}", field="destination")
        if found["question_ids"] != ALL_QUESTIONS:
            raise UserError("Labellerr delivers all questions to S3: leave question_ids out", field="question_ids")
        if not given["connection_id"]:
            raise UserError(
                "connection_id is missing: an export to S3 takes one of Labellerr's own connections, by its id",
                field="connection_id",
            )
        return found | {"connection_id": given["connection_id"], "folder": _folder(given["folder"])}

    def delivers_to(self, wanted: Wanted) -> str:
        if wanted.options.get("destination") != S3:
            return ""
        return f"s3://{_folder(str(wanted.options['folder']))}"

    def doubts(self, wanted: Wanted) -> list[str]:
        if any(wanted.format == one.key for one in self.remote_formats):
            return []
        known = ", ".join(one.key for one in self.remote_formats)
        return [f"Labellerr documents {known}; whether it makes {wanted.format!r} will be seen"]

    def ask(self, external_id: str, wanted: Wanted) -> Made:
        wanted = self.check_wanted(wanted)
        options = wanted.options
        body = {
            "export_name": wanted.name,
            "export_description": wanted.description,
            "export_format": wanted.format,
            "statuses": list(wanted.statuses),
            "question_ids": options["question_ids"],
            "export_destination": options["destination"],
            "connection_id": options.get("connection_id"),
            "export_folder_path": options.get("folder"),
            "updated_after_timestamp": wanted.updated_after_ms,
        }
        report_id, server_ms = self.client.create(external_id, body)
        return Made(report_id, server_ms)

    def find(self, external_id: str, name: str) -> str | None:
        found = [export for export in self.exports(external_id) if export.name == name]
        return found[-1].remote_id if found else None

    def look(self, external_id: str, remote_id: str, wanted: Wanted | None = None) -> Standing:
        item = self.client.statuses(external_id, [remote_id]).get(remote_id)
        if item is None:
            return Waiting("nothing of this export", is_known=False)
        standing = _standing(item)
        if not isinstance(standing, Ready) or standing.place:
            return standing
        if wanted is not None and wanted.options.get("destination") == S3:
            return Ready(standing.word, self.delivers_to(wanted))
        address = self.client.address(external_id, remote_id)
        if address.url or address.place:
            return Ready(standing.word, "" if address.url else address.place)
        return Waiting(f"{standing.word}, but no address of the file")

    def fetch(
        self, external_id: str, remote_id: str, wanted: Wanted, folder: Path, on_bytes: OnBytes
    ) -> list[RemoteFile]:
        from connections.platforms.labellerr import rows

        path = folder / "fetched"
        self.client.fetch(external_id, remote_id, path, on_bytes)
        return [rows.checked(path, remote_id, wanted)]

    def rows_of(self, file: RemoteFile, wanted: Wanted) -> Iterator[RemoteRow]:
        from connections.platforms.labellerr import rows

        yield from rows.told(file.path)

    def exports(self, external_id: str) -> list[RemoteExport]:
        found = []
        for item, is_completed in self.client.exports(external_id):
            if isinstance(report_id := item.get("report_id"), str) and report_id:
                name, created = item.get("export_name"), _moment(item.get("created_at"))
                standing = _standing({"is_completed": is_completed, **item})
                found.append(
                    RemoteExport(report_id, name if isinstance(name, str) else "", standing, created, _details(item))
                )
        # those that say no time stay where they are listed, behind the others
        return sorted(found, key=lambda one: -(one.created_ms or 0))

    # --- Labellerr's own connections ---------------------------------------------------------------------------------

    def remote_connections(self) -> list[RemoteConnection]:
        found = []
        until = monotonic() + settings.PLATFORM_ANSWER_SECONDS
        for item in self.client.connections():
            connection_id = item.get("connection_id")
            if isinstance(connection_id, str) and connection_id:
                is_asked = not item.get("name") and monotonic() <= until
                told = {**item, **self.client.connection(connection_id)} if is_asked else item
                found.append(
                    RemoteConnection(
                        connection_id, str(told.get("name") or ""), _details(told, "connection_id", "name")
                    )
                )
        return found

    def create_remote_connection(self, wanted: NewRemoteConnection) -> RemoteConnection:
        import orjson

        check_line(wanted.name, "name")
        keys = {"access_key_id": wanted.access_key_id, "secret_access_key": wanted.secret_access_key}
        for name, value in {"name": wanted.name, **keys}.items():
            if not value:
                raise UserError(f"{name} is missing", field=name)
        for value in keys.values():
            remember(value)
        common = {"credentials": orjson.dumps(keys).decode(), "connector": S3, "connection_type": "export"}
        self.client.test_connection(common | _where(wanted.path, wanted.data_type))
        made = self.client.create_connection(common | {"name": wanted.name, "description": wanted.description})
        return RemoteConnection(made, wanted.name)

    def test_remote_connection(self, connection_id: str, *, path: str, data_type: str) -> None:
        form = {"connector": S3, "connection_type": "export", "connection_id": connection_id}
        self.client.test_connection(form | _where(path, data_type))

    def delete_remote_connection(self, connection_id: str) -> None:
        self.client.delete_connection(connection_id)


def _project(project_id: str, told: _Json) -> RemoteProject:
    name, data_type = told.get("project_name"), told.get("data_type")
    return RemoteProject(
        project_id,
        name if isinstance(name, str) and name else project_id,
        data_type if isinstance(data_type, str) else "",
        _details(told, "project_id", "project_name", "data_type"),
    )


def _standing(item: _Json) -> Standing:
    """Created and completed is made; any case of a known word is that word; an unknown one is never taken for made."""
    word, done = item.get("export_status"), item.get("is_completed")
    is_completed = done is True or str(done).lower() == "true"
    if not isinstance(word, str):
        return Waiting(str(word)[:80], is_known=False)
    known = word.strip().casefold()
    word = word[:80]
    if known == "failed":
        reason = next((item[key] for key in ("failure_reason", "error", "reason") if item.get(key)), "")
        if isinstance(reason, dict):
            reason = reason.get("message") or ""
        return Failed(word, _shown(reason))
    if known in _CREATED:
        return Ready(word, _place(item)) if is_completed else Waiting(word)
    return Waiting(word, is_known=known == _PROCESSING and not is_completed)


def _place(item: _Json) -> str:
    """Where it was delivered, where the item says so itself."""
    for key in ("s3_path", "export_folder_path"):
        if isinstance(place := item.get(key), str) and place:
            return place if "://" in place else f"s3://{place}"
    return ""


def _shown(value: Any) -> str:
    from connections.platforms.labellerr.client import shown

    return shown(value) if isinstance(value, str) else ""


def _moment(value: Any) -> int | None:
    """Milliseconds, as elsewhere in Labellerr; or whatever can be read as a time."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    try:
        return parse_ms(value)
    except UserError:
        return None


def _folder(text: str, *, field: str = "folder") -> str:
    """``bucket/path/to/folder/``: without a scheme, with a slash at its end. Raises :class:`UserError`."""
    check_line(text, field)
    plain = text.removeprefix("s3://")
    parts = plain.rstrip("/").split("/")
    if not plain or "://" in plain or "" in parts or {".", ".."} & set(parts):
        raise UserError(
            f"{field} {text[:200]!r} is no folder of a bucket: write bucket_name/path/to/folder/", field=field
        )
    return f"{'/'.join(parts)}/"


def _where(path: str, data_type: str) -> dict[str, str]:
    """What a test of a connection is given. Raises :class:`UserError`."""
    if data_type not in names.DATA_TYPES:
        known = ", ".join(names.DATA_TYPES)
        raise UserError(f"unknown data type {data_type[:60]!r}; known: {known}", field="data_type")
    return {"path": f"s3://{_folder(path, field='path')}", "data_type": data_type}


def _details(told: _Json, *shown: str) -> _Json:
    """Whatever else it says, without the keys: of what was made with an API key, ``created_by`` is that key."""
    found: _Json = _without_keys(scrub({key: value for key, value in told.items() if key not in shown}))
    return found


def _without_keys(value: Any) -> Any:
    from connections.platforms.labellerr.client import without_keys

    if isinstance(value, str):
        return without_keys(value)
    if isinstance(value, dict):
        return {without_keys(key): _without_keys(each) for key, each in value.items()}
    return [_without_keys(each) for each in value] if isinstance(value, list) else value
