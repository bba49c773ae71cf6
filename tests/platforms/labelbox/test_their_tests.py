"""Labelbox's own tests of streams, unchanged, against us: those of each release's source distribution.

Their fixtures are ours (``their_conftest.py``).
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import tarfile
from pathlib import Path
from typing import Final

import pytest

from tests.platforms.labelbox import sdk
from tests.platforms.labelbox.conftest import Site
from tests.support.paths import ROOT

FOLDER: Final = "tests/data/export/streamable/"
# how many there are, so that none is missing unseen
TESTS: Final = {"7": 22, "5": 20, "3": 20}


@pytest.mark.parametrize("release", sdk.RELEASES)
def test_their_tests_of_streams_pass(growing_site: Site, release: str, tmp_path: Path):
    _unpack(release, tmp_path)
    (tmp_path / "conftest.py").write_bytes(Path(__file__).with_name("their_conftest.py").read_bytes())
    ran = subprocess.run(
        [sdk.python(release), "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "ignore", tmp_path],
        cwd=tmp_path,
        env={
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(tmp_path),
            "LANG": "C.UTF-8",
            "OURS_ADDRESS": growing_site.address,
            "OURS_KEY": growing_site.admin_key,
            "OURS_WORKERS": " ".join(map(str, growing_site.workers)),
        },
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-1000:]
    assert re.search(rf"^{TESTS[release]} passed in ", ran.stdout, re.MULTILINE), ran.stdout[-3000:]


def _unpack(release: str, folder: Path) -> None:
    """Lay the tests of the source distribution that the lock file names into a folder."""
    found = sdk.source(release)
    lock = (ROOT / "requirements" / f"labelbox-{release}.txt").read_text()
    assert hashlib.sha256(found.read_bytes()).hexdigest() in lock, f"{found} is not what the lock file names"
    with tarfile.open(found) as archive:
        for member in archive:
            inner = member.name.partition("/")[2]
            if inner.startswith(f"{FOLDER}test_") and (content := archive.extractfile(member)) is not None:
                (folder / inner.removeprefix(FOLDER)).write_bytes(content.read())
