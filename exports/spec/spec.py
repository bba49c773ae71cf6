"""What was asked: the frozen description of an export, as JSON and as a typed value."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connections.models import Project
from connections.rows.batch import PARTS
from exportadmin.lib.errors import UserError
from exports.delivery.destination import parse_destination
from exports.formats import FORMATS
from exports.spec.filters import parse_filter, resolved_windows
from exports.spec.revisions import with_revisions
from exports.spec.selection import Selection

# the keys of a create body that describe the export itself (issue 3: "Keys are the words of DESIGN.md §1")
KEYS: tuple[str, ...] = ("format", "statuses", "filter", "include", "destination", "options")


@dataclass(frozen=True, slots=True)
class ExportSpec:
    """A validated description. ``statuses`` and ``filter`` empty: every row; ``include``: the parts, all by default.

    Times in ``filter`` stay as they were written; :meth:`to_json` adds the resolved UTC window beside them, and
    :meth:`selection` reads that back, so that a report means the same for ever, whatever the project's zone becomes.
    """

    format: str
    statuses: tuple[str, ...] = ()
    filter: Mapping[str, Any] = field(default_factory=dict)
    include: tuple[str, ...] = PARTS
    destination: Mapping[str, Any] = field(default_factory=lambda: {"kind": "local"})
    options: Mapping[str, str] = field(default_factory=dict)
    time_zone: str = "UTC"

    @classmethod
    def parse(cls, body: Mapping[str, Any], project: Project) -> ExportSpec:
        """From outside. Raises :class:`UserError` for unknown keys and for values without a meaning."""
        for key in body:
            if key not in KEYS:
                raise UserError(f"unknown key {key!r}; known: {', '.join(KEYS)}", field=str(key))
        name = body.get("format")
        if not isinstance(name, str):
            raise UserError(f"format is missing; known: {', '.join(sorted(FORMATS))}", field="format")
        writer = FORMATS.pick(name, field="format")
        asked = cls(
            format=name,
            statuses=_texts(body.get("statuses"), "statuses"),
            filter=with_revisions(_mapping(body.get("filter"), "filter"), project),
            include=_parts(body.get("include")),
            destination=parse_destination(body.get("destination")),
            options=_options(body.get("options"), writer.options),
            time_zone=project.time_zone,
        )
        asked.selection(project)  # raises what is wrong with the filter
        return asked

    def selection(self, project: Project) -> Selection:
        """The selection that this asks of the project. Raises :class:`UserError`."""
        asked = parse_filter(self.filter, time_zone=self.time_zone)
        if self.statuses:
            statuses = parse_filter({"statuses": list(self.statuses)}, field="statuses")["statuses"]
            asked["statuses"] = statuses & asked.get("statuses", statuses)
        return Selection(project_id=project.public_id, parts=frozenset(self.include), **asked)

    def to_json(self, project: Project) -> dict[str, Any]:
        """The frozen form that a report keeps."""
        body = {key: _plain(getattr(self, key)) for key in KEYS}
        body["time_zone"] = self.time_zone
        body["resolved"] = resolved_windows(self.selection(project))
        return body

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> ExportSpec:
        """Back from the frozen form."""
        known = {entry.name for entry in dataclasses.fields(cls)}
        values = {key: value for key, value in body.items() if key in known}
        for key in ("statuses", "include"):
            values[key] = tuple(values.get(key, ()))
        return cls(**values)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    return list(value) if isinstance(value, tuple) else value


def _texts(value: object, field_name: str) -> tuple[str, ...]:
    if value is None:
        return ()
    if isinstance(value, str) or not isinstance(value, Sequence) or not all(isinstance(one, str) for one in value):
        raise UserError(f"{field_name} is {value!r}; expected a list of texts", field=field_name)
    return tuple(dict.fromkeys(value))


def _mapping(value: object, field_name: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise UserError(f"{field_name} is {value!r}; expected a JSON object", field=field_name)
    return dict(value)


def _parts(value: object) -> tuple[str, ...]:
    if value is None:
        return PARTS
    parts = _texts(value, "include")
    for part in parts:
        if part not in PARTS:
            raise UserError(f"unknown part {part!r}; known: {', '.join(PARTS)}", field="include")
    return tuple(part for part in PARTS if part in parts)


def _options(value: object, offered: Sequence[Any]) -> dict[str, str]:
    options = _mapping(value, "options")
    names = {option.name: option for option in offered}
    for key, choice in options.items():
        if key not in names:
            known = ", ".join(names) or "this format has none"
            raise UserError(f"unknown option {key!r}; known: {known}", field="options")
        if choice not in names[key].values:
            raise UserError(f"option {key} is {choice!r}; known: {', '.join(names[key].values)}", field="options")
    return {option.name: options.get(option.name, option.values[0]) for option in offered}
