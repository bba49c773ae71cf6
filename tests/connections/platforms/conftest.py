"""Connections to far sides."""

from __future__ import annotations

from functools import partial
from typing import Any, Protocol, TypeVar

import pytest

from connections.connection_actions import create_connection
from connections.platforms.base import Platform
from connections.platforms.diffgram.platform import DiffgramPlatform
from connections.platforms.label_studio.platform import LabelStudioPlatform
from connections.platforms.labelbox.platform import LabelboxPlatform
from connections.platforms.labellerr.platform import LabellerrPlatform
from tests.rest.world import SHELL
from tests.support.diffgram_server import DiffgramServer, image
from tests.support.label_studio_server import LabelStudioServer, MadeTasks
from tests.support.labelbox_server import LabelboxServer
from tests.support.labelbox_server import labelled_row as labelbox_row
from tests.support.labellerr_server import LabellerrServer, labelled_row

_AnyPlatform = TypeVar("_AnyPlatform", bound=Platform)


class _FarSide(Protocol):
    """Settings and secrets of a connection to it."""

    @property
    def config(self) -> dict[str, Any]: ...

    @property
    def secrets(self) -> dict[str, str]: ...


def _connected(platform: type[_AnyPlatform], server: _FarSide, **other: object) -> _AnyPlatform:
    """As somebody connects to it; ``other`` settings and secrets instead of those that are right."""
    config = {name: other.get(name, value) for name, value in server.config.items()}
    secrets = {name: other.get(name, value) for name, value in server.secrets.items()}
    made = create_connection(kind=platform.key, name=platform.title, config=config, secrets=secrets, actor=SHELL)
    return platform(made)


connected = partial(_connected, LabellerrPlatform)
connected_studio = partial(_connected, LabelStudioPlatform)
connected_labelbox = partial(_connected, LabelboxPlatform)
connected_diffgram = partial(_connected, DiffgramPlatform)


@pytest.fixture
def far_side(labellerr_server: LabellerrServer) -> LabellerrServer:
    """With project one: thirty rows, two of each status, every third with two polygons."""
    labellerr_server.serve("one", [{**labelled_row(n), "updated_at": 1000 * n} for n in range(30)], name="First")
    return labellerr_server


@pytest.fixture
def labellerr(far_side: LabellerrServer, db: None) -> LabellerrPlatform:
    """Connected to it."""
    return connected(far_side)


@pytest.fixture
def studio_side(label_studio_server: LabelStudioServer) -> LabelStudioServer:
    """With project 1: thirty tasks, two of three with a region."""
    label_studio_server.serve(1, MadeTasks(30), title="First")
    return label_studio_server


@pytest.fixture
def label_studio(studio_side: LabelStudioServer, db: None) -> LabelStudioPlatform:
    """Connected to it."""
    return connected_studio(studio_side)


@pytest.fixture
def labelbox_side(labelbox_server: LabelboxServer) -> LabelboxServer:
    """With project one: thirty rows, every third with two annotations."""
    labelbox_server.serve("one", [labelbox_row(number, active_ms=1000 * number) for number in range(30)], name="First")
    return labelbox_server


@pytest.fixture
def labelbox(labelbox_side: LabelboxServer, db: None) -> LabelboxPlatform:
    """Connected to it."""
    return connected_labelbox(labelbox_side)


@pytest.fixture
def diffgram_side(diffgram_server: DiffgramServer) -> DiffgramServer:
    """With job 42 and directory 7: thirty files, two of three marked complete, every third with two instances."""
    diffgram_server.serve({number: image(number, complete=number % 3 != 1) for number in range(1000, 1030)})
    return diffgram_server


@pytest.fixture
def diffgram(diffgram_side: DiffgramServer, db: None) -> DiffgramPlatform:
    """Connected to it."""
    return connected_diffgram(diffgram_side)
