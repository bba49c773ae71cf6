"""Where the images and annotations of a COCO file stand, in a temporary table: merged by image without memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from connections.store.importers.keys import scratch_database
from exportadmin.lib.json_stream import Element

_BATCH = 1_000
_SOME_IMAGE = "SELECT 1 FROM image WHERE id = {0} UNION ALL SELECT 1 FROM refused_image WHERE id = {0}"


class Place(NamedTuple):
    """An entry's index in its list (from 0), byte offset, length and line."""

    seq: int
    offset: int
    length: int
    line: int

    def position(self, word: str) -> str:
        """``"annotation 12 (line 40, byte 4711)"``."""
        return f"{word} {self.seq + 1} (line {self.line}, byte {self.offset})"


class Spool:
    """Filled by the ``add…`` methods, then :meth:`finish`, then read. Ids are integers of 64 bits or texts."""

    def __init__(self) -> None:
        self._database = scratch_database()
        self._execute = self._database.execute
        # no column types: the number 1 and the text "1" are different ids
        self._execute("CREATE TABLE image (seq INTEGER PRIMARY KEY, id, name, offset, length, line)")
        self._execute("CREATE UNIQUE INDEX image_id ON image (id)")
        self._execute("CREATE UNIQUE INDEX image_name ON image (name)")
        self._execute("CREATE TABLE refused_image (id PRIMARY KEY) WITHOUT ROWID")
        self._execute("CREATE TABLE mark (image, own_id, seq, offset, length, line, bad)")
        self._execute("CREATE TABLE entry (image, list, seq, offset, length, line)")
        self._execute("BEGIN")
        self._marks: list[tuple[Any, ...]] = []
        self._entries: list[tuple[Any, ...]] = []
        self._has_entries = False

    def close(self) -> None:
        """Give the space back."""
        self._database.close()

    # --- filling

    def position_of_image(self, identity: int | str) -> str | None:
        """The position of the image that has this id."""
        found = self._execute("SELECT seq, line, offset FROM image WHERE id = ?", (identity,)).fetchone()
        return None if found is None else f"row {found[0] + 1} (line {found[1]}, byte {found[2]})"

    def add_image(self, identity: int | str, name: str, element: Element) -> bool:
        """False when the name is taken."""
        values = (element.index, identity, name, element.offset, element.length, element.line)
        return self._execute("INSERT OR IGNORE INTO image VALUES (?, ?, ?, ?, ?, ?)", values).rowcount > 0

    def add_refused_image(self, identity: int | str | None) -> None:
        """Annotations of a refused image are refused with it."""
        if identity is not None:
            self._execute("INSERT OR IGNORE INTO refused_image VALUES (?)", (identity,))

    def add_annotation(self, image: int | str, own_id: int | str | None, element: Element, bad: str | None) -> None:
        """``own_id`` is the annotation's own id; ``bad`` the reason why it cannot be taken."""
        self._marks.append((image, own_id, element.index, element.offset, element.length, element.line, bad))
        if len(self._marks) >= _BATCH:
            self._flush()

    def add_list_entry(self, name: str, image: int | str, element: Element) -> None:
        """An entry of a list that COCO does not know."""
        self._entries.append((image, name, element.index, element.offset, element.length, element.line))
        self._has_entries = True
        if len(self._entries) >= _BATCH:
            self._flush()

    def _flush(self) -> None:
        self._database.executemany("INSERT INTO mark VALUES (?, ?, ?, ?, ?, ?, ?)", self._marks)
        self._database.executemany("INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?)", self._entries)
        self._marks.clear()
        self._entries.clear()

    def finish(self) -> list[tuple[int | str, int]]:
        """Everything is in. What names its image by a text for its number, or by a number for its text, belongs to it:
        such images with how many annotations name them so."""
        self._flush()
        joined: list[tuple[int | str, int]] = []
        for table in ("mark", "entry") if self._has_entries else ("mark",):
            orphan = f"orphan_{table}"
            self._execute(
                f"CREATE TABLE {orphan} AS SELECT rowid AS place, image FROM {table} "  # noqa: S608 - names from here
                f"WHERE NOT EXISTS ({_SOME_IMAGE.format(f'{table}.image')})"
            )
            for other, inverse in (("INTEGER", "TEXT"), ("TEXT", "INTEGER")):
                # 7 for "7", never for "007"
                meant = f"CAST(image AS {other})"
                same = (
                    f"FROM {orphan} WHERE typeof(image) = '{inverse.lower()}' AND CAST({meant} AS {inverse}) = image "
                    f"AND EXISTS ({_SOME_IMAGE.format(meant)})"
                )
                if table == "mark":
                    joined += self._execute(f"SELECT {meant}, COUNT(*) {same} GROUP BY image").fetchall()
                self._execute(f"UPDATE {table} SET image = {meant} WHERE rowid IN (SELECT place {same})")  # noqa: S608
                self._execute(f"DELETE {same}")
        self._execute("CREATE INDEX mark_image ON mark (image, seq)")
        if self._has_entries:
            self._execute("CREATE INDEX entry_image ON entry (image, list, seq)")
        return joined

    # --- reading

    def images(self) -> Iterator[tuple[Place, int | str, str]]:
        """In file order, each with its id and the key that it was given."""
        for seq, offset, length, line, identity, name in self._execute(
            "SELECT seq, offset, length, line, id, name FROM image ORDER BY seq"
        ):
            yield Place(seq, offset, length, line), identity, name

    def annotations_of(self, image: int | str) -> list[tuple[Place, str | None]]:
        """In file order, with the reason why one cannot be taken."""
        found = self._execute(
            "SELECT seq, offset, length, line, bad FROM mark WHERE image = ? ORDER BY seq", (image,)
        ).fetchall()
        return [(Place(seq, offset, length, line), bad) for seq, offset, length, line, bad in found]

    def annotations_without_image(self) -> Iterator[tuple[Place, int | str]]:
        """Annotations whose image is neither there nor refused."""
        for seq, offset, length, line, image in self._execute(
            "SELECT seq, offset, length, line, image FROM mark"
            " WHERE rowid IN (SELECT place FROM orphan_mark) ORDER BY seq"
        ):
            yield Place(seq, offset, length, line), image

    def double_annotation_ids(self, most: int) -> tuple[int, list[int | str]]:
        """How many ids more than one annotation has, and at most ``most`` of them."""
        double = "SELECT own_id FROM mark WHERE own_id IS NOT NULL GROUP BY own_id HAVING COUNT(*) > 1"
        (count,) = self._execute(f"SELECT COUNT(*) FROM ({double})").fetchone()  # noqa: S608 - no value is in it
        found = self._execute(f"{double} ORDER BY own_id LIMIT ?", (most,))
        return count, [own_id for (own_id,) in found]

    def list_entries_of(self, image: int | str) -> list[tuple[str, Place]]:
        """``(name of the list, place)`` in order."""
        if not self._has_entries:
            return []
        found = self._execute(
            "SELECT list, seq, offset, length, line FROM entry WHERE image = ? ORDER BY list, seq", (image,)
        ).fetchall()
        return [(name, Place(seq, offset, length, line)) for name, seq, offset, length, line in found]

    def list_entries_without_image(self) -> Iterator[tuple[str, Place]]:
        """Entries whose image is not there, by list."""
        for name, seq, offset, length, line in self._execute(
            "SELECT list, seq, offset, length, line FROM entry"
            " WHERE NOT EXISTS (SELECT 1 FROM image WHERE id = entry.image) ORDER BY list, seq"
        ):
            yield name, Place(seq, offset, length, line)

    def list_counts(self) -> list[tuple[str, int]]:
        """How many entries of each list belong to an image."""
        return self._execute(
            "SELECT list, COUNT(*) FROM entry"
            " WHERE EXISTS (SELECT 1 FROM image WHERE id = entry.image) GROUP BY list ORDER BY list"
        ).fetchall()
