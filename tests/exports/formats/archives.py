"""What a zip of ours holds, read by the standard library alone."""

from __future__ import annotations

import csv
import io
import zipfile


def entries(content: bytes) -> dict[str, bytes]:
    """Name → bytes, in the order of the archive; no name is there twice, and all sums are right."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert len({name.casefold() for name in names}) == len(names)
        return {name: archive.read(name) for name in names}


def index_of(files: dict[str, bytes]) -> dict[str, dict[str, str]]:
    """Row id → its line in ``rows.csv``."""
    lines = csv.DictReader(io.StringIO(files["rows.csv"].decode(), newline=""), strict=True)
    return {line["data_row_id"]: line for line in lines}
