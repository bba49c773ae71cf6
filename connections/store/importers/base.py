"""What every importer speaks: a file in, :class:`IncomingRow` by row out, and an account of what did not go in.

An importer is one file and one line in :data:`connections.store.importers.IMPORTERS`. It reads as a stream: memory does
not grow with the file.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, Final, TypeAlias, cast

from connections.store import coco_head
from connections.store.import_row import IncomingClass, IncomingRow
from connections.store.importers.forms import Form
from connections.store.known_project import EmptyProject
from connections.store.notes import Notes
from exportadmin.lib.errors import UserError
from exportadmin.lib.json_stream import RowRefused

OnRefused: TypeAlias = Callable[[str, str, Any], None]

# in what a row keeps of its source: the key of what it is a part of, which is a row too
PART_OF: Final = "part_of"
# reasons kept in memory; every refusal is counted
MAX_REFUSED_KEPT = 1_000


@dataclass(slots=True)
class Refused:
    """A row, or a piece that would have belonged to one, that does not go in: where it stood and why."""

    position: str
    reason: str


@dataclass(slots=True)
class Survey:
    """What a first look over the whole file found: how many rows it holds, good and bad, and its size."""

    rows_total: int
    bytes_total: int


class Importer(ABC):
    """Reads one file, once.

    ``default_status`` is the review status that every row gets, whatever the file says; ``None`` lets the importer tell
    from what is there. ``project_key`` is the project's public id: which project of a row is meant that names several.
    ``takes_that_project_alone``: a row that does not name it has no labels, whatever it has of another.
    ``on_read`` is told before each block is read at which byte the file stands, and may raise; ``on_refused`` gets each
    refusal: position, reason and, where it could be read, the value that was refused. ``project`` tells of the ids that
    the project has given; none: an empty one. ``open_file`` opens a file that does not lie at ``path``. ``model_run``
    is the name of a model run, where it takes one.

    Filled while :meth:`rows` is read: ``classes`` (before the first row, where the source lists them), ``refused`` (the
    first :data:`MAX_REFUSED_KEPT`), ``refused_count`` (all), ``rows_seen``, ``rows_refused``, ``project_extra`` (before
    the first row), ``notes`` and ``row_notes`` (see :mod:`connections.store.notes`). Every row of the file is either
    yielded or refused: a bad one whole, never with a mark missing. ``refused_count`` is larger than ``rows_refused``
    where pieces that belong to no row were bad.
    """

    key: ClassVar[str]
    title: ClassVar[str]
    # every row that it yields has a key of its own: who writes the rows need not look again
    keys_are_once: ClassVar[bool] = False
    # its rows are said for their predictions alone: it takes the name of the model run that made them
    needs_model_run: ClassVar[bool] = False

    def __init__(
        self,
        path: Path,
        *,
        default_status: str | None,
        project_key: str,
        on_read: Callable[[int], None] | None = None,
        on_refused: OnRefused | None = None,
        project: EmptyProject | None = None,
        open_file: Callable[[], BinaryIO] | None = None,
        model_run: str = "",
        takes_that_project_alone: bool = False,
    ) -> None:
        self.path = path
        self.takes_that_project_alone = takes_that_project_alone
        self.model_run = model_run
        self._open_file = open_file
        self.project = project or EmptyProject()
        self._on_read = on_read
        self._on_refused = on_refused
        self.default_status = default_status
        self.project_key = project_key
        self.classes: list[IncomingClass] = []
        self.refused: list[Refused] = []
        self.refused_count = 0
        self.rows_seen = 0
        self.rows_refused = 0
        self.notes = Notes()
        self.row_notes = Notes()
        self.project_extra: dict[str, Any] = {}

    @classmethod
    def forms(cls) -> Iterable[Form]:
        """What its files say in the wild, and what becomes of it: for the help."""
        return ()

    @abstractmethod
    def survey(self) -> Survey:
        """Look over the whole file's structure before anything is written.

        Raises :class:`UserError`, with line and byte, for a file that is cut off or is not what it should be.
        """

    @abstractmethod
    def rows(self) -> Iterator[IncomingRow]:
        """The good rows in file order. Raises :class:`UserError` for what :meth:`survey` would have found."""

    def rows_with_notes(self) -> Iterator[IncomingRow]:
        """As :meth:`rows`, each row with what was noted while it was read."""
        for row in self.rows():
            if self.row_notes:
                row.notes = self.row_notes.take()
            yield row

    @classmethod
    def keys_of(cls, value: Any) -> frozenset[str]:
        """Under which keys a row that was refused may be known, by what was read of it; none: nobody can tell."""
        return frozenset()

    @classmethod
    def our_status(cls, text: str) -> str:
        """The review status that the source's word stands for."""
        return text

    def merge_project_extra(self, known: dict[str, Any]) -> dict[str, Any]:
        """What the project keeps beside its rows, with what the file brings; it may be asked more than once."""
        merged = {**known, **self.project_extra}
        if coco_head.KEY in known and coco_head.KEY in self.project_extra:
            merged[coco_head.KEY], _ = coco_head.merge_heads(known[coco_head.KEY], merged[coco_head.KEY], Notes())
        return merged

    def open(self) -> BinaryIO:
        """The file, unbuffered. Raises :class:`UserError` when it cannot be read."""
        if self._open_file is not None:
            return self._open_file()
        try:
            return (
                cast(BinaryIO, _WatchedFile(self.path, self._on_read))
                if self._on_read
                else self.path.open("rb", buffering=0)
            )
        except OSError as error:
            raise UserError(f"{self.path.name} cannot be read: {error.strerror}", field="file") from None

    def refuse_row(self, refused: RowRefused, value: Any = None) -> None:
        """Enter a row that does not go in; what was noted of it goes too."""
        self.row_notes.take()
        self.rows_refused += 1
        self.refuse(refused.position, refused.reason, value)

    def refuse(self, position: str, reason: str, value: Any = None) -> None:
        """Enter something that does not go in."""
        self.refused_count += 1
        if self._on_refused is not None:
            self._on_refused(position, reason, value)
        if len(self.refused) < MAX_REFUSED_KEPT:
            self.refused.append(Refused(position, reason))


class _WatchedFile(FileIO):
    """Tells where it stands before each block that is read."""

    def __init__(self, path: Path, on_read: Callable[[int], None]) -> None:
        super().__init__(path, "rb")
        self._on_read = on_read

    def read(self, size: int | None = -1, /) -> bytes:
        """As of any file."""
        self._on_read(self.tell())
        return super().read(-1 if size is None else size)
