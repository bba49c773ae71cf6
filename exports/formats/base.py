"""What every format's writer speaks: header, rows batch by batch, footer; bytes out, nothing kept.

A format is one file and one line in :data:`exports.formats.FORMATS`.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from connections.rows.batch import BODY, OntologyClass, RowBatch
from connections.rows.checks import shown
from connections.rows.kinds import KINDS
from connections.rows.kinds.base import Kind
from exportadmin.lib.errors import UserError

if TYPE_CHECKING:
    from connections.pictures import PictureFetcher

# the kind of an annotation, as a format tells it, and the name of its class or question
Told = tuple[str, str]

# few: rows may be large
_PARSED_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Option:
    """A choice that a format offers: its allowed values, the first of which is the default."""

    name: str
    values: tuple[str, ...]
    help: str

    def parse(self, value: object) -> str:
        """Raises :class:`UserError`."""
        if not isinstance(value, str) or value not in self.values:
            raise UserError(f"option {self.name} is {value!r}; known: {', '.join(self.values)}", field="options")
        return value

    def json_schema(self) -> dict[str, Any]:
        """For the OpenAPI document."""
        return {"type": "string", "enum": list(self.values)}


@dataclass(frozen=True, slots=True)
class TextOption(Option):
    """One that takes any text of the ``pattern``, which ``expected`` says in words; ``values`` are the usual ones."""

    pattern: str = ""
    expected: str = ""
    max_length: int = 200

    def parse(self, value: object) -> str:
        if not isinstance(value, str) or len(value) > self.max_length or not re.fullmatch(self.pattern, value):
            raise UserError(f"option {self.name} is {shown(value)}; expected {self.expected}", field="options")
        return value

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "maxLength": self.max_length, "pattern": f"^(?:{self.pattern})$"}


@dataclass(frozen=True, slots=True)
class FormatContext:
    """What a writer may know of the run. ``scratch`` is a folder for spools, emptied by the pipeline."""

    project_id: str
    project_name: str
    ontology: Sequence[OntologyClass]
    parts: frozenset[str]
    scratch: Path
    options: Mapping[str, str] = field(default_factory=dict)
    # what the project keeps of files beside rows and classes, by the format that it came from
    project_extra: Mapping[str, Any] = field(default_factory=dict)
    # of the report that is being written, for formats that print them (no others: the same rows give the same bytes)
    report_id: str = ""
    report_number: int = 0
    project_number: int = 0
    report_name: str = ""
    made_ms: int = 0
    # what its rows were chosen by, by the keys of exports.spec.conditions
    conditions: Mapping[str, Any] = field(default_factory=dict)
    # rows have the run that they are in, in the place of their project
    is_of_run: bool = False
    # where a format fetches pictures (:meth:`Format.fetches_pictures`); ``None`` in a sample, which fetches none
    pictures: PictureFetcher | None = None


class Part(bytes):
    """Bytes for a file of their own beside the main one, among what a writer yields.

    All that bear one ``name`` (``train``, ``2-of-3``) go into one file, whose name is made from it; ``extension`` and
    ``media_type`` are the format's where they are not given. Several parts may grow at the same time.
    """

    name: str
    extension: str
    media_type: str

    def __new__(cls, data: bytes, name: str, *, extension: str = "", media_type: str = "") -> Self:
        """Raises ``ValueError`` without a name."""
        if not name:
            raise ValueError("a part has a name; bytes of the main file are plain bytes")
        part = super().__new__(cls, data)
        part.name, part.extension, part.media_type = name, extension, media_type
        return part


class CannotHoldError(Exception):
    """A row that a format cannot hold. ``code`` is a key of :attr:`Format.refusals`, ``reason`` a sentence."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that was left out of a file: ``index`` is its place in the batch, ``row_id`` and ``global_key`` name it."""

    index: int
    row_id: str
    global_key: str
    code: str
    reason: str


