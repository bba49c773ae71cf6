"""What can be asked for in a body: the description of an export, with its vocabulary for the OpenAPI document.

The rules themselves are :mod:`exports.spec.spec` and the registries of conditions, formats and destinations.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from django.core.validators import RegexValidator
from rest_framework import serializers

from connections.access.api.serializers import OwnPassword
from connections.platforms.options import LONGEST as LONGEST_TEXT
from connections.platforms.options import MOST
from connections.rows.batch import ALL_PARTS, PARTS, RUN_PARTS
from connections.sinks import SINKS
from exportadmin.lib.rest import Choice, DescribedField, Flag, StrictSerializer, Text, Whole
from exports.actions import MAX_WHY
from exports.formats import FORMATS
from exports.links.tokens import LONGEST, SHORTEST
from exports.spec.conditions import CONDITIONS, Condition
from exports.spec.conversion import CONVERSION_KEYS
from exports.spec.labels import labels_schema
from exports.spec.model_runs import NOT_OF_RUN
from exports.spec.platform_export import HERE, PLACES
from exports.spec.scope import ID_LISTS, KEY, MAX_ID, MAX_IDS, PROJECT, SCOPES, SWITCHES
from exports.spec.spec import MAX_REFUSED, beside_filter, spec_keys


def format_keys() -> list[str]:
    """What ``format`` may be."""
    return sorted(FORMATS)


def filter_schema(conditions: Mapping[str, Condition[Any]] = CONDITIONS) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            key: {**condition.json_schema(), "nullable": True, "description": condition.sentence}
            for key, condition in conditions.items()
        },
        "description": "All conditions must hold; null is not asked.",
    }


def _beside_schema(condition: Condition[Any]) -> dict[str, Any]:
    return {**condition.json_schema(), "description": f"{condition.sentence}; left out: every row"}


def scope_schema() -> dict[str, Any]:
    """Which scopes there are."""
    kinds = " ".join(f"`{key}`: {each.help}" for key, each in SCOPES.items())
    with_id = ", ".join(key for key, each in SCOPES.items() if each.takes_id)
    return {
        "type": "object",
        "nullable": True,
        "additionalProperties": False,
        "required": ["kind"],
        "properties": {
            "kind": {"type": "string", "enum": [*SCOPES], "default": PROJECT, "description": kinds},
            "id": {
                "type": "string",
                "minLength": 1,
                "maxLength": MAX_ID,
                "description": f"of {with_id}, and there alone; a dataset also by its name",
            },
        },
        "description": "What is read; left out, the project itself.",
    }


def _scope_ids_schema(key: str) -> dict[str, Any]:
    what = key.removesuffix("_ids").replace("_", " ")
    goes_with = ", ".join(kind for kind, each in SCOPES.items() if each.is_of_catalog)
    return {
        "type": "array",
        "nullable": True,
        "items": {"type": "string", "minLength": 1, "maxLength": MAX_ID},
        "minItems": 1,
        "maxItems": MAX_IDS,
        "description": f"whose {'labels' if what == 'project' else 'predictions'} go with the data rows, "
        f"each the id of a {what}; with a scope of {goes_with}; left out, and without all_{what.replace(' ', '_')}s, "
        "there are none in the file",
    }


def _scope_switch_schema(key: str) -> dict[str, Any]:
    return {"type": "boolean", "nullable": True, "description": f"{key.replace('_', ' ')} in which the data rows are"}


def _options_schema() -> dict[str, Any]:
    """The options of all formats together; which belong to which their descriptions say."""
    properties: dict[str, Any] = {}
    told: dict[tuple[str, str], list[str]] = {}  # (option, its help) → formats
    for key, writer in sorted(FORMATS.items()):
        for option in writer.options:
            kept = properties.setdefault(option.name, option.json_schema())
            if "enum" in kept:
                kept["enum"] += [value for value in option.values if value not in kept["enum"]]
            told.setdefault((option.name, option.help), []).append(key)
    for (name, text), formats in told.items():
        said = f"{properties[name].get('description', '')} {', '.join(formats)}: {text}"
        properties[name]["description"] = said.strip()
    return {"type": "object", "additionalProperties": False, "properties": properties}


def destination_schema() -> dict[str, Any]:
    """By the settings of all sinks."""
    """The settings of all sinks together; which belong to which their descriptions say."""
    properties: dict[str, Any] = {"kind": {"type": "string", "enum": sorted(SINKS)}}
    for key, sink in sorted(SINKS.items()):
        if sink.needs_connection:
            about = "the id of a connection of this kind that the project may use"
            properties["connection"] = {"type": "string", "description": about}
        for field in sink.fields:
            kept = properties.setdefault(field.name, {"type": "string", "description": ""})
            kept["description"] = f"{kept['description']} {key}: {field.help}".strip()
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _interpolated_frames_schema() -> dict[str, Any]:
    return {
        "type": "boolean",
        "default": False,
        "description": "every frame of a video's segments, between key frames computed: boxes, points and outlines "
        "move straight and evenly, not over gaps between segments; answers stay; masks have the frames that "
        "they have. false: the frames as they are kept",
    }


def _max_refused_schema() -> dict[str, Any]:
    return {
        "type": "number",
        "minimum": 0,
        "maximum": 1,
        "default": MAX_REFUSED,
        "description": "the share of rows that the format may refuse before the run fails, one of several in any case; "
        "0: none",
    }


def _sync_first_schema() -> dict[str, Any]:
    return {
        "type": "boolean",
        "description": "bring the mirror up to date before it is read; only for a project that mirrors one of a "
        "platform, and by default as it is set there",
    }


def platform_export_schema() -> dict[str, Any]:
    text = {"type": "string", "minLength": 1, "maxLength": LONGEST_TEXT}
    return {
        "type": "object",
        "nullable": True,
        "additionalProperties": False,
        "properties": {
            "format": {
                **text,
                "description": "its own word, such as `coco_json`; required without remote_id",
            },
            "statuses": {
                "type": "array",
                "items": text,
                "maxItems": MOST,
                "description": "the platform's own words; all by default",
            },
            "updated_after": {
                "oneOf": [{"type": "string"}, {"type": "integer"}],
                "description": "only what the platform says was updated after this time",
            },
            "options": {
                "type": "object",
                "additionalProperties": {"oneOf": [text, {"type": "array", "items": text}]},
                "description": "settings of the platform's own, by name",
            },
            "where": {
                "type": "string",
                "enum": [*PLACES],
                "default": HERE,
                "description": "`here`: fetched and delivered to the destination; `there`: the platform delivers it "
                "to where the options say",
            },
            "remote_id": {
                **text,
                "description": "an export that was made there already: it is fetched, and nothing is asked for",
            },
        },
        "description": "The project's platform makes the file itself: then no format, filter, labels, include, options "
        "or max_refused.",
    }


class Name(Text):
    """Not of blanks alone."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(validators=[RegexValidator(r"[^\s]", "a name is missing")], **kwargs)


