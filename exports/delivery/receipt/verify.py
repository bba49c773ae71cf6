#!/usr/bin/env python3
"""Verify files that Export Admin delivered: python3 verify.py [FOLDER] [--key PUBLIC_KEY]

This one file needs Python 3.8 or newer and nothing else: no package, no network, no Export Admin. It compares each file
that FOLDER/manifest.json lists with its size and sha256, looks for files that were added, and checks the manifest's
seal and its signature (Ed25519, RFC 8032).

Anybody can make a manifest that is consistent in itself and sign it with a key of their own. Get the public key of the
installation that you trust from its help page or from whoever runs it, not from the folder, and give it with --key:
then what is found in order was delivered by that installation.

With trail-proof.json beside the manifest it also finds out which entry of the installation's audit trail tells of this
very delivery: the proof holds that entry and the hashes that lead from it to the root of a Merkle tree over the whole
trail (RFC 9162, section 2.1), signed by the installation. Whoever runs it can compare the head of the trail, and the
one that the manifest names, with: exportadmin verify_audit --head SEQUENCE:HASH

Exit codes: 0 everything is in order; 1 something is not, or is not signed by a key that was given; 2 wrong use.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import os
import re
import stat
import sys
from typing import Any, Iterator, List, NamedTuple, Optional, Tuple

MANIFEST = "manifest.json"
TRAIL_PROOF = "trail-proof.json"
VERSION = 1
PURPOSE = b"exportadmin manifest\n"
PROOF_PURPOSE = b"exportadmin trail proof\n"
ENTRY_SCHEME = "exportadmin-audit-1"
ENDS = ("export.completed", "export.partial")
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


# --- the proof from the trail -----------------------------------------------------------------------------------------


class Proved(NamedTuple):
    """``entry`` of the trail tells of the delivery since ``at``; ``head`` is "sequence:hash" of the last entry then."""

    entry: int
    at: str
    head: str
    signature: Signature


def read_proof(raw: bytes, manifest_raw: bytes, manifest: dict[str, Any]) -> Proved:
    """``manifest`` is of :func:`read_manifest`. Raises Wrong with words that go on after the proof's name."""
    try:
        document = json.loads(raw.decode("ascii"))
    except (ValueError, RecursionError) as error:
        raise Wrong("is not JSON (%s): it was changed" % error) from None
    if not isinstance(document, dict) or type(document.get("proof_version")) is not int:
        raise Wrong("is no proof of Export Admin")
    if document["proof_version"] != VERSION:
        raise Wrong("has version %d; this verify.py reads %d: get the newer one" % (document["proof_version"], VERSION))
    kept = document.pop("signature", None)
    signature = _proof_signature(kept)
    written = dict(document, signature=kept)
    if signature is None or _written(written) != raw or not _fits(signature, kept, PROOF_PURPOSE + _written(document)):
        raise Wrong("does not match its signature: it was changed")
    try:
        head, entry = document["head"], json.loads(document["entry"])
        size, root = head["sequence"], bytes.fromhex(head["root"])
        _tells_of(entry, manifest_raw, manifest)
        leaf = hashlib.sha256(document["entry"].encode("utf-8")).digest()
        if not _leads_to(root, size, entry["sequence"], leaf, document["entry_path"]):
            raise Wrong("shows an entry that does not lead to the head of the trail")
        stood = manifest.get("audit_head")
        if stood and stood["sequence"]:  # none: a manifest of one file alone, or one of an empty trail
            earlier = stood["sequence"] < entry["sequence"]
            leaf = bytes.fromhex(stood["hash"])
            if not earlier or not _leads_to(root, size, stood["sequence"], leaf, document["audit_head_path"]):
                raise Wrong("is of another trail than the one that %s was made in" % MANIFEST)
        moment = datetime.datetime.fromtimestamp(entry["at_ms"] / 1000, datetime.timezone.utc)
        return Proved(
            entry["sequence"], moment.isoformat(timespec="seconds"), "%d:%s" % (size, head["hash"]), signature
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, OSError, RecursionError):
        raise Wrong("is no proof of Export Admin") from None


def _tells_of(entry: dict[str, Any], manifest_raw: bytes, manifest: dict[str, Any]) -> None:
    """Is it the entry of this delivery's successful end? Raises Wrong."""
    if entry["scheme"] != ENTRY_SCHEME or entry["event"] not in ENDS or entry["outcome"] != "done":
        raise Wrong("shows an entry of something else than a delivery")
    if entry["object_id"] != manifest.get("report_id"):
        raise Wrong("is of report %s, not of this one" % shown(str(entry["object_id"])))
    whole = manifest.get("part_of", {}).get("manifest_sha256") or hashlib.sha256(manifest_raw).hexdigest()
    if entry["details"]["manifest_sha256"] != whole:
        raise Wrong("is of another delivery: the trail has another %s" % MANIFEST)


def _leads_to(root: bytes, size: int, sequence: int, leaf: bytes, path: List[str]) -> bool:
    """RFC 9162, section 2.1.3.2: is this the leaf of entry ``sequence`` in the tree of ``size`` entries?"""
    place, last = sequence - 1, size - 1
    if not 0 <= place <= last:
        return False
    node = hashlib.sha256(b"\0" + leaf).digest()
    for text in path:
        if last == 0:
            return False
        beside = bytes.fromhex(text)
        if place & 1 or place == last:
            node = hashlib.sha256(b"\1" + beside + node).digest()
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            node = hashlib.sha256(b"\1" + node + beside).digest()
        place, last = place >> 1, last >> 1
    return last == 0 and node == root


