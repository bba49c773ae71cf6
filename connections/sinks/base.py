"""What every sink speaks: a delivery is drafted, committed whole or not at all, and lives on until it is removed.

Whoever downloads, previews, compares, verifies, retains or unpublishes asks the :class:`Delivery`; nobody outside this
package knows where its files lie. ``tests/connections/sinks`` holds the contract as tests, which run over every sink.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final, Protocol

from connections.adapters import ConnectionKind
from connections.models import Connection
from exportadmin.lib.errors import ExportAdminError

MANIFEST_NAME: Final = "manifest.json"


class DeliveredFileError(ExportAdminError):
    """A file of a delivery is not there or is no plain file. The message goes on after its name: ``is missing``."""


@dataclass(frozen=True, slots=True)
class SinkField:
    """One setting of a destination, a text. ``name`` is its JSON key, ``title`` and ``help`` are for people."""

    name: str
    title: str
    help: str
    is_required: bool = False


@dataclass(frozen=True, slots=True)
class ReportKey:
    """The run that a delivery is of: ids are made by us, ``attempt`` counts from 1 (0: none in particular)."""

    report_id: str
    project_id: str
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class DeliveredFile:
    """One file as it was written: the figures are taken from the bytes while they pass."""

    name: str
    media_type: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One file as it lies at the destination. ``sha256`` (hexadecimal) where the place knows it without reading."""

    name: str
    bytes: int
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Leftover:
    """What lies at a sink for some time. ``is_draft``: never visible; else it was published, if it ``is_whole``.

    ``location`` is that of the delivery, or the sink's own name of the draft; ``address`` is it for people.
    """

    report_id: str
    location: str
    address: str
    changed_at: datetime
    is_draft: bool
    is_whole: bool = False


class OpenedFile(Protocol):
    """Bytes of a delivered file from the first that was wanted on. ``size`` is that of the whole file."""

    size: int

    def read(self, size: int) -> bytes:
        """At most ``size`` bytes; none at the end. Raises ``OSError``."""
        ...

    def seek(self, place: int) -> None:
        """Go on at this byte of the file, which stays the one that was opened. Raises ``OSError`` when it cannot."""
        ...

    def state(self) -> str:
        """As it is now: another text whenever the bytes may be others (200 characters at most).

        Empty where the place cannot tell. Raises ``OSError``.
        """
        ...

    def close(self) -> None:
        """Let go of it; safe to call twice."""
        ...


class DraftFile(ABC):
    """A file under way; several of a draft may be. Bytes are counted and hashed while they pass."""

    def __init__(self, name: str, media_type: str) -> None:
        self.name = name
        self.media_type = media_type
        self.bytes = 0
        self._digest = hashlib.sha256()

    def write(self, chunk: bytes) -> None:
        """Append. Raises ``PermanentError`` (disk full, no permission)."""
        self._write(chunk)
        self._digest.update(chunk)
        self.bytes += len(chunk)

    def close(self) -> DeliveredFile:
        """Everything is written and lasts."""
        self._close()
        return DeliveredFile(self.name, self.media_type, self.bytes, self._digest.hexdigest())

    @abstractmethod
    def _write(self, chunk: bytes) -> None: ...

    @abstractmethod
    def _close(self) -> None: ...


class Draft(ABC):
    """A delivery under way. Nothing of it is visible before :meth:`commit`; :meth:`abort` leaves nothing behind."""

    @abstractmethod
    def open_file(self, name: str, media_type: str) -> DraftFile:
        """Begin a file; a name is given once. Raises ``PermanentError``."""

    def write_file(self, name: str, media_type: str, chunks: Iterable[bytes]) -> DeliveredFile:
        """A whole file. Raises ``PermanentError`` or what the chunks raise."""
        file = self.open_file(name, media_type)
        for chunk in chunks:
            file.write(chunk)
        return file.close()

    @abstractmethod
    def commit(self, manifest: bytes) -> Delivery:
        """Make everything visible at once, the manifest (:data:`MANIFEST_NAME`) with it or last.

        Raises ``PermanentError`` when something else was published there meanwhile.
        """

    @abstractmethod
    def abort(self) -> None:
        """Take away what was written. Safe to call at any time, also after a commit (then it does nothing)."""