class Described(StrictSerializer):
    """What is common to configs, plans and reports. Fields are made late: registries may grow."""

    without = "platform_export"

    def get_fields(self) -> dict[str, Any]:
        """The description's own, then those of the class."""
        return {
            "format": Choice(sorted(FORMATS), required=False, help_text=f"required without {self.without}"),
            KEY: DescribedField(scope_schema),
            **{key: DescribedField(partial(_scope_ids_schema, key)) for key in ID_LISTS},
            **{key: DescribedField(partial(_scope_switch_schema, key)) for key in SWITCHES},
            **{key: DescribedField(partial(_beside_schema, CONDITIONS[key])) for key in beside_filter()},
            "filter": DescribedField(filter_schema),
            "labels": DescribedField(labels_schema),
            "interpolated_frames": DescribedField(_interpolated_frames_schema),
            "include": serializers.ListField(
                child=Choice(ALL_PARTS),
                required=False,
                max_length=20,
                help_text="parts of a row; all that go with the scope by default: "
                f"{' and '.join(RUN_PARTS)} are of model runs, where {', '.join(NOT_OF_RUN)} are not",
            ),
            "destination": DescribedField(destination_schema),
            "options": DescribedField(_options_schema),
            "max_refused": DescribedField(_max_refused_schema),
            "sync_first": DescribedField(_sync_first_schema),
            "platform_export": DescribedField(platform_export_schema),
            **super().get_fields(),
        }

    def described(self) -> dict[str, Any]:
        """The part that :meth:`exports.spec.spec.ExportSpec.parse` reads."""
        return {key: self.validated_data[key] for key in spec_keys() if key in self.validated_data}


class PlanSerializer(Described):
    """What to plan."""

    project = Text(max_length=200, help_text="id or name")


class CreateReportSerializer(Described):
    """What to run: a description, or a saved config by its id."""

    project = Text(max_length=200, help_text="id or name")
    name = Text(
        max_length=200,
        required=False,
        allow_blank=True,
        help_text="that of the config, where one is named; else made of project and format",
    )
    description = Text(
        max_length=10_000, required=False, allow_blank=True, help_text="that of the config, where one is named"
    )
    config_id = Text(
        max_length=64,
        required=False,
        help_text="then no format, filter or other part of what is exported; its name and description are kept where "
        "none are given",
    )
    without = "config_id or platform_export"


class ConvertSerializer(StrictSerializer):
    """What to make of a delivered report. Fields are made late: registries may grow."""

    name = Text(max_length=200, required=False, allow_blank=True, help_text="made of name and format without one")
    description = Text(max_length=10_000, required=False, allow_blank=True)

    def get_fields(self) -> dict[str, Any]:
        """The conversion's own, then those of the class."""
        return {
            "format": Choice(format_keys()),
            "options": DescribedField(_options_schema),
            "include": serializers.ListField(
                child=Choice(PARTS),
                required=False,
                max_length=20,
                help_text="of the parts that the file has; all by default",
            ),
            "destination": DescribedField(destination_schema),
            "max_refused": DescribedField(_max_refused_schema),
            **super().get_fields(),
        }

    def described(self) -> dict[str, Any]:
        """The part that :func:`exports.spec.conversion.conversion_spec` reads."""
        return {key: self.validated_data[key] for key in CONVERSION_KEYS if key in self.validated_data}


class DeleteFilesSerializer(StrictSerializer):
    """Why files go."""

    why = Text(required=False, allow_blank=True, max_length=MAX_WHY, help_text="kept with the report")


class ConfigBodySerializer(Described):
    """What to save."""

    project = Text(max_length=200, help_text="id or name")
    name = Name(max_length=200)
    description = Text(max_length=10_000, required=False, allow_blank=True)


class IssueLinkSerializer(StrictSerializer):
    """What link to issue."""

    seconds = Whole(required=False, min_value=SHORTEST, max_value=LONGEST, default=3600)
    one_time = Flag(required=False, default=False)
    for_user = Text(required=False, allow_null=True, max_length=150, help_text="only this account may use it")
    password = OwnPassword()
