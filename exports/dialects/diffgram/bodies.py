"""What Diffgram's SDK sends, read strictly."""

from __future__ import annotations

from typing import Any, Final

from rest_framework import serializers

from connections.rows.diffgram import DIRECTORY, JOB
from connections.rows.review_statuses import DONE, WORKFLOW_GROUPS
from exportadmin.lib.rest import Choice, Flag, Query, StrictSerializer, Text, Whole
from exports.formats.diffgram_info import TASK

ANNOTATIONS: Final = "Annotations"
DATA, URL = "data", "url"
DONE_ONLY: Final = frozenset({DONE})
NOT_DONE: Final = frozenset(WORKFLOW_GROUPS) - DONE_ONLY
# ids that are asked about, or handed out, at once
MOST_IDS: Final = 100_000
LARGEST_PAGE: Final = 5000
JOBS_A_PAGE: Final = 50
_LARGEST: Final = 2**53
_ANY: Final[dict[str, Any]] = {"required": False, "allow_null": True}


def _id(**more: Any) -> Whole:
    return Whole(min_value=0, max_value=_LARGEST, error_messages={"invalid": "Must be an int"}, **more)


class NameQuery(Query):
    """Which directory."""

    name = Text(required=False, help_text="its name; without, the whole project")


class SchemaQuery(Query):
    """Of which labels."""

    schema_id = Text(required=False, help_text="ignored: a project has one")


class FileQuery(StrictSerializer):
    """Which files of a directory."""

    directory_id = _id(**_ANY)
    annotations_are_machine_made_setting = Choice(["All"], **_ANY)
    annotation_status = Choice(["All", "Completed", "Not completed"], **_ANY)
    limit = Whole(required=False, default=100, min_value=1, max_value=LARGEST_PAGE)
    media_type = Choice(["All"], **_ANY)
    page = Whole(required=False, default=1, min_value=1, max_value=10**9)
    file_view_mode = Choice(["ids_only", "base"], required=False, default="base")
    search_term = Text(allow_blank=True, **_ANY)
    with_children_files = Flag(**_ANY)
    query = Text(allow_blank=True, **_ANY)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """What would choose files and does not here is refused."""
        for key in ("search_term", "query"):
            if attrs.get(key):
                raise serializers.ValidationError({key: ["files are not searched here: leave it out"]})
        return attrs


class ListFiles(StrictSerializer):
    """The body around it."""

    metadata = FileQuery()


class FilesExist(StrictSerializer):
    """Ids of files."""

    file_id_list = serializers.ListField(child=_id(), max_length=MOST_IDS)


class JobInfo(StrictSerializer):
    """One job."""

    mode_data = serializers.JSONField(**_ANY)


class ToFile(StrictSerializer):
    """An export that is to be made. ``version_id`` and ``file_comparison_mode`` mean nothing, there as here."""

    kind = Text()
    source = Text()  # type: ignore[assignment]
    file_comparison_mode = Text()
    masks = Flag()
    job_id = _id(**_ANY)
    directory_id = _id(**_ANY)
    task_id = _id(**_ANY)
    ann_is_complete = Flag(**_ANY)
    wait_for_export_generation = Flag(required=False, default=False)
    return_type = Text(**_ANY)
    version_id = serializers.JSONField(**_ANY)

    def validate_kind(self, value: str) -> str:
        """Annotations alone: there is nothing that makes others here."""
        if value != ANNOTATIONS:
            raise serializers.ValidationError(f"Invalid kind: {value[:60]!r}; known: {ANNOTATIONS}")
        return value

    def validate_source(self, value: str) -> str:
        """One of three: there, another one is an export that is never made."""
        if value not in (DIRECTORY, JOB, TASK):
            raise serializers.ValidationError(f"Invalid source: {value[:60]!r}; known: {DIRECTORY}, {JOB}, {TASK}")
        return value

    def validate_return_type(self, value: str | None) -> str | None:
        """data, else an address."""
        if value not in (None, DATA, URL):
            raise serializers.ValidationError(f"Invalid return_type: {value[:60]!r}; known: {DATA}, {URL}")
        return value


class GetLink(StrictSerializer):
    """An export that is to be fetched. ``return_mode`` is what Diffgram's own page sends, and means nothing."""

    id = _id()
    return_type = Choice([DATA, URL], required=False, default=URL)
    format = Choice(["JSON"], required=False, default="JSON")
    return_mode = Text(**_ANY)


class Update(StrictSerializer):
    """An export that is to leave the list."""

    id = _id()
    mode = Choice(["ARCHIVE"])


class JobQuery(StrictSerializer):
    """Which jobs of a project."""

    project_string_id = Text()
    page_number = Whole(min_value=1, max_value=10**9)
    limit = Whole(required=False, default=JOBS_A_PAGE, min_value=1, max_value=1000)
    status = serializers.ListField(child=Choice(["All", "active", "complete", "draft", "cancelled"]), required=False)
    search = Text(allow_blank=True, **_ANY)
    data_mode = Text(allow_blank=True, **_ANY)
    tag_list = serializers.ListField(child=_id(), max_length=0, **_ANY)


class ListJobs(StrictSerializer):
    """The body around it."""

    metadata = JobQuery()


class ListDirectories(StrictSerializer):
    """Which directories of a project."""

    limit = Whole(required=False, default=100, min_value=1, max_value=1000)
    nickname = Text(required=False, allow_null=True, allow_blank=True)
