"""Diffgram's export file: whether it is whole and the one that was asked for, and what can be counted in it.

The file is one object: five keys that say something of the export, and an entry a file, under its number. Diffgram as
data has its keys in alphabetical order, so that what numbers of labels mean may come behind the files that use them.
All in flat memory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from connections.platforms import files
from connections.platforms.base import RemoteFile
from connections.platforms.files import JSON_OBJECT
from exportadmin.lib import json_stream
from exportadmin.lib.errors import PermanentError

VERSION: Final = "1.0"
COMPLETE, NOT_COMPLETE = "complete", "not complete"
NULL: Final = "files of which nothing was exported: their type has no shape there (audio, compound), or it broke"
UNREAD: Final = "files that could not be read for counting"
NO_ANNOTATIONS: Final = "files without an annotation"
SHARED: Final = "entries fewer than Diffgram counted tasks: several tasks on one file, which is one entry, may be why"
MORE: Final = "entries more than Diffgram counted files"
OTHERS: Final = "keys of the file that the format does not have"
NO_LABEL: Final = "annotations of a label that is deleted there, or was never told"
NO_INFO: Final = "no id of the export in the file"
NOT_MARKED: Final = "files that are not marked complete, though complete files alone were asked for"
KEYS: Final = ("readme", "label_map", "label_colour_map", "export_info", "attribute_groups_reference")
_LISTS: Final = ("instance_list", "parent_instance_list")
_Json = dict[str, Any]


@dataclass
class Counts:
    """What was seen. ``by_label`` counts by number of the label; ``info`` is ``export_info``."""

    entries: int = 0
    nulls: int = 0
    by_label: Counter[str] = field(default_factory=Counter)
    by_status: Counter[str] = field(default_factory=Counter)
    labels: Mapping[str, Any] = field(default_factory=dict)
    info: Mapping[str, Any] = field(default_factory=dict)
    notes: Counter[str] = field(default_factory=Counter)


def counted(path: Path) -> Counts:
    """What the file at ``path`` holds. Raises ``PermanentError`` for what is no whole export."""
    if (sort := files.sort_of(path)) != JSON_OBJECT:
        raise PermanentError(f"the file is no JSON export of Diffgram's: it is {sort}, not {JSON_OBJECT}")
    counts, keys = Counts(), set[str]()
    with path.open("rb") as file:
        for key, element, in_list in files.whole(lambda: json_stream.sections(file, is_entry=is_number)):
            if is_number(key):
                counts.entries += 1
                _count(None if in_list else element, counts)
                continue
            keys.add(key)
            if key == "label_map":
                counts.labels = files.object_of(element)
            elif key == "export_info":
                counts.info = files.object_of(element)
    if not keys & set(KEYS):
        raise PermanentError(f"the file is no export of Diffgram's: it has none of {', '.join(KEYS)}")
    counts.notes[OTHERS] += len(keys - set(KEYS))
    return counts


def checked(path: Path, remote_id: str, asked: Mapping[str, Any], length: int | None) -> RemoteFile:
    """The file that was fetched to ``path``, under a name that says what it is. ``asked``: the body of the request,
    empty where it was not ours; ``length``: how many files Diffgram counted.

    Raises ``PermanentError`` for one that is not whole, or of another export than was asked for.
    """
    counts = counted(path)
    notes = counts.notes
    _check_info(counts, remote_id, asked)
    if length is not None:
        notes[SHARED] += max(0, length - counts.entries)
        notes[MORE] += max(0, counts.entries - length)
    notes[NULL] += counts.nulls
    if asked.get("ann_is_complete") and asked.get("source") == "directory":
        notes[NOT_MARKED] += counts.by_status[NOT_COMPLETE]
    by_class: Counter[str] = Counter()
    for label, count in counts.by_label.items():
        name = counts.labels.get(label)
        notes[NO_LABEL] += count if label and not isinstance(name, str) else 0
        by_class[name if isinstance(name, str) else ""] += count
    named = path.rename(path.with_name("export.json"))
    return RemoteFile(
        path=named,
        name=named.name,
        media_type="application/json",
        bytes=named.stat().st_size,
        rows=counts.entries,
        rows_by_status=dict(counts.by_status) if counts.by_status.total() == counts.entries else None,
        annotations_by_class=dict(by_class),
        notes={text: count for text, count in notes.items() if count},
    )


def numbers_in(path: Path) -> Iterator[int]:
    """Of the files that have an entry which holds something."""
    with path.open("rb") as file:
        for key, element, in_list in files.whole(lambda: json_stream.sections(file, keep=False, is_entry=is_number)):
            if is_number(key) and not in_list and element is not None and element.length > len(b"null"):
                yield int(key)


def is_number(key: str) -> bool:
    """Is what stands under that key a file?"""
    return key.isascii() and key.isdigit() and len(key) <= 18


def _count(element: Any, counts: Counts) -> None:
    packet = None if element is None else files.value_of(element)
    if not isinstance(packet, dict):
        is_null = element is not None and element.error is None
        counts.nulls += is_null
        counts.notes[UNREAD] += not is_null
        return
    file = packet.get("file")
    is_complete = isinstance(file, dict) and file.get("ann_is_complete") is True
    counts.by_status[COMPLETE if is_complete else NOT_COMPLETE] += 1
    found = list(instances_of(packet))
    counts.notes[NO_ANNOTATIONS] += not found
    for instance in found:
        label = instance.get("label_file_id")
        counts.by_label["" if label is None else str(label)] += 1


def instances_of(packet: Mapping[str, Any]) -> Iterator[_Json]:
    """All that a file's entry has: of pictures, of videos as a whole and of their frames, of what is put together."""
    for key in _LISTS:
        yield from objects(packet.get(key))
    for sequence in objects(packet.get("sequence_list")):
        yield from objects(sequence.get("instance_list"))
    for key, child in packet.items():
        if is_number(key) and isinstance(child, dict):
            yield from instances_of(child)


def objects(value: Any) -> list[_Json]:
    """Of a list those that are some."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _check_info(counts: Counts, remote_id: str, asked: Mapping[str, Any]) -> None:
    """Is it the file of that export, and made as it was asked for, as far as it tells?"""
    info = counts.info
    if (version := info.get("export_format_version")) not in (VERSION, None):
        raise PermanentError(f"the file is of export_format_version {str(version)[:40]!r}; known: {VERSION}")
    if info.get("id") is None:
        counts.notes[NO_INFO] += 1
    elif str(info["id"]) != remote_id:
        raise PermanentError(f"the file is of export {str(info['id'])[:40]!r}, not of {remote_id} (export_info.id)")
    if not asked or not info:
        return
    for key in ("source", "ann_is_complete"):
        if key in info and info[key] != asked[key]:
            raise PermanentError(
                f"the file was made with {key} {str(info[key])[:40]!r}, and {asked[key]!r} was asked for (export_info)"
            )
    source = str(asked["source"])
    of, number = info.get(source), asked.get(f"{source}_id")
    if isinstance(of, dict) and of.get("id") is not None and of["id"] != number:
        raise PermanentError(
            f"the file is of {source} {str(of['id'])[:40]!r}, and {number} was asked for (export_info)"
        )
