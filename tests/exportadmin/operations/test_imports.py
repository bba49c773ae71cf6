"""What a web process loads for a probe: not the pipeline, not the worker."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.one_database
LOADED = """
import sys, django
django.setup()
import exportadmin.operations.health
print(*sorted(name for name in sys.modules if name.startswith(("exports.run", "exports.actions", "django_q.cluster"))))
"""


def test_health_loads_neither_the_pipeline_nor_the_worker():
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
