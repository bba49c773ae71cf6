"""The row as bytes: canonical JSON whose optional parts can be cut out without parsing.

A *marked body* is the complete row with a SEAM (U+001E) on both sides of every optional part, NAME_HERE (U+001D) where
the project's name goes, and EMBEDDINGS_HERE (U+001C) where the row's embeddings (kept apart, they are most of a
row's size) go. JSON text never holds these characters raw, so taking parts out and putting names in are plain byte
replacements that run over a whole batch in C.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import orjson

from connections.rows.batch import MODEL_RUN_DETAILS, PARTS

SEAM, NAME_HERE, EMBEDDINGS_HERE = b"\x1e", b"\x1d", b"\x1c"

# part → the JSON key that it switches
BACKUP: Final = "export_admin"
PART_KEYS: dict[str, str] = {part: part for part in PARTS} | {"data_row_details": "details", "backup": BACKUP}
PART_KEYS[MODEL_RUN_DETAILS] = "split"  # and annotation_group_id

_BACKUP: Final = BACKUP.encode()

_dumps = orjson.dumps


def _part(key: bytes, value: Any) -> bytes:
    return b'\x1e,"%b":%b\x1e' % (key, _dumps(value))


def render_body(document: Mapping[str, Any], backup: bytes = b"") -> tuple[bytes, bytes]:
    """``(marked body, embeddings)`` of a complete row (every part on), keys in the documented order.

    ``document`` is a complete row (Labelbox's export row, every part on) with exactly one project, whose ``name``
    is ignored: it is put in when the row is printed, so that renaming a project touches no row. Embeddings are
    ``b"[]"`` when none. ``backup`` is the value of ``export_admin`` (:mod:`connections.rows.backup`), if it has one.
    """
    data_row = dict(document["data_row"])
    details = data_row.pop("details")
    ((project_id, project),) = document["projects"].items()
    embeddings = document["embeddings"]
    chunks = [
        b'{"data_row":',
        _dumps(data_row)[:-1],
        _part(b"details", details),
        b'},"media_attributes":',
        _dumps(document["media_attributes"]),
        _part(b"attachments", document["attachments"]),
        _part(b"metadata_fields", document["metadata_fields"]),
        b'\x1e,"embeddings":\x1c\x1e' if embeddings else b'\x1e,"embeddings":[]\x1e',
        b',"projects":{',
        _dumps(project_id),
        b':{"name":\x1d,"labels":[',
    ]
    append = chunks.append
    _append_labels(chunks, project["labels"])
    append(b'],"project_tags":')
    append(_dumps(project["project_tags"]))
    append(_part(b"project_details", project["project_details"]))
    append(b"}}")
    if document.get("source_extra"):
        append(b',"source_extra":')
        append(_dumps(document["source_extra"]))
    if backup:
        append(b'\x1e,"%b":%b\x1e' % (_BACKUP, backup))
    append(b"}")
    return b"".join(chunks), _dumps(embeddings) if embeddings else b"[]"


def render_labels(labels: Sequence[Mapping[str, Any]]) -> bytes:
    """Complete labels as a JSON list, their parts marked as in a body; a part that one does not have is not there."""
    chunks = [b"["]
    _append_labels(chunks, labels)
    chunks.append(b"]")
    return b"".join(chunks)


def _append_labels(chunks: list[bytes], labels: Sequence[Mapping[str, Any]]) -> None:
    append = chunks.append
    for index, label in enumerate(labels):
        head = {key: value for key, value in label.items() if key not in _LABEL_TAIL}
        append(b"," if index else b"")
        append(_dumps(head)[:-1])
        for key, name in _LABEL_PARTS:
            if name in label:
                append(_part(key, label[name]))
        append(b',"annotations":')
        append(_dumps(label["annotations"]))
        if BACKUP in label:
            append(_part(_BACKUP, label[BACKUP]))
        append(b"}")


def head_of(body: str, *, is_whole: bool = False) -> dict[str, Any] | None:
    """``data_row`` without its details, ``media_attributes`` and, of a whole body, ``source_extra`` of a marked body;
    ``None`` when a beginning does not reach so far. Labels, most of it, are not parsed."""
    segments = body.split("\x1e", 3)
    if len(segments) < 4:
        return None
    tail = "}"
    if is_whole:
        if body.endswith("\x1e}"):
            body = body[: body.rindex("\x1e", 0, -2)] + tail  # without export_admin
        tail = body[body.rindex("\x1e") + len("\x1e}}") :]
    head: dict[str, Any] = orjson.loads(segments[0] + segments[2] + tail)
    return head


PROJECTS: Final = b'\x1e,"projects":{'
_DETAILS: Final = re.compile(rb'\x1e,"details":[^\x1e]*\x1e')
# what each project has of its own; a dataset that is told by its name alone has another id in each
_OF_PROJECT: Final = re.compile(rb'"(?:dataset_id|created_at|updated_at|last_activity_at)":(?:"[^"]*"|null),?')
_PROJECT_END: Final = b"\x1e}}"
_EXTRA: Final = b',"source_extra":'


def split_body(body: bytes) -> tuple[bytes, bytes, bytes]:
    """``(head, project, extra)`` of a marked body, of which nothing is parsed: all before its projects, the one entry
    of them (``"ID":{…}``), and the value of ``source_extra``, empty without it. ``export_admin`` is left out.
    """
    head, rest = body.split(PROJECTS, 1)
    project, tail = rest.rsplit(_PROJECT_END, 1)
    extra = b""
    if tail.startswith(_EXTRA):
        # raw seams are between parts alone
        extra = tail[len(_EXTRA) :].split(SEAM, 1)[0]
        if SEAM not in tail:
            extra = extra[:-1]
    return head, project + b"\x1e}", extra


def join_body(head: bytes, projects: Sequence[bytes], extra: bytes = b"", experiments: bytes | None = None) -> bytes:
    """Back from :func:`split_body`, with any number of projects; ``experiments`` are the members of that object,
    ``None`` where there is to be none."""
    chunks = [head, PROJECTS, b",".join(projects), b"}"]
    if experiments is not None:
        chunks += [b',"experiments":{', experiments, b"}"]
    if extra:
        chunks += [_EXTRA, extra]
    chunks.append(b"}")
    return b"".join(chunks)


def content_of(body: bytes) -> bytes:
    """What a marked body, or its beginning, says of the data row itself: without the times and the id of a dataset,
    which each project has of its own, and without embeddings, which are kept apart."""
    head = body.split(PROJECTS, 1)[0].rstrip(SEAM).replace(EMBEDDINGS_HERE, b"[]")
    return _DETAILS.sub(lambda found: _OF_PROJECT.sub(b"", found[0]), head, count=1)


def named_project(project: bytes, name: str, extra: bytes = b"") -> bytes:
    """The entry of a project with its name in place, and in it what its row keeps of its source."""
    project = project.replace(NAME_HERE, _dumps(name))
    return b"%b%b%b}" % (project[:-1], _EXTRA, extra) if extra else project


def project_without_labels(project_id: str) -> bytes:
    """The entry of a project in which a data row is not."""
    return b'%b:{"name":\x1d,"labels":[],"project_tags":[]%b}' % (_dumps(project_id), _part(b"project_details", {}))


def with_activity(head: bytes, before: str, now: str) -> bytes:
    """A head whose ``last_activity_at`` is another, where it says it as ``before``."""
    start = head.find(b'\x1e,"details":')
    end = head.find(SEAM, start + 1)
    details = head[start:end].replace(_ACTIVITY % before.encode(), _ACTIVITY % now.encode(), 1)
    return b"".join((head[:start], details, head[end:]))


_ACTIVITY: Final = b'"last_activity_at":"%b"'
_LABEL_PARTS = ((b"label_details", "label_details"), (b"performance_details", "performance_details"))
_LABEL_TAIL = frozenset({"label_details", "performance_details", "annotations", BACKUP})


def read_bodies(bodies: Sequence[bytes], embeddings: Sequence[bytes]) -> Iterator[dict[str, Any]]:
    """Back from :func:`render_body`, but for the project's name, which is empty."""
    printer = BodyPrinter(frozenset(PARTS), "")
    for place, body in enumerate(bodies):
        yield orjson.loads(printer.join([body], embeddings[place : place + 1], b""))


class BodyPrinter:
    """Turns marked bodies into row bytes for one choice of parts and one project name."""

    def __init__(self, parts: frozenset[str], project_name: str) -> None:
        left_out = [PART_KEYS[part] for part in PARTS if part not in parts]
        keys = "|".join(map(re.escape, left_out)).encode("ascii")
        self._left_out = re.compile(b'\x1e,"(?:' + keys + b')":[^\x1e]*') if left_out else None
        self._name = _dumps(project_name)
        self._with_embeddings = "embeddings" in parts

    def join(self, bodies: Sequence[bytes], embeddings: Sequence[bytes], separator: bytes) -> bytes:
        """All rows, printed, with ``separator`` between them. ``embeddings`` may be empty when no row has any."""
        if embeddings and self._with_embeddings:
            bodies = [
                body.replace(EMBEDDINGS_HERE, values) if values != b"[]" else body
                for body, values in zip(bodies, embeddings, strict=True)
            ]
        text = separator.join(bodies)
        if self._left_out is not None:
            text = self._left_out.sub(b"", text)
        return text.replace(SEAM, b"").replace(NAME_HERE, self._name)
