"""What a platform is asked to make itself, in place of our own conditions, labels, parts and format.

*As it is* (:data:`HERE`): the platform makes its own file, which is fetched, checked and delivered through our sinks.
*There* (:data:`THERE`): the platform delivers what it makes into a place of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from connections.models import Project
from connections.platforms import PLATFORMS
from connections.platforms.base import Platform, Wanted
from connections.platforms.options import parse_options, parse_text, parse_texts
from exportadmin.lib.errors import ConflictError, UserError
from exportadmin.lib.times import parse_ms, to_datetime
from exports.formats import FORMATS

KEY: Final = "platform_export"
HERE, THERE = "here", "there"
PLACES: Final = (HERE, THERE)
KEYS: Final = ("format", "statuses", "updated_after", "options", "where", "remote_id")


@dataclass(frozen=True, slots=True)
class PlatformExport:
    """``format``, ``statuses`` and ``options`` are in the platform's own words (:class:`Wanted`).

    ``updated_after`` stays as it was written, ``updated_after_ms`` is the moment that came of it. With a ``remote_id``
    nothing is asked for: it is that export, which was made already, and what was asked for then nobody knows.
    """

    platform: str
    format: str = ""
    statuses: tuple[str, ...] = ()
    updated_after: str | int | None = None
    updated_after_ms: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    where: str = HERE
    remote_id: str = ""

    @property
    def format_name(self) -> str:
        """What a report of it has for a format: ``labellerr:coco_json``; ``labellerr`` where nobody knows it."""
        return f"{self.platform}:{self.format}" if self.format else self.platform

    @property
    def is_there(self) -> bool:
        """Does the platform deliver it?"""
        return self.where == THERE

    def wanted(self, name: str, description: str = "") -> Wanted:
        """As the platform is asked for it, under a name that is ours alone."""
        return Wanted(name, self.format, description, self.statuses, self.updated_after_ms, self.options)

    def to_json(self) -> dict[str, Any]:
        """As it can be sent again: without what was not asked for."""
        told: dict[str, Any] = {"where": self.where}
        if self.remote_id:
            return {"remote_id": self.remote_id, **told}
        told = {"format": self.format, **told}
        if self.statuses:
            told["statuses"] = list(self.statuses)
        if self.updated_after is not None:
            told["updated_after"] = self.updated_after
        if self.options:
            told["options"] = dict(self.options)
        return told

    @property
    def resolved(self) -> dict[str, str]:
        """The moment of what was written as a time, in UTC."""
        if self.updated_after_ms is None:
            return {}
        return {f"{KEY}.updated_after": to_datetime(self.updated_after_ms).isoformat(timespec="milliseconds")}


def platform_of(project: Project) -> Platform:
    """The platform whose project it is. Raises :class:`UserError` where it is of none."""
    kind = project.connection.kind
    if kind not in PLATFORMS or not project.external_id:
        raise UserError(f"project {project.name!r} is of no labelling platform", field="project")
    return PLATFORMS[kind](project.connection)


def usable_platform_of(project: Project) -> Platform:
    """As :func:`platform_of`, for what is begun anew. Raises :class:`ConflictError` for a disabled connection."""
    platform = platform_of(project)
    if project.connection.disabled_at is not None:
        raise ConflictError(f"connection {project.connection.name!r} is disabled", field="project")
    return platform


def format_choices() -> list[tuple[str, str]]:
    """All that ``ExportReport.format`` may be, with a title each: a function, since registries grow."""
    choices = [(key, writer.title) for key, writer in FORMATS.items()]
    for key, platform in PLATFORMS.items():
        choices.append((key, f"As {platform.title} made it"))
        for one in platform.remote_formats:
            choices.append((f"{key}:{one.key}", f"{one.title}, made by {platform.title}"))
    return choices


def format_title(key: str) -> str:
    """Of ``ExportReport.format``, for people; empty where nothing is called so (any more)."""
    platform, colon, word = key.partition(":")
    titles = dict(format_choices())
    if key not in titles and colon and platform in PLATFORMS:  # a customer's own format there
        return f"{word}, made by {PLATFORMS[platform].title}"
    return titles.get(key, "")


def parse_platform_export(value: object, project: Project) -> PlatformExport:
    """From outside. Raises :class:`UserError` for what has no meaning, and for what the platform cannot make."""
    try:
        platform = platform_of(project)
    except UserError as error:
        raise UserError(f"{error}: leave {KEY} out, and name a format", field=KEY) from error
    if not isinstance(value, Mapping):
        raise UserError(f"{KEY} is {value!r}; expected a JSON object", field=KEY)
    for key in value:
        if key not in KEYS:
            raise UserError(f"unknown key {KEY}.{key}; known: {', '.join(KEYS)}", field=KEY)
    given = {key: one for key, one in value.items() if one is not None}
    if "remote_id" in given:
        if more := sorted(given.keys() - {"remote_id", "where"}):
            raise UserError(
                f"{KEY}.remote_id names an export that was made already: leave {', '.join(more)} out", field=KEY
            )
        if given.get("where", HERE) != HERE:
            raise UserError(f"{KEY}.where is {given['where']!r}: what was made already is delivered {HERE}", field=KEY)
        return PlatformExport(platform.key, remote_id=_text(given["remote_id"], "remote_id"))
    if "format" not in given:
        known = ", ".join(one.key for one in platform.remote_formats)
        raise UserError(f"{KEY}.format is missing; {platform.title} has {known or 'words of its own'}", field=KEY)
    where = given.get("where", HERE)
    if where not in PLACES:
        raise UserError(f"{KEY}.where is {where!r}; known: {', '.join(PLACES)}", field=KEY)
    after = given.get("updated_after")
    after_ms = None if after is None else parse_ms(after, time_zone=project.time_zone, field=KEY)
    if after_ms is not None and not platform.tells_changes_of(project.external_id):
        raise UserError(f"{platform.title} cannot be asked for what changed since: leave {KEY}.updated_after out")
    read = PlatformExport(
        platform.key,
        format=_text(given["format"], "format"),
        statuses=parse_texts(given.get("statuses", []), f"{KEY}.statuses", field=KEY),
        updated_after=int(after) if isinstance(after, float) else after,
        updated_after_ms=after_ms,
        options=parse_options(
            given.get("options", {}), platform.remote_options, title=platform.title, name=f"{KEY}.options", field=KEY
        ),
        where=where,
    )
    wanted = platform.check_for(project.external_id, read.wanted("an export"))
    place = platform.delivers_to(wanted)
    if read.is_there and not place:
        raise UserError(
            f"{KEY}.where is {THERE!r}, and its options name no place into which {platform.title} delivers itself",
            field=KEY,
        )
    if place and not read.is_there:
        raise UserError(
            f"with these options {platform.title} delivers to {place} itself: {KEY}.where has to be {THERE!r}",
            field=KEY,
        )
    return PlatformExport(
        platform.key, wanted.format, wanted.statuses, read.updated_after, after_ms, dict(wanted.options), where
    )


def from_json(value: Mapping[str, Any], project: Project, time_zone: str) -> PlatformExport:
    """Back from the frozen form, without asking again whether it can be made."""
    after = value.get("updated_after")
    return PlatformExport(
        project.connection.kind,
        value.get("format", ""),
        tuple(value.get("statuses", ())),
        after,
        None if after is None else parse_ms(after, time_zone=time_zone),
        value.get("options", {}),
        value.get("where", HERE),
        value.get("remote_id", ""),
    )


def _text(value: object, name: str) -> str:
    return parse_text(value, f"{KEY}.{name}", field=KEY)
