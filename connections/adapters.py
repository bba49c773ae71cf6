"""What a kind of connection says of itself: its fields, its secrets, and how a connection of it is tested.

A kind is the class that is reached by such connections (a sink that needs one). Form, REST, shell, masking and trail
are made from what it declares; ``connections/kinds.py`` finds it by its key.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from connections.models import Connection

# what stands in ``Connection.config`` under a field's name
ConfigValue: TypeAlias = str | bool
PASSED: Final = "passed"
FAILED: Final = "failed"
SKIPPED: Final = "skipped"
StepState: TypeAlias = Literal["passed", "failed", "skipped"]
# of a test: it goes on; every step passed or was skipped; a step failed; it was given up before its end
RUNNING, STOPPED = "running", "stopped"
TEST_STATES: Final = (RUNNING, PASSED, FAILED, STOPPED)
# a field of this name holds host:port, the one private address that the connection may reach
PRIVATE_ADDRESS: Final = "private_address"


@dataclass(frozen=True, slots=True)
class ConnectionField:
    """One setting of a connection; what it holds may be seen by whoever may use the connection.

    ``name`` is its JSON key, ``title`` and ``help`` are for people. A ``default`` that is a boolean makes it a yes or
    no, else it is a text, of one line: one of ``choices`` (value, title) where there are some. ``parse`` gives the text
    that is kept and raises :class:`~exportadmin.lib.errors.UserError` in words that say what would be right; it is not
    asked about an empty text. ``warning`` stands beside it in a form.
    """

    name: str
    title: str
    help: str
    is_required: bool = False
    default: ConfigValue = ""
    choices: tuple[tuple[str, str], ...] = ()
    parse: Callable[[str], str] = str
    warning: str = ""

    @property
    def is_flag(self) -> bool:
        """Is it a yes or no?"""
        return isinstance(self.default, bool)


@dataclass(frozen=True, slots=True)
class SecretField:
    """One secret of a connection: it is written, never read back. ``parse`` as in :class:`ConnectionField`; its words
    must not hold the value."""

    name: str
    title: str
    help: str
    is_required: bool = False
    parse: Callable[[str], str] = str


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that a test of a connection found out. ``message`` says what, ``advice`` what to do about a failure.

    Both are shown to people and kept: neither holds a secret.
    """

    key: str
    title: str
    state: StepState
    message: str = ""
    advice: str = ""


class Steps:
    """The steps of a kind's tests, in their order: ``titles`` by key."""

    def __init__(self, titles: Mapping[str, str]) -> None:
        self._titles = titles

    def ended(self, key: str, state: StepState, message: str = "", advice: str = "") -> Step:
        """One of them, as it ended."""
        return Step(key, self._titles[key], state, message, advice)

    def skipped_after(self, key: str) -> Iterator[Step]:
        """All that follow ``key``, which failed."""
        keys = list(self._titles)
        for after in keys[keys.index(key) + 1 :]:
            yield self.ended(after, SKIPPED, f"not tried: “{self._titles[key]}” comes first")

    def without_secrets(self, error: Exception, advice: str, *, at: str) -> Iterator[Step]:
        """All of them, where step ``at`` fails before anything is asked: the secrets cannot be had."""
        for key in self._titles:
            if key == at:
                break
            yield self.ended(key, SKIPPED, "nothing was asked")
        yield self.ended(at, FAILED, str(error), advice)
        yield from self.skipped_after(at)

    def up_to_a_failure(self, tried: Iterable[Step]) -> Iterator[Step]:
        """Those that are ``tried``; after one that failed all others are skipped."""
        for step in tried:
            yield step
            if step.state == FAILED:
                yield from self.skipped_after(step.key)
                return


class ConnectionKind:
    """What a class that is reached by connections declares. ``key`` is the ``kind`` of its connections."""

    key: ClassVar[str]
    title: ClassVar[str]
    help: ClassVar[str]
    connection_fields: ClassVar[tuple[ConnectionField, ...]] = ()
    connection_secrets: ClassVar[tuple[SecretField, ...]] = ()
    # fields that say where things lie: they stay as they are while something lies there
    place_fields: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def check_connection(cls, config: Mapping[str, ConfigValue], secrets: Collection[str]) -> None:
        """What no field can tell alone. ``secrets`` are the names of those that are set.

        Raises :class:`~exportadmin.lib.errors.UserError` with the ``field`` that is wrong.
        """

    @classmethod
    def test(cls, connection: Connection) -> Iterator[Step]:
        """Use the connection, step by step; a step is yielded when it has ended. Raises nothing: what fails is a step.

        A step that cannot be tried because another one failed is yielded as skipped.
        """
        yield from ()
