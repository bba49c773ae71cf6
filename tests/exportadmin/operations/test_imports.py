"""What a process loads for a probe: not the pipeline, not the worker; and for an export: not what reads files."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.one_database
LOADED = """
import sys, django
django.setup()
import rest_framework.views  # whoever is first: the classes that settings name load no other views

def loaded(*of):
    print(*sorted(name for name in sys.modules if name.startswith(of)))

import exportadmin.operations.health
loaded("exports.run", "exports.actions", "django_q.cluster")
import exports.run.runner
loaded("connections.store.importers.", "exports.sources.snapshot")
"""


def test_health_loads_neither_the_pipeline_nor_the_worker_and_a_run_loads_no_importers():
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
