"""Which delivered exports hold a row? Answered from the delivered files, and honest about what could not be read."""

from __future__ import annotations

import csv
import io
import time
import zipfile
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Final

import orjson
from django.db.models import Q

from exportadmin.lib.csv_cells import defused
from exportadmin.lib.errors import GoneError
from exportadmin.lib.heavy import heavy_work
from exportadmin.runs import statuses
from exports.delivery.files import is_errors_file
from exports.delivery.reading import DeliveredFileReader, open_delivered
from exports.models import Artifact, ExportReport
from exports.spec.conditions import CONDITIONS
from exports.spec.conditions.base import texts_of

# a page looks so far back, and so long, and says so where there is more
MOST_EXPORTS = 200
SECONDS = 10.0
NAMED = 5


@dataclass(slots=True)
class Found:
    """``how``: ids of reports and artifacts → how we know; ``exports`` how many; ``notes``: what was searched."""

    exports: int = 0
    how: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


class _OutOfTimeError(Exception):
    pass


def search(row: str, *, projects: Collection[str] | None, project: str | None = None) -> Found:
    """``row`` is a data row id or a global key; ``projects`` are public ids (``None``: all). Two queries."""
    reports = ExportReport.objects.filter(status__in=statuses.SUCCESSFUL)
    if projects is not None:
        reports = reports.filter(project__public_id__in=projects)
    if project is not None:
        reports = reports.filter(Q(project__public_id=project) | Q(project__name=project))
    listed = (
        reports.defer("check_values", "description", "error")
        .order_by("-created_at", "-pk")
        .prefetch_related("artifacts")
    )
    newest = list(listed[: MOST_EXPORTS + 1])
    with heavy_work():
        return _Search(row, newest[:MOST_EXPORTS], is_cut=len(newest) > MOST_EXPORTS).run()


class _Search:
    def __init__(self, row: str, reports: list[ExportReport], *, is_cut: bool) -> None:
        self.row, self.reports, self.is_cut = row, reports, is_cut
        self.deadline = time.monotonic() + SECONDS
        self.found = Found()
        self.files = self.bytes = 0
        # why not → names of exports
        self.unread: dict[str, list[str]] = {}

    def run(self) -> Found:
        for place, report in enumerate(self.reports):
            try:
                self._look_into(report)
            except _OutOfTimeError:
                late = [one.name for one in self.reports[place:]]
                self.unread[f"not reached within {SECONDS:.0f} seconds: narrow it down to a project"] = late
                break
        self.found.notes = list(self._notes())
        return self.found

    def _look_into(self, report: ExportReport) -> None:
        how, is_unread = "", False
        for artifact in report.artifacts.all():
            if is_errors_file(artifact.name):  # those rows are what it does not hold
                continue
            artifact.report = report
            place, why_not = self._read(artifact)
            if why_not:
                is_unread = True
                self.unread.setdefault(why_not, []).append(report.name)
            elif place:
                how = f"found in the file, {place}"
        if not how and is_unread and _names_it(report.config, self.row):
            how = "its selection names the row; the file could not be read"
        if how:
            self.found.exports += 1
            self.found.how[report.report_id] = how
            self.found.how |= {artifact.public_id: how for artifact in report.artifacts.all()}

    def _read(self, artifact: Artifact) -> tuple[str, str]:
        """``(where the row is, why it could not be looked for)``; at most one of them."""
        report = artifact.report
        reader = READERS.get(report.format)
        if reader is None:
            return "", f"{report.format} files carry no row ids"
        try:
            file = open_delivered(artifact)
        except GoneError:
            return "", "the files were removed" if report.files_removed_at else "the file is not there"
        with file:
            try:
                place = reader(file, self.row, self._in_time)
            except (OSError, ValueError, LookupError, AttributeError, csv.Error, zipfile.BadZipFile):
                return "", "the file is not what was delivered"
        self.files += 1
        self.bytes += artifact.bytes
        return place, ""

    def _in_time(self) -> None:
        if time.monotonic() > self.deadline:
            raise _OutOfTimeError

    def _notes(self) -> Iterator[str]:
        size = f"{self.bytes / 1_000_000:,.1f} MB"
        yield (
            f"Searched: {len(self.reports):,} delivered {'export' if len(self.reports) == 1 else 'exports'}, newest "
            f"first; {self.files:,} {'file' if self.files == 1 else 'files'} ({size}) read, as delivered."
        )
        for why, names in self.unread.items():
            shown = ", ".join(dict.fromkeys(names[:NAMED]))
            more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
            yield f"Not searched, so it may be in there: {len(names):,} ({why}): {shown}{more}."
        if self.is_cut:
            yield f"Exports older than the newest {MOST_EXPORTS} were not searched: narrow it down to a project."


