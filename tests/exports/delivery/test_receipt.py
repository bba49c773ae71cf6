"""``verify.py`` in the hands of somebody who has nothing of ours: one file, run by a Python without packages."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from exportadmin.lib.signing import SigningKey
from exports.delivery import manifest
from exports.delivery.files import WrittenFile
from exports.delivery.receipt import VERIFIER
from exports.delivery.receipt import verify as receipt

KEY = SigningKey("Q" * 43)
OTHER = SigningKey("R" * 43)
HEAD = {
    "report_id": "r1",
    "project": {"id": "p1", "name": 'Straße\n  "seal": "x"'},
    "config": {"fraction": 1e-7, "large": 1e16, "nothing": None, "empty": [], "none": {}},
    "revision": 3,
    "started_at": "2026-01-01T00:00:00+00:00",
    "snapshot": {"seal": "inner", "signature": {"value": "inner"}},
    "audit_head": {"sequence": 7, "hash": "ab" * 32},
}
SORTS = ("file", "whole_manifest", "signature", "manifest_with_a_seal_that_fits")
# mutations of each sort; make soak tries 10,000 in all
TRIES = 2_500 if os.environ.get("SOAK") else 150


def write_manifest(folder: Path, key: SigningKey | None, names: list[str]) -> None:
    files = []
    for name in names:
        raw = (folder / name).read_bytes()
        files.append(WrittenFile(name, "text/csv", len(raw), hashlib.sha256(raw).hexdigest()))
    (folder / "manifest.json").write_bytes(manifest.build(HEAD, {"bytes": 1}, files, key))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "a delivery"
    made.mkdir()
    (made / "one.csv").write_bytes(b"a,b\n1,2\n")
    (made / "two.csv").write_bytes(os.urandom(3000))
    (made / "empty.csv").write_bytes(b"")
    write_manifest(made, KEY, ["one.csv", "two.csv", "empty.csv"])
    return made


def run(*arguments: object, verifier: Path = VERIFIER, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """No packages, no user's folder, no variables: what stands on ``sys.path`` is the standard library."""
    command = [sys.executable, "-I", "-S", str(verifier), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=120)


def found(*arguments: object) -> tuple[int, list[str]]:
    done = run(*arguments, "--json")
    assert not done.stderr
    return done.returncode, json.loads(done.stdout)["problems"]


def test_it_needs_python_3_8_and_the_standard_library_only():
    tree = ast.parse(VERIFIER.read_text("utf-8"), feature_version=(3, 8))
    imported = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    imported |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert imported <= set(sys.stdlib_module_names)


def test_with_the_right_key_it_is_as_delivered(folder):
    done = run(folder, "--key", KEY.public.text)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"3 file(s), 3,008 bytes: signed by {KEY.public.key_id}, as delivered\n"
    assert run(folder, "--key", OTHER.public.text, "--key", KEY.public.text.upper()).returncode == 0


def test_without_a_key_it_says_whose_word_it_takes(folder):
    done = run(folder)
    assert (done.returncode, done.stderr) == (0, "")
    first, second = done.stdout.splitlines()
    assert first == (
        f"3 file(s), 3,008 bytes: consistent in itself, signed by {KEY.public.key_id}: "
        "the key that the manifest itself brings"
    )
    assert second.endswith(f"--key: {KEY.public.text}")
    write_manifest(folder, None, ["one.csv", "two.csv", "empty.csv"])
    assert run(folder).stdout == "3 file(s), 3,008 bytes: consistent in itself, unsigned\n"


@pytest.mark.parametrize(("key", "words"), [(None, "unsigned"), (OTHER, f"signed by {OTHER.public.key_id}")])
def test_a_forged_delivery_is_found_with_the_right_key(folder, key, words):
    (folder / "one.csv").write_bytes(b"a,b\n1,3\n")
    write_manifest(folder, key, ["one.csv", "two.csv", "empty.csv"])
    problem = f"manifest.json is {words}, not signed by a key that was given"
    assert found(folder, "--key", KEY.public.text) == (1, [problem])


def test_it_says_as_json_what_it_found(folder):
    done = run(folder, "--json", "--key", KEY.public.text)
    assert json.loads(done.stdout) == {
        "ok": True,
        "as_delivered": True,
        "statement": f"signed by {KEY.public.key_id}, as delivered",
        "report_id": "r1",
        "files": 3,
        "files_listed": 3,
        "bytes": 3008,
        "problems": [],
        "signed_by": {
            "key_id": KEY.public.key_id,
            "public_key": KEY.public.text,
            "checked_with": "the key that was given",
        },
        "audit_head": HEAD["audit_head"],
        "in_trail": None,
    }


def change(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"1", b"2"))


