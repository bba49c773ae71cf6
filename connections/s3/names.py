"""What stands in an S3 connection and in a destination, read: buckets, folders, and the keys of what we deliver."""

from __future__ import annotations

import re
from typing import Final

from exportadmin.lib.addresses import ForbiddenAddressError, check_url, parse_private_address
from exportadmin.lib.errors import UserError
from exportadmin.lib.ids import LENGTH
from exportadmin.lib.text import check_line

MAX_KEY: Final = 1024
# what follows a folder in a key: the report's id, a slash, and the name of a file
MAX_FOLDER: Final = MAX_KEY - LENGTH - 1 - 255

_ID: Final = rf"(?P<id>[a-z2-7]{{{LENGTH}}})"
_PATH: Final = r"(?P<path>(?:[^/]+/)*)"
_BUCKET: Final = r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"
LOCATION: Final = re.compile(rf"(?P<bucket>{_BUCKET})/{_PATH}{_ID}")
FILE: Final = re.compile(rf"{_PATH}{_ID}/(?P<name>[^/]+)")
MARK: Final = re.compile(rf"{_PATH}\.{_ID}\.(?P<attempt>[0-9]{{1,9}})\.part", re.ASCII)
_ROLE: Final = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[\w+=,.@/-]{1,512}", re.ASCII)
_TAG: Final = re.compile(r"[\w .:/+@-]{1,128}=[\w .:/+@-]{0,256}", re.ASCII)
MOST_TAGS: Final = 10


def folder(text: str, bucket: str, prefix: str = "") -> str:
    """``bucket/path/to/folder/``, from that or from ``s3://bucket/path/to/folder/``.

    Raises :class:`UserError` for what lies elsewhere than in ``bucket`` below ``prefix``, or is no folder.
    """
    field, shown = "destination", repr(text[:200])
    check_line(text, field)
    plain = text.removeprefix("s3://")
    right = f"write {bucket}/{prefix or 'path/to/folder/'}"
    if "://" in plain:
        raise UserError(f"folder {shown} is a URL of something else; {right}", field=field)
    if not plain.endswith("/"):
        raise UserError(f"folder {shown} does not end with a slash; {right}", field=field)
    first, _, path = plain.partition("/")
    if first == "":
        raise UserError(f"folder {shown} begins with a slash: the bucket's name comes first; {right}", field=field)
    _check_path(path, f"folder {shown}", field)
    if first != bucket:
        raise UserError(
            f"folder {shown} is in bucket {first[:63]!r}, but the connection reaches {bucket!r}", field=field
        )
    if not path.startswith(prefix):
        raise UserError(
            f"folder {shown} is outside of the connection's prefix; begin it {bucket}/{prefix}", field=field
        )
    if (size := len(path.encode())) > MAX_FOLDER:
        raise UserError(
            f"folder has {size:,} bytes after the bucket's name; at most {MAX_FOLDER} are possible: names of objects "
            f"have at most {MAX_KEY:,}, and those of the files need the rest",
            field=field,
        )
    return plain


def _check_path(path: str, what: str, field: str | None = None) -> None:
    """``path``: empty, or parts that each end with a slash."""
    parts = path.split("/")[:-1]
    if "" in parts:
        raise UserError(f"{what} has two slashes in a row", field=field)
    for part in parts:
        if part in (".", ".."):
            raise UserError(f"{what} has {part!r} in it: write the whole path", field=field)


def bucket(text: str) -> str:
    """A bucket's name. Raises :class:`UserError`."""
    if not re.fullmatch(_BUCKET, text) or ".." in text:
        raise UserError(
            f"{text[:80]!r} is no name of a bucket: 3 to 63 lower case letters, digits, dots and hyphens, as in "
            "team-exports"
        )
    return text


def prefix(text: str) -> str:
    """Empty, or with a slash at its end and none at its beginning. Raises :class:`UserError`."""
    plain = text.strip("/")
    if text.startswith("s3:"):
        raise UserError(f"{text[:80]!r} is a whole address: the bucket has a field of its own")
    if not plain:
        return ""
    _check_path(f"{plain}/", repr(text[:200]))
    if len(plain.encode()) >= MAX_FOLDER:
        raise UserError(f"it has more than {MAX_FOLDER} bytes")
    return f"{plain}/"


def region(text: str) -> str:
    """As a region is written. Raises :class:`UserError`."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,30}[a-z0-9]", text):
        raise UserError(f"{text[:80]!r} is no region: write one as eu-central-1")
    return text


def endpoint(text: str) -> str:
    """``https://host`` or ``https://host:port``; http for private addresses. Raises :class:`UserError`."""
    try:
        parts = check_url(text)
    except ForbiddenAddressError as error:
        raise UserError(str(error)) from None
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise UserError("it goes on after host and port: write https://s3.example.com")
    return f"{parts.scheme}://{parts.netloc.lower()}"


def private_address(text: str) -> str:
    """``host:port``. Raises :class:`UserError`."""
    return str(parse_private_address(text))


def role(text: str) -> str:
    """The ARN of a role. Raises :class:`UserError`."""
    if not _ROLE.fullmatch(text):
        raise UserError(f"{text[:80]!r} is no role: write arn:aws:iam::123456789012:role/exports")
    return text


def external_id(text: str) -> str:
    """As AWS takes them. Raises :class:`UserError`."""
    if not re.fullmatch(r"[\w+=,.@:/-]{2,1224}", text, re.ASCII):
        raise UserError("an external id has 2 to 1,224 letters, digits and any of _+=,.@:/-")
    return text


def account(text: str) -> str:
    """Twelve digits. Raises :class:`UserError`."""
    digits = text.replace("-", "")
    if not re.fullmatch(r"[0-9]{12}", digits, re.ASCII):
        raise UserError(f"{text[:40]!r} is no account: twelve digits, as in 123456789012")
    return digits


def kms_key(text: str) -> str:
    """An id, an alias or an ARN of a KMS key. Raises :class:`UserError`."""
    if not re.fullmatch(r"[\w:/-]{1,2048}", text, re.ASCII):
        raise UserError(f"{text[:80]!r} is no KMS key: write its id, its ARN or alias/NAME")
    return text


def tags(text: str) -> str:
    """``a=b, c=d``. Raises :class:`UserError`."""
    found = [part.strip() for part in text.split(",") if part.strip()]
    for tag in found:
        if not _TAG.fullmatch(tag):
            raise UserError(f"{tag[:80]!r} is no tag: write name=value, as in team=vision, stage=raw")
    if len(found) > MOST_TAGS or len({tag.split("=")[0] for tag in found}) != len(found):
        raise UserError(f"an object has at most {MOST_TAGS} tags, each name once")
    return ", ".join(found)


def secret(text: str) -> str:
    """One word. Raises :class:`UserError`, in words that do not hold it."""
    if not re.fullmatch(r"[!-~]{3,1024}", text, re.ASCII):
        raise UserError("it is one word of plain letters, digits and signs")
    return text
