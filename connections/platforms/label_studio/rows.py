"""Label Studio's files: is one whole and the snapshot that was asked for, and what can be counted in it.

What a snapshot holds its JSON tells; a file of another format is counted against that: what its converter left out, or
wrote over, is noted, and one that holds nothing of a snapshot that has tasks is no file to deliver.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final, TypeAlias

from connections.platforms import files
from connections.platforms.base import FilterIgnoredError, RemoteFile, RemoteRow, Wanted
from connections.platforms.files import JSON_ARRAY, JSON_OBJECT, PNG, TEXT, ZIP
from exportadmin.lib import json_stream
from exportadmin.lib.errors import PermanentError, TransientError, UserError
from exportadmin.lib.keys_read import KeysRead
from exportadmin.lib.times import parse_ms, to_datetime

JSON: Final = "JSON"
_SORTS: Final[Mapping[str, str]] = {JSON: JSON_ARRAY, "JSON_MIN": JSON_ARRAY, "CSV": TEXT, "TSV": TEXT}
# of an archive, what is no row of it
_BESIDE: Final = frozenset({"classes.txt", "notes.json"})
NO_ANNOTATIONS: Final = "rows without an annotation"
NO_MD5: Final = "snapshots without an md5 there, of which only the tasks were counted"
UNREAD: Final = "rows that could not be read for counting"
IN_ARCHIVE: Final = "files in the archive"
ITEMS: Final = "items in the file, one an annotation"
TASKS_OUT: Final = "tasks of the snapshot that are not in the file"
REGIONS_OUT: Final = "regions of the snapshot that are not in the file"
SHARED: Final = "tasks that have no file of their own: another task's has the same name, or there is none"
EXAMPLES: Final = 5
_OBJECT: Final = b"<object>"
_FILLED: Final = re.compile(rb"\S[^\n]*")
Pieces: TypeAlias = Iterator[bytes]


@dataclass
class Counts:
    """What was seen. ``rows``: tasks; ``None``: the file does not tell. ``by_class`` likewise.

    Of a snapshot's JSON, ``regions`` counts by the type of region what is not skipped, and ``items`` what a converter
    makes of it: one an annotation that is not skipped, one for a task without any.
    """

    rows: int | None = None
    by_class: Counter[str] | None = None
    notes: Counter[str] = field(default_factory=Counter)
    regions: Counter[str] = field(default_factory=Counter)
    items: int = 0


def snapshot(path: Path, told: Mapping[str, Any], wanted: Wanted) -> Counts:
    """What the JSON of a snapshot holds, which has to be the one of which Label Studio says ``told``.

    Raises ``TransientError`` for another md5, ``PermanentError`` for another number of tasks, for what is no whole JSON
    and ``FilterIgnoredError`` for tasks that were not asked for.
    """
    if (sort := files.sort_of(path)) != JSON_ARRAY:
        raise PermanentError(f"the file is no {JSON} export: it is {sort}, not {JSON_ARRAY}")
    counts = Counts(by_class=Counter())
    _check_md5(path, told.get("md5"), counts)
    counts.rows = 0
    examples: list[str] = []
    since = wanted.updated_after_ms
    for task in _tasks(path):
        counts.rows += 1
        if not isinstance(task, dict):
            counts.notes[UNREAD] += 1
            continue
        _count(task, counts)
        updated = _moment(task.get("updated_at"))
        if since is not None and updated is not None and updated < since and len(examples) < EXAMPLES:
            examples.append(f"{task.get('id')} (updated {to_datetime(updated).isoformat()})")
    stated = told.get("counters")
    tasks = stated.get("task_number") if isinstance(stated, dict) else None
    if isinstance(tasks, int) and tasks != counts.rows:
        raise PermanentError(
            f"the file has {counts.rows:,} tasks, and Label Studio counted {tasks:,} in the snapshot: it is not whole"
        )
    if examples and since is not None:
        raise FilterIgnoredError(
            f"tasks updated since {to_datetime(since).isoformat()} were asked for, and others came, such as "
            f"{', '.join(examples)}: it ignored the filter"
        )
    return counts


def made_of(path: Path, wanted: Wanted, held: Counts) -> RemoteFile:
    """The file that was fetched to ``path``, under a name that says what it is; ``held``: what its snapshot holds.

    Raises ``PermanentError`` for one that is not of that format, not whole, or empty though its snapshot is not.
    """
    sort = files.sort_of(path)
    expected = _SORTS.get(wanted.format or JSON)
    if expected is not None and sort != expected:
        raise PermanentError(f"the file is no {wanted.format} export: it is {sort}, not {expected}")
    if wanted.format in ("", JSON):
        counts = held
    else:
        counts = _READERS.get(wanted.format, _read_any)(path, sort, held)
        _compare(counts, held)
    ending, media_type = _ENDINGS.get(wanted.format, files.ENDINGS[sort])
    named = path.rename(path.with_name(f"export.{ending}"))
    return RemoteFile(
        path=named,
        name=named.name,
        media_type=media_type,
        bytes=named.stat().st_size,
        rows=counts.rows,
        annotations_by_class=None if counts.by_class is None else dict(counts.by_class),
        notes={text: count for text, count in counts.notes.items() if count},
    )


def told(path: Path) -> Iterator[RemoteRow]:
    """What the JSON of a snapshot says of each task; other files say nothing that is compared here."""
    for task in _tasks(path) if files.sort_of(path) == JSON_ARRAY else ():
        if isinstance(task, dict) and "annotations" in task:
            yield RemoteRow(str(task.get("id", ""))[:200], None, _moment(task.get("updated_at")))


# --- the JSON of a snapshot ------------------------------------------------------------------------------------------


def _tasks(path: Path) -> Iterator[Any]:
    with path.open("rb") as file:
        for element in files.whole(lambda: json_stream.elements(file)):
            yield files.value_of(element)


def _check_md5(path: Path, md5: object, counts: Counts) -> None:
    if not isinstance(md5, str) or not md5:
        counts.notes[NO_MD5] = 1
        return
    with path.open("rb") as file:
        found = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    if found != md5.lower():
        raise TransientError(
            f"the file has the md5 {found}, and Label Studio says {md5[:40]!r} of the snapshot: it was cut off or "
            "changed on its way"
        )


def _count(task: Mapping[str, Any], counts: Counts) -> None:
    annotations = task.get("annotations")
    annotations = [one for one in annotations if isinstance(one, dict)] if isinstance(annotations, list) else []
    if not annotations:
        counts.notes[NO_ANNOTATIONS] += 1
        counts.items += 1
    for annotation in annotations:
        is_skipped = bool(annotation.get("was_cancelled"))
        counts.items += not is_skipped
        results = annotation.get("result")
        for result in results if isinstance(results, list) else ():
            if isinstance(result, dict):
                _count_result(result, counts, is_skipped=is_skipped)


def _count_result(result: Mapping[str, Any], counts: Counts, *, is_skipped: bool) -> None:
    assert counts.by_class is not None
    kind, value = result.get("type"), result.get("value")
    if not isinstance(kind, str) or not isinstance(value, dict):
        return
    if kind.endswith("labels"):
        labels = value.get(kind)
        counts.by_class.update(str(one) for one in labels) if isinstance(labels, list) else None
        counts.regions[kind] += not is_skipped
    elif kind != "relation" and isinstance(name := result.get("from_name"), str):
        counts.by_class[name] += 1


def _moment(value: object) -> int | None:
    try:
        return parse_ms(value) if isinstance(value, str) else None
    except UserError:
        return None


# --- files that were converted ---------------------------------------------------------------------------------------


def _compare(counts: Counts, held: Counts) -> None:
    """Raises ``PermanentError`` where there is nothing in it of a snapshot that has tasks."""
    if held.rows and not counts.items:
        raise PermanentError(
            f"the file holds nothing, and its snapshot has {held.rows:,} tasks: that format is none for what this "
            "project labels, and Label Studio says so of no file"
        )
    if counts.rows is not None and held.rows is not None:
        counts.notes[TASKS_OUT] += max(0, held.rows - counts.rows)


def _leaves_out(counts: Counts, held: Counts, kept: int) -> None:
    """Note how many regions of the snapshot are not among those that a file has."""
    regions = held.regions.total()
    if kept < regions:
        counts.notes[f"{REGIONS_OUT} ({', '.join(sorted(held.regions))} are in the snapshot)"] = regions - kept


def _read_any(path: Path, sort: str, held: Counts) -> Counts:
    counts = Counts()
    if sort == ZIP:
        for name, _ in files.entries(path):
            counts.notes[IN_ARCHIVE] += 1
            counts.items += _is_row(name)
        return counts
    if sort == PNG:
        files.check_picture(path)
    counts.items = 1
    return counts


def _is_row(name: str) -> bool:
    return name.rpartition("/")[2] not in _BESIDE


def _read_min(path: Path, sort: str, held: Counts) -> Counts:
    """JSON_MIN: an item an annotation."""
    counts, ids = Counts(), KeysRead()
    for item in _tasks(path):
        counts.items += 1
        identity = item.get("id") if isinstance(item, dict) else None
        ids.add(repr(identity if isinstance(identity, int | str) else None))
    return _items(counts, ids)


def _items(counts: Counts, ids: KeysRead) -> Counts:
    counts.notes[ITEMS] = counts.items
    counts.rows = ids.distinct()
    return counts


def _read_table(path: Path, sort: str, held: Counts, *, delimiter: str) -> Counts:
    """CSV and TSV: a line an annotation."""
    with path.open("rb") as raw:
        _, is_quoted = files.text_lines(raw)
    if is_quoted:
        raise PermanentError("the file is cut off: it ends within quotes")
    counts, ids = Counts(), KeysRead()
    csv.field_size_limit(json_stream.MAX_ELEMENT_BYTES)
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for line in csv.DictReader(file, delimiter=delimiter):
                counts.items += 1
                ids.add(repr(line.get("id")))
    except (csv.Error, UnicodeDecodeError) as error:
        raise PermanentError(f"the file is no table of texts: {error}") from None
    return _items(counts, ids)


def _read_coco(path: Path, sort: str, held: Counts) -> Counts:
    """An archive with ``result.json``, or that alone."""
    counts = Counts()
    if sort == JSON_OBJECT:
        with path.open("rb") as plain:
            _count_coco(plain, counts, held)
    elif sort == ZIP:
        with files.in_archive():
            for name, file in files.entries(path):
                counts.notes[IN_ARCHIVE] += 1
                if name.rpartition("/")[2] in ("result.json", "result_coco.json"):
                    _count_coco(file, counts, held)
    else:
        raise PermanentError(f"the file is no COCO export: it is {sort}")
    return counts


def _count_coco(file: IO[bytes], counts: Counts, held: Counts) -> None:
    names: dict[Any, str] = {}
    classes: Counter[Any] = Counter()
    images = KeysRead()
    for key, element, _ in files.whole(lambda: json_stream.sections(file)):  # type: ignore[arg-type]
        if element is None:
            continue
        if key == "images":
            images.add(str(files.object_of(element).get("file_name")))
            counts.items += 1
        elif key == "annotations":
            classes[str(files.object_of(element).get("category_id"))] += 1
        elif key == "categories":
            category = files.object_of(element)
            names[str(category.get("id"))] = str(category.get("name", ""))
    counts.by_class = Counter()
    for category_id, count in classes.items():
        counts.by_class[names.get(category_id, "")] += count
    counts.notes["images that stand more than once"] = counts.items - images.distinct()
    _leaves_out(counts, held, classes.total())


def _read_files(path: Path, sort: str, held: Counts, *, ending: str, marks: Callable[[Pieces], int] | None) -> Counts:
    """YOLO, VOC: a file a picture, in each of which ``marks`` counts the regions; masks: a file a region."""
    counts, kept = Counts(), 0
    if sort != ZIP:
        return _read_any(path, sort, held)
    with files.in_archive():
        for name, file in files.entries(path):
            counts.notes[IN_ARCHIVE] += 1
            if name.endswith(ending) and _is_row(name):
                counts.items += 1
                kept += marks(iter(lambda: file.read(files.PIECE), b"")) if marks else 1  # noqa: B023 - used at once
    if marks and held.rows is not None:
        counts.notes[SHARED] = max(0, held.rows - counts.items)
    _leaves_out(counts, held, kept)
    return counts


def _filled_lines(pieces: Pieces) -> int:
    """A line may go on in the next piece."""
    count, is_begun = 0, False
    for piece in pieces:
        first, *others = piece.split(b"\n", 1)
        count += bool(first.strip()) and not is_begun
        is_begun = is_begun or bool(first.strip())
        for rest in others:
            count += sum(1 for _ in _FILLED.finditer(rest))
            is_begun = bool(rest.rpartition(b"\n")[2].strip())
    return count


def _objects(pieces: Pieces) -> int:
    """A mark may begin in one piece and end in the next."""
    count, before = 0, b""
    for piece in pieces:
        together = before + piece
        count += together.count(_OBJECT)
        before = together[1 - len(_OBJECT) :]
    return count


def _yolo(path: Path, sort: str, held: Counts) -> Counts:
    return _read_files(path, sort, held, ending=".txt", marks=_filled_lines)


def _voc(path: Path, sort: str, held: Counts) -> Counts:
    return _read_files(path, sort, held, ending=".xml", marks=_objects)


_ENDINGS: Final[Mapping[str, tuple[str, str]]] = {
    "CSV": ("csv", "text/csv"),
    "TSV": ("tsv", "text/tab-separated-values"),
    "CONLL2003": ("conll", "text/plain"),
}
_READERS: Final[Mapping[str, Callable[[Path, str, Counts], Counts]]] = {
    "JSON_MIN": _read_min,
    "CSV": lambda path, sort, held: _read_table(path, sort, held, delimiter=","),
    "TSV": lambda path, sort, held: _read_table(path, sort, held, delimiter="\t"),
    "COCO": _read_coco,
    "COCO_WITH_IMAGES": _read_coco,
    "BRUSH_TO_COCO": _read_coco,
    "YOLO": _yolo,
    "YOLO_WITH_IMAGES": _yolo,
    "YOLO_OBB": _yolo,
    "YOLO_OBB_WITH_IMAGES": _yolo,
    "VOC": _voc,
    "BRUSH_TO_PNG": lambda path, sort, held: _read_files(path, sort, held, ending=".png", marks=None),
    "BRUSH_TO_NUMPY": lambda path, sort, held: _read_files(path, sort, held, ending=".npy", marks=None),
}