def link(path: Path) -> None:
    path.rename(path.parent.parent / "elsewhere")
    path.symlink_to(path.parent.parent / "elsewhere")


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        (change, "one.csv was changed: its sha256 is not the one that was delivered"),
        (lambda path: path.write_bytes(b""), "one.csv has 0 bytes; 8 were delivered"),
        (Path.unlink, "one.csv is missing"),
        (link, "one.csv was replaced by a link"),
        (pipe, "one.csv is no plain file"),
        (lambda path: (path.unlink(), path.mkdir()), "one.csv is no plain file"),
        (
            lambda path: (path.parent / "extra\n.csv").write_text(""),
            "extra\\n.csv was added: the manifest does not list it",
        ),
        (
            lambda path: ((path.parent / "in").mkdir(), (path.parent / "in" / "it").write_text("")),
            f"in{os.sep}it was added: the manifest does not list it",
        ),
        (
            lambda path: (path.parent / "manifest.json").unlink(),
            "manifest.json is missing: what has none is not a finished delivery",
        ),
    ],
)
def test_a_fault_is_named(folder, fault, problem):
    fault(folder / "one.csv")
    assert found(folder) == (1, [problem])
    done = run(folder)
    assert (done.returncode, done.stderr) == (1, f"error: {problem}\n")
    assert done.stdout.endswith(": not as delivered\n")


def test_a_long_list_of_faults_is_cut_with_words(folder):
    for place in range(30):
        (folder / f"extra{place}").write_text("")
    lines = run(folder).stderr.splitlines()
    assert len(lines) == 21
    assert lines[-1] == "error: and 10 more (all of them: --json)"


def test_it_may_lie_beside_what_it_verifies(folder):
    copy = Path(shutil.copy(VERIFIER, folder))
    done = run("--key", KEY.public.text, verifier=copy, cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")


def test_one_file_of_several_can_be_verified_alone(folder):
    (folder / "two.csv").unlink()
    (folder / "something else").write_text("")
    done = run(folder, "--file", "one.csv", "--key", KEY.public.text)
    assert done.stdout == f"1 of 3 file(s), 8 bytes: signed by {KEY.public.key_id}, as delivered\n"
    assert found(folder, "--file", "three.csv") == (1, ["three.csv is not listed in manifest.json"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere"], "nowhere is not a folder"),
        ([".", "--key", "abc"], "'abc' is no public key: expected 64 hexadecimal digits"),
        ([".", "--unknown"], "unrecognized arguments: --unknown"),
    ],
)
def test_wrong_use_ends_with_2(tmp_path, arguments, words):
    done = run(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert words in done.stderr


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"{\n  ", b"{\n    "),
        (b": ", b":"),
        (b"}\n", b"}"),
        (b"}\n", b"}\n\n"),
        (b"\n", b"\r\n"),
        (b'"seal"', b'"\\u0073eal"'),
        (b'"key_id"', b'"key_\\u0069d"'),
    ],
)
def test_a_manifest_that_says_the_same_in_other_bytes_is_found(folder, old, new):
    path = folder / "manifest.json"
    raw = path.read_bytes()
    changed = new.join(raw.rsplit(old, 1)) if old != b"\n" else raw.replace(old, new)
    assert changed != raw
    assert json.loads(changed) == json.loads(raw)
    path.write_bytes(changed)
    assert found(folder) == (1, ["manifest.json does not match its seal: it was changed after delivery"])


def test_a_line_of_the_manifest_that_was_moved_is_found(folder):
    """Seal and signature are taken out as lines: elsewhere they are not where we write them."""
    path = folder / "manifest.json"
    raw = path.read_bytes()
    seal = next(line for line in raw.splitlines(True) if line.startswith(b'  "seal"'))
    path.write_bytes(b"{\n" + seal + raw.replace(seal, b"")[2:])
    assert json.loads(path.read_bytes()) == json.loads(raw)
    assert found(folder) == (1, ["manifest.json does not match its seal: it was changed after delivery"])


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "is not JSON"),
        (b"\xff\xfe", "is not JSON"),
        (b"[" * 200_000, "is not JSON"),
        (b"[]", "is not a manifest of Export Admin"),
        (b'{"files": []}', "has version None"),
        (b'{"manifest_version": 1, "files": [{"name": "../x", "bytes": 1, "sha256": ""}]}', "no plain file"),
        (b'{"manifest_version": 1, "files": [{"name": "C:x", "bytes": 1, "sha256": ""}]}', "no plain file"),
        (b'{"manifest_version": 1, "files": []}', "does not match its seal"),
        (b'{"files": [], "manifest_version": 1, "seam": ""}', "does not match its seal"),
        (b'{"files": [], "manifest_version": 1, "seal": null}', "does not match its seal"),
    ],
)
def test_what_is_no_manifest_is_a_line_not_a_traceback(folder, raw, words):
    (folder / "manifest.json").write_bytes(raw)
    code, (problem,) = found(folder)
    assert code == 1
    assert words in problem


