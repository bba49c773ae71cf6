"""The manifest: written last into a delivery; a folder without one is not a dataset.

Canonical JSON (sorted keys, two blanks, UTF-8, final newline) with a ``seal``: the SHA-256 of the same document without
the seal. A changed byte anywhere in the manifest breaks either the seal or the canonical form.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from exportadmin.lib.errors import UserError
from exports.delivery.files import WrittenFile

VERSION = 1


def _canonical(document: Mapping[str, Any]) -> bytes:
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _is_file_entry(entry: Any) -> bool:
    """The seal has no key, so a manifest may come from anybody: names stay inside the folder, figures are figures."""
    if not isinstance(entry, dict):
        return False
    name, size, sha256 = entry.get("name"), entry.get("bytes"), entry.get("sha256")
    lines = entry.get("lines", 0)
    return (
        isinstance(name, str)
        and bool(name)
        and name not in (".", "..")
        and not set(name) & {"/", "\\", "\0"}
        and type(size) is int
        and type(lines) is int
        and isinstance(sha256, str)
        and isinstance(entry.get("media_type"), str)
    )


def build(head: Mapping[str, Any], check_values: Mapping[str, Any], files: Sequence[WrittenFile]) -> bytes:
    """The manifest's bytes. ``head`` says what this is: report, project, config, times."""
    document: dict[str, Any] = {
        **head,
        "manifest_version": VERSION,
        "generator": "Export Admin",
        "check_values": dict(check_values),
        "files": [
            {"name": file.name, "media_type": file.media_type, "bytes": file.bytes, "sha256": file.sha256}
            | ({} if file.lines is None else {"lines": file.lines})
            for file in files
        ],
    }
    document["seal"] = hashlib.sha256(_canonical(document)).hexdigest()
    return _canonical(document)


def read(raw: bytes) -> dict[str, Any]:
    """Back from bytes. Raises :class:`UserError` when the manifest was changed or is none."""
    try:
        document = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise UserError(f"manifest.json is not JSON ({error}): it was changed after delivery") from None
    if not isinstance(document, dict) or not isinstance(document.get("files"), list):
        raise UserError("manifest.json is not a manifest of Export Admin")
    if not all(map(_is_file_entry, document["files"])):
        raise UserError("manifest.json lists something that is no plain file of its folder")
    if document.get("manifest_version") != VERSION:
        raise UserError(f"manifest.json has version {document.get('manifest_version')!r}; this program reads {VERSION}")
    unsealed = {key: value for key, value in document.items() if key != "seal"}
    if document.get("seal") != hashlib.sha256(_canonical(unsealed)).hexdigest() or _canonical(document) != raw:
        raise UserError("manifest.json does not match its seal: it was changed after delivery")
    return document
