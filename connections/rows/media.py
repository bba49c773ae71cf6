"""What a file name or address says of the media behind it. A table of our own: the system's differs by machine."""

from __future__ import annotations

import re
from typing import Final

MAX_ADDRESS: Final = 8_000

MIME_TYPES: dict[str, str] = {
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "jpe": "image/jpeg",
    "jfif": "image/jpeg",
    "png": "image/png",
    "gif": "image/gif",
    "bmp": "image/bmp",
    "webp": "image/webp",
    "tif": "image/tiff",
    "tiff": "image/tiff",
    "svg": "image/svg+xml",
    "avif": "image/avif",
    "heic": "image/heic",
    "dcm": "application/dicom",
    "mp4": "video/mp4",
    "m4v": "video/mp4",
    "mov": "video/quicktime",
    "webm": "video/webm",
    "avi": "video/x-msvideo",
    "mkv": "video/x-matroska",
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "flac": "audio/flac",
    "ogg": "audio/ogg",
    "m4a": "audio/mp4",
    "txt": "text/plain",
    "html": "text/html",
    "htm": "text/html",
    "csv": "text/csv",
    "json": "application/json",
    "pdf": "application/pdf",
}
_EXTENSION = re.compile(r"\.([A-Za-z0-9]{1,5})(?:[?#].*)?\Z", re.DOTALL)
_PATH = re.compile(r"[a-z][a-z0-9+.-]*:[/\\]|[/\\]|data[:/]", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SIGNATURE = re.compile(
    r"(?:x-amz-|x-goog-|awsaccesskeyid|googleaccessid|key-pair-id|policy|signature|expires|token|access_token"
    r"|(?:se|sig|ske|skoid|sks|skt|sktid|skv|sp|spr|sr|st|sv)=)",
    re.IGNORECASE,
)
_SCHEME = re.compile(r"(?:https?|s3|gs|gcs|azure-blob|az|ftp|file|data):[^\s]|/?data/\S", re.IGNORECASE)


def mime_type(address: str) -> str | None:
    """By the extension in front of any query; ``None`` when it says nothing."""
    found = _EXTENSION.search(address[-2000:])
    return MIME_TYPES.get(found[1].lower()) if found else None


def looks_like_media(text: str) -> bool:
    """Is this an address (``https://…``, ``s3://…``, ``/data/…``) or a name with an extension that we know?"""
    return _SCHEME.match(text) is not None or (len(text) < 2000 and " " not in text and mime_type(text) is not None)


def same_media(one: str, other: str) -> bool:
    """Do two addresses name the same media? A signature in the query of a web address changes from day to day."""
    return one == other or unsigned(one) == unsigned(other)


def unsigned(address: str) -> str:
    """An address without the signature in its query; of a file whose name says what it is, without any query."""
    if "?" not in address or not address.startswith(("https://", "http://", "/")):
        return address
    path, _, query = address.partition("?")
    mime = mime_type(path)
    if mime and not mime.startswith("text/"):
        return path
    return "&".join([path, *sorted(pair for pair in query.split("&") if not _SIGNATURE.match(pair))])


def is_address(row_data: str) -> bool:
    """Does a row's ``row_data`` say where its media are, rather than being the text or the data themselves?"""
    if not row_data or len(row_data) > MAX_ADDRESS or row_data[0] in "{[":
        return False
    if not row_data.isprintable() and _CONTROL.search(row_data):
        return False
    return " " not in row_data or _PATH.match(row_data) is not None or mime_type(row_data) is not None
