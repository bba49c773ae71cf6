"""Fixtures of the session's S3 store. Without the program ``weed`` its tests are skipped, and in CI a skip fails."""

from __future__ import annotations

import os

import pytest

from tests.support import seaweed


@pytest.fixture(scope="session")
def s3_store() -> seaweed.Store:
    """A running SeaweedFS, the same for all processes of the session: names of buckets must be one's own."""
    try:
        return seaweed.of_session()
    except seaweed.SeaweedUnavailable as error:
        pytest.skip(f"NOT RUN: {error}")


@pytest.fixture(scope="session")
def s3_bucket(s3_store: seaweed.Store) -> str:
    """A bucket of this process, which its tests share: each takes a folder of its own in it (:func:`s3_folder`)."""
    return s3_store.new_bucket(f"tests-{os.environ.get('PYTEST_XDIST_WORKER', 'main')}")


@pytest.fixture
def s3_folder(s3_bucket: str) -> str:
    """``bucket/path/`` of this test's own, with nothing in it."""
    from exportadmin.lib.ids import new_id

    return f"{s3_bucket}/{new_id()}/"
