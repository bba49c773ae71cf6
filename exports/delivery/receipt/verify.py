#!/usr/bin/env python3
"""Verify files that Export Admin delivered: python3 verify.py [FOLDER] [--key PUBLIC_KEY]

This one file needs Python 3.8 or newer and nothing else: no package, no network, no Export Admin. It compares each file
that FOLDER/manifest.json lists with its size and sha256, looks for files that were added, and checks the manifest's
seal and its signature (Ed25519, RFC 8032).

Anybody can make a manifest that is consistent in itself and sign it with a key of their own. Get the public key of the
installation that you trust from its help page or from whoever runs it, not from the folder, and give it with --key:
then what is found in order was delivered by that installation.

It does not read the installation's audit trail. The manifest says how far the trail had come when it was made
(audit_head); whoever runs the installation can compare that with: exportadmin verify_audit --head SEQUENCE:HASH

Exit codes: 0 everything is in order; 1 something is not, or is not signed by a key that was given; 2 wrong use.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import stat
import sys
from typing import Any, Iterator, List, NamedTuple, Optional, Tuple

MANIFEST = "manifest.json"
VERSION = 1
PURPOSE = b"exportadmin manifest\n"
BLOCK = 1 << 20
LARGEST_MANIFEST = 1 << 28
MOST_SHOWN = 20
# as the lines stand in the manifest: sorted keys, two blanks; a text of JSON holds no line end
SEAL = re.compile(rb'^  "seal": "([0-9a-f]{64})",\n', re.MULTILINE)
SIGNATURE = re.compile(
    rb'^  "signature": \{\n    "algorithm": "Ed25519",\n    "key_id": "([0-9a-f]{16})",\n'
    rb'    "public_key": "([0-9a-f]{64})",\n    "value": "([0-9a-f]{128})"\n  \},\n',
    re.MULTILINE,
)


class Wrong(Exception):
    """Something is not in order; the message says what."""


class Signature(NamedTuple):
    """Who signed a manifest; all hexadecimal."""

    key_id: str
    public_key: str
    value: str


# --- Ed25519, verifying only: slow, and easy to compare with RFC 8032 (section 5.1 and appendix A) --------------------

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)  # of -1
# (X, Y, Z, T) with x = X/Z, y = Y/Z, x*y = T/Z
Point = Tuple[int, int, int, int]


def _add(a: Point, b: Point) -> Point:
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    k, m, n, o = f - e, h - g, h + g, f + e
    return k * m % P, n * o % P, m * n % P, k * o % P


def _times(factor: int, point: Point) -> Point:
    total = (0, 1, 1, 0)
    while factor:
        if factor & 1:
            total = _add(total, point)
        point = _add(point, point)
        factor >>= 1
    return total


def _point(text: bytes) -> Optional[Point]:
    """From its 32 bytes; None: they are no point."""
    y = int.from_bytes(text, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


BASE = _point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def has_signed(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Is it the signature of that key?"""
    if len(public_key) != 32 or len(signature) != 64 or BASE is None:
        return False
    key, r = _point(public_key), _point(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if key is None or r is None or s >= ORDER:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + public_key + message).digest(), "little") % ORDER
    left, right = _times(s, BASE), _add(r, _times(h, key))
    return (left[0] * right[2] - right[0] * left[2]) % P == 0 and (left[1] * right[2] - right[1] * left[2]) % P == 0


# --- the manifest -----------------------------------------------------------------------------------------------------


def read_manifest(raw: bytes) -> Tuple[dict[str, Any], Optional[Signature]]:
    """What it says, and who signed it. Raises Wrong when it was changed or is none."""
    try:
        document = json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise Wrong("%s is not JSON (%s): it was changed after delivery" % (MANIFEST, error)) from None
    if not isinstance(document, dict) or not isinstance(document.get("files"), list):
        raise Wrong("%s is not a manifest of Export Admin" % MANIFEST)
    if document.get("manifest_version") != VERSION:
        raise Wrong(
            "%s has version %r; this verify.py reads %d: get the newer one"
            % (MANIFEST, document.get("manifest_version"), VERSION)
        )
    for entry in document["files"]:
        _check_entry(entry)
    seals = SEAL.findall(raw)
    seal = seals[0].decode("ascii") if len(seals) == 1 else None
    unsealed = SEAL.sub(b"", raw)
    # in its place: a line that was moved elsewhere is taken out by the pattern as well
    in_place = list(document) == sorted(document) and document.get("seal") == seal
    if not in_place or hashlib.sha256(unsealed).hexdigest() != seal:
        raise Wrong("%s does not match its seal: it was changed after delivery" % MANIFEST)
    if "signature" not in document:
        return document, None
    found = SIGNATURE.findall(unsealed)
    signature = Signature(*(part.decode("ascii") for part in found[0])) if len(found) == 1 else None
    if signature is None or not _fits(signature, document["signature"], PURPOSE + SIGNATURE.sub(b"", unsealed)):
        raise Wrong("%s does not match its signature: it was changed after delivery" % MANIFEST)
    return document, signature


