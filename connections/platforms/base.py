"""What every labelling platform speaks: its projects are listed, and exports are made there, looked at and fetched.

A platform is one folder and one line in :data:`connections.platforms.PLATFORMS`. It knows the wire and the shapes of
one platform and nothing of runs, rows in the store or deliveries: whoever runs (:mod:`connections.platforms.remote`)
keeps the remote id, waits between looks and gives up. ``tests/connections/platforms`` holds the contract as tests,
which run over every platform.

Every method may raise ``TransientError`` (worth another try later, ``retry_after`` where the platform said it) and
``PermanentError``; the message names the step and what the platform answered, never a secret.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeAlias

from connections.adapters import ConnectionKind
from connections.models import Connection
from connections.store.import_row import IncomingClass
from exportadmin.lib.errors import ExportAdminError, PermanentError, TransientError, UserError

if TYPE_CHECKING:
    import requests


class NothingThereError(ExportAdminError):
    """The platform has no row that the request selects, and says so: no failure."""


class LostAnswerError(TransientError):
    """The request may have been carried out, nobody knows: it is looked up before it is sent again."""


class FilterIgnoredError(PermanentError):
    """What came is not what was updated since the moment that was asked for: without that filter it may be right."""


class NotMadeYetError(TransientError):
    """What was to be fetched is being made only now: how that stands is looked at again."""


@dataclass(frozen=True, slots=True)
class RemoteProject:
    """One project there. ``external_id`` is its id there; ``details`` are what it says besides, for people to see.

    ``classes`` are its ontology, in its order, as far as the platform tells it apart from rows.
    """

    external_id: str
    name: str
    data_type: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    classes: Sequence[IncomingClass] = ()


@dataclass(frozen=True, slots=True)
class RemoteFormat:
    """A format in which the platform makes files itself. ``key`` is its own word, ``media_type`` is of the file."""

    key: str
    title: str
    help: str = ""


@dataclass(frozen=True, slots=True)
class RemoteOption:
    """One setting of an export that the platform makes, beside those of :class:`Wanted`.

    ``many``: a list of texts, ``most`` of them; with ``choices`` (value, title) one of them, or some. A form
    begins with the first, or with ``unset``, which says what it is where none is chosen and that is none of them.
    ``is_connection``: the id of one of :meth:`Platform.remote_connections`.
    """

    name: str
    title: str
    help: str
    many: bool = False
    most: int = 100
    choices: tuple[tuple[str, str], ...] = ()
    unset: str = ""
    is_connection: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """An export that the platform is asked to make.

    ``name`` is ours and once among all that we ask for: by it an export is found whose answer was lost. ``statuses``
    are the platform's own words, none: all that it knows. ``updated_after_ms``: only what was updated since.
    ``options`` are by the names of :attr:`Platform.remote_options`, checked by :meth:`Platform.check_wanted`. Of an
    export that others had made, which is only fetched, nobody knows what they asked for: ``format`` is empty.
    """

    name: str
    format: str
    description: str = ""
    statuses: tuple[str, ...] = ()
    updated_after_ms: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Made:
    """The platform took the request. ``server_ms`` is its own clock then, ``None`` where it does not tell.

    ``failure``: it said at once that it will not be made, and why; so it is, unless a look finds it made.
    """

    remote_id: str
    server_ms: int | None = None
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Not made yet. ``word`` is the platform's own for how it stands; ``is_known``: the contract has that word.

    ``progress`` (0 to 1) where it is told. One whose word is not known needs somebody's attention, and is never taken
    for made. ``patience`` is asked before it is given up: so many seconds it may well stand still. ``if_stuck`` says
    what it means if it does for longer.
    """

    word: str
    is_known: bool = True
    progress: float | None = None
    patience: Callable[[], float] | None = None
    if_stuck: str = ""


@dataclass(frozen=True, slots=True)
class Ready:
    """Made. ``place`` says where the platform put it, where that is not for us to fetch (``s3://bucket/folder/``).

    ``server_ms`` is the platform's own clock when it began, where it tells that afterwards.
    """

    word: str
    place: str = ""
    server_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """It will not be made. ``reason`` is the platform's own, in its words."""

    word: str
    reason: str = ""


Standing: TypeAlias = Waiting | Ready | Failed


