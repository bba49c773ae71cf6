"""What people hand out and what outlives their session: tokens, signed links. It ends with the right to hand it out.

Apps register theirs. Whoever takes a right away (a role, an account, a password that others may know) calls
:func:`end_all` or :func:`end_unfounded` in the same transaction; each key that ends has a line of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from django.contrib.auth.models import AbstractBaseUser

from exportadmin.audit.record import ObjectLike, ProjectLike, record
from exportadmin.lib.actor import Actor
from exportadmin.lib.registry import Registry


@dataclass(frozen=True, slots=True)
class Ended:
    """A key that has ended, for its line in the trail."""

    event: str
    project: ProjectLike | None
    obj: ObjectLike
    details: Mapping[str, Any]


class Keys(Protocol):
    """One sort of them. ``singular`` and ``plural`` are its names on screen."""

    singular: str
    plural: str

    def count(self, user: AbstractBaseUser) -> int:
        """How many of a person open something now."""

    def end(self, user: AbstractBaseUser, *, unfounded_only: bool) -> Sequence[Ended]:
        """Hold their rows, by ``pk``, and end them. ``unfounded_only``: those alone that the person could not hand out
        any more.
        """


KEYS: Final[Registry[Keys]] = Registry("sort of key", {})


def counts_of(user: AbstractBaseUser) -> dict[str, int]:
    """``{"tokens": 2, "links": 0}``."""
    return {name: keys.count(user) for name, keys in KEYS.items()}


def in_words(counts: Mapping[str, int]) -> str:
    """``2 tokens and 1 open link``; empty where there is none."""
    found = [(counts[name], keys) for name, keys in KEYS.items() if counts.get(name)]
    return " and ".join(f"{count:,} {keys.singular if count == 1 else keys.plural}" for count, keys in found)


def end_all(user: AbstractBaseUser, *, actor: Actor, why: str) -> dict[str, int]:
    """All keys of a person; how many of which."""
    return _end(user, actor, why, unfounded_only=False)


def end_unfounded(user: AbstractBaseUser, *, actor: Actor, why: str) -> dict[str, int]:
    """Those that the person could not hand out any more; how many of which."""
    return _end(user, actor, why, unfounded_only=True)


def _end(user: AbstractBaseUser, actor: Actor, why: str, *, unfounded_only: bool) -> dict[str, int]:
    # all rows before the first line: who holds the trail's head waits for nobody, and all hold rows in one order
    ended = {name: KEYS[name].end(user, unfounded_only=unfounded_only) for name in sorted(KEYS)}
    for found in ended.values():
        for one in found:
            record(one.event, actor=actor, project=one.project, obj=one.obj, details={**one.details, "why": why})
    return {name: len(found) for name, found in ended.items()}