class Format(ABC):
    """A writer; one instance a run. It yields bytes of its one file, or :class:`Part` where there are several.

    The same rows in the same order give the same bytes (but for what ``prints_report`` says).

    ``columns`` are the column groups that it reads. Annotations of kinds that it does not support are counted as left
    out by the pipeline, never dropped in silence. ``cannot_hold`` names what else is counted so, whatever its kind:
    objects without a class, further labels of a shape (:data:`connections.rows.counts.UNLABELLED`, ``FURTHER_LABELS``),
    and what a row has beside its annotations (``BESIDE``). With :data:`exports.spec.labels.SKIPPED_LABELS` it never
    gets a label that was skipped.

    A row that it cannot hold is not the end of the run: :meth:`rows` writes nothing of it, calls :meth:`refuse` and
    goes on. ``refusals`` are the codes of what it refuses, each with what is wrong with such a row, in a few words. The
    pipeline takes the refused rows after each batch (:meth:`take_refused`), counts them, lists them in a file of their
    own, and ends the run where they are too many.

    What whoever reads the file should know of it is counted while it is written: :meth:`notes`, by a key of
    ``note_texts``, which reads on after the count.

    What it wrote it can be asked for again: :meth:`read_back` counts a row's annotations from its bytes, by what
    :meth:`told` says of a kind and a class, and :meth:`annotations_written` counts those of all rows, where that costs
    next to nothing. The pipeline compares both with the counts beside the rows (:mod:`exports.run.cross_check`).
    """

    key: ClassVar[str]
    title: ClassVar[str]
    help: ClassVar[str]
    extension: ClassVar[str]
    media_type: ClassVar[str]
    columns: ClassVar[frozenset[str]] = frozenset({BODY})
    cannot_hold: ClassVar[frozenset[str]] = frozenset()
    options: ClassVar[tuple[Option, ...]] = ()
    refusals: ClassVar[Mapping[str, str]] = {}
    note_texts: ClassVar[Mapping[str, str]] = {}
    # a zip of entries, to be listed rather than shown as text
    is_archive: ClassVar[bool] = False
    # the report's id, name and time stand in it: two exports of the same rows differ there
    prints_report: ClassVar[bool] = False
    # a row is a line of its own in the main file, so that reading can begin at any of them
    is_line_based: ClassVar[bool] = False
    # predictions of model runs stand in it, beside labels; in the others they count as left out
    holds_runs: ClassVar[bool] = False
    # it holds them alone
    needs_run: ClassVar[bool] = False
    # of them it holds those alone that have a confidence
    needs_scores: ClassVar[bool] = False
    # whoever reads it expects an md5 beside it: it stands in the check values
    has_md5: ClassVar[bool] = False
    # the platform whose own export it is written as; none: a format of ours, or of tools
    as_of: ClassVar[str] = ""
    # the importer by which its rows are read back, where they are not complete rows
    importer: ClassVar[str] = ""
    # the part without which it does not hold enough of them for that
    importer_needs: ClassVar[str] = ""

    def __init__(self, context: FormatContext) -> None:
        self.context = context
        self._refused: list[RefusedRow] = []

    @classmethod
    def reads(cls, options: Mapping[str, str]) -> frozenset[str]:
        """The column groups that it reads where these options were chosen."""
        return cls.columns

    @classmethod
    def is_snapshot(cls) -> bool:
        """Can its rows be read back, to be written in another format?"""
        return cls.is_line_based or bool(cls.importer)

    @classmethod
    def left_out(cls, options: Mapping[str, str]) -> Mapping[str, str]:
        """Those of the options by which rows are not all that they are in the store."""
        return {}

    @classmethod
    def holds_parts(cls, options: Mapping[str, str]) -> bool:
        """Is it another file where parts of the rows were left out?"""
        return True

    @classmethod
    def fetches_pictures(cls, options: Mapping[str, str]) -> bool:
        """Do pictures go into the file, with ``FormatContext.pictures``, where these options were chosen?"""
        return False

    @classmethod
    def supports(cls, kind: Kind) -> bool:
        """Can it hold annotations of this kind?"""
        return True

    @classmethod
    def supported_kinds(cls) -> list[Kind]:
        """All kinds that it can hold, in their order."""
        return [kind for kind in KINDS.values() if cls.supports(kind)]

    @classmethod
    def predicted_kinds(cls) -> list[Kind]:
        """The kinds of predictions of model runs that it can hold."""
        return cls.supported_kinds() if cls.holds_runs else []

    def header(self) -> Iterable[bytes]:
        """Bytes before the first row."""
        return ()

    @abstractmethod
    def rows(self, batch: RowBatch) -> Iterable[bytes]:
        """Bytes of a batch, which is never empty."""

    def refuse(self, batch: RowBatch, index: int, error: CannotHoldError) -> None:
        """Enter a row of the batch that is being written as left out. Raises ``KeyError`` for an unknown code."""
        self.refusals[error.code]
        row_id, key = batch.row_ids[index], batch.global_keys[index]
        self._refused.append(RefusedRow(index, row_id, key, error.code, error.reason))

    def take_refused(self) -> list[RefusedRow]:
        """The rows that were refused since it was last called."""
        refused, self._refused = self._refused, []
        return refused

    @classmethod
    def told(cls, kind: Kind, name: str) -> Told:
        """What can be told from its bytes of an annotation of this kind and class."""
        return kind.key, name

    def read_back(self, index: int) -> Counter[Told] | None:
        """The annotations of a row, counted from what was written of it; ``None``: this format cannot tell.

        ``index`` is the row's place in the batch that was written last, not counting rows that were refused.
        """
        return None

    def annotations_written(self) -> int | None:
        """How many it has written so far; ``None``: it does not count them."""
        return None

    def predictions_written(self) -> int | None:
        """The same of the predictions of model runs."""
        return None

    def notes(self) -> dict[str, int]:
        """Key of ``note_texts`` → count, of what was written so far; without what was not met."""
        return {}

    def separator_size(self) -> int:
        """How many bytes of the next :meth:`rows` come before its first row (``is_line_based`` formats)."""
        return 0

    def footer(self) -> Iterable[bytes]:
        """Bytes after the last row."""
        return ()

    def documents(self, batch: RowBatch) -> Iterable[dict[str, Any]]:
        """The rows parsed: the slow way, for writers that need to look inside."""
        import orjson

        from connections.rows.body import BodyPrinter

        printer = BodyPrinter(self.context.parts, self.context.project_name)
        for start in range(0, len(batch.bodies), _PARSED_AT_ONCE):
            few = slice(start, start + _PARSED_AT_ONCE)
            yield from orjson.loads(b"[" + printer.join(batch.bodies[few], batch.embeddings[few], b",") + b"]")
