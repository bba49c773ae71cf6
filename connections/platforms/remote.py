"""An export that a platform makes for a run: asked for once, looked at until it stands, fetched; in steps that wait.

Where it is stands in the run's ``state`` before each request leaves, so that whoever goes on after a crash asks
nothing twice: an export whose answer was lost is looked up by its name, which is ours alone. Where a platform keeps no
names, what was there before is kept too, and what is there since and is as it was asked for is taken for ours.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, NoReturn

from django.conf import settings
from django.db import transaction

from connections.platforms import leftovers
from connections.platforms.base import (
    Failed,
    FilterIgnoredError,
    LostAnswerError,
    NothingThereError,
    NotMadeYetError,
    Platform,
    Ready,
    RemoteFile,
    Waiting,
    Wanted,
)
from exportadmin.lib.errors import PermanentError, TransientError
from exportadmin.runs.errors import NotYet
from exportadmin.runs.lease import RunLease
from exportadmin.runs.models import Run

# what a run shows of each
ASKING, WAITING, FETCHING = "asking the platform", "made there", "fetching"
KEY: Final = "remote"
ATTENTION: Final = "needs attention"
FIRST_WAIT, LONGEST_WAIT, GROWTH = 2.0, 60.0, 1.5  # seconds
# an export whose answer was lost is looked for as long as this before it is asked for once more
LOST_SECONDS: Final = 180.0
MOST_ASKED: Final = 2
MOST_FETCHES: Final = 4


@dataclass(slots=True)
class RemoteRun:
    """One export there, of a run that ``lease`` holds. ``state`` is all of the run's, with ours under ``key``."""

    platform: Platform
    external_id: str
    wanted: Wanted
    lease: RunLease
    state: dict[str, Any]
    key: str = KEY

    @property
    def remote_id(self) -> str:
        """The platform's id of it; empty while it is not known to be made."""
        return str(self._kept.get("remote_id", ""))

    @property
    def server_ms(self) -> int | None:
        """The platform's clock when it took the request."""
        return self._kept.get("server_ms")

    def advance(self) -> Ready:
        """Go on from where it is. Raises ``NotYet`` while the platform works, ``PermanentError`` where it will not be
        made, ``NothingThereError`` where there is nothing to make it of.
        """
        if not self.remote_id:
            self.lease.progress(phase=ASKING)
            self._ask()
        self.lease.progress(phase=WAITING)
        self.lease.check(now=True)
        try:
            standing = self.platform.look(self.external_id, self.remote_id, self.wanted)
        except TransientError as error:
            self._wait("looking how the export stands", str(error), error.retry_after)
        except PermanentError as error:
            raise self._gone_wrong("looking how the export stands", error) from None
        if isinstance(standing, Ready):
            told = {} if standing.server_ms is None else {"server_ms": standing.server_ms}
            self._keep(word=standing.word, troubles=0, **told)
            return standing
        if isinstance(standing, Failed):
            reason = f": {standing.reason}" if standing.reason else ""
            raise PermanentError(f"{self._title} did not make the export (it says {standing.word!r}{reason})")
        if failure := self._kept.get("failure"):
            raise PermanentError(f"{self._title}, asking for the export: {failure}")
        raise self._not_yet(standing)

    def fetch(self, folder: Path) -> list[RemoteFile]:
        """The files, whole. Raises as :meth:`advance`. It is given up after :data:`MOST_FETCHES` interruptions at which
        no more had come than at one before.
        """
        self.lease.progress(phase=FETCHING)
        self.lease.check(now=True)
        received = 0

        def on_bytes(count: int) -> None:
            nonlocal received
            received += count
            self.lease.progress(bytes_done=received)
            self.lease.check()

        try:
            return self.platform.fetch(self.external_id, self.remote_id, self.wanted, folder, on_bytes)
        except NotMadeYetError as error:
            raise self._unmade(str(error)) from None
        except TransientError as error:
            # one that came further than any before is the first of those that did not
            farthest = self._kept.get("received", 0)
            fetches = 1 if received > farthest else self._kept.get("fetches", 0) + 1
            if fetches >= MOST_FETCHES:
                raise self._gone_wrong(f"fetching the file, {fetches} times", error) from None
            wait = max(_growing(fetches), error.retry_after or 0.0)
            changes = {"fetches": fetches, "received": max(received, farthest)}
            raise NotYet(_seconds(wait), self._with(**changes), str(error)) from None
        except FilterIgnoredError as error:
            raise FilterIgnoredError(str(self._gone_wrong("fetching the file", error))) from None
        except PermanentError as error:
            raise self._gone_wrong("fetching the file", error) from None

    # --- inside ------------------------------------------------------------------------------------------------------

    @property
    def _kept(self) -> dict[str, Any]:
        kept: dict[str, Any] = self.state.get(self.key, {})
        return kept

    @property
    def _title(self) -> str:
        return self.platform.title

    def _with(self, **changes: Any) -> dict[str, Any]:
        self.state = {**self.state, self.key: {**self._kept, **changes}}
        return self.state

    def _keep(self, **changes: Any) -> None:
        self.lease.save(state=self._with(**changes))

    def _ask(self) -> None:
        """Until the remote id is on the run's row."""
        if "asked_at" in self._kept:  # and no answer came: we died, or it was lost
            self._look_up("no answer came")
            if self.remote_id:
                return
        self.lease.check(now=True)
        before = {} if "before" in self._kept else {"before": self._before()}
        with transaction.atomic():
            if self.platform.keeps_what_it_makes:
                leftovers.write_down(self.lease.run, self.platform, self.external_id, self.wanted)
            self._keep(
                **before,
                asked_before=self._kept.get("asked_at"),
                asked_at=time.time(),
                asked=self._kept.get("asked", 0) + 1,
                since=self._kept.get("since", time.time()),
            )
        try:
            made = self.platform.ask(self.external_id, self.wanted)
        except NothingThereError:
            self._forget_asking()
            raise
        except LostAnswerError as error:
            self._look_up(str(error))
            if not self.remote_id:  # the answer took so long that it is asked for once more at the next step
                waiting = f"{self._title}: the answer to the request for the export was lost ({error})"
                raise NotYet(_seconds(FIRST_WAIT), self.state, waiting) from None
        except TransientError as error:
            # it was refused for now, or never sent: nothing was made
            self._forget_asking()
            self._wait("asking for the export", str(error), error.retry_after)
        except PermanentError as error:
            raise self._gone_wrong("asking for the export", error) from None
        else:
            failure = {"failure": made.failure} if made.failure else {}
            self._made(made.remote_id, server_ms=made.server_ms, **failure)

    def _made(self, remote_id: str, **told: Any) -> None:
        with transaction.atomic():
            self._keep(remote_id=remote_id, since=time.time(), troubles=0, **told)
            is_sure = self.platform.keeps_names or not told.get("adopted")
            told_away = self.wanted if is_sure else self.platform.left_there(self.wanted)
            leftovers.name(self.lease.run, self.wanted, remote_id, told_away)

    def _forget_asking(self) -> None:
        """This one was not taken; one before it, whose answer was lost, may have been."""
        forgotten = ("asked_at", "asked", "asked_before", "before")
        kept = {key: value for key, value in self._kept.items() if key not in forgotten}
        if (before := self._kept.get("asked_before")) is not None:
            kept |= {"asked_at": before, "asked": self._kept["asked"] - 1, "before": self._kept["before"]}
        self.state = {**self.state, self.key: kept}
        self.lease.save(state=self.state)

    def _look_up(self, reason: str) -> None:
        """Adopt it where it is in the platform's list. Raises ``NotYet`` for a while, then ``PermanentError``; or it
        comes back without a remote id: it was not made, and is asked for once more.
        """
        self.lease.check(now=True)
        try:
            found = self._found()
        except TransientError as error:
            self._wait("looking for the export, whose answer was lost", str(error), error.retry_after)
        except PermanentError as error:
            raise self._gone_wrong("looking for the export, whose answer was lost", error) from None
        if found is not None:
            self._made(found, adopted=True)
            return
        if time.time() - float(self._kept["asked_at"]) < LOST_SECONDS:
            looks = self._kept.get("lookups", 0)
            waiting = f"{self._title}: the answer to the request for the export was lost ({reason}); it is looked for"
            raise NotYet(_seconds(_growing(looks)), self._with(lookups=looks + 1), waiting)
        if self._kept.get("asked", 1) >= MOST_ASKED:
            raise PermanentError(
                f"{self._title}: the answer to the request for the export was lost {MOST_ASKED} times ({reason}), and "
                f"its list shows none {f'of the name {self.wanted.name!r}' if self.platform.keeps_names else 'like it'}"
            )

    def _before(self) -> dict[str, Any]:
        step = "looking what is there before it is asked"
        try:
            return dict(self.platform.before(self.external_id, self.wanted))
        except TransientError as error:
            self._wait(step, str(error), error.retry_after)
        except PermanentError as error:
            raise self._gone_wrong(step, error) from None

    def _found(self) -> str | None:
        if self.platform.keeps_names:
            return self.platform.find(self.external_id, self.wanted.name)
        others = leftovers.names_of_others(self.lease.run, self.platform)
        return self.platform.find_unnamed(self.external_id, self.wanted, self._kept.get("before", {}), others)

    def _not_yet(self, standing: Waiting) -> NotYet | PermanentError:
        now = time.time()
        has_moved = (standing.word, standing.progress) != (self._kept.get("word"), self._kept.get("progress"))
        since = now if has_moved else self._since(now)
        patience: float = settings.PLATFORM_PATIENCE
        if now - since > patience and standing.patience is not None:
            patience = max(patience, standing.patience())
        if now - since > patience:
            meaning = f". {standing.if_stuck[:1].upper()}{standing.if_stuck[1:]}" if standing.if_stuck else ""
            return PermanentError(
                f"{self._title} has said {standing.word!r} of export {self.remote_id} for {patience / 60:g} minutes: "
                f"it was given up (EXPORTADMIN_PLATFORM_PATIENCE){meaning}"
            )
        looks = 0 if has_moved else self._kept.get("looks", 0) + 1
        changes = {"word": standing.word, "progress": standing.progress, "since": since, "looks": looks, "troubles": 0}
        changes["looked"] = now
        message = "" if standing.is_known else _attention(self._title, standing.word)
        return NotYet(_seconds(_growing(looks)), self._with(**changes, needs_attention=not standing.is_known), message)

    def _unmade(self, message: str) -> NotYet | PermanentError:
        """It is made only now, as the fetch found. That is no movement: one that has it made again and again and never
        has it is given up, too.
        """
        now = time.time()
        began, turns = self._kept.get("unmade_at", now), self._kept.get("unmade", 0) + 1
        if turns > MOST_FETCHES and now - began > settings.PLATFORM_PATIENCE:
            patience = settings.PLATFORM_PATIENCE / 60
            return PermanentError(
                f"{self._title}, fetching the file, {turns} times: {message}, it says, and has no file of it after "
                f"{patience:g} minutes: it was given up (EXPORTADMIN_PLATFORM_PATIENCE)"
            )
        return NotYet(_seconds(_growing(turns)), self._with(unmade_at=began, unmade=turns, looked=now), message)

    def _wait(self, step: str, message: str, retry_after: float | None) -> NoReturn:
        """What may go away by itself, until nothing has moved for too long."""
        now = time.time()
        since = self._since(now)
        troubles = self._kept.get("troubles", 0) + 1
        if now - since > settings.PLATFORM_PATIENCE:
            raise PermanentError(f"{self._title}, {step}: {message} (tried {troubles} times)")
        wait = max(_growing(troubles), retry_after or 0.0)
        raise NotYet(
            _seconds(wait), self._with(since=since, troubles=troubles, looked=now), f"{self._title}, {step}: {message}"
        )

    def _since(self, now: float) -> float:
        """Since when nothing has moved. While nobody looked, since workers were stopped, it may have: that time does
        not count.
        """
        since, looked = float(self._kept.get("since", now)), self._kept.get("looked")
        unseen = now - float(looked) - 2 * LONGEST_WAIT if looked is not None else 0.0
        return since + max(unseen, 0.0)

    def _gone_wrong(self, step: str, error: Exception) -> PermanentError:
        return PermanentError(f"{self._title}, {step}: {error}")


def needs_attention(run: Run) -> bool:
    """Does it wait for somebody to look at what the platform says of it?"""
    return run.is_active and run.error.startswith(ATTENTION)


def _attention(title: str, word: str) -> str:
    return f"{ATTENTION}: {title} says {word!r}, which is not known here; it is not taken for made"


def _growing(count: int) -> float:
    return min(FIRST_WAIT * GROWTH ** min(count, 20), LONGEST_WAIT)


def _seconds(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)
