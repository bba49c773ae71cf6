"""What a file name or address says of the media behind it. A table of our own: the system's differs by machine."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote

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
# whose names say that they sign
_VENDOR = re.compile(r"x-(?:amz|goog)-(?:algorithm|credential|date|expires|security-token|signature|signedheaders)\Z")
_ALONE: Final = frozenset({"token", "access_token"})
# a signature, and what belongs to it beside it: without it each may be anything
_BESIDE: Final = {
    "signature": frozenset(
        {"signature", "expires", "policy", "key-pair-id", "hash-algorithm", "awsaccesskeyid", "googleaccessid"}
        | {"x-amz-security-token"}
    ),
    "sig": frozenset(
        {"sig", "se", "st", "sp", "spr", "sr", "sv", "sip", "si", "ss", "srt", "sdd"}
        | {"skoid", "sktid", "skt", "ske", "sks", "skv"}
    ),
}
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


def without_signature(address: str) -> str:
    """A web address to be kept: without what opens it for some days, and otherwise as it is, in its order."""
    if "?" not in address or not address.startswith(("https://", "http://", "/")):
        return address
    place, mark, fragment = address.partition("#")
    path, _, query = place.partition("?")
    pairs = query.split("&")
    names = [unquote(pair.partition("=")[0]).lower() for pair in pairs]
    dropped = _ALONE.union(*(beside for one, beside in _BESIDE.items() if one in names))
    kept = [pair for pair, name in zip(pairs, names, strict=True) if name not in dropped and not _VENDOR.match(name)]
    if len(kept) == len(pairs):
        return address
    return f"{path}?{'&'.join(kept)}{mark}{fragment}" if kept else f"{path}{mark}{fragment}"


def is_address(row_data: str) -> bool:
    """Does a row's ``row_data`` say where its media are, rather than being the text or the data themselves?"""
    if not row_data or len(row_data) > MAX_ADDRESS or row_data[0] in "{[":
        return False
    if not row_data.isprintable() and _CONTROL.search(row_data):
        return False
    return " " not in row_data or _PATH.match(row_data) is not None or mime_type(row_data) is not None
