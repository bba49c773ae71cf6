"""A worker that stops for a while (SIGSTOP: a paused machine, a cut network) at each barrier of the real pipeline."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

from tests.exportadmin.runs.world import until
from tests.soak.barriers.apps import BARRIERS, IN_TRANSACTION
from tests.soak.driver import Soaked

# what is promised to everybody else
MOST_SECONDS = 10.0


def places(has_server: bool) -> list[str]:
    """SQLite has one writer, and nobody who could end one that is frozen in its transaction."""
    return [place for place in BARRIERS if has_server or place not in IN_TRANSACTION]


def freeze_everywhere(soaked: Soaked, say: Callable[[str], None] = lambda line: None) -> list[str]:
    """Each barrier once: others go on meanwhile, another worker finishes the run, thawed it changes nothing."""
    wrong: list[str] = []
    for place in places(bool(soaked.world.ask("backends"))):
        wrong += [f"frozen at {place!r}: {words}" for words in _freeze(soaked, place, say)]
    return wrong + soaked.world.ask("trail")


def _freeze(soaked: Soaked, place: str, say: Callable[[str], None]) -> list[str]:
    wrong = []
    world = soaked.world
    ((key, report_id),) = soaked.request([{"format": "ndjson", "places": {"1": place}}]).items()
    ((pk, _),) = world.ask("made_by", keys=[key])[key]
    run = world.waiting()
    os.kill(run.pid, signal.SIGSTOP)
    try:
        read = soaked.visitor.seconds_for("reports/")
        begun = time.monotonic()
        ((other_key, _),) = soaked.request([{"format": "ndjson", "places": {}}]).items()
        asked = time.monotonic() - begun
        ((other, _),) = world.ask("made_by", keys=[other_key])[other_key]
        wrong += world.ask("check", pk=world.ended(other) and other)["wrong"]
        delivered = time.monotonic() - begun
        row = world.ended(pk)
        taken_over = time.monotonic() - begun
        before = world.ask("check", pk=pk)
    finally:
        world.forget()
        os.kill(run.pid, signal.SIGCONT)
    run.go()
    until(lambda: report_id in world.log_text(), "what the thawed worker says")
    after = world.ask("check", pk=pk)
    say(
        f"frozen at {place}: a list after {read:.1f} s, an export accepted after {asked:.1f} s and delivered after "
        f"{delivered:.1f} s, the frozen run done by another after {taken_over:.1f} s; thawed it changed "
        f"{'nothing' if after == before else 'something'}"
    )
    if max(read, asked) > MOST_SECONDS:
        wrong.append(f"others waited for {max(read, asked):.1f} s")
    if row["status"] != "completed" or row["attempts"] != 2:
        wrong.append(f"the run ended {row['status']} in attempt {row['attempts']}: {row['error']}")
    if after != before:
        wrong.append(f"thawed it wrote: {before} became {after}")
    return wrong + after["wrong"]
