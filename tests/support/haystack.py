"""Where a secret could have gone: everything that an installation writes, answers or shows of itself, searched in every
writing that a text may have."""

from __future__ import annotations

import base64
import contextlib
import html
import json
import os
import re
import sqlite3
import urllib.parse
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from tests.support.shell import DATABASE, Installation

# what may be base64 of something, as django-q2 and Django's sessions and signatures have it
_TOKEN: Final = re.compile(rb"[A-Za-z0-9+/_-]{16,}={0,2}")
DEPTH: Final = 3
MOST_TOKEN: Final = 200_000


def writings(secret: str) -> set[bytes]:
    """The secret as texts of all sorts have it."""
    plain = secret.encode()
    found = {
        plain,
        urllib.parse.quote(secret, safe="").encode(),
        urllib.parse.quote(secret).encode(),
        urllib.parse.quote_plus(secret).encode(),
        html.escape(secret).encode(),
        json.dumps(secret)[1:-1].encode(),
        json.dumps(json.dumps(secret))[2:-2].encode(),
        repr(secret)[1:-1].encode(),
        plain.hex().encode(),
        plain[::-1],
        secret.encode("utf-16-le"),
    }
    for shift in range(3):  # base64 of a longer text in which it stands
        coded = base64.b64encode(b"\0" * shift + plain)
        middle = coded[4 if shift else 0 : len(coded) - 4]
        found |= {middle, middle.translate(bytes.maketrans(b"+/", b"-_"))}
    return {one for one in found if len(one) >= 8}


def unwrapped(content: bytes, depth: int = DEPTH) -> Iterator[bytes]:
    """The content, and what base64 and zlib hide in it."""
    yield content
    if depth == 0:
        return
    for token in _TOKEN.findall(content):
        if len(token) > MOST_TOKEN:
            continue
        with contextlib.suppress(ValueError):
            inner = base64.urlsafe_b64decode(token.replace(b"+", b"-").replace(b"/", b"_") + b"=" * (-len(token) % 4))
            yield inner
            with contextlib.suppress(zlib.error):
                yield from unwrapped(zlib.decompress(inner), depth - 1)


class Haystack:
    """What was gathered, by where it is from."""

    def __init__(self) -> None:
        self.pieces: dict[str, list[bytes]] = {}

    def add(self, place: str, content: bytes | str) -> None:
        """One more piece of a place."""
        self.pieces.setdefault(place, []).append(content.encode() if isinstance(content, str) else content)

    def size(self, prefix: str) -> int:
        """Bytes of all places whose name begins so."""
        return sum(len(piece) for place, all_of in self.pieces.items() if place.startswith(prefix) for piece in all_of)

    def hits(self, secrets: Iterable[str]) -> list[str]:
        """``place: secret`` of each that is somewhere; the secret itself, as these are tests' own."""
        wanted = [(secret, writings(secret)) for secret in secrets]
        found = []
        for place, pieces in self.pieces.items():
            whole = b"\n".join(text for piece in pieces for text in unwrapped(piece))
            found += [f"{place}: {secret}" for secret, forms in wanted if any(form in whole for form in forms)]
        return found


def add_folder(haystack: Haystack, place: str, folder: Path) -> None:
    """Every file below it, as it is on disk."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            with contextlib.suppress(FileNotFoundError):
                haystack.add(f"{place} {path.relative_to(folder)}", path.read_bytes())
                haystack.add(f"{place}: names of files", str(path.relative_to(folder)))


def add_processes(haystack: Haystack, home: Path) -> int:
    """Command line of every process, environment of those of the installation; how many those are."""
    ours = 0
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            haystack.add("process list: command lines", (folder / "cmdline").read_bytes())
            environment = (folder / "environ").read_bytes()
            if os.fsencode(home) in environment:
                ours += 1
                haystack.add("process list: environments", environment)
    return ours


def add_database(haystack: Haystack, installation: Installation) -> list[str]:
    """All rows of all tables, as text; the names of the tables."""
    names: list[str] = []
    for table, row in _rows(installation):
        if row is None:
            names.append(table)
            continue
        for value in row:
            if value is not None:
                haystack.add(f"database: {table}", bytes(value) if isinstance(value, memoryview) else str(value))
    return names


def _rows(installation: Installation) -> Iterator[tuple[str, tuple[Any, ...] | None]]:
    """First the table without a row, then its rows."""
    if installation.database_url:
        import psycopg
        from psycopg import sql

        with psycopg.connect(installation.database_url) as connection:
            found = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
            for (table,) in found:
                yield table, None
                for row in connection.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(table))):
                    yield table, row
        return
    with contextlib.closing(sqlite3.connect(installation.home / DATABASE)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            yield table, None
            for row in connection.execute(f'SELECT * FROM "{table}"'):
                yield table, row