# of a platform's figures: how many files one of its exports has, and how many of the source are done
IN_FILE, COMPLETE = "in_file", "complete"


LEFT_OUT: Final = "left_out_by_the_platform"
ERROR_LINES: Final = "lines_in_the_stream_of_errors"
# what is known of rows that should be in a file: code → what the platform did, of so many
MISSING: Final[Mapping[str, str]] = {
    LEFT_OUT: "could not export {:,} rows of it",
    ERROR_LINES: "has {:,} lines in its stream of errors: rows may be missing",
}


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file as it was fetched: it lies at ``path``, whole. ``name`` is safe to deliver under.

    What could be counted by reading it is in ``rows``, ``rows_by_status`` and ``annotations_by_class`` (``None``: the
    file does not tell); ``notes`` say what else was seen, a text → how often. ``told`` are the platform's own figures
    of what it exported, by what it calls them, to be seen beside ours. ``missing`` rows should be in it and are not, as
    the platform says, which does not say which; ``missing_as``, of :data:`MISSING`: what is known of them. ``deferred``
    parts of its rows are as good as missing, and may be had when these rows are asked for again: ``deferred_rows`` are
    their ids there (``None``: they are too many, or not all of them are known).
    """

    path: Path
    name: str
    media_type: str
    bytes: int
    rows: int | None = None
    rows_by_status: Mapping[str, int] | None = None
    annotations_by_class: Mapping[str, int] | None = None
    notes: Mapping[str, int] = field(default_factory=dict)
    told: Mapping[str, int] = field(default_factory=dict)
    missing: int = 0
    deferred: int = 0
    deferred_rows: Sequence[str] | None = ()
    missing_as: str = LEFT_OUT


@dataclass(frozen=True, slots=True)
class RemoteRow:
    """What a file tells of one row: its id there, ``status`` in the platform's own word and when it was last updated,
    each where the file says it.
    """

    row_id: str
    status: str | None = None
    updated_ms: int | None = None


@dataclass(frozen=True, slots=True)
class RemoteExport:
    """An export in the platform's own list, by whomever. ``details`` are whatever else it says of it, as it says it."""

    remote_id: str
    name: str
    standing: Standing
    created_ms: int | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RemoteConnection:
    """One of the platform's own connections to a bucket, by which it delivers itself; its keys stay with the platform.

    ``details`` are whatever else the platform says of it, without keys.
    """

    connection_id: str
    name: str
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NewRemoteConnection:
    """One that the platform is to make. ``path`` is ``s3://bucket/folder/``; the keys are sent on and not kept."""

    name: str
    path: str
    access_key_id: str = field(repr=False)
    secret_access_key: str = field(repr=False)
    data_type: str = "image"
    description: str = ""


@dataclass(frozen=True, slots=True)
class MediaSession:
    """How files of a platform are fetched that rows name, below ``base_url`` (without a slash at its end).

    ``files`` says by the beginning of a path below it which of them are files: nothing else is asked for. ``get`` takes
    a path below it, how many bytes are taken at most, and in how many seconds; it gives the answer as a stream, to be
    closed. Credentials go to that place and nowhere else.
    """

    base_url: str
    files: re.Pattern[str]
    get: Callable[[str, int, float], requests.Response]


OnBytes: TypeAlias = Callable[[int], None]


def cut_after(count: int, things: str, example: str) -> str:
    """Of a list that is longer than is read, for :attr:`Platform.left_out`. ``example``: an id as one is named."""
    return (
        f"Of the {things} the first {count:,} were read, and there may be more. One that is not listed is mirrored by "
        f"its id ({example})."
    )


