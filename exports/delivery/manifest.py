"""The manifest: written last into a delivery; a folder without one is not a dataset.

Canonical JSON (sorted keys, two blanks, UTF-8, final newline) with a ``signature`` of the document without signature
and seal, and a ``seal``: the SHA-256 of the document without the seal. A changed byte anywhere in the manifest breaks
the seal or the canonical form; whoever seals it anew cannot sign it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from exportadmin.lib.errors import UserError
from exportadmin.lib.signing import ALGORITHM, PublicKey, SigningKey
from exports.delivery.files import WrittenFile
from exports.models import Artifact

VERSION = 1
PURPOSE: Final = "exportadmin manifest"
_HEXADECIMAL: Final = re.compile(r"[0-9a-f]+", re.ASCII)


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


def build(
    head: Mapping[str, Any],
    check_values: Mapping[str, Any],
    files: Sequence[WrittenFile],
    key: SigningKey | None,
) -> bytes:
    """The manifest's bytes. ``key``: who signs it, ``None``: nobody.

    ``head`` says what this is: report, project, config, times; among them ``started_at``, which sorts behind the lines
    of seal and signature: ``verify.py`` takes these out as lines that others follow.
    """
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
    if key is not None:
        document["signature"] = {
            "algorithm": ALGORITHM,
            "key_id": key.public.key_id,
            "public_key": key.public.text,
            "value": key.sign(PURPOSE, _canonical(document)),
        }
    document["seal"] = hashlib.sha256(_canonical(document)).hexdigest()
    return _canonical(document)


def build_receipt(artifact: Artifact, key: SigningKey) -> bytes:
    """A manifest of one file alone, for whoever was given that one: nothing of the project and what was asked."""
    report = artifact.report
    head = {
        "report_id": report.report_id,
        "started_at": (report.started_at or report.created_at).isoformat(),
        "part_of": {"manifest_sha256": report.manifest_sha256},
    }
    file = WrittenFile(artifact.name, artifact.media_type, artifact.bytes, artifact.sha256, artifact.lines)
    return build(head, {}, [file], key)


def read(raw: bytes) -> dict[str, Any]:
    """Back from bytes. Raises :class:`UserError` when the manifest was changed or is none.

    That its signature is good says nothing of whose key it is: see :func:`signer`.
    """
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
    signature = unsealed.pop("signature", None)
    if signature is not None and not _is_signature(signature, unsealed):
        raise UserError("manifest.json does not match its signature: it was changed after delivery")
    return document


def signer(document: Mapping[str, Any]) -> PublicKey | None:
    """Whose key signed it; ``None``: nobody's. ``document`` is of :func:`read`."""
    return PublicKey(document["signature"]["public_key"]) if "signature" in document else None


def _is_signature(signature: Any, signed: Mapping[str, Any]) -> bool:
    if not isinstance(signature, dict) or set(signature) != {"algorithm", "key_id", "public_key", "value"}:
        return False
    text, value = signature["public_key"], signature["value"]
    for part, length in ((text, 64), (value, 128)):
        if not isinstance(part, str) or len(part) != length or not _HEXADECIMAL.fullmatch(part):
            return False
    key = PublicKey(text)
    return (signature["algorithm"], signature["key_id"]) == (ALGORITHM, key.key_id) and key.has_signed(
        PURPOSE, _canonical(signed), value
    )
