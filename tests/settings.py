"""Settings of the test suite: the product's, in a folder of its own, with a database that is thrown away.

``EXPORTADMIN_TEST_DB`` is ``sqlite`` (default) or ``postgres``. No other ``EXPORTADMIN_*`` variable of the developer's
shell reaches a test. Each process of the suite has its own ``EXPORTADMIN_HOME``; the folder above it is removed by the
process that made it. The PostgreSQL that these settings name is started by ``tests/conftest.py``.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from tests.support import postgres

_OURS = {"EXPORTADMIN_TEST_DB", "EXPORTADMIN_TEST_ROOT", "EXPORTADMIN_TEST_CLUSTER"}
for _name in [name for name in os.environ if name.startswith("EXPORTADMIN_") and name not in _OURS]:
    del os.environ[_name]

TEST_DB = os.environ.setdefault("EXPORTADMIN_TEST_DB", "sqlite")
if TEST_DB not in ("sqlite", "postgres"):
    raise SystemExit(f"EXPORTADMIN_TEST_DB={TEST_DB!r}: expected sqlite or postgres")


def _remove_when_done(folder: Path, maker: int = os.getpid()) -> None:
    if os.getpid() == maker:
        shutil.rmtree(folder, ignore_errors=True)


if "EXPORTADMIN_TEST_ROOT" not in os.environ:
    # pytest's workers inherit these variables, so there is one root and one cluster a session
    os.environ["EXPORTADMIN_TEST_ROOT"] = tempfile.mkdtemp(prefix="exportadmin-tests-")
    atexit.register(_remove_when_done, Path(os.environ["EXPORTADMIN_TEST_ROOT"]))
    if TEST_DB == "postgres":
        os.environ["EXPORTADMIN_TEST_CLUSTER"] = str(postgres.new_folder())
        atexit.register(_remove_when_done, Path(os.environ["EXPORTADMIN_TEST_CLUSTER"]))

_worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
os.environ["EXPORTADMIN_HOME"] = str(Path(os.environ["EXPORTADMIN_TEST_ROOT"]) / _worker)
if TEST_DB == "postgres":
    os.environ["EXPORTADMIN_DATABASE_URL"] = postgres.url(os.environ["EXPORTADMIN_TEST_CLUSTER"])

from exportadmin.settings import *  # noqa: E402, F403 - reads the variables set above
from exportadmin.settings import STATIC_ROOT, STORAGES  # noqa: E402

if TEST_DB == "postgres":
    # a test that stops the server or kills a process must not meet a connection that an earlier test kept
    DATABASES["default"]["CONN_MAX_AGE"] = 0  # noqa: F405
    # a file's world keeps a transaction open over its tests, however long a loaded machine takes for one of them
    DATABASES["default"]["OPTIONS"]["options"] += " -c idle_in_transaction_session_timeout=0"  # noqa: F405

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # for speed: tests sign in all the time
STATIC_ROOT.mkdir(parents=True, exist_ok=True)
STORAGES = {**STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
