"""What sort of media a row has: one of :data:`MEDIA_TYPES`, or nothing where nobody says.

What a source says is believed in this order: its ``asset_type``, its ``mime_type``, the form of ``row_data``, the name
at the end of its address, and the kinds of the annotations. What says a sort that is none of ours (a cloud of points)
settles the matter: such a row has none, rather than a wrong one; so does a label whose kinds disagree.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

from connections.rows.media import is_address, mime_type

IMAGE, VIDEO, AUDIO, TEXT = "image", "video", "audio", "text"
CONVERSATIONAL, DOCUMENT, HTML, GEOSPATIAL, LLM = "conversational", "document", "html", "geospatial", "llm"


class MediaType(NamedTuple):
    """``labelbox`` are the names that Labelbox's ``mediaTypeOverride`` has for it, its own first."""

    title: str
    labelbox: tuple[str, ...]


# key → what is told of it, in the order in which they are listed
MEDIA_TYPES: Final[Mapping[str, MediaType]] = {
    IMAGE: MediaType("Image", ("IMAGE",)),
    VIDEO: MediaType("Video", ("VIDEO",)),
    AUDIO: MediaType("Audio", ("AUDIO",)),
    TEXT: MediaType("Text", ("TEXT",)),
    CONVERSATIONAL: MediaType("Conversation", ("CONVERSATIONAL",)),
    DOCUMENT: MediaType("Document", ("PDF",)),
    HTML: MediaType("HTML", ("HTML",)),
    GEOSPATIAL: MediaType("Geospatial", ("TMS_GEO", "TMS_SIMPLE")),
    LLM: MediaType("LLM comparison", ("LLM",)),
}
# how a condition and counts name rows of which nothing says what they are; no value of the column
UNKNOWN: Final = "unknown"

# asset_type in small letters → key: our own keys, and Labelbox's names
_ASSET_TYPES: Final = {key: key for key in MEDIA_TYPES} | {
    name.lower(): key for key, each in MEDIA_TYPES.items() for name in each.labelbox
}
# whole mime types, then the family in front of the slash
_MIME_TYPES: Final = {
    "text/html": HTML,
    "application/xhtml+xml": HTML,
    "application/pdf": DOCUMENT,
    "application/vnd.labelbox.conversational": CONVERSATIONAL,
}
_FAMILIES: Final = {IMAGE: IMAGE, VIDEO: VIDEO, AUDIO: AUDIO, TEXT: TEXT}
_SAYING_NOTHING: Final = frozenset({"application/octet-stream", "application/json", "binary/octet-stream"})
# how an annotation's kind begins
_KINDS: Final = {
    "Image": IMAGE,
    "Video": VIDEO,
    "Audio": AUDIO,
    "Text": TEXT,
    "Conversational": CONVERSATIONAL,
    "Document": DOCUMENT,
    "Html": HTML,
    "Geo": GEOSPATIAL,
    "Message": LLM,
}
# a key of a row_data that is an object → what it describes
_DATA_KEYS: Final = (
    ("tile_layer_url", GEOSPATIAL),
    ("tileLayerUrl", GEOSPATIAL),
    ("pdf_url", DOCUMENT),
    ("pdfUrl", DOCUMENT),
)


def media_type_of(media: Mapping[str, Any], row_data: str, annotation_kinds: Iterable[str]) -> str:
    """A key of :data:`MEDIA_TYPES`; empty where nothing says it. ``media`` are the row's media attributes;
    ``annotation_kinds``, those of all its labels, are asked last."""
    asset_type, mime = media.get("asset_type"), media.get("mime_type")
    said = _said(asset_type if type(asset_type) is str else "", mime if type(mime) is str else "")
    if said is not None:
        return said
    if row_data[:1] == "{":
        head = row_data[:2000]
        return next((key for name, key in _DATA_KEYS if f'"{name}"' in head), "") or _by_kinds(annotation_kinds)
    if row_data and is_address(row_data) and (found := _by_mime_type(mime_type(row_data) or "")):
        return found
    return _by_kinds(annotation_kinds)


# all rows of a project say the same
@lru_cache(maxsize=1024)
def _said(asset_type: str, mime: str) -> str | None:
    """What the two say; ``None``: nothing."""
    asset_type, mime = asset_type.strip().lower(), mime.strip().lower()
    if asset_type and asset_type != mime.partition("/")[0] and asset_type != "application":
        return _ASSET_TYPES.get(asset_type, "")
    mime = mime.partition(";")[0].rstrip()
    if found := _by_mime_type(mime) or _ASSET_TYPES.get(asset_type, ""):
        return found
    return "" if mime and mime not in _SAYING_NOTHING else None


def kinds_in(annotations: Mapping[str, Any]) -> list[str]:
    """The kinds by which :func:`media_type_of` may know a label's media. A label with frames is a video's."""
    found = [mark.get("annotation_kind") or "" for mark in annotations.get("objects") or ()]
    if annotations.get("frames"):
        found.append("Video")
    if any("message_id" in answer for answer in annotations.get("classifications") or ()):
        found.append("Conversational")
    return found


def _by_mime_type(mime: str) -> str:
    return _MIME_TYPES.get(mime) or _FAMILIES.get(mime.partition("/")[0], "")


def _by_kinds(annotation_kinds: Iterable[str]) -> str:
    beginnings = tuple(_KINDS.items())
    found = {
        next((key for beginning, key in beginnings if kind.startswith(beginning)), "") for kind in annotation_kinds
    }
    if found == {CONVERSATIONAL, LLM}:  # a comparison is about a conversation
        return LLM
    return found.pop() if len(found) == 1 else ""