def _proof_signature(kept: Any) -> Optional[Signature]:
    """In the form in which it is written, or none."""
    try:
        signature = Signature(kept["key_id"], kept["public_key"], kept["value"])
        joined = re.fullmatch("[0-9a-f]{16} [0-9a-f]{64} [0-9a-f]{128}", " ".join(signature))
    except (KeyError, TypeError):
        return None
    return signature if joined else None


def _written(document: dict[str, Any]) -> bytes:
    """As the installation writes it."""
    return json.dumps(document, indent=2, sort_keys=True).encode("ascii") + b"\n"


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
        self.proved: Optional[Proved] = None
        self.is_proof_trusted = False
        self.proof_problem = ""
        self.is_seen = True

    @property
    def all_problems(self) -> List[str]:
        """Of files, manifest and proof."""
        return self.problems + ([self.proof_problem] if self.proof_problem else [])

    @property
    def trail_statement(self) -> str:
        """What is known of its place in the trail; nothing where no proof was there or it does not fit."""
        if self.proved is None or self.all_problems:
            return ""
        signer = self.proved.signature.key_id + (
            "" if self.is_proof_trusted else ": the key that the proof itself brings"
        )
        head = self.proved.head.split(":")[0]
        return "in the trail as entry %d at %s, head %s signed by %s" % (
            self.proved.entry,
            self.proved.at,
            head,
            signer,
        )

    @property
    def statement(self) -> str:
        """What is known of it."""
        if not self.is_seen and len(self.problems) == 1:
            return "not proved: whoever signed the manifest has not seen the files"
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
            "ok": not self.all_problems,
            "as_delivered": not self.problems and self.is_trusted,
            "statement": self.statement,
            "report_id": self.report_id,
            "files": self.files,
            "files_listed": self.listed,
            "bytes": self.bytes,
            "problems": self.all_problems,
            "signed_by": self.signature
            and {
                "key_id": self.signature.key_id,
                "public_key": self.signature.public_key,
                "checked_with": "the key that was given" if self.is_trusted else "the key in the manifest",
            },
            "audit_head": self.audit_head,
            "in_trail": self._in_trail(),
        }

    def _in_trail(self) -> Optional[dict[str, Any]]:
        if self.proved is None or self.all_problems:
            return None
        return {
            "statement": self.trail_statement,
            "entry": self.proved.entry,
            "at": self.proved.at,
            "head": self.proved.head,
            "signed_by": self.proved.signature.key_id,
        }


def _read(folder: str, name: str) -> bytes:
    """A small file. Raises Wrong with words that go on after its name."""
    try:
        with open(open_file(folder, name), "rb") as file:
            return file.read(LARGEST_MANIFEST)
    except OSError as error:
        raise Wrong("cannot be read: %s" % (error.strerror or error)) from None


def verify(folder: str, keys: List[str], only: List[str]) -> Result:
    """``keys``: those that are trusted; ``only``: names of the files that are there. None: all of them."""
    result = Result()
    block = bytearray(BLOCK)
    try:
        raw = _read(folder, MANIFEST)
    except Wrong as error:
        result.problems.append("%s %s: what has none is not a finished delivery" % (MANIFEST, error))
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
    if os.path.lexists(_path(folder, TRAIL_PROOF)):
        _look_at_proof(folder, raw, document, keys, result)
    made = document.get("made_there")
    if isinstance(made, dict) and made.get("proved") is False:
        result.is_seen = False
        by, place = shown(str(made.get("platform"))), shown(str(made.get("place")))
        result.problems.append("the files were delivered by %s itself, to %s: nothing of them is proved" % (by, place))
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


def _look_at_proof(folder: str, raw: bytes, document: dict[str, Any], keys: List[str], result: Result) -> None:
    try:
        result.proved = read_proof(_read(folder, TRAIL_PROOF), raw, document)
    except Wrong as error:
        result.proof_problem = "%s %s" % (TRAIL_PROOF, error)
        return
    signature = result.proved.signature
    result.is_proof_trusted = signature.public_key in keys
    if keys and not result.is_proof_trusted:
        result.proof_problem = "%s is signed by %s, not by a key that was given" % (TRAIL_PROOF, signature.key_id)


def _find_added(folder: str, listed: dict[str, Any], result: Result) -> None:
    me = os.path.realpath(__file__)
    try:
        for name in sorted(names_in(folder)):
            if name in listed or name in (MANIFEST, TRAIL_PROOF) or os.path.realpath(os.path.join(folder, name)) == me:
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
        return 1 if result.all_problems else 0
    problems = result.all_problems
    for problem in problems[:MOST_SHOWN]:
        sys.stderr.write("error: %s\n" % problem)
    if len(problems) > MOST_SHOWN:
        sys.stderr.write("error: and %d more (all of them: --json)\n" % (len(problems) - MOST_SHOWN))
    counted = "%d of %d file(s)" % (result.files, result.listed) if options.only else "%d file(s)" % result.files
    sys.stdout.write("{}, {:,} bytes: {}\n".format(counted, result.bytes, result.statement))
    if result.signature is not None and not result.problems and not result.is_trusted:
        sys.stdout.write("compare it with the sender's, or give that with --key: %s\n" % result.signature.public_key)
    if result.trail_statement:
        sys.stdout.write("%s\n" % result.trail_statement)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