def _fits(signature: Signature, kept: Any, signed: bytes) -> bool:
    """Is it that of ``signed``, and is ``kept`` what the manifest says of it?"""
    key = bytes.fromhex(signature.public_key)
    return (
        kept == {"algorithm": "Ed25519", **signature._asdict()}
        and hashlib.sha256(key).hexdigest()[:16] == signature.key_id
        and has_signed(key, signed, bytes.fromhex(signature.value))
    )


def _check_entry(entry: Any) -> None:
    """Names stay inside the folder on every system, figures are figures. Raises Wrong."""
    name = entry.get("name") if isinstance(entry, dict) else None
    good = (
        isinstance(name, str)
        and name not in ("", ".", "..")
        and not set(name) & set("/\\:\0")
        and type(entry.get("bytes")) is int
        and isinstance(entry.get("sha256"), str)
    )
    if not good:
        raise Wrong("%s lists something that is no plain file of its folder" % MANIFEST)


# --- files ------------------------------------------------------------------------------------------------------------


def _path(folder: str, name: str) -> str:
    """Windows takes more than 260 characters, and names such as NUL for files, only in this form."""
    if os.name != "nt":
        return os.path.join(folder, name)
    whole = os.path.join(os.path.abspath(folder), name)
    if whole.startswith("\\\\?\\"):
        return whole
    return "\\\\?\\UNC" + whole[1:] if whole.startswith("\\\\") else "\\\\?\\" + whole


def open_file(folder: str, name: str) -> int:
    """The descriptor of a plain file. Raises Wrong with words that go on after its name."""
    path = _path(folder, name)
    flags = os.O_RDONLY
    for flag in ("O_BINARY", "O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC"):  # not every system has each
        flags |= getattr(os, flag, 0)
    try:
        if stat.S_ISLNK(os.lstat(path).st_mode):
            raise Wrong("was replaced by a link")
        descriptor = os.open(path, flags)
    except FileNotFoundError:
        raise Wrong("is missing") from None
    except (OSError, ValueError) as error:
        raise Wrong("cannot be read: %s" % (getattr(error, "strerror", None) or error)) from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Wrong("is no plain file")
    return descriptor


def compare(folder: str, entry: dict[str, Any], block: bytearray) -> int:
    """How many bytes the file has, which are those that were delivered. Raises Wrong."""
    digest, size, view = hashlib.sha256(), 0, memoryview(block)
    try:
        with open(open_file(folder, entry["name"]), "rb", buffering=0) as file:
            while True:
                count = file.readinto(view)
                if not count:
                    break
                digest.update(view[:count])
                size += count
    except OSError as error:
        raise Wrong("cannot be read: %s" % (error.strerror or error)) from None
    if size != entry["bytes"]:
        raise Wrong("has {:,} bytes; {:,} were delivered".format(size, entry["bytes"]))
    if digest.hexdigest() != entry["sha256"]:
        raise Wrong("was changed: its sha256 is not the one that was delivered")
    return size


def names_in(folder: str) -> Iterator[str]:
    """Of files at any depth and of links, within the folder, with / between."""
    waiting = [""]
    while waiting:
        inner = waiting.pop()
        with os.scandir(_path(folder, inner) if inner else folder) as entries:
            for entry in entries:
                name = inner + entry.name
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(os.path.join(name, ""))
                else:
                    yield name


class Result:
    """What was found. ``problems`` is empty when everything is in order."""

    def __init__(self) -> None:
        self.report_id = ""
        self.files = self.bytes = self.listed = 0
        self.problems: List[str] = []
        self.signature: Optional[Signature] = None
        self.is_trusted = False
        self.audit_head: Any = None

    @property
    def statement(self) -> str:
        """What is known of it."""
        if self.problems:
            return "not as delivered"
        if self.signature is None:
            return "consistent in itself, unsigned"
        if self.is_trusted:
            return "signed by %s, as delivered" % self.signature.key_id
        return "consistent in itself, signed by %s: the key that the manifest itself brings" % self.signature.key_id

    def to_json(self) -> dict[str, Any]:
        """For --json."""
        return {
            "ok": not self.problems,
            "as_delivered": not self.problems and self.is_trusted,
            "statement": self.statement,
            "report_id": self.report_id,
            "files": self.files,
            "files_listed": self.listed,
            "bytes": self.bytes,
            "problems": self.problems,
            "signed_by": self.signature
            and {
                "key_id": self.signature.key_id,
                "public_key": self.signature.public_key,
                "checked_with": "the key that was given" if self.is_trusted else "the key in the manifest",
            },
            "audit_head": self.audit_head,
        }