# --- one byte anywhere ------------------------------------------------------------------------------------------------

# In one process that has the file alone, as it is handed out: each try changes one byte, verifies, and puts it back.
MUTATE = """
import hashlib, importlib.util, json, os, random, re, sys
spec = importlib.util.spec_from_file_location("receipt", sys.argv[1])
receipt = importlib.util.module_from_spec(spec)
spec.loader.exec_module(receipt)
folder, key, tries, seed = sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
dice = random.Random(seed)
assert not receipt.verify(folder, [key], []).problems
originals = {name: open(os.path.join(folder, name), "rb").read() for name in os.listdir(folder)}
names = sorted(name for name in originals if originals[name] and name != "manifest.json")
raw = originals["manifest.json"]
value = re.search(b'"value": "([0-9a-f]{128})"', raw).start(1)
seal = re.search(b'"seal": "([0-9a-f]{64})"', raw).start(1)


def sealed(changed):
    "With a seal that fits: only the signature is left to tell."
    unsealed = receipt.SEAL.sub(b"", bytes(changed))
    changed[seal:seal + 64] = hashlib.sha256(unsealed).hexdigest().encode()
    return changed


def flip(text, place):
    changed = bytearray(text)
    changed[place] ^= dice.randrange(1, 256)
    return changed


def file():
    name = dice.choice(names)
    return name, flip(originals[name], dice.randrange(len(originals[name])))


def whole_manifest():
    return "manifest.json", flip(raw, dice.randrange(len(raw)))


def signature():
    changed = bytearray(raw)
    place = value + dice.randrange(128)
    changed[place] = dice.choice([one for one in b"0123456789abcdef" if one != raw[place]])
    return "manifest.json", sealed(changed)


def manifest_with_a_seal_that_fits():
    place = dice.choice([place for place in range(len(raw)) if not seal - 11 <= place < seal + 66])
    return "manifest.json", sealed(flip(raw, place))


counts = {}
for sort in (file, whole_manifest, signature, manifest_with_a_seal_that_fits):
    missed = 0
    for _ in range(tries):
        name, changed = sort()
        path = os.path.join(folder, name)
        with open(path, "wb") as stream:
            stream.write(changed)
        missed += not receipt.verify(folder, [key], []).problems
        with open(path, "wb") as stream:
            stream.write(originals[name])
    counts[sort.__name__] = [tries, missed]
assert not receipt.verify(folder, [key], []).problems
print(json.dumps(counts))
"""


def test_every_single_byte_mutation_of_files_manifest_and_signature_is_found(folder):
    seed = 20 if os.environ.get("CI") == "true" else random.randrange(10**9)  # CI judges the change, not the dice
    arguments = [VERIFIER, folder, KEY.public.text, TRIES, seed]
    command = [sys.executable, "-I", "-S", "-c", MUTATE, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=3000)
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout)
    print(f"mutated bytes, seed {seed}: {counts}")
    assert counts == {sort: [TRIES, 0] for sort in SORTS}


# --- Ed25519 ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "message", "signature"),
    [  # RFC 8032, section 7.1, tests 1 to 3
        (
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ),
        (
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        ),
    ],
)
def test_it_verifies_what_the_standard_signs(key, message, signature):
    key, message, signature = (bytes.fromhex(text) for text in (key, message, signature))
    assert receipt.has_signed(key, message, signature)
    assert not receipt.has_signed(key, message + b"x", signature)


def test_it_agrees_with_the_library_that_signs():
    dice = random.Random(8032)
    for _ in range(40):
        private = Ed25519PrivateKey.from_private_bytes(dice.randbytes(32))
        key, message = private.public_key().public_bytes_raw(), dice.randbytes(dice.randrange(200))
        signature = private.sign(message)
        assert receipt.has_signed(key, message, signature)
        for part in (key, signature):
            changed = bytearray(part)
            changed[dice.randrange(len(part))] ^= 1 << dice.randrange(8)
            both = (bytes(changed), signature) if part is key else (key, bytes(changed))
            assert not receipt.has_signed(both[0], message, both[1])


def test_a_signature_has_one_form_only():
    """S + L would be taken by a verifier that does not look: another signature of the same."""
    private = Ed25519PrivateKey.generate()
    key, signature = private.public_key().public_bytes_raw(), private.sign(b"x")
    other = int.from_bytes(signature[32:], "little") + receipt.ORDER
    assert not receipt.has_signed(key, b"x", signature[:32] + other.to_bytes(32, "little"))
    assert not receipt.has_signed(key, b"x", signature[:-1])
    assert not receipt.has_signed(key[:-1], b"x", signature)
