"""What stands in the form: texts as they were typed, from a form that was sent or from a description kept earlier."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from django.http import QueryDict

from connections.models import Project
from connections.rows.batch import PARTS
from connections.rows.review_statuses import REVIEW_STATUSES, statuses_in
from exportadmin.lib.errors import UserError
from exportadmin.lib.ids import new_id
from exports.formats import FORMATS
from exports.forms.pasted import Pasted

WITH, WITHOUT = "with", "without"
# the key of a filter → the two inputs of its window
WINDOWS: Final[dict[str, tuple[str, str]]] = {
    "last_activity_at": ("last_activity_from", "last_activity_to"),
    "label_created_at": ("label_created_from", "label_created_to"),
}
_MANY: Final = ("statuses", "batches", "parts")
_ONE: Final = (
    "project",
    "since_revision",
    "updated_after",
    *(name for pair in WINDOWS.values() for name in pair),
    "global_keys",
    "data_row_ids",
    "annotations",
    "format",
    "name",
    "description",
    "key",
)
_FRAME: Final = ("csrfmiddlewaretoken", "do")


def option_names() -> list[str]:
    """``csv.profile``: the inputs of the formats' options."""
    return [f"{key}.{option.name}" for key, writer in FORMATS.items() for option in writer.options]


@dataclass(frozen=True, slots=True)
class Typed:
    """``key`` is made with each form that is shown: the same form sent twice is one export."""

    project: str = ""
    statuses: tuple[str, ...] = ()
    since_revision: str = ""
    updated_after: str = ""
    last_activity_from: str = ""
    last_activity_to: str = ""
    label_created_from: str = ""
    label_created_to: str = ""
    batches: tuple[str, ...] = ()
    global_keys: str = ""
    data_row_ids: str = ""
    annotations: str = ""
    parts: tuple[str, ...] = PARTS
    format: str = "json"
    options: Mapping[str, str] = field(default_factory=dict)
    name: str = ""
    description: str = ""
    key: str = field(default_factory=new_id)

    @classmethod
    def read(cls, sent: QueryDict) -> Typed:
        """From a form that was sent. Raises :class:`UserError` for a name that the form does not have."""
        options = option_names()
        known = (*_ONE, *_MANY, *options, *_FRAME)
        for name, values in sent.lists():
            if name not in known:
                raise UserError(f"unknown parameter {name[:80]!r}; known: {', '.join(known)}", field=name[:80])
            if len(values) > 1 and name not in _MANY:
                raise UserError(f"{name} was given {len(values)} times; expected once", field=name)
        values_of: dict[str, Any] = {name: sent[name] for name in _ONE if name in sent}
        values_of.setdefault("format", "")
        values_of.update({name: tuple(dict.fromkeys(sent.getlist(name))) for name in _MANY})
        return cls(**values_of, options={name: str(sent[name]) for name in options if name in sent})

    @classmethod
    def of_body(cls, body: Mapping[str, Any], project: Project, *, name: str = "", description: str = "") -> Typed:
        """From a description that was kept. Times that were read in another zone than the project's are in UTC now.

        Raises :class:`UserError` for conditions that the form has no input for.
        """
        conditions: dict[str, Any] = {key: value for key, value in body.get("filter", {}).items() if value is not None}
        if body.get("time_zone", project.time_zone) != project.time_zone:
            conditions.update(body.get("resolved", {}))
        windows = {}
        for key, names in WINDOWS.items():
            windows.update(dict(zip(names, map(_text, conditions.get(key) or (None, None)), strict=True)))
        with_annotations = conditions.get("with_annotations")
        format_name = str(body.get("format", ""))
        return cls(
            project=project.public_id,
            statuses=_statuses(body, conditions),
            since_revision=_text(conditions.get("since_revision")),
            updated_after=_text(conditions.get("updated_after")),
            **windows,
            batches=tuple(conditions.get("batch_ids", ())),
            global_keys="\n".join(conditions.get("global_keys", ())),
            data_row_ids="\n".join(conditions.get("data_row_ids", ())),
            annotations="" if with_annotations is None else WITH if with_annotations else WITHOUT,
            parts=tuple(PARTS if body.get("include") is None else body["include"]),
            format=format_name,
            options={f"{format_name}.{option}": value for option, value in body.get("options", {}).items()},
            name=name,
            description=description,
        )

    def renewed(self) -> Typed:
        """The same texts in a form of its own."""
        return dataclasses.replace(self, key=new_id())

    def body(self) -> dict[str, Any]:
        """The description, as ``ExportSpec.parse`` reads it; options of other formats stay behind."""
        prefix = f"{self.format}."
        return {
            "format": self.format,
            "statuses": list(self.statuses),
            "filter": self.conditions(),
            "include": list(self.parts),
            "options": {
                name.removeprefix(prefix): value for name, value in self.options.items() if name.startswith(prefix)
            },
        }

    def conditions(self) -> dict[str, Any]:
        """The filter: what was left empty is not asked."""
        asked: dict[str, Any] = {}
        for name in ("since_revision", "updated_after"):
            if after := getattr(self, name).strip():
                asked[name] = after
        for key, names in WINDOWS.items():
            bounds = [getattr(self, name).strip() or None for name in names]
            if any(bounds):
                asked[key] = bounds
        if self.batches:
            asked["batch_ids"] = list(self.batches)
        for key in ("global_keys", "data_row_ids"):
            if values := Pasted.read(getattr(self, key)).values:
                asked[key] = values
        if self.annotations:
            asked["with_annotations"] = {WITH: True, WITHOUT: False}.get(self.annotations, self.annotations)
        return asked


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _statuses(body: Mapping[str, Any], conditions: Mapping[str, Any]) -> tuple[str, ...]:
    """The form asks for statuses only: a workflow group is its statuses, and what is asked twice is what is in both."""
    groups = conditions.get("workflow_status")
    asked = [
        set(body.get("statuses") or ()),
        set(conditions.get("statuses") or ()),
        set(statuses_in([groups] if isinstance(groups, str) else groups or ())),
    ]
    given = [each for each in asked if each]
    if not given:
        return ()
    both = set.intersection(*given)
    if not both:
        raise UserError("its statuses and workflow groups exclude each other: no row can match, so start a new one")
    return tuple(status for status in REVIEW_STATUSES if status in both)
