"""Labelbox's files: is one whole and of what was asked for, and what can be counted in it. All in flat memory."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from connections.platforms import files
from connections.platforms.base import NothingThereError, RemoteFile, RemoteRow, Wanted
from connections.platforms.labelbox.client import shown
from connections.platforms.labelbox.names import (
    CATALOG,
    DATASET,
    MODEL_RUN,
    MOST_IDS,
    PROJECT,
    STATUS_OF_ROWS,
    Thing,
    bound,
)
from exportadmin.lib import json_stream
from exportadmin.lib.errors import PermanentError, UserError
from exportadmin.lib.times import parse_ms

ERROR_LINES: Final = "lines in the stream of errors"
NO_ANNOTATIONS: Final = "rows without an annotation"
NO_STATUS: Final = "rows that do not say where they stand"
UNREAD: Final = "rows that could not be read for counting"
NOT_CHECKED: Final = "rows that do not say when all their labels were created, which was not checked"
NAME: Final = "export.ndjson"
MEDIA_TYPE: Final = "application/x-ndjson"
EXAMPLES: Final = 3
MOST_WRONG: Final = 5
_SECOND: Final = 1000  # a bound is a whole second, which may hold a row that says its milliseconds
_LONGEST: Final = 2000
_Json = Mapping[str, Any]


@dataclass
class Counts:
    """What was seen."""

    rows: int = 0
    by_status: Counter[str] = field(default_factory=Counter)
    by_class: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)


def checked(path: Path, thing: Thing, wanted: Wanted) -> RemoteFile:
    """The file that was fetched to ``path``, counted.

    Raises ``PermanentError`` for what is no whole export; and for one of something else than ``thing``, where others
    had it made (``wanted.format`` is empty): the key may see what is none of this project's business.
    """
    counts = Counts()
    filters = _Filters(thing, wanted, counts)
    for row in _rows(path):
        counts.rows += 1
        if not wanted.format and not _is_of(_object(row), thing):
            raise PermanentError(
                f"row {counts.rows:,} of the file does not say that it is of {thing.sort.noun} of the id {thing.id!r}"
            )
        if isinstance(row, dict):
            filters.look_at(row)
            _count(row, thing, counts)
        else:
            counts.notes[UNREAD] += 1
    filters.end()
    return replace(
        named(path, counts.rows),
        rows_by_status=dict(counts.by_status) if counts.by_status.total() == counts.rows else None,
        annotations_by_class=dict(counts.by_class),
        notes={text: count for text, count in counts.notes.items() if count},
    )


def named(path: Path, rows: int) -> RemoteFile:
    """The file at ``path``, of which the number of its rows is known."""
    return RemoteFile(path, NAME, MEDIA_TYPE, path.stat().st_size, rows)


def joined(file: RemoteFile | None, other: RemoteFile, ids: frozenset[str], folder: Path) -> RemoteFile:
    """One file of both, in ``folder``: of ``other`` those rows of the ``ids`` that ``file`` does not have."""
    there = set() if file is None else {row.row_id for row in told(file.path)} & ids
    made = folder / "joined"
    count = 0
    with made.open("wb") as out:
        if file is not None:
            with file.path.open("rb") as first:
                shutil.copyfileobj(first, out)
                first.seek(-1, os.SEEK_END)
                out.write(b"" if first.read(1) == b"\n" else b"\n")
        with other.path.open("rb") as second:
            for element in files.whole(lambda: json_stream.lines(second)):
                row_id = _row_id(_object(files.value_of(element)))
                if row_id in ids and row_id not in there:
                    out.write(element.raw + b"\n")
                    count += 1
    if file is None and not count:
        raise NothingThereError("none of the rows that were asked for by their ids came")
    both = [other] if file is None else [file, other]
    known = [one.deferred_rows for one in both]
    deferred = None if None in known else list(dict.fromkeys(one for each in known for one in each or ()))
    return replace(
        both[0],
        path=made,
        bytes=made.stat().st_size,
        rows=count + sum(one.rows or 0 for one in both[:-1]),
        notes=sum((Counter(one.notes) for one in both), Counter()),
        missing=sum(one.missing for one in both),
        deferred=sum(one.deferred for one in both),
        deferred_rows=deferred if deferred is None or len(deferred) <= MOST_IDS else None,
    )


def errors_of(path: Path, lines: int) -> str:
    """What the stream of errors holds, as a note: a few of its lines, as they are. Their shape is not documented."""
    with path.open("rb") as file:
        examples = [shown(file.readline(_LONGEST).decode(errors="replace")) for _ in range(min(lines, EXAMPLES))]
    return f"{ERROR_LINES}, such as {'; '.join(examples)}"


def told(path: Path) -> Iterator[RemoteRow]:
    """What a file tells of each row: its status where it has details of its one project, and its last activity."""
    for row in _rows(path):
        if not isinstance(row, dict):
            continue
        data_row = _object(row.get("data_row"))
        active = _moment(_object(data_row.get("details")).get("last_activity_at"))
        yield RemoteRow(_row_id(row), _status(row), active)


def _row_id(row: _Json) -> str:
    data_row = _object(row.get("data_row"))
    return str(data_row.get("id") or data_row.get("global_key") or "")[:200]


class _Filters:
    """What was asked for beside status and last activity after, which others look at: does each row satisfy it, as far
    as it tells? Raises ``PermanentError`` with examples.
    """

    def __init__(self, thing: Thing, wanted: Wanted, counts: Counts) -> None:
        options = wanted.options
        self._notes = counts.notes
        # else a label that was created then may be of a project whose labels are not in the row
        self._has_all_labels = thing.sort is PROJECT or options.get("all_projects") == "yes"
        self._ids = {name: frozenset(options[name]) for name in ("data_row_ids", "global_keys") if options.get(name)}
        self._batches = frozenset(options.get("batch_ids") or ())
        self._active_before = bound(options, "last_activity_before")
        self._created = [bound(options, f"label_created_{name}") for name in ("after", "before")]
        self._examples: list[str] = []

    def look_at(self, row: _Json) -> None:
        """See the class."""
        data_row = _object(row.get("data_row"))
        for name, ids in self._ids.items():
            key = "id" if name == "data_row_ids" else "global_key"
            if _text(data_row.get(key)) not in ids:
                self._found(row, name)
        active = _moment(_object(data_row.get("details")).get("last_activity_at"))
        if active is not None and self._active_before is not None and active >= self._active_before + _SECOND:
            self._found(row, "last_activity_before")
        batches = [
            _text(_object(_object(one).get("project_details")).get("batch_id"))
            for one in _object(row.get("projects")).values()
        ]
        if self._batches and all(batches) and not self._batches.intersection(batches):
            self._found(row, "batch_ids")
        self._look_at_labels(row)

    def _look_at_labels(self, row: _Json) -> None:
        after, before = self._created
        if after is None and before is None:
            return
        made = [_moment(_object(one.get("label_details")).get("created_at")) for one in _labels_of_projects(row)]
        known = [moment for moment in made if moment is not None]
        if any(
            (after is None or after <= moment) and (before is None or moment < before + _SECOND) for moment in known
        ):
            return
        if not self._has_all_labels or len(known) < len(made):
            self._notes[NOT_CHECKED] += 1
        else:
            self._found(row, "label_created_after and label_created_before")

    def _found(self, row: _Json, name: str) -> None:
        self._examples.append(f"{str(_object(row.get('data_row')).get('id'))[:80]} ({name})")
        if len(self._examples) == MOST_WRONG:
            self.end()

    def end(self) -> None:
        """See the class."""
        if self._examples:
            raise PermanentError(
                f"it has rows that were not asked for, such as {', '.join(self._examples)}: a filter was ignored"
            )


def _rows(path: Path) -> Iterator[Any]:
    """``None`` for one that is too large to be looked at."""
    with path.open("rb") as file:
        for element in files.whole(lambda: json_stream.lines(file)):
            yield files.value_of(element)


def _is_of(row: _Json, thing: Thing) -> bool:
    """Does a row itself say so, and has it nothing of another project or model run? Of a slice none says it."""
    if thing.sort is PROJECT:
        return set(_object(row.get("projects"))) == {thing.id} and not row.get("experiments")
    if thing.sort is DATASET:
        return _object(_object(row.get("data_row")).get("details")).get("dataset_id") == thing.id
    if thing.sort is MODEL_RUN:
        models = _object(row.get("experiments")).values()
        runs = [run_id for one in models for run_id in _object(_object(one).get("runs"))]
        return runs == [thing.id] and not row.get("projects")
    return thing.sort is CATALOG


def _status(row: _Json) -> str | None:
    """Of its only project, in the words of filters; another one as it stands."""
    projects = _object(row.get("projects"))
    if len(projects) != 1:
        return None
    (project,) = map(_object, projects.values())
    word = _object(project.get("project_details")).get("workflow_status")
    return STATUS_OF_ROWS.get(word, word) if isinstance(word, str) else None


def _count(row: _Json, thing: Thing, counts: Counts) -> None:
    status = _status(row)
    if status is not None:
        counts.by_status[status] += 1
    elif thing.sort is PROJECT:
        counts.notes[NO_STATUS] += 1
    has_any = False
    for label in _labels(row):
        for name in _named(_object(label.get("annotations"))):
            counts.by_class[name] += 1
            has_any = True
    counts.notes[NO_ANNOTATIONS] += not has_any


def _labels(row: _Json) -> Iterator[_Json]:
    """Of all projects and model runs, predictions too."""
    yield from _labels_of_projects(row)
    for one in _object(row.get("experiments")).values():
        for run in _object(_object(one).get("runs")).values():
            for key in ("labels", "predictions"):
                yield from _objects(_object(run).get(key))


def _labels_of_projects(row: _Json) -> Iterator[_Json]:
    for one in _object(row.get("projects")).values():
        yield from _objects(_object(one).get("labels"))


def _named(annotations: _Json) -> Iterator[str]:
    """The names of objects and answers; what a video has in several frames is one."""
    for one in (*_objects(annotations.get("objects")), *_objects(annotations.get("classifications"))):
        yield str(one.get("name", ""))
    seen = set()
    for frame in _object(annotations.get("frames")).values():
        found = _object(frame).get("objects")
        inside = list(found.values()) if isinstance(found, dict) else found
        for one in (*_objects(inside), *_objects(_object(frame).get("classifications"))):
            identity = _text(one.get("feature_id"))
            if identity is None or identity not in seen:
                seen.add(identity)
                yield str(one.get("name", ""))


def _object(value: Any) -> _Json:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _objects(value: Any) -> list[_Json]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _moment(value: object) -> int | None:
    try:
        return parse_ms(value) if isinstance(value, str) else None
    except UserError:
        return None
