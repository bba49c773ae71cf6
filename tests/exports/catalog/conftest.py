"""The projects that tests of the catalog export from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.exports.catalog.world import World


@pytest.fixture
def world(transactional_db: None, connection: Any, oscar: Any, tmp_path: Path, settings: Any) -> World:
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    return World.build(connection, oscar)
