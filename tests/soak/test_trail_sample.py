"""A short trail, of which ``python -m tests.soak.trail`` and ``make soak`` take a long one."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.support.paths import ROOT


def test_whatever_is_done_to_a_trail_is_found_and_called_by_its_name():
    command = [sys.executable, "-m", "tests.soak.trail", "--entries", "300"]
    command += ["--database", os.environ["EXPORTADMIN_TEST_DB"]]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    assert "cut at its end: 50 tried" in done.stdout and "hashed anew: 100 tried" in done.stdout
    assert "cut in the database: 50 tried" in done.stdout and "hashed anew in the database: 100 tried" in done.stdout
    assert " 0 not found or called otherwise" in done.stdout
