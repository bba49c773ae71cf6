"""The floor: copy a finished file in 1 MiB blocks, hashing on the way. ``python -m bench.floor FROM TO [--fsync]``."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

from bench.child import measured, say

BLOCK = 1 << 20


def copy_and_hash(source: Path, target: Path, *, sync: bool) -> str:
    """The sha256 of the copied bytes."""
    digest = hashlib.sha256()
    with source.open("rb", buffering=0) as reader, target.open("wb", buffering=0) as writer:
        while block := reader.read(BLOCK):
            digest.update(block)
            writer.write(block)
        if sync:
            os.fsync(writer.fileno())
    return digest.hexdigest()


if __name__ == "__main__":
    with measured() as found:
        found["sha256"] = copy_and_hash(Path(sys.argv[1]), Path(sys.argv[2]), sync="--fsync" in sys.argv)
    say(found)
