"""What a condition of a filter is: one class that says everything about itself.

A condition is one file in this package and one line in :data:`exports.spec.conditions.CONDITIONS`; most are one of
the kinds of :mod:`exports.spec.conditions.kinds`. What REST and the shell take, the fields of the form, the help, the
line in a list, the text of a report and the counts of rows that were left out are all derived from it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from django import forms

from connections.models import Project
from connections.rows.batch import RowBatch

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class FieldGroup:
    """Fields that stand under one heading of the form. ``key`` is an id; ``help`` may name ``{time_zone}``."""

    key: str
    title: str
    help: str


@dataclass(frozen=True, slots=True)
class Flag:
    """A flag of the shell's own for a condition, such as ``--status S``; ``metavar`` and ``help`` as argparse's."""

    name: str
    metavar: str
    help: str
    is_repeatable: bool = False


class Condition(ABC, Generic[Value]):
    """``key`` is its key in a filter; ``label`` names it on screen and ``sentence`` says what it keeps.

    ``Value`` is the parsed form. Raw values are JSON: what was written is kept as it was written, beside the moments
    that came of it (:meth:`resolved`). Methods that make text take any JSON, since old reports stay.
    """

    key: ClassVar[str]
    label: ClassVar[str]
    sentence: ClassVar[str]
    # a value that the help shows
    example: ClassVar[Any]
    # why a row was left out, in words
    dropped_label: ClassVar[str]
    # also a key of the description itself, beside ``filter``; where both are given, both have to hold
    is_beside_filter: ClassVar[bool] = False
    # does it name single rows, so that one that is not there is worth a word?
    names_rows: ClassVar[bool] = False
    # is it about labels? It is tested on those that leave. A row that fails it has to fail it with fewer of them, too,
    # or the source has to keep the row
    reads_labels: ClassVar[bool] = False
    # is it about the data row alone, whatever project it is in? The catalog can be filtered by it
    is_of_data_row: ClassVar[bool] = False
    # the same of what a slice selects by: that, and more that a data row says of itself
    is_in_catalog: ClassVar[bool] = False
    flag: ClassVar[Flag | None] = None
    # where its fields stand in the form; those of one group have to follow each other
    form_order: ClassVar[int] = 100
    group: ClassVar[FieldGroup | None] = None

    # --- what it means -----------------------------------------------------------------------------------------------

    @abstractmethod
    def parse(self, raw: object, *, time_zone: str, field: str) -> Value | None:
        """From JSON; ``None`` where every row is meant. Raises :class:`UserError` that names ``field``."""

    @abstractmethod
    def failing(self, value: Value, batch: RowBatch) -> list[int]:
        """The places of the rows of a batch (never empty) that do not satisfy it, ascending."""

    def freeze(self, raw: Any, project: Project, field: str) -> Any:
        """What is kept of a raw value: itself, unless its meaning hangs on what may change. Raises ``UserError``."""
        return raw

    def resolved(self, value: Value) -> Any:
        """Its times as UTC text, for people and for the record; ``None`` where it has none."""
        return None

    def both(self, first: Value, second: Value) -> Value:
        """What satisfies both values: asked of conditions that can be given twice, whose values are sets of texts."""
        raise NotImplementedError

    @abstractmethod
    def json_schema(self) -> dict[str, Any]:
        """What JSON Schema can say of a raw value."""

    def named_rows(self, batch: RowBatch) -> Sequence[str]:
        """What it calls the rows of a batch, where :attr:`names_rows`."""
        raise NotImplementedError

    # --- what is said of it ------------------------------------------------------------------------------------------

    @abstractmethod
    def texts(self, raw: Any) -> list[str]:
        """A raw value for people, as it was written: words to stand side by side under :attr:`label`."""

    @abstractmethod
    def short(self, raw: Any, resolved: Any) -> str:
        """For a line of a list. ``resolved`` is what :meth:`resolved` gave when it was requested, else ``raw``."""

    # --- the form ----------------------------------------------------------------------------------------------------

    def form_fields(self, time_zone: str) -> dict[str, forms.Field]:
        """Input name → field; none where the form has no input for it (then :meth:`in_form` may help)."""
        return {}

    def from_form(self, cleaned: Mapping[str, Any]) -> Any:
        """The raw value of cleaned fields; ``None`` where they ask for nothing."""
        return None

    def to_form(self, raw: Any) -> dict[str, Any]:
        """The fields' initial values for a raw value."""
        return {}

    def in_form(self, raw: Any) -> tuple[str, Any] | None:
        """Key and raw value of the condition by which the form can say the same; ``None`` where it cannot."""
        return (self.key, raw) if self.form_fields("UTC") else None


def texts_of(raw: object) -> list[str]:
    """The texts of a raw value, which may be one or a list of them."""
    if isinstance(raw, str):
        return [raw] if raw else []
    return [str(each) for each in raw] if isinstance(raw, Sequence) else []
