"""Whatever is asked through a one-time link, in whatever order: not more than one copy goes out, and one always can."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import OperationalError
from django.db.models import QuerySet
from django.test import RequestFactory
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exports.links import downloads, one_copy, tokens
from exports.models import Artifact, Download, Link
from exports.models.link import FELL_SILENT, SILENCE
from tests.exports.downloads.support import actor, issue, trail
from tests.pages.reports import deliver

SIZE, CHUNK, ON_THE_WAY = 1000, 32, 120
BODY = random.Random(7).randbytes(SIZE)
SILENT = SILENCE + timedelta(seconds=1)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "CHUNK", CHUNK)
    monkeypatch.setattr(downloads, "BEAT_SECONDS", 0.0)
    monkeypatch.setattr(one_copy, "ON_THE_WAY", ON_THE_WAY)


@pytest.fixture
def small(project, tmp_path) -> Artifact:
    return deliver(project, tmp_path / "small", body=BODY)


@dataclass
class Visitor:
    """Takes the file through one link, in one piece or many, and counts what really leaves."""

    artifact: Artifact
    user: Any
    clock: Any
    left: int = 0
    lost: int = 0
    broken: int = 0
    open: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.link, self.token = issue(self.artifact, self.user, one_time=True)

    def ask(self, byte_range: str = "", method: str = "GET") -> Any:
        """The answer, or ``None``: refused."""
        headers = {"Range": byte_range} if byte_range else {}
        request = RequestFactory().generic(method, "/", headers=headers)
        try:
            link = tokens.open_link(self.token, actor(self.user))
            return downloads.respond(request, link.artifact, actor=actor(self.user), link=link)
        except tokens.LinkGoneError:
            return None

    def body(self, first: int = 0, length: int | None = None) -> downloads.Body | None:
        wanted = "" if (first, length) == (0, None) else f"bytes={first}-{'' if length is None else first + length - 1}"
        answer = self.ask(wanted)
        return None if answer is None else answer._iterator

    def read(self, body: downloads.Body, most: int = SIZE) -> bytes:
        """Chunks until there are ``most`` bytes, counted. Raises :class:`downloads.TakenOverError`."""
        had = b""
        for chunk in body:
            had += chunk
            self.left += len(chunk)
            if len(had) >= most:
                break
        return had

    def end(self, body: downloads.Body, how: str) -> None:
        if how == "leave":
            self.open.append(body)
            return
        is_whole = body.sent + body._handed == body.span.length and not body._fault
        if how == "complete" and is_whole:
            body.sent, body._handed = body.span.length, 0
        if body.sent < body.span.length:
            self.broken += 1
            self.lost += min(body.sent, ON_THE_WAY)
        if how == "kill":
            body._file.close()
        else:
            body.close()

    def wait(self, time: timedelta) -> None:
        self.clock.shift(time)

    @property
    def most(self) -> int:
        """What may have left: a copy, what was lost on the way, probes; of each broken one a chunk that was unsure."""
        return SIZE + min(self.lost, SIZE) + one_copy.probes(SIZE) + CHUNK * self.broken


@pytest.fixture
def clock() -> Iterator[Any]:
    with time_machine.travel(timezone.now(), tick=False) as traveller:
        yield traveller


@pytest.fixture
def visitor(small, alice, clock) -> Visitor:
    return Visitor(small, alice, clock)


steps = st.lists(
    st.one_of(
        st.tuples(
            st.just("get"),
            st.one_of(st.just(0), st.integers(0, SIZE - 1)),
            st.one_of(st.none(), st.integers(1, SIZE)),
            st.integers(1, SIZE),
            st.sampled_from(["complete", "break", "kill", "leave"]),
        ),
        st.tuples(st.just("go on"), st.integers(1, SIZE), st.sampled_from(["complete", "break", "kill", "leave"])),
        st.tuples(st.just("wait"), st.sampled_from([timedelta(seconds=60), SILENT])),
        st.tuples(st.just("head")),
    ),
    max_size=12,
)
anything = settings(
    max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None
)


@anything
@given(steps=steps)
def test_not_more_than_one_copy_goes_out(small, alice, clock, steps):
    visitor = Visitor(small, alice, clock)
    for step in steps:
        match step:
            case ("get", first, length, most, how):
                length = None if length is None else min(length, SIZE - first)
                if (body := visitor.body(first, length)) is not None:
                    visitor.read(body, most)
                    visitor.end(body, how)
            case ("go on", most, how) if visitor.open:
                body = visitor.open.pop(0)
                try:
                    visitor.read(body, most)
                except downloads.TakenOverError:
                    how = "break"
                visitor.end(body, how)
            case ("wait", time):
                visitor.wait(time)
            case ("head",):
                before = visitor.left
                visitor.ask(method="HEAD")
                assert visitor.left == before
        # one that runs on will be counted as lost only once it has ended
        running = sum(min(body.sent, ON_THE_WAY) for body in visitor.open)
        assert visitor.left <= visitor.most + min(running, SIZE) + CHUNK * len(visitor.open)
    if Link.objects.get(pk=visitor.link.pk).used_at is not None:
        assert visitor.body() is None
        assert visitor.body(0, 1) is None


breaks = st.lists(
    st.tuples(st.integers(1, SIZE), st.integers(0, ON_THE_WAY), st.sampled_from(["break", "kill"])), max_size=6
)


@anything
@given(breaks=breaks)
def test_whoever_goes_on_where_it_broke_off_gets_the_whole_file(small, alice, clock, breaks):
    """However often it breaks, killed processes among them, and whatever got lost on the way."""
    visitor = Visitor(small, alice, clock)
    have = b""
    for most, lost, how in breaks:
        body = visitor.body(len(have))
        assert body is not None
        had = visitor.read(body, most)
        is_whole = len(had) == body.span.length
        visitor.end(body, "complete" if is_whole else how)
        if is_whole:
            have += had
            break
        # the server cannot have sent less than what arrived, and not more than that and what buffers hold
        arrived = had[: max(body.sent - lost, 0)]
        have += arrived
        if visitor.lost > SIZE:  # more than a whole file got lost: that is where it ends
            return
        if how == "kill":
            visitor.wait(SILENT)
    if len(have) < SIZE:
        body = visitor.body(len(have))
        assert body is not None
        have += visitor.read(body)
        visitor.end(body, "complete")
    assert have == BODY
    assert visitor.body() is None
    assert Link.objects.get(pk=visitor.link.pk).used_at is not None


# --- the known faults, one by one ------------------------------------------------------------------------------------


def test_almost_all_of_it_in_a_range_and_then_all_of_it_is_refused(visitor):
    body = visitor.body(0, SIZE - 1)
    visitor.read(body)
    visitor.end(body, "complete")
    assert visitor.body() is None
    assert trail("link.refused")[-1].reason == "partly used"
    body = visitor.body(SIZE - 1)
    assert visitor.read(body) == BODY[-1:]
    visitor.end(body, "complete")
    assert visitor.body(0, 1) is None
    assert trail("link.refused")[-1].reason == "used"
    assert Link.objects.get(pk=visitor.link.pk).used_at is not None


def test_parts_taken_side_by_side_use_it_up_together(visitor):
    bodies = [visitor.body(0, 400), visitor.body(400, 300), visitor.body(700)]
    assert visitor.body(100, 300) is None
    assert b"".join(visitor.read(body) for body in bodies) == BODY
    for body in (bodies[2], bodies[0], bodies[1]):
        assert Link.objects.get(pk=visitor.link.pk).used_at is None
        visitor.end(body, "complete")
    assert Link.objects.get(pk=visitor.link.pk).used_at is not None


def test_a_process_that_was_killed_gives_the_link_back_after_two_minutes(visitor):
    body = visitor.body()
    had = visitor.read(body, SIZE // 2)
    visitor.end(body, "kill")
    assert visitor.body() is None
    assert trail("link.refused")[-1].reason == "used"
    visitor.wait(SILENT)
    assert visitor.ask(method="HEAD") is not None
    body = visitor.body(len(had) - CHUNK)
    assert had[:-CHUNK] + visitor.read(body) == BODY
    visitor.end(body, "complete")
    assert [download.ending for download in Download.objects.order_by("pk")] == [FELL_SILENT, "complete"]
    silent = trail("artifact.download_ended")[0]
    assert (silent.actor_name, silent.outcome, silent.details["ending"]) == ("system", "failed", "fell silent")
    assert Link.objects.get(pk=visitor.link.pk).used_at is not None
    assert visitor.body() is None


def test_one_that_was_killed_before_its_first_sign_of_life_can_be_started_again(visitor, monkeypatch):
    monkeypatch.setattr(downloads, "BEAT_SECONDS", 15.0)
    body = visitor.body()
    visitor.read(body, SIZE // 2)
    visitor.end(body, "kill")
    visitor.wait(SILENT)
    body = visitor.body()
    assert visitor.read(body) == BODY
    visitor.end(body, "complete")
    assert visitor.body() is None


def test_a_slow_download_that_lives_is_not_taken_for_dead(visitor):
    body = visitor.body()
    had = b""
    while len(had) < SIZE // 2:
        had += next(body)
        visitor.wait(timedelta(seconds=90))
        assert visitor.body(len(had)) is None
    had += visitor.read(body)
    assert had == BODY


def test_one_that_was_given_up_and_wakes_stops_before_its_next_byte(visitor):
    sleeping = visitor.body()
    had = visitor.read(sleeping, SIZE // 2)
    visitor.wait(SILENT)
    body = visitor.body(SIZE // 2)
    visitor.read(body)
    with pytest.raises(downloads.TakenOverError):
        visitor.read(sleeping)
    visitor.end(sleeping, "break")
    ended = Download.objects.earliest("pk")
    assert (ended.ending, ended.bytes_sent) == ("broken off", len(had))
    assert trail("artifact.download_ended")[-1].reason == "it was silent for so long that it was given up"


def test_one_that_cannot_show_its_life_stops_when_others_may_have_taken_its_place(visitor, monkeypatch):
    body = visitor.body()
    visitor.read(body, CHUNK)

    def busy(*args: Any, **kwargs: Any) -> int:
        raise OperationalError("database is locked")

    with monkeypatch.context() as patch:
        patch.setattr(QuerySet, "update", busy)
        assert visitor.read(body, CHUNK)  # once is no reason
        body._seen -= SILENCE.total_seconds()
        with pytest.raises(downloads.TakenOverError):
            visitor.read(body, CHUNK)


def test_any_other_link_goes_on_whatever_became_of_its_row(small, alice, clock):
    _, token = issue(small, alice)
    found = tokens.open_link(token, actor(alice))
    body = downloads.respond(RequestFactory().get("/"), small, actor=actor(alice), link=found)._iterator
    next(body)
    Download.objects.update(ended_at=timezone.now())
    assert len(b"".join(body)) == SIZE - CHUNK


@pytest.mark.parametrize(("looked_at", "whole"), [(16, SIZE), (17, 0)])
def test_a_look_at_the_beginning_costs_the_copy_only_beyond_the_probes(visitor, looked_at, whole):
    assert one_copy.probes(SIZE) == 16
    look = visitor.body(0, looked_at)
    visitor.read(look)
    visitor.end(look, "complete")
    body = visitor.body()
    assert len(visitor.read(body) if body else b"") == whole


@pytest.mark.parametrize(
    ("size", "most"), [(0, 0), (1, 0), (4, 2), (13, 6), (100, 16), (10_240, 102), (10**9, 1 << 16)]
)
def test_probes_never_make_a_second_copy(size, most):
    assert one_copy.probes(size) == most
    assert size < 2 or (size - 1) + size > size + most
