"""What a writer writes becomes files: the main one, and one for each part that it names. File names are made here."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from typing import Final

from connections.models import Project
from connections.sinks.base import MANIFEST_NAME, DeliveredFile, Draft, DraftFile
from exports.formats.base import Format, Part
from exports.models import ExportReport


@dataclass(frozen=True, slots=True)
class WrittenFile(DeliveredFile):
    """``lines``: how many rows it has, where each is a line; ``index``: [line, byte offset] pairs into it."""

    lines: int | None = None
    index: tuple[tuple[int, int], ...] = ()


# the file of the rows that were refused; no part of a format has its name
_ERRORS = "errors"
_ERRORS_MEDIA_TYPE = "application/x-ndjson"
# stands for the id of a report that was not requested yet
UNKNOWN_ID: Final = "<report id>"


def is_errors_file(name: str) -> bool:
    """Is a delivered file of that name the list of refused rows?"""
    return name.endswith(f".{_ERRORS}.ndjson")


class ReportFiles:
    """The files of one draft. ``bytes`` counts over all; ``md5`` is of the main one, where the format has it."""

    def __init__(self, draft: Draft, report: ExportReport, writer: Format) -> None:
        self._draft = draft
        self._report = report
        self._writer = writer
        self._files: dict[str, DraftFile] = {}
        self._index: list[tuple[int, int]] = []
        self.bytes = 0
        self._md5 = hashlib.md5(usedforsecurity=False) if writer.has_md5 else None

    @property
    def md5(self) -> str | None:
        """In hexadecimal, of what was written so far."""
        return self._md5.hexdigest() if self._md5 else None

    def write(self, chunks: Iterable[bytes], check: Callable[[], None]) -> None:
        """Each chunk into its file; ``check`` is called after each and may raise."""
        for chunk in chunks:
            file = self._part(chunk) if isinstance(chunk, Part) else self._main()
            file.write(chunk)
            self.bytes += len(chunk)
            if self._md5 is not None and not isinstance(chunk, Part):
                self._md5.update(chunk)
            check()

    def mark_line(self, line: int) -> None:
        """The next rows begin with this line."""
        if self._writer.is_line_based:
            self._index.append((line, self._main().bytes + self._writer.separator_size()))

    def write_errors(self, lines: bytes) -> None:
        """Into the file of refused rows, which is there from the first of them on."""
        file = self._files.get(_ERRORS) or self._open(_ERRORS, "ndjson", _ERRORS_MEDIA_TYPE)
        file.write(lines)
        self.bytes += len(lines)

    def close(self, rows: int) -> list[WrittenFile]:
        """All is written, of ``rows`` rows. A writer that wrote nothing has an empty main file."""
        errors = self._files.pop(_ERRORS, None)
        if not self._files:
            self._main()
        written = []
        for part, file in self._files.items():
            written.append(WrittenFile(**asdict(file.close())))
            if self._writer.is_line_based and not part:
                written[-1] = replace(written[-1], lines=rows, index=tuple(self._index))
        return [*written, WrittenFile(**asdict(errors.close()))] if errors else written

    def _main(self) -> DraftFile:
        return self._files.get("") or self._open("", self._writer.extension, self._writer.media_type)

    def _part(self, chunk: Part) -> DraftFile:
        part = _plain(chunk.name) or "part"
        if part == _ERRORS:
            raise ValueError(f"a part is called {chunk.name!r}: that name is the file of refused rows")
        extension, media_type = chunk.extension or self._writer.extension, chunk.media_type or self._writer.media_type
        return self._files.get(part) or self._open(part, extension, media_type)

    def _open(self, part: str, extension: str, media_type: str) -> DraftFile:
        name = file_name(self._report, extension, part=part)
        self._files[part] = self._draft.open_file(name, media_type)
        return self._files[part]


def file_name(report: ExportReport, extension: str, *, part: str = "") -> str:
    """``<project>_<UTC time>_<report id>[.<part>].<extension>``: only ``a-z0-9-`` of the project's name are taken."""
    return _name(report.project, f"{report.created_at:%Y%m%dT%H%M%SZ}", report.report_id, part, extension)


def expected_names(project: Project, extension: str) -> list[str]:
    """The names of a delivery that was not requested yet, ``<…>`` in place of what nobody knows before."""
    return [_name(project, "<UTC time>", UNKNOWN_ID, "", extension), MANIFEST_NAME]


def _name(project: Project, time: str, report_id: str, part: str, extension: str) -> str:
    middle = f".{part}" if part else ""
    return f"{_plain(project.name) or 'project'}_{time}_{report_id}{middle}.{extension}"


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40].strip("-")
