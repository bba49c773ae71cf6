"""Every event there is: its dotted key and its sentence. A key that no app has registered is refused by ``record()``.

In a sentence ``{actor}``, ``{object}`` and ``{project}`` are the frozen names, any other ``{word}`` is taken from the
entry's details. ``[did|tried to do]`` chooses by outcome: done, or refused / failed. ``<…>`` is left out when a name in
it is empty. An app registers its events when it is ready; one more event is one line there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Final

OF_PROJECT: Final = "< of project {project}>"
IN_PROJECT: Final = "< in project {project}>"

# ``group.verb`` → sentence; group → its title for people. Filled by register().
EVENTS: Final[dict[str, str]] = {}
_TITLES: Final[dict[str, str]] = {}
# keys of which each tells of something that was read, and of no change
READINGS: Final[set[str]] = set()

Group = tuple[str, list[tuple[str, str]]]


def register(group: str, title: str, sentences: Mapping[str, str], *, readings: Collection[str] = ()) -> None:
    """Add events: ``register("boat", "Boats", {"sunk": "{actor} sank {object}"})`` makes ``boat.sunk``.

    ``readings`` are verbs for :data:`READINGS`. A group may be filled by several apps. Raises ``ValueError`` for a key
    or a group that is there with another text.
    """
    if _TITLES.setdefault(group, title) != title:
        raise ValueError(f"events {group!r} are called {_TITLES[group]!r} already, not {title!r}")
    for verb, sentence in sentences.items():
        key = f"{group}.{verb}"
        if EVENTS.setdefault(key, sentence) != sentence:
            raise ValueError(f"event {key!r} is registered twice")
    READINGS.update(f"{group}.{verb}" for verb in readings)


def unregister(group: str) -> None:
    """Take a group out again (tests)."""
    del _TITLES[group]
    for key in keys_under(group):
        del EVENTS[key]
        READINGS.discard(key)


def keys_under(prefix: str) -> list[str]:
    """The keys that are ``prefix`` or lie under it: ``export`` → ``export.requested`` …, never ``exporter.x``."""
    prefix = prefix.rstrip(".")
    return [key for key in EVENTS if key == prefix or key.startswith(f"{prefix}.")]


def choices() -> Iterator[Group]:
    """For a select: ``(title, [(key or group, text)])`` by title; a group of several begins with all of it."""
    for group, title in sorted(_TITLES.items(), key=lambda pair: pair[1]):
        keys = keys_under(group)
        whole = [(group, f"{title}: everything")] if len(keys) > 1 else []
        yield title, [*whole, *((key, f"{title}: {key.partition('.')[2].replace('_', ' ')}") for key in keys)]