def verify(folder: str, keys: List[str], only: List[str]) -> Result:
    """``keys``: those that are trusted; ``only``: names of the files that are there. None: all of them."""
    result = Result()
    block = bytearray(BLOCK)
    try:
        with open(open_file(folder, MANIFEST), "rb") as file:
            raw = file.read(LARGEST_MANIFEST)
    except Wrong as error:
        result.problems.append("%s %s: what has none is not a finished delivery" % (MANIFEST, error))
        return result
    except OSError as error:
        result.problems.append("%s cannot be read: %s" % (MANIFEST, error.strerror or error))
        return result
    try:
        document, result.signature = read_manifest(raw)
    except Wrong as error:
        result.problems.append(str(error))
        return result
    result.report_id, result.audit_head = str(document.get("report_id", "")), document.get("audit_head")
    result.is_trusted = result.signature is not None and result.signature.public_key in keys
    if keys and not result.is_trusted:
        signer = "signed by %s" % result.signature.key_id if result.signature else "unsigned"
        result.problems.append("%s is %s, not signed by a key that was given" % (MANIFEST, signer))
    listed = {entry["name"]: entry for entry in document["files"]}
    result.listed = len(listed)
    for name in only:
        if name not in listed:
            result.problems.append("%s is not listed in %s" % (shown(name), MANIFEST))
    for name, entry in listed.items():
        if only and name not in only:
            continue
        try:
            result.bytes += compare(folder, entry, block)
        except Wrong as error:
            result.problems.append("%s %s" % (shown(name), error))
        else:
            result.files += 1
    if not only:
        _find_added(folder, listed, result)
    return result


def _find_added(folder: str, listed: dict[str, Any], result: Result) -> None:
    me = os.path.realpath(__file__)
    try:
        for name in sorted(names_in(folder)):
            if name in listed or name == MANIFEST or os.path.realpath(os.path.join(folder, name)) == me:
                continue
            result.problems.append("%s was added: the manifest does not list it" % shown(name))
    except OSError as error:
        result.problems.append("the folder cannot be listed: %s" % (error.strerror or error))


def shown(name: str) -> str:
    """A name as one line of what can be printed."""
    return name if name.isprintable() else name.encode("unicode_escape").decode("ascii")


def _key(text: str) -> str:
    if not re.fullmatch("[0-9a-fA-F]{64}", text):
        raise argparse.ArgumentTypeError("%r is no public key: expected 64 hexadecimal digits" % text[:80])
    return text.lower()


def main(arguments: Optional[List[str]] = None) -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(
        prog="verify.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", default=".", help="the files and manifest.json (here)")
    parser.add_argument(
        "--key",
        dest="keys",
        metavar="PUBLIC_KEY",
        action="append",
        default=[],
        type=_key,
        help="a public key that you trust, 64 hexadecimal digits; may be given again for older ones",
    )
    parser.add_argument(
        "--file",
        dest="only",
        metavar="NAME",
        action="append",
        default=[],
        help="verify this file alone, where not all of them are there; may be given again",
    )
    parser.add_argument("--json", action="store_true", help="print what was found as JSON")
    options = parser.parse_args(arguments)
    if not os.path.isdir(options.folder):
        parser.error("%s is not a folder" % shown(options.folder))
    result = verify(options.folder, options.keys, options.only)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    if options.json:
        sys.stdout.write(json.dumps(result.to_json(), indent=2) + "\n")
        return 1 if result.problems else 0
    for problem in result.problems[:MOST_SHOWN]:
        sys.stderr.write("error: %s\n" % problem)
    if len(result.problems) > MOST_SHOWN:
        sys.stderr.write("error: and %d more (all of them: --json)\n" % (len(result.problems) - MOST_SHOWN))
    counted = "%d of %d file(s)" % (result.files, result.listed) if options.only else "%d file(s)" % result.files
    sys.stdout.write("{}, {:,} bytes: {}\n".format(counted, result.bytes, result.statement))
    if result.signature is not None and not result.problems and not result.is_trusted:
        sys.stdout.write("compare it with the sender's, or give that with --key: %s\n" % result.signature.public_key)
    return 1 if result.problems else 0


if __name__ == "__main__":
    sys.exit(main())
