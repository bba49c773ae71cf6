"""What every test can ask for. How it is made stands in ``tests/support``, a file a subject."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

from tests.support import cast, postgres, shell
from tests.support.paths import SHARED

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from connections.models import Connection, Project

pytest_plugins = [
    "tests.support.no_skips",
    "tests.support.network_guard",
    "tests.support.browser",
    "tests.support.s3_store",
    "tests.support.canary",
    "tests.support.diffgram_server",
    "tests.support.label_studio_server",
    "tests.support.labelbox_server",
    "tests.support.labellerr_server",
    "tests.support.forbidden",
    "tests.support.one_filter",
    "tests.support.full_circle",
]

# Two noisy cores: how long an example takes says nothing. In CI the examples are the same in every run.
hypothesis.settings.register_profile("here", deadline=None)
hypothesis.settings.register_profile("ci", parent=hypothesis.settings.get_profile("here"), derandomize=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") == "true" else "here")

_cluster: postgres.Cluster | None = None


def pytest_configure(config: pytest.Config) -> None:
    """Start the session's PostgreSQL before pytest's workers are there; tests/settings.py has chosen its address."""
    global _cluster
    folder = os.environ.get("EXPORTADMIN_TEST_CLUSTER")
    if not folder or hasattr(config, "workerinput") or config.option.collectonly:
        return
    _cluster = postgres.Cluster(Path(folder))
    try:
        _cluster.start()
    except postgres.PostgresUnavailable as error:
        pytest.exit(f"EXPORTADMIN_TEST_DB=postgres: {error}", returncode=3)


def pytest_unconfigure() -> None:
    """Stop what was started."""
    if _cluster is not None:
        _cluster.stop()


# folders and files whose tests ask no database, or nothing in which databases differ
ONE_DATABASE = (
    "tests/connections/rows/",
    "tests/connections/s3/",
    "tests/connections/sinks/",
    "tests/connections/store/test_big_integers.py",
    "tests/connections/store/test_forms.py",
    "tests/connections/store/test_import_brush_masks.py",
    "tests/connections/store/test_import_coco_dialects.py",
    "tests/connections/store/test_import_detect.py",
    "tests/connections/store/test_import_label_studio.py",
    "tests/connections/store/test_import_labellerr.py",
    "tests/connections/store/test_label_studio_addresses.py",
    "tests/connections/store/test_label_studio_pages.py",
    "tests/connections/store/test_label_studio_results.py",
    "tests/connections/store/test_label_studio_sizes_times_people.py",
    # test_labelbox_kills.py shows on both databases what a lease and a fence do for a sync
    "tests/connections/sync/test_diffgram_kills.py",
    "tests/connections/sync/test_label_studio_kills.py",
    "tests/exportadmin/audit/test_canonical.py",
    "tests/exportadmin/audit/test_masking.py",
    "tests/exportadmin/audit/test_sentences.py",
    "tests/exportadmin/installation/test_home.py",
    "tests/exportadmin/lib/",
    "tests/exportadmin/operations/test_boot.py",
    "tests/exportadmin/operations/test_private_files.py",
    "tests/exportadmin/operations/test_slow_clients.py",
    "tests/exportadmin/operations/test_static_files_of_a_start.py",
    "tests/exportadmin/runs/test_up.py",
    "tests/exports/delivery/test_receipt.py",
    "tests/exports/delivery/test_second_sink.py",
    "tests/exports/display/test_progress.py",
    "tests/exports/display/test_spec_text.py",
    "tests/exports/downloads/test_ranges.py",
    "tests/exports/formats/",
    "tests/exports/labels/test_random_labels.py",
    "tests/exports/model_runs/test_matching.py",
    "tests/exports/results/test_drawing.py",
    "tests/exports/results/test_previews.py",
    "tests/exports/results/test_reader.py",
    "tests/pages/test_demo.py",
    "tests/platforms/",  # they bring a PostgreSQL of their own
    "tests/rest/test_openapi.py",
    "tests/test_house.py",
    "tests/test_readme.py",
    "tests/test_static.py",
    "tests/test_support.py",
    "tests/whole/test_agreement.py",
    "tests/whole/test_cases.py",
    "tests/whole/test_formats_property.py",
    "tests/whole/test_label_studio_json_again.py",
    "tests/whole/test_labellerr_json_again.py",
    "tests/whole/test_spreadsheets.py",
)
# files whose tests bring servers, or whole installations, and stay with them for long
PLATFORMS = (
    "tests/connections/sinks/test_s3_faults.py",
    "tests/connections/sync/test_labellerr_kills.py",
    "tests/connections/test_forbidden_endpoints.py",
    "tests/exports/delivery/test_proof_s3.py",
    "tests/exports/delivery/test_s3_kills.py",
    "tests/exports/dialects/",
    "tests/exports/platform_export/test_kills.py",
    "tests/platforms/",
    "tests/soak/test_soak_sample.py",
    "tests/whole/test_no_secret_is_told.py",
)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Whoever asks for ``shared`` or a browser is marked so; on PostgreSQL, ``one_database`` and browsers are left out.

    What a browser shows of a page does not depend on the database; what the page asks of it, tests with Django's client
    prove on both. ``WHOLE=1`` (``make test-postgres``) leaves nothing out.
    """
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        if "shared" in fixtures:
            item.add_marker("shared")
        if "browser" in fixtures:
            item.add_marker("chromium")
        if item.nodeid.startswith(ONE_DATABASE):
            item.add_marker("one_database")
        if item.nodeid.startswith(PLATFORMS):
            item.add_marker("platforms")
            item.add_marker("slow")
    if not postgres.LEAVES_OUT:
        return
    out = {item: None for item in items if any(map(item.get_closest_marker, ("one_database", "chromium")))}
    config.hook.pytest_deselected(items=list(out))
    items[:] = [item for item in items if item not in out]


