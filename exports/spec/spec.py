"""What an export is asked to do: read once from JSON, and written as the frozen JSON that a report keeps."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from connections.models import Project
from connections.rows.backup import PART as BACKUP
from connections.rows.batch import ALL_PARTS
from exportadmin.lib.errors import UserError
from exports.delivery.destination import parse_destination
from exports.formats import FORMATS
from exports.spec.conditions import CONDITIONS
from exports.spec.filters import parse_filter, resolved_times
from exports.spec.labels import parse_labels
from exports.spec.mirror import parse_sync_first
from exports.spec.model_runs import check_parts, check_runs, goes_with
from exports.spec.platform_export import KEY as PLATFORM_EXPORT
from exports.spec.platform_export import PlatformExport, parse_platform_export
from exports.spec.platform_export import from_json as platform_export_from_json
from exports.spec.scope import KEYS as SCOPE_KEYS
from exports.spec.scope import Scope, check_filters, parse_scope
from exports.spec.selection import Selection

# the share of rows that a format may refuse before the run fails, where the description says nothing of it
MAX_REFUSED = 0.10


# what has no meaning where the platform makes the file, beside conditions
_OWN = (*SCOPE_KEYS, "filter", "labels", "interpolated_frames", "include", "options", "max_refused", "sync_first")


def beside_filter() -> list[str]:
    """The conditions that a description also has beside its filter."""
    return [key for key, condition in CONDITIONS.items() if condition.is_beside_filter]


def spec_keys() -> list[str]:
    """The keys of a body that describe the export itself."""
    own = ["filter", "labels", "interpolated_frames", "include", "destination", "options", "max_refused", "sync_first"]
    return ["format", *SCOPE_KEYS, *beside_filter(), *own, PLATFORM_EXPORT]


@dataclass(frozen=True, slots=True)
class ExportSpec:
    """A description that was read: ``selection`` is what it means, for ever.

    ``filter`` and ``beside`` (the conditions given beside it, by key) stay as they were written, times too;
    :meth:`to_json` adds the moments that came of them, so that a report says the same whatever its project's zone
    becomes. ``max_refused`` is the share (0 to 1) of the rows that the filter keeps which the format may refuse; with
    more of them the run fails (:meth:`refusals_allowed`). ``sync_first``: a mirrored project is brought up to date
    before it is read; ``None``: the project mirrors nothing. With a
    ``platform_export`` the platform makes the file: of the others only ``destination`` has a meaning then.
    """

    format: str
    selection: Selection
    filter: Mapping[str, Any] = field(default_factory=dict)
    beside: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    destination: Mapping[str, Any] = field(default_factory=lambda: {"kind": "local"})
    options: Mapping[str, str] = field(default_factory=dict)
    max_refused: float = MAX_REFUSED
    time_zone: str = "UTC"
    sync_first: bool | None = None
    platform_export: PlatformExport | None = None

    @classmethod
    def parse(cls, body: Mapping[str, Any], project: Project) -> ExportSpec:
        """From outside. Raises :class:`UserError` for unknown keys and for values without a meaning."""
        known = spec_keys()
        for key in body:
            if key not in known:
                raise UserError(f"unknown key {key!r}; known: {', '.join(known)}", field=str(key))
        if body.get(PLATFORM_EXPORT) is not None:
            return cls._parse_platform_export(body, project)
        name = body.get("format")
        if not isinstance(name, str):
            raise UserError(f"format is missing; known: {', '.join(sorted(FORMATS))}", field="format")
        writer = FORMATS.pick(name, field="format")
        for key in beside_filter():
            if body.get(key) is not None:  # an empty list is no "all": whoever sends it lost what was to be in it
                CONDITIONS[key].parse(body[key], time_zone=project.time_zone, field=key)
        scope = parse_scope(body)
        given = _mapping(body.get("filter"), "filter")
        check_filters(scope, given, {key: body.get(key) for key in beside_filter()}, "filter")
        frozen = {
            key: CONDITIONS[key].freeze(value, project, f"filter.{key}") if key in CONDITIONS else value
            for key, value in given.items()
        }
        parts = parts_of_scope(scope, body.get("include"))
        check_runs(scope, project, writer, parts)
        body = {
            **body,
            "filter": frozen,
            "labels": parse_labels(body.get("labels"), project=None if scope.is_of_catalog else project).text,
            "interpolated_frames": parse_interpolated_frames(body.get("interpolated_frames")),
            "include": parts,
            "destination": parse_destination(body.get("destination"), project),
            "options": _options(body.get("options"), writer.options),
            "max_refused": parse_max_refused(body.get("max_refused")),
            "sync_first": parse_sync_first(body.get("sync_first"), project),
        }
        return cls.of(body, project, project.time_zone)

    @classmethod
    def _parse_platform_export(cls, body: Mapping[str, Any], project: Project) -> ExportSpec:
        wanted = parse_platform_export(body[PLATFORM_EXPORT], project)
        for key in (*beside_filter(), *_OWN):
            if body.get(key) is not None:
                raise UserError(f"with {PLATFORM_EXPORT} the platform makes the file: leave {key} out", field=key)
        if body.get("format") not in (None, wanted.format_name):
            raise UserError(
                f"format is {body['format']!r}: with {PLATFORM_EXPORT} the platform makes the file, so leave it out",
                field="format",
            )
        destination = parse_destination(body.get("destination"), project)
        if wanted.is_there and destination != {"kind": "local"}:
            raise UserError("the platform delivers this export itself: leave destination out", field="destination")
        return cls._of_platform(wanted, destination, project, project.time_zone)

    @classmethod
    def _of_platform(
        cls, wanted: PlatformExport, destination: Mapping[str, Any], project: Project, time_zone: str
    ) -> ExportSpec:
        return cls(
            format=wanted.format_name,
            selection=Selection(project.public_id),
            destination=destination,
            time_zone=time_zone,
            platform_export=wanted,
        )

    @classmethod
    def of(cls, body: Mapping[str, Any], project: Project, time_zone: str) -> ExportSpec:
        """Of checked parts; the conditions are read here. Raises :class:`UserError`."""
        beside = {key: _texts(body.get(key), key) for key in beside_filter()}
        conditions = parse_filter(body["filter"], time_zone=time_zone)
        for key, texts in beside.items():
            if texts:
                condition = CONDITIONS[key]
                value = condition.parse(list(texts), time_zone=time_zone, field=key)
                conditions[key] = condition.both(value, conditions[key]) if key in conditions else value
        return cls(
            format=body["format"],
            selection=Selection(
                project.public_id,
                conditions,
                frozenset(body["include"]),
                parse_labels(body.get("labels")),
                Scope.from_json(body),
                body.get("interpolated_frames") is True,
            ),
            filter=body["filter"],
            beside=beside,
            destination=body["destination"],
            options=body["options"],
            max_refused=body["max_refused"],
            time_zone=time_zone,
            sync_first=body.get("sync_first"),
        )

    def of_scope(self, scope: Scope) -> ExportSpec:
        """The same of another scope."""
        return replace(self, selection=replace(self.selection, scope=scope))

    def refusals_allowed(self, rows: int) -> int:
        """How many of so many rows the format may refuse: the share, and one of several, unless it is to be none."""
        if not self.max_refused:
            return 0
        share = math.floor(self.max_refused * rows + 1e-9)  # 0.29 of 100 are 29, whatever a float makes of it
        return max(share, min(1, rows - 1))

    @property
    def include(self) -> list[str]:
        """The parts of a row that are delivered, in the order in which they stand in it."""
        return [part for part in ALL_PARTS if part in self.selection.parts]

    def to_json(self) -> dict[str, Any]:
        """The frozen form that a report keeps."""
        if self.platform_export is not None:
            return {
                "format": self.format,
                PLATFORM_EXPORT: self.platform_export.to_json(),
                "destination": dict(self.destination),
                "time_zone": self.time_zone,
                "resolved": self.platform_export.resolved,
            }
        return {
            "format": self.format,
            **self.selection.scope.to_json(),
            **{key: list(texts) for key, texts in self.beside.items()},
            "filter": dict(self.filter),
            "labels": self.selection.labels.text,
            **({"interpolated_frames": True} if self.selection.interpolated_frames else {}),
            "include": self.include,
            "destination": dict(self.destination),
            "options": dict(self.options),
            "max_refused": self.max_refused,
            **({} if self.sync_first is None else {"sync_first": self.sync_first}),
            "time_zone": self.time_zone,
            "resolved": resolved_times(self.selection),
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any], project: Project) -> ExportSpec:
        """Back from the frozen form, in the zone in which it was read then. Raises :class:`UserError`."""
        time_zone = body.get("time_zone", "UTC")
        if body.get(PLATFORM_EXPORT) is not None:
            wanted = platform_export_from_json(body[PLATFORM_EXPORT], project, time_zone)
            return cls._of_platform(wanted, body.get("destination") or {"kind": "local"}, project, time_zone)
        parts = {"filter": {}, "include": [], "destination": {"kind": "local"}, "options": {}}
        return cls.of({**parts, "max_refused": MAX_REFUSED, **body}, project, time_zone)


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


def parse_interpolated_frames(value: object) -> bool:
    """``None`` means no. Raises :class:`UserError`."""
    if value is not None and not isinstance(value, bool):
        message = f"interpolated_frames is {value!r}; expected true or false"
        raise UserError(message, field="interpolated_frames")
    return bool(value)


def parse_max_refused(value: object) -> float:
    """``None`` means :data:`MAX_REFUSED`. Raises :class:`UserError`."""
    if value is None:
        return MAX_REFUSED
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise UserError(f"max_refused is {value!r}; expected a share from 0 (no row) to 1 (all)", field="max_refused")
    return float(value)


def parse_parts(value: object) -> tuple[str, ...]:
    """In the order in which they stand in a row; ``None`` means all. Raises :class:`UserError`."""
    if value is None:
        return ALL_PARTS
    parts = _texts(value, "include")
    for part in parts:
        if part not in ALL_PARTS:
            raise UserError(f"unknown part {part!r}; known: {', '.join(ALL_PARTS)}", field="include")
    return tuple(part for part in ALL_PARTS if part in parts)


def parts_of_scope(scope: Scope, value: object) -> tuple[str, ...]:
    """As :func:`parse_parts`, of those that go with the scope: :data:`BACKUP` with a project's own rows, others with
    model runs alone or without them. Raises :class:`UserError` for one that was named and does not."""
    parts = parse_parts(value)
    if value is not None:
        check_parts(scope, parts)
    parts = tuple(part for part in parts if goes_with(scope, part))
    if not scope.is_of_catalog:
        return parts
    if value is not None and BACKUP in parts:
        raise UserError(
            f"the part {BACKUP} is what a project needs to take its own rows back: it does not go with the scope "
            f"{scope.kind}",
            field="include",
        )
    return tuple(part for part in parts if part != BACKUP)


def parts_of_form(scope: Scope, parts: Sequence[str]) -> tuple[str, ...]:
    """Of a form, in which all parts are ticked at first: without that which does not go with the scope."""
    return tuple(part for part in parts if goes_with(scope, part) and (part != BACKUP or not scope.is_of_catalog))


def _options(value: object, offered: Sequence[Any]) -> dict[str, str]:
    options = _mapping(value, "options")
    names = {option.name: option for option in offered}
    for key, choice in options.items():
        if key not in names:
            known = ", ".join(names) or "this format has none"
            raise UserError(f"unknown option {key!r}; known: {known}", field="options")
        names[key].parse(choice)
    return {option.name: options.get(option.name, option.values[0]) for option in offered}
