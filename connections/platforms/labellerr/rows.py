"""Labellerr's files: what a file is by its first bytes, whether it is whole and the one that was asked for, and what
can be counted in it. All in flat memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from connections.platforms import files
from connections.platforms.base import RemoteFile, RemoteRow, Wanted
from connections.platforms.files import JSON_ARRAY, JSON_OBJECT, PNG, TEXT, ZIP
from connections.platforms.labellerr.client import without_keys
from exportadmin.lib import json_stream
from exportadmin.lib.errors import PermanentError
from exportadmin.lib.masking import scrub_text

# what an export of a format may be; of csv and png nobody says whether they come in an archive
_SORTS: Final[Mapping[str, tuple[str, ...]]] = {
    "json": (JSON_ARRAY,),
    "coco_json": (JSON_OBJECT,),
    "csv": (TEXT, ZIP),
    "png": (ZIP, PNG),
}
NO_ANNOTATIONS: Final = "rows without an annotation"
NO_STATUS: Final = "rows that do not say where they stand"
UNREAD: Final = "rows that could not be read for counting"
IN_ARCHIVE: Final = "files in the archive"
RECORDS: Final = "records in the file"
KEY_WITHIN: Final = "an API key stands in the file, as its contributor"
NO_REPORT: Final = "no report id in the file"


@dataclass
class Counts:
    """What was seen. ``rows`` is ``None`` where nobody can tell; ``tells_marks``: so do statuses and annotations."""

    rows: int | None = None
    tells_marks: bool = False
    by_status: Counter[str] = field(default_factory=Counter)
    by_class: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)


def checked(path: Path, remote_id: str, wanted: Wanted) -> RemoteFile:
    """The file that was fetched to ``path``, under a name that says what it is. Raises ``PermanentError`` for one that
    is no export of that format, not whole, or of another id or name than was asked for."""
    sort = files.sort_of(path)
    files.refuse_unknown(sort)
    expected = _SORTS.get(wanted.format)
    if expected is not None and sort not in expected:
        raise PermanentError(f"the file is no {wanted.format} export: it is {sort}, not {' or '.join(expected)}")
    counts = _READERS[sort](path, remote_id, wanted)
    ending, media_type = ("csv", "text/csv") if (sort, wanted.format) == (TEXT, "csv") else files.ENDINGS[sort]
    named = path.rename(path.with_name(f"export.{ending}"))
    return RemoteFile(
        path=named,
        name=named.name,
        media_type=media_type,
        bytes=named.stat().st_size,
        rows=counts.rows,
        rows_by_status=dict(counts.by_status) if counts.by_status.total() == counts.rows else None,
        annotations_by_class=dict(counts.by_class) if counts.tells_marks else None,
        notes=dict(counts.notes),
    )


def _read_array(path: Path, remote_id: str, wanted: Wanted) -> Counts:
    """The native json export: an object a file."""
    counts = Counts(tells_marks=True)
    rows = 0
    with path.open("rb") as file:
        for element in files.whole(lambda: json_stream.elements(file)):
            rows += 1
            _count_row(files.value_of(element), counts)
    counts.rows = rows
    return counts


def told(path: Path) -> Iterator[RemoteRow]:
    """What json and coco_json say of each row; other sorts tell nothing. Raises ``PermanentError`` for what is cut."""
    sort = files.sort_of(path)
    with path.open("rb") as file:
        if sort == JSON_ARRAY:
            for element in files.whole(lambda: json_stream.elements(file)):
                yield from _told(files.value_of(element), "file_id", "file_status")
        elif sort == JSON_OBJECT:
            for key, element, in_list in files.whole(lambda: json_stream.sections(file)):
                if key == "images" and in_list and element is not None:
                    yield from _told(files.value_of(element), "labellerr_file_id", "labellerr_file_status")


def _told(row: Any, id_key: str, status_key: str) -> Iterator[RemoteRow]:
    if isinstance(row, dict):
        status, updated = row.get(status_key), row.get("updated_at")
        yield RemoteRow(
            str(row.get(id_key, ""))[:200],
            status if isinstance(status, str) else None,
            updated if isinstance(updated, int) and not isinstance(updated, bool) else None,
        )


def _count_row(row: Any, counts: Counts) -> None:
    if not isinstance(row, dict):
        counts.notes[UNREAD] += 1
        return
    status = row.get("file_status")
    if isinstance(status, str):
        counts.by_status[status] += 1
    else:
        counts.notes[NO_STATUS] += 1
    answers = row.get("latest_answer")
    if not isinstance(answers, list) or not answers:
        counts.notes[NO_ANNOTATIONS] += 1
        return
    for answer in answers:
        name = answer.get("question_name") if isinstance(answer, dict) else None
        counts.by_class[name if isinstance(name, str) else ""] += 1


def _read_object(path: Path, remote_id: str, wanted: Wanted) -> Counts:
    """COCO: ``info`` says whose export it is. An object of another shape is read to its end, and nothing counted."""
    counts, classes, is_coco = Counts(), Counter[Any](), False
    names: dict[Any, str] = {}
    rows = 0
    info: Any = None
    with path.open("rb") as file:
        for key, element, in_list in files.whole(lambda: json_stream.sections(file)):
            is_coco = is_coco or key == "images"
            if element is None:
                continue
            if key == "info" and not in_list:
                info = files.value_of(element)
            elif key == "images":
                rows += 1
                status = files.object_of(element).get("labellerr_file_status")
                if isinstance(status, str):
                    counts.by_status[status] += 1
            elif key == "annotations":
                classes[_id(files.object_of(element).get("category_id"))] += 1
            elif key == "categories":
                category = files.object_of(element)
                names[_id(category.get("id"))] = str(category.get("name", ""))
    if wanted.format == "coco_json" and not is_coco:
        raise PermanentError("the file is no coco_json export: it has no images")
    if is_coco and wanted.format in ("coco_json", ""):
        _check_info(info, remote_id, wanted, counts)
        maker = info.get("contributor") if isinstance(info, dict) else None
        if isinstance(maker, str) and without_keys(scrub_text(maker)) != maker:
            counts.notes[KEY_WITHIN] += 1
    if is_coco:
        counts.rows, counts.tells_marks = rows, True
        for category_id, count in classes.items():
            counts.by_class[names.get(category_id, "")] += count
        if rows and not classes:
            counts.notes[NO_ANNOTATIONS] = rows
    return counts


def _check_info(info: Any, remote_id: str, wanted: Wanted, counts: Counts) -> None:
    told = info if isinstance(info, dict) else {}
    for key, expected, what in (
        ("version", remote_id, "export"),
        ("description", wanted.name, "an export of the name"),
    ):
        found = told.get(key)
        if found is None or expected == "":
            counts.notes[NO_REPORT] += key == "version"
        elif found != expected:
            raise PermanentError(f"the file is of {what} {str(found)[:80]!r}, not of {expected!r} (info.{key})")


def _read_zip(path: Path, remote_id: str, wanted: Wanted) -> Counts:
    counts = Counts()
    for _ in files.entries(path):
        counts.notes[IN_ARCHIVE] += 1
    return counts


def _read_png(path: Path, remote_id: str, wanted: Wanted) -> Counts:
    files.check_picture(path)
    return Counts()


def _read_text(path: Path, remote_id: str, wanted: Wanted) -> Counts:
    """Of csv, lines outside of quotes, without the first: records, and whether one stands for a row nobody says."""
    if wanted.format != "csv":
        return Counts()
    with path.open("rb") as file:
        lines, is_quoted = files.text_lines(file)
    if is_quoted:
        raise PermanentError("the csv file is cut off: it ends within quotes")
    return Counts(notes=Counter({RECORDS: max(0, lines - 1)}))


def _id(value: Any) -> int | str | None:
    return value if isinstance(value, int | str) else None


_READERS: Final[Mapping[str, Callable[[Path, str, Wanted], Counts]]] = {
    JSON_ARRAY: _read_array,
    JSON_OBJECT: _read_object,
    ZIP: _read_zip,
    PNG: _read_png,
    TEXT: _read_text,
}