class Delivery(ABC):
    """A published delivery. ``location`` finds it again (:meth:`Sink.delivery`), ``address`` is it for people."""

    def __init__(self, location: str, address: str) -> None:
        self.location = location
        self.address = address

    @abstractmethod
    def open(self, name: str, first: int = 0, last: int | None = None) -> OpenedFile:
        """The bytes ``first`` to ``last`` (inclusive; ``None``: to the end).

        Raises :class:`DeliveredFileError` when there is no plain file of that name; a name never leads elsewhere.
        Raises ``OSError`` where nobody can tell.
        """

    @abstractmethod
    def entries(self) -> Iterator[Entry]:
        """Everything that lies there, the manifest too, by name; nothing when the delivery is gone."""

    def url(self, name: str, seconds: int) -> str | None:
        """An address that hands the file out for so long without passing us, which whoever downloads is sent on to.

        ``None`` where there is no such thing, or it is not wanted.
        """
        return None

    @abstractmethod
    def remove(self) -> None:
        """Take all of it away, out of sight first; a second time is no error. Raises ``PermanentError``."""


class Sink(ConnectionKind, ABC):
    """A place to deliver to, as one destination describes it. One file and one line in :data:`connections.sinks.SINKS`.

    ``connection`` is how it is reached (``None``: this machine) and has the sink's ``key`` as its kind; ``settings``
    are those of the destination, by the names of ``fields``.
    """

    fields: ClassVar[tuple[SinkField, ...]] = ()
    needs_connection: ClassVar[bool] = True

    def __init__(self, connection: Connection | None, settings: Mapping[str, str]) -> None:
        self.connection = connection
        self.settings = settings

    @property
    def is_remote(self) -> bool:
        """Is it elsewhere? Then asking takes time and may fail, and others than this installation may deliver there."""
        return False

    @classmethod
    def parse_settings(cls, connection: Connection | None, settings: Mapping[str, str]) -> dict[str, str]:
        """The settings of a destination as they are kept, from those that somebody gave.

        Raises :class:`~exportadmin.lib.errors.UserError` (``field="destination"``) for what no delivery can go to.
        """
        return dict(settings)

    @classmethod
    def starts(cls, connection: Connection) -> dict[str, str]:
        """What settings of a destination begin with, for whoever fills in a form; none where nothing is known."""
        return {}

    @property
    def is_ours(self) -> bool:
        """May what is delivered here be removed by us, when it is old or when somebody says so?"""
        return True

    def forget_project(self, project_id: str) -> None:
        """All deliveries of the project are gone and none will come: take away what held them. Never raises."""

    def why_not(self) -> str:
        """What stops deliveries at this moment, in words that go on after "cannot be written: "; empty: nothing known.

        Cheap enough to be asked every few seconds. Never raises.
        """
        return ""

    def free_bytes(self) -> int | None:
        """How much more can be delivered; ``None`` where nobody knows or there is no end."""
        return None

    def address(self, report: ReportKey) -> str:
        """What stands before the names of the report's files, for people who want to find them at the destination.

        It ends where a name begins (``s3://bucket/folder/``); empty where names are all there is to know.
        """
        return ""

    @abstractmethod
    def begin(self, report: ReportKey) -> Draft:
        """Start a delivery; half-made files of earlier attempts of the same report are taken away."""

    @abstractmethod
    def delivery(self, location: str) -> Delivery:
        """What was published at ``location`` (it may be gone by now), whatever the settings are.

        A location that is none leads to nothing.
        """

    @abstractmethod
    def published(self, report: ReportKey) -> Delivery | None:
        """What lies where the report's delivery goes, by whomever: after a crash nobody knows whether it got there."""

    @abstractmethod
    def discard(self, report: ReportKey) -> None:
        """Take away the drafts of all attempts. Never raises for what cannot be removed: it is left over."""

    @abstractmethod
    def leftovers(self, older_than: datetime) -> Iterator[Leftover]:
        """Drafts and deliveries of ours whose last change is older. Whether somebody needs them the caller knows."""

    @abstractmethod
    def remove_leftover(self, leftover: Leftover) -> None:
        """Take it away. Raises ``PermanentError`` when it stays."""
