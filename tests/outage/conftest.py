"""The sample has a PostgreSQL of its own whatever the suite runs on: once in `make test` is enough."""

from __future__ import annotations

import os

from tests.support import postgres

# where there is no PostgreSQL, the suite on PostgreSQL does not run: then the test is here, to say that it is missing
if os.environ.get("EXPORTADMIN_TEST_DB") != "postgres" and postgres.binaries() is not None:
    collect_ignore = ["test_outage_sample.py"]