class Platform(ConnectionKind, ABC):
    """One labelling platform, as one connection reaches it."""

    # the importer (a key of connections.store.importers.IMPORTERS) that reads the file of a sync
    importer: ClassVar[str]
    # can it be asked for what changed since a moment?
    tells_changes: ClassVar[bool] = False
    # is what changed what was active since, such as commented, and not what was updated?
    changes_are_activity: ClassVar[bool] = False
    # its own words for where a row stands, and a title each
    statuses: ClassVar[Mapping[str, str]] = {}
    # conditions of an export that ask for what it does not tell of its rows: key → why, a sentence without its point
    untold: ClassVar[Mapping[str, str]] = {}
    # those that are tested on something of ours in place of what it does not tell: key → on what, a sentence likewise
    stand_ins: ClassVar[Mapping[str, str]] = {}
    remote_formats: ClassVar[Sequence[RemoteFormat]] = ()
    remote_options: ClassVar[Sequence[RemoteOption]] = ()
    # settings of a mirror, which its syncs ask with: some of those above, or others
    mirror_options: ClassVar[Sequence[RemoteOption]] = ()
    # what it calls a figure of its own (:attr:`RemoteFile.told`) → :data:`IN_FILE` or :data:`COMPLETE`, which ours of
    # the same has to equal
    figures: ClassVar[Mapping[str, str]] = {}
    # of these, those that count another thing, or at another moment: who differs from them is not wrong for it
    loose_figures: ClassVar[frozenset[str]] = frozenset()
    # does what it makes stay there, to be taken away by :meth:`tidy`?
    keeps_what_it_makes: ClassVar[bool] = False
    # does it keep the name that an export is asked for under? Else a lost one is told by :meth:`find_unnamed`
    keeps_names: ClassVar[bool] = True
    # has it connections to buckets of its own, which are listed, made, tested and deleted through ours?
    has_remote_connections: ClassVar[bool] = False

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        # what :meth:`projects` had to leave out, in sentences for whoever reads the list
        self.left_out: list[str] = []

    @property
    def place(self) -> str:
        """Where the connection leads to: what was made at another place is not there."""
        return str(self.connection.config.get("base_address", ""))

    @abstractmethod
    def projects(self) -> Iterator[RemoteProject]:
        """All that the credentials may see; what is left out of a list that is too long is in :attr:`left_out` then."""

    @abstractmethod
    def project(self, external_id: str) -> RemoteProject:
        """One of them. Raises ``PermanentError`` where there is none."""

    @abstractmethod
    def for_sync(self, name: str, since_ms: int | None, options: Mapping[str, Any] = MappingProxyType({})) -> Wanted:
        """What to ask for so that :attr:`importer` can read all rows, or those that were updated after ``since_ms``.

        ``options`` are by the names of :attr:`mirror_options`.
        """

    def project_in_rows(self, external_id: str, options: Mapping[str, Any]) -> str:
        """The id under which rows of a sync name that very project, where they may name several; empty: they do not.

        A row without it has no labels of its own, and those of others are carried.
        """
        return ""

    def most_by_id(self, external_id: str) -> int:
        """How many rows of that very project it can be asked for by their ids; 0: it cannot."""
        return 0

    def for_rows(self, name: str, ids: Sequence[str], options: Mapping[str, Any] = MappingProxyType({})) -> Wanted:
        """As :meth:`for_sync`, for the rows of these ids there: :meth:`most_by_id` at most."""
        raise NotImplementedError

    def joined(self, file: RemoteFile | None, other: RemoteFile, ids: Sequence[str], folder: Path) -> RemoteFile:
        """One file of a sync from two, in ``folder``: ``file`` (``None``: there was nothing), and of ``other`` the rows
        of these ids that are not in it. Raises :class:`NothingThereError`.
        """
        raise NotImplementedError

    def media_session(self, external_id: str) -> MediaSession | None:
        """A new one for files of that project, for one thread; ``None``: the platform keeps no files that its
        credentials are needed for.
        """
        return None

    def tells_changes_of(self, external_id: str) -> bool:
        """Can it be asked for what changed of that very project?"""
        return self.tells_changes

    def check_wanted(self, wanted: Wanted) -> Wanted:
        """As it is asked for. Raises :class:`~exportadmin.lib.errors.UserError` for what the platform cannot make."""
        known = {option.name for option in self.remote_options}
        if unknown := sorted(set(wanted.options) - known):
            right = f"known: {', '.join(sorted(known))}" if known else f"{self.title} has none"
            raise UserError(f"unknown option {unknown[0][:60]!r}; {right}", field="options")
        return wanted

    def mirror_options_of(self, external_id: str) -> Sequence[RemoteOption]:
        """Of :attr:`mirror_options` those with which that very project can be mirrored."""
        return self.mirror_options

    def offered_to(self, external_id: str) -> tuple[Mapping[str, str], Sequence[RemoteOption]]:
        """Of :attr:`statuses` and :attr:`remote_options` those by which that very project can be exported."""
        return self.statuses, self.remote_options

    def check_for(self, external_id: str, wanted: Wanted) -> Wanted:
        """As :meth:`check_wanted`, with what that very project cannot be asked for."""
        return self.check_wanted(wanted)

    def delivers_to(self, wanted: Wanted) -> str:
        """Where the platform itself will deliver it, such as ``s3://bucket/folder/``; empty: it is fetched."""
        return ""

    def doubts(self, wanted: Wanted) -> list[str]:
        """What the platform may not make of it, in sentences for whoever is about to ask: warned of, never refused."""
        return []

    def doubts_of(self, external_id: str, wanted: Wanted) -> list[str]:
        """As :meth:`doubts`, with those about that very project."""
        return self.doubts(wanted)

    @abstractmethod
    def ask(self, external_id: str, wanted: Wanted) -> Made:
        """Have the export made; one request, sent once. Nothing is asked once its id is known.

        Raises :class:`LostAnswerError` where it may have been taken, :class:`NothingThereError`. After any other
        ``TransientError`` nothing was made, and it is asked for again.
        """

    def find(self, external_id: str, name: str) -> str | None:
        """The remote id of the export of that name, where there is one. Several: the oldest."""
        return None

    def before(self, external_id: str, wanted: Wanted) -> Mapping[str, Any]:
        """Of a platform that keeps no names, what tells the export that is about to be asked for from all that are
        there already. It is JSON, and kept on the run before the request leaves.
        """
        return {}

    def find_unnamed(
        self, external_id: str, wanted: Wanted, before: Mapping[str, Any], others: Collection[str]
    ) -> str | None:
        """As :meth:`find`, where no names are kept: the oldest that is as ``wanted``, was not there ``before`` and is
        none of the ``others``, which are known to be other runs'.
        """
        return None

    def left_there(self, wanted: Wanted) -> Wanted:
        """As :meth:`tidy` is given what was found without a name: it may be somebody else's, so it stays."""
        return wanted

    @abstractmethod
    def look(self, external_id: str, remote_id: str, wanted: Wanted | None = None) -> Standing:
        """How it stands. ``wanted``: what was asked for, where it was us who asked."""

    @abstractmethod
    def fetch(
        self, external_id: str, remote_id: str, wanted: Wanted, folder: Path, on_bytes: OnBytes
    ) -> list[RemoteFile]:
        """Its files, whole and checked, into ``folder``; ``on_bytes`` is told of each piece and may raise.

        Raises ``PermanentError`` for what is no file of that export: cut off, another format, another id;
        :class:`NotMadeYetError`.
        """

    def tidy(self, external_id: str, remote_id: str, wanted: Wanted) -> None:
        """Take away what was made there for this export alone and is of no use any more; it may be gone already.

        ``remote_id`` is empty where nobody knows whether it was made.
        """

    def rows_of(self, file: RemoteFile, wanted: Wanted) -> Iterator[RemoteRow]:
        """What a fetched file tells of its rows, read piece by piece; nothing where its format tells nothing."""
        yield from ()

    @abstractmethod
    def exports(self, external_id: str) -> list[RemoteExport]:
        """What was exported there, by whomever, as far as the platform tells; newest first where it says when."""

    def remote_connections(self) -> list[RemoteConnection]:
        """Its own connections to buckets."""
        raise self._has_none()

    def create_remote_connection(self, wanted: NewRemoteConnection) -> RemoteConnection:
        """The platform tries the keys, and keeps them. Sent once.

        Raises ``UserError``, ``PermanentError`` where it does not take them, :class:`LostAnswerError`.
        """
        raise self._has_none()

    def test_remote_connection(self, connection_id: str, *, path: str, data_type: str) -> None:
        """Have it try one that it has. Raises ``PermanentError`` in its words where that does not work."""
        raise self._has_none()

    def delete_remote_connection(self, connection_id: str) -> None:
        """Have it forget one, with its keys."""
        raise self._has_none()

    def _has_none(self) -> UserError:
        return UserError(f"{self.title} has no connections to buckets of its own", field="connection")