def _names_it(config: object, row: str) -> bool:
    conditions = config.get("filter") if isinstance(config, dict) else None
    if not isinstance(conditions, dict):
        return False
    naming = (key for key, condition in CONDITIONS.items() if condition.names_rows)
    return any(row in texts_of(conditions.get(key)) for key in naming)


# --- readers: where the row is, in words; empty where it is not ------------------------------------------------------

InTime = Callable[[], None]
EVERY: Final = 1000  # lines between two looks at the clock


def _in_lines(file: DeliveredFileReader, row: str, in_time: InTime) -> str:
    """json and ndjson: a row a line. Bytes are looked for first; only lines that have them are parsed."""
    text = orjson.dumps(row)
    by_id, by_key = b'"id":' + text, b'"global_key":' + text
    for number, line in enumerate(_buffered(file)):
        if number % EVERY == 0:
            in_time()
        if (by_id in line or by_key in line) and (place := _is_it(line, row)):
            return place
    return ""


def _is_it(line: bytes, row: str) -> str:
    # of a json file, a comma ends the line and brackets stand in lines of their own
    data_row = orjson.loads(line.strip().removesuffix(b",")).get("data_row") or {}
    return _which(row, data_row.get("id"), data_row.get("global_key"))


def _which(row: str, row_id: object, global_key: object) -> str:
    if row == row_id:
        return "by its data row id"
    return "by its global key" if row == global_key else ""


def _in_csv(file: DeliveredFileReader, row: str, in_time: InTime) -> str:
    return _in_table(io.TextIOWrapper(_buffered(file), "utf-8-sig", newline=""), row, in_time)


def _in_zip(file: DeliveredFileReader, row: str, in_time: InTime) -> str:
    """Masks: the index inside names every row."""
    with zipfile.ZipFile(_buffered(file)) as archive, archive.open("index.csv") as index:
        return _in_table(io.TextIOWrapper(index, "utf-8-sig", newline=""), row, in_time)


def _in_table(lines: io.TextIOWrapper, row: str, in_time: InTime) -> str:
    table = csv.reader(lines)
    header = next(table, [])
    id_at, key_at = header.index("data_row_id"), header.index("global_key")
    file_at = header.index("file") if "file" in header else None
    # in one profile as it stands, in the other so that no spreadsheet runs it
    wanted = (row, defused(row))
    for number, cells in enumerate(table):
        if number % EVERY == 0:
            in_time()
        if cells[id_at] in wanted or cells[key_at] in wanted:
            place = "by its data row id" if cells[id_at] in wanted else "by its global key"
            return place if file_at is None or cells[file_at] else f"{place}: without a mask"
    return ""


def _buffered(file: DeliveredFileReader) -> io.BufferedReader:
    return io.BufferedReader(file, 1 << 20)


READERS: Final[dict[str, Callable[[DeliveredFileReader, str, InTime], str]]] = {
    "json": _in_lines,
    "ndjson": _in_lines,
    "csv": _in_csv,
    "png": _in_zip,
}
