"""An export that a platform makes: asked for once, whatever becomes of the answer."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

import pytest

from connections.models import Connection
from connections.platforms import remote
from connections.platforms.base import Failed, LostAnswerError, Made, NotMadeYetError, Ready, Waiting, Wanted
from connections.platforms.remote import RemoteRun
from connections.sync.models import SyncRun
from exportadmin.lib.errors import PermanentError, TransientError
from exportadmin.runs.errors import NotYet
from tests.connections.platforms import toy

pytestmark = pytest.mark.django_db


class Row:
    """A lease that keeps what is saved."""

    def __init__(self):
        self.state = {}
        self.run = SyncRun(pk=1)

    def save(self, *, state):
        self.state = state

    def progress(self, **_):
        pass

    def check(self, *, now=False):
        pass


@pytest.fixture
def server():
    with toy.registered() as held:
        held.rows["one"] = [{"file_id": "1", "file_name": "1.jpg", "file_status": "review"}]
        yield held


def begin(row: Row) -> RemoteRun:
    """As a worker begins or goes on: from what is on the row."""
    return RemoteRun(toy.ToyPlatform(Connection(name="Toy")), "one", Wanted("ours-1", "json"), row, row.state)


def raises_once(error):
    errors = [error]

    def step(name):
        if name == "ask" and errors:
            raise errors.pop()

    return step


def test_one_that_is_ready_is_fetched(server, tmp_path):
    run = begin(Row())
    assert run.advance() == Ready("Created")
    assert [file.rows for file in run.fetch(tmp_path)] == [1]


def test_its_remote_id_is_kept_before_the_first_look(server):
    row, kept = Row(), []
    server.before = lambda step: kept.append((step, row.state.get(remote.KEY, {}).get("remote_id")))
    begin(row).advance()
    assert kept == [("ask", None), ("look", "remote-1")]


def test_waiting_is_a_step_that_grows(server):
    server.looks = [Waiting("Processing"), Waiting("Processing"), Waiting("Processing"), Ready("Created")]
    row, waits = Row(), []
    for _ in range(3):
        with pytest.raises(NotYet) as wait:
            begin(row).advance()
        row.state = wait.value.state
        waits.append(wait.value.after)
    assert waits == sorted(waits)
    assert waits[0] == timedelta(seconds=remote.FIRST_WAIT)
    begin(row).advance()
    assert len(server.exports) == 1


def test_one_whose_answer_was_lost_is_found_by_its_name(server):
    server.after = raises_once(LostAnswerError("no answer in 60 s"))
    run = begin(Row())
    run.advance()
    assert (run.remote_id, len(server.exports)) == ("remote-1", 1)


def test_one_that_was_asked_for_by_a_process_that_died_is_found_by_its_name(server):
    server.after = raises_once(KeyboardInterrupt())
    row = Row()
    with pytest.raises(KeyboardInterrupt):
        begin(row).advance()
    begin(row).advance()
    assert len(server.exports) == 1


def test_one_that_was_never_made_is_looked_for_before_it_is_asked_for_again(server, monkeypatch):
    clock = [1000.0]
    monkeypatch.setattr(remote.time, "time", lambda: clock[0])
    server.before = raises_once(LostAnswerError("no answer in 60 s"))
    row = Row()
    with pytest.raises(NotYet, match="it is looked for") as wait:
        begin(row).advance()
    row.state = wait.value.state
    with pytest.raises(NotYet, match="it is looked for") as wait:
        begin(row).advance()
    assert server.exports == {}
    row.state = wait.value.state
    clock[0] += remote.LOST_SECONDS
    begin(row).advance()
    assert len(server.exports) == 1


def test_a_platform_that_is_busy_is_asked_when_it_says(server):
    server.before = raises_once(TransientError("answered 429", retry_after=45.0))
    row = Row()
    with pytest.raises(NotYet, match="asking for the export: answered 429") as wait:
        begin(row).advance()
    assert wait.value.after == timedelta(seconds=45)
    row.state = wait.value.state
    begin(row).advance()
    assert len(server.exports) == 1


def test_one_that_does_not_move_is_given_up_with_its_word(server, monkeypatch, settings):
    clock = [1000.0]
    monkeypatch.setattr(remote.time, "time", lambda: clock[0])
    server.looks = [Waiting("Processing")]
    row = Row()
    with pytest.raises(NotYet) as wait:
        begin(row).advance()
    row.state = wait.value.state
    clock[0] += 10 * settings.PLATFORM_PATIENCE  # nobody looked: the workers were stopped
    with pytest.raises(NotYet) as wait:
        begin(row).advance()
    given_up_at = clock[0] + settings.PLATFORM_PATIENCE
    last = wait.value
    with pytest.raises(PermanentError, match="has said 'Processing' of export remote-1 for 15 minutes"):
        while True:
            row.state = last.state
            clock[0] += last.after.total_seconds()
            with pytest.raises(NotYet) as wait:
                begin(row).advance()
            last = wait.value
    assert given_up_at - 3 * remote.LONGEST_WAIT < clock[0] <= given_up_at + remote.LONGEST_WAIT


def test_one_whose_answer_was_lost_is_looked_for_though_the_next_request_was_refused_for_now(server, monkeypatch):
    """The first one turns up late, when a second one could not be sent."""
    clock = [1000.0]
    monkeypatch.setattr(remote.time, "time", lambda: clock[0])
    hidden = {}

    def lose(step):
        if step == "ask" and not hidden:
            hidden.update(server.exports)
            server.exports.clear()
            raise LostAnswerError("answered 504")

    server.after = lose
    row = Row()
    with pytest.raises(NotYet) as wait:
        begin(row).advance()
    row.state = wait.value.state
    clock[0] += remote.LOST_SECONDS
    server.before = raises_once(TransientError("answered 429"))
    with pytest.raises(NotYet, match="answered 429") as wait:
        begin(row).advance()
    row.state = wait.value.state
    server.exports.update(hidden)
    run = begin(row)
    run.advance()
    assert (run.remote_id, len(server.exports)) == ("remote-1", 1)


def test_one_that_said_at_once_that_it_failed_has_failed_unless_it_is_made(server, monkeypatch):
    monkeypatch.setattr(toy, "Made", lambda *told: Made(*told, failure="it broke"))
    server.looks = [Ready("Created")]
    begin(Row()).advance()
    server.looks = [Waiting("Processing")]
    with pytest.raises(PermanentError, match="Toy, asking for the export: it broke"):
        begin(Row()).advance()


def test_a_fetch_that_finds_it_unmade_again_and_again_is_given_up(server, monkeypatch, settings, tmp_path):
    """Though what looks say of it flips between two words, and nothing else moves."""
    clock = [1000.0]
    monkeypatch.setattr(remote.time, "time", lambda: clock[0])

    def unmade(step):
        if step == "fetch":
            raise NotMadeYetError("COCO is being made")

    server.before = unmade
    row, turns = Row(), 0
    with pytest.raises(PermanentError, match=r"fetching the file, \d+ times: COCO is being made, it says, and has no"):
        while turns < 1000:
            turns += 1
            run = begin(row)
            run.advance()
            with pytest.raises(NotYet) as wait:
                run.fetch(tmp_path)
            row.state = wait.value.state
            clock[0] += wait.value.after.total_seconds()
    assert settings.PLATFORM_PATIENCE < clock[0] - 1000 < settings.PLATFORM_PATIENCE + 2 * remote.LONGEST_WAIT


def test_a_word_that_nobody_knows_is_shown_and_never_taken_for_made(server):
    server.looks = [Waiting("Completed!", is_known=False)]
    with pytest.raises(NotYet, match="needs attention: Toy says 'Completed!'"):
        begin(Row()).advance()


def test_one_that_failed_there_says_why(server):
    server.looks = [Failed("Failed", "no space")]
    with pytest.raises(PermanentError, match="it says 'Failed': no space"):
        begin(Row()).advance()


def test_a_wrong_key_names_the_step(server):
    def step(name):
        if name == "look":
            raise PermanentError("https://toy.example answered 401")

    server.before = step
    with pytest.raises(PermanentError, match=r"Toy, looking how the export stands: .* answered 401"):
        begin(Row()).advance()


class Pieces(toy.ToyPlatform):
    """Each fetch tells of as many bytes as its turn says, and breaks off."""

    comes: ClassVar[list[int]] = []

    def fetch(self, external_id, remote_id, wanted, folder, on_bytes):
        if not self.comes:
            return super().fetch(external_id, remote_id, wanted, folder, on_bytes)
        on_bytes(self.comes.pop(0))
        raise TransientError("the connection broke off")


def fetched_in_pieces(folder, comes):
    """How it ends where attempts come so far."""
    Pieces.comes = [*comes]
    row = Row()
    while True:
        run = begin(row)
        run.platform = Pieces(Connection(name="Toy"))
        run.advance()
        try:
            return run.fetch(folder)
        except NotYet as wait:
            row.state = wait.state


def test_a_fetch_that_comes_further_each_time_is_never_given_up(server, tmp_path):
    (file,) = fetched_in_pieces(tmp_path, range(100, 100 + 3 * remote.MOST_FETCHES))
    assert file.rows == 1


@pytest.mark.parametrize("comes", [[100] * 9, [100, 0, 50, 99, 20], [0] * 9])
def test_one_that_comes_no_further_is_given_up(server, tmp_path, comes):
    with pytest.raises(PermanentError, match=f"fetching the file, {remote.MOST_FETCHES} times: the connection broke"):
        fetched_in_pieces(tmp_path, comes)


def test_what_came_in_between_begins_the_count_anew(server, tmp_path):
    (file,) = fetched_in_pieces(tmp_path, [0, 0, 0, 100, 100, 100, 101, 0, 0])
    assert file.rows == 1
