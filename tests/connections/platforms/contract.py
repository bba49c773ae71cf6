"""What every platform does, as tests: derive from :class:`PlatformContract` and give it a ``side``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from connections.adapters import FAILED
from connections.platforms.base import (
    Failed,
    NothingThereError,
    NotMadeYetError,
    Platform,
    Ready,
    RemoteFile,
    Waiting,
    Wanted,
)
from connections.store.importers import IMPORTERS
from exportadmin.lib.errors import ExportAdminError, PermanentError, UserError

LATER_MS = 4_102_444_800_000  # 2100


@dataclass
class Side:
    """A platform and its far side: ``external_id`` is a project of so many ``rows`` there.

    ``until`` waits for what the far side does by itself: it is given a function, and gives its first true answer.
    ``has_masks``: their pixels are put into the file of a sync, which then has other bytes than came.
    """

    platform: Platform
    external_id: str
    rows: int
    until: Callable[[Callable[[], object], str], object]
    has_masks: bool = False

    def made(self, wanted: Wanted) -> str:
        """Asked for and made; its id there."""
        remote_id = self.platform.ask(self.external_id, self.platform.check_wanted(wanted)).remote_id

        def is_ready() -> bool:
            standing = self.platform.look(self.external_id, remote_id, wanted)
            assert isinstance(standing, Ready) or (isinstance(standing, Waiting) and standing.is_known), standing
            return isinstance(standing, Ready)

        self.until(is_ready, f"export {wanted.name} there")
        return remote_id

    def fetched(self, wanted: Wanted, folder: Path) -> list[RemoteFile]:
        """Made, and here; what a fetch finds unmade is being made then."""
        remote_id = self.made(wanted)

        def fetched() -> list[RemoteFile]:
            try:
                return self.platform.fetch(self.external_id, remote_id, wanted, folder, lambda count: None)
            except NotMadeYetError:
                return []

        files: list[RemoteFile] = self.until(fetched, f"file of {wanted.name}")  # type: ignore[assignment]
        return files


class PlatformContract:
    """The tests. A name is asked for once in each, as those that run ask."""

    @pytest.fixture
    def side(self) -> Side:
        raise NotImplementedError

    def test_its_own_test_passes(self, side: Side):
        steps = list(type(side.platform).test(side.platform.connection))
        assert steps
        assert [step for step in steps if step.state == FAILED] == []

    def test_its_importer_is_one_of_ours(self, side: Side):
        assert side.platform.importer in IMPORTERS

    def test_projects_are_listed_and_found(self, side: Side):
        listed = {one.external_id: one for one in side.platform.projects()}
        found = side.platform.project(side.external_id)
        assert (found.name, found.data_type) == (listed[side.external_id].name, listed[side.external_id].data_type)

    def test_a_project_that_is_not_there_is_an_error_in_words(self, side: Side):
        with pytest.raises(PermanentError, match=r".+"):
            side.platform.project("no-such-project")

    def test_what_a_sync_asks_for_has_every_row(self, side: Side, tmp_path: Path):
        wanted = side.platform.for_sync("contract-sync", None)
        received: list[int] = []
        remote_id = side.made(wanted)
        files = side.platform.fetch(side.external_id, remote_id, wanted, tmp_path, received.append)
        assert [file.rows for file in files] == [side.rows]
        assert side.has_masks or sum(received) == sum(file.bytes for file in files)
        for file in files:
            assert file.path.parent == tmp_path
            assert file.path.stat().st_size == file.bytes
            assert file.name == Path(file.name).name

    def test_one_that_was_asked_for_is_found_though_its_answer_was_lost(self, side: Side):
        """By its name; where none is kept, by what was not there before."""
        platform, project = side.platform, side.external_id
        wanted = platform.for_sync("contract-found", None)
        platform.ask(project, wanted)  # somebody's
        before = platform.before(project, wanted)
        wanted = platform.for_sync("contract-found-again", None)

        def found(others: frozenset[str] = frozenset()) -> str | None:
            if platform.keeps_names:
                return platform.find(project, wanted.name)
            return platform.find_unnamed(project, wanted, before, others)

        assert found() is None
        remote_id = platform.ask(project, wanted).remote_id
        assert found() == remote_id
        listed = {one.remote_id: one for one in platform.exports(project)}
        assert not isinstance(listed[remote_id].standing, Failed)
        if platform.keeps_names:
            assert listed[remote_id].name == wanted.name
        else:
            assert found(frozenset({remote_id})) is None

    def test_what_has_not_changed_is_nothing_there_or_a_file_without_rows(self, side: Side, tmp_path: Path):
        if not side.platform.tells_changes:
            assert side.platform.for_sync("contract-changes", LATER_MS).updated_after_ms is None
            return
        try:
            files = side.fetched(side.platform.for_sync("contract-changes", LATER_MS), tmp_path)
        except NothingThereError:
            return
        assert [file.rows for file in files] == [0]

    def test_every_format_is_made_and_fetched(self, side: Side, tmp_path: Path):
        for one in side.platform.remote_formats:
            folder = tmp_path / one.key
            folder.mkdir()
            files = side.fetched(Wanted(f"contract-{one.key}", one.key, "all of it"), folder)
            assert files
            assert all(file.bytes for file in files)
            assert {file.rows for file in files} <= {side.rows, None}

    def test_who_is_told_of_each_piece_may_end_it(self, side: Side, tmp_path: Path):
        class OverError(Exception):
            pass

        def over(count: int) -> None:
            raise OverError

        wanted = side.platform.for_sync("contract-over", None)
        with pytest.raises(OverError):
            side.platform.fetch(side.external_id, side.made(wanted), wanted, tmp_path, over)

    def test_one_that_is_not_there_is_never_taken_for_made(self, side: Side):
        try:
            standing = side.platform.look(side.external_id, "no-such-export")
        except ExportAdminError as error:
            assert str(error)
        else:
            assert not isinstance(standing, Ready)

    def test_options_that_it_does_not_have_are_refused(self, side: Side):
        wanted = replace(side.platform.for_sync("contract-option", None), options={"nosuch": "x"})
        with pytest.raises(UserError, match="nosuch"):
            side.platform.check_wanted(wanted)