@pytest.fixture(autouse=True, scope="session")
def _emptied_instead_of_flushed() -> Iterator[None]:
    """Between transactional tests."""
    from tests.support.emptying import emptied_instead_of_flushed

    with emptied_instead_of_flushed():
        yield


@pytest.fixture(autouse=True)
def _nobody_was_counted_before() -> None:
    """With PostgreSQL the counts of requests go with the test's own rows; with SQLite they are in a file of theirs."""
    from exportadmin.audit import noise
    from exportadmin.lib import counts

    counts.file().unlink(missing_ok=True)
    noise.forget_when_looked()


_files = count()


@contextmanager
def _checkpoints_in_another_file(*, copy: bool) -> Iterator[None]:
    """They begin as those that are there, or as none; at the end both are as they were."""
    from django.conf import settings

    before = settings.CHECKPOINTS_FILE
    settings.CHECKPOINTS_FILE = before.with_name(f"audit-checkpoints-{next(_files)}.ndjson")
    if copy and before.exists():
        shutil.copyfile(before, settings.CHECKPOINTS_FILE)
    try:
        yield
    finally:
        settings.CHECKPOINTS_FILE.unlink(missing_ok=True)
        settings.CHECKPOINTS_FILE = before


@pytest.fixture(autouse=True, scope="module")
def _own_evidence_of_a_file() -> Iterator[None]:
    """What the world of a file's tests writes goes with that world: the next file's trail is another one.

    It begins with no checkpoints: no trail outlives a file of tests, though programs that tests start in this home
    leave theirs. Nor do deliveries, whose manifests witness the trail that they were made under.
    """
    from django.conf import settings

    before = settings.ARTIFACTS_DIR
    settings.ARTIFACTS_DIR = before.with_name(f"artifacts-{next(_files)}")
    try:
        with _checkpoints_in_another_file(copy=False):
            yield
    finally:
        shutil.rmtree(settings.ARTIFACTS_DIR, ignore_errors=True)
        settings.ARTIFACTS_DIR = before


@pytest.fixture(autouse=True)
def _own_checkpoints(_own_evidence_of_a_file: None) -> Iterator[None]:
    """Each test has a trail of its own, and so its own checkpoints, which begin as those of the file's world."""
    with _checkpoints_in_another_file(copy=True):
        yield


@pytest.fixture
def shared() -> Path:
    """The folder ``../shared``: real data and the platforms' contracts. Not part of the project: may be absent."""
    if not SHARED.is_dir():
        pytest.skip("NOT RUN: ../shared is not beside this clone")
    return SHARED


@pytest.fixture
def alice(db: None) -> User:
    """Superuser, admin of the project."""
    return cast.alice()


@pytest.fixture
def oscar(db: None) -> User:
    """Operator: runs and downloads."""
    return cast.oscar()


@pytest.fixture
def rita(db: None) -> User:
    """Reviewer: reads, changes nothing."""
    return cast.rita()


@pytest.fixture
def mallory(db: None) -> User:
    """A stranger with an account."""
    return cast.mallory()


@pytest.fixture
def connection(db: None) -> Connection:
    """The built-in store."""
    from connections.models import Connection

    return Connection.objects.create(name="Built-in store", kind="store")


@pytest.fixture
def project(connection: Connection) -> Project:
    """Alice's project, with no rows in it."""
    from connections.models import Project

    return Project.objects.create(connection=connection, name="Street scenes")


@pytest.fixture
def members(project: Project, oscar: User, rita: User) -> Project:
    """The project with oscar as its operator and rita as its reviewer."""
    from connections.access.models import Membership

    Membership.objects.create(project=project, user=oscar, role="operator")
    Membership.objects.create(project=project, user=rita, role="reviewer")
    return project


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[shell.Installation]:
    """A second installation, migrated and empty, that is reached through the ``exportadmin`` program only."""
    home = tmp_path / "home"
    home.mkdir()
    with shell.new_installation(home) as made:
        yield made
