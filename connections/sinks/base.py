"""What every sink speaks: files are written, then the delivery is committed whole, or it never was."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class DeliveredFile:
    """One file as it was written: the figures are taken from the bytes while they pass."""

    name: str
    media_type: str
    bytes: int
    sha256: str


class Delivery(ABC):
    """One delivery under way. Nothing of it is visible before :meth:`commit`; :meth:`abort` leaves nothing behind."""

    @abstractmethod
    def write_file(self, name: str, media_type: str, chunks: Iterable[bytes]) -> DeliveredFile:
        """Write one file. Raises ``PermanentError`` (disk full, no permission) or what the chunks raise."""

    @abstractmethod
    def commit(self, manifest: bytes) -> str:
        """Make everything visible at once, the manifest with it or last. The location of the delivery comes back."""

    @abstractmethod
    def abort(self) -> None:
        """Take away what was written. Safe to call at any time, also after a commit (then it does nothing)."""


class Sink(ABC):
    """A place to deliver to."""

    key: ClassVar[str]
    title: ClassVar[str]

    @abstractmethod
    def begin(self, report_id: str, folder_name: str, attempt: int) -> Delivery:
        """Start a delivery; half-made files of earlier attempts of the same report are taken away."""
