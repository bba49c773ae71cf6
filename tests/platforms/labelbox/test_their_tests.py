"""Labelbox's own tests of streams, unchanged, against us: those of a checkout that LABELBOX_PYTHON names.

They are in no registry, so who wants them clones github.com/Labelbox/labelbox-python. Their fixtures are ours
(``their_conftest.py``).
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from tests.platforms.labelbox import sdk
from tests.platforms.labelbox.conftest import THEIR_TESTS, Site

FOLDER: Final = Path("libs", "labelbox", "tests", "data", "export", "streamable")


def test_their_tests_of_streams_pass(site: Site, tmp_path: Path):
    for path in sorted(Path(THEIR_TESTS, FOLDER).glob("test_*.py")):
        shutil.copy(path, tmp_path)
    shutil.copy(Path(__file__).with_name("their_conftest.py"), tmp_path / "conftest.py")
    ran = subprocess.run(
        [sdk.python("7"), "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "ignore", tmp_path],
        cwd=tmp_path,
        env={
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(tmp_path),
            "LANG": "C.UTF-8",
            "OURS_ADDRESS": site.address,
            "OURS_KEY": site.admin_key,
        },
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-1000:]
