"""The contract, over every platform and its far side. ``tests/exports/dialects`` has it over our own dialects, too."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from connections.models import Connection
from connections.platforms import PLATFORMS
from connections.platforms.diffgram.platform import DiffgramPlatform
from connections.platforms.label_studio.platform import LabelStudioPlatform
from connections.platforms.labelbox.platform import LabelboxPlatform
from connections.platforms.labellerr.platform import LabellerrPlatform
from tests.connections.platforms import toy
from tests.connections.platforms.contract import PlatformContract, Side
from tests.support.diffgram_server import DiffgramServer, image
from tests.support.label_studio_server import COMPLETED, IN_PROGRESS, LabelStudioServer
from tests.support.labelbox_server import COMPLETE, LabelboxServer
from tests.support.labelbox_server import IN_PROGRESS as LABELBOX_IN_PROGRESS
from tests.support.labellerr_server import CREATED, PROCESSING, LabellerrServer


def at_once(is_there: Callable[[], object], what: str) -> object:
    """The far side is ours: a few looks are enough."""
    for _ in range(5):
        if found := is_there():
            return found
    pytest.fail(f"{what} is not there")


class TestToy(PlatformContract):
    @pytest.fixture
    def side(self) -> Iterator[Side]:
        with toy.registered() as server:
            server.rows["one"] = [
                {"file_id": str(n), "file_name": f"{n}.jpg", "file_status": "review"} for n in range(9)
            ]
            yield Side(toy.ToyPlatform(Connection(name="Toy")), "one", 9, at_once)


class TestDiffgram(PlatformContract):
    @pytest.fixture
    def side(self, diffgram: DiffgramPlatform, diffgram_side: DiffgramServer) -> Side:
        diffgram_side.habits.looks = [0.0, "complete"]
        diffgram_side.serve({number: image(number) for number in range(1000, 1030)})  # all complete
        return Side(diffgram, "job:42", 30, at_once)


class TestDiffgramByDirectory(TestDiffgram):
    @pytest.fixture
    def side(self, diffgram: DiffgramPlatform, diffgram_side: DiffgramServer) -> Side:
        diffgram_side.serve({number: image(number) for number in range(1000, 1030)})
        return Side(diffgram, "directory:7", 30, at_once)


class TestLabellerr(PlatformContract):
    @pytest.fixture
    def side(self, labellerr: LabellerrPlatform, far_side: LabellerrServer) -> Side:
        far_side.habits.looks = [PROCESSING, CREATED]
        return Side(labellerr, "one", 30, at_once)


class TestLabelStudio(PlatformContract):
    @pytest.fixture
    def side(self, label_studio: LabelStudioPlatform, studio_side: LabelStudioServer) -> Side:
        studio_side.habits.looks = [IN_PROGRESS, COMPLETED]
        return Side(label_studio, "1", 30, at_once)


class TestLabelStudioThatKeepsWhatItConverts(TestLabelStudio):
    """A download before that is not found, and told by a page."""

    @pytest.fixture
    def side(self, label_studio: LabelStudioPlatform, studio_side: LabelStudioServer) -> Side:
        studio_side.habits.needs_convert = True
        return Side(label_studio, "1", 30, at_once)


class TestLabelbox(PlatformContract):
    @pytest.fixture
    def side(self, labelbox: LabelboxPlatform, labelbox_side: LabelboxServer) -> Side:
        labelbox_side.habits.looks = [LABELBOX_IN_PROGRESS, COMPLETE]
        return Side(labelbox, "one", 30, at_once)


def test_there_is_a_far_side_of_every_platform():
    """A new platform is added here with its own."""
    tried = {name.removeprefix("Test").lower() for name in globals() if name.startswith("Test")}
    assert {key.replace("_", "") for key in PLATFORMS} <= tried
