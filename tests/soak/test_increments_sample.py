"""A few rounds of the many that ``python -m tests.soak.increments`` does."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.support.paths import ROOT


def test_increments_taken_while_rows_are_imported_add_up_to_the_full_export():
    command = [sys.executable, "-m", "tests.soak.increments", "--rounds", "2"]
    command += ["--database", os.environ["EXPORTADMIN_TEST_DB"]]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    assert "rounds=2" in done.stdout and "wrong=0" in done.stdout
