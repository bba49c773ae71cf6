"""Where the images and annotations of a COCO file stand, in a temporary table: merged by image without memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from connections.store.known_project import EmptyProject
from connections.store.models import HANDED_OUT, MAX_ID, MAX_NUMBER_AS_PLACE
from connections.store.scratch import scratch_database
from exportadmin.lib.json_stream import Element

_BATCH = 1_000
# what ids can be kept: :func:`connections.store.models.can_be_kept`
_GOOD = (
    f"typeof({{0}}) = 'integer' AND {{0}} BETWEEN 0 AND {MAX_ID}"
    f" AND {{0}} NOT BETWEEN {HANDED_OUT.start} AND {HANDED_OUT.stop - 1}"
)
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


class Moved(NamedTuple):
    """Images or annotations that do not keep their source's id: why, how many, and of the first its id (``None``: it
    has none) and its new one."""

    why: str
    times: int
    source: int | str | None
    number: int


# why an id is not kept
UNUSABLE, TAKEN, KNOWN, DOUBLE = "unusable", "taken", "known", "double"


def _same_annotations(
    marks: list[tuple[int, int | str | None, bool]], given: list[tuple[int, int | str | None]]
) -> Iterator[tuple[int, int]]:
    """``(id, seq)`` of those ``(seq, source's id, is it moved)`` that a row has as ``(id, source's id)``: with the same
    id of the source, or at the same place where the source has none."""
    by_source: dict[int | str, list[int]] = {}
    for identity, source in given:
        if source is not None:
            by_source.setdefault(source, []).append(identity)
    kept = {own_id for _, own_id, is_moved in marks if not is_moved}
    for place, (seq, own_id, is_moved) in enumerate(marks):
        if not is_moved:
            continue
        if own_id is not None:
            if by_source.get(own_id):
                yield by_source[own_id].pop(0), seq
        elif place < len(given) and given[place][1] is None and given[place][0] not in kept:
            yield given[place][0], seq


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
        self.has_moved_images = self.has_moved_annotations = False

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

    # --- ids

    def settle(self, project: EmptyProject) -> tuple[list[Moved], list[Moved]]:
        """Give every image and annotation the id that it will have: its source's where that can be printed and is
        free, else one behind all that are kept. The images and the annotations that get another one are handed back."""
        largest_number = self._settle_images(project)
        largest_annotation = self._settle_annotations(project)
        tables = ("moved_image", "moved_mark")
        counts = [self._count(f"SELECT COUNT(*) FROM {table} WHERE number IS NULL") for table in tables]  # noqa: S608
        reserved = project.reserve((largest_number, largest_annotation), (counts[0], counts[1]))
        for table, first in zip(tables, (reserved["number"], reserved["annotation"]), strict=True):
            self._number(table, first)
            self._execute(f"CREATE INDEX {table}_source ON {table} (source)")
        moved = [self._moved(table) for table in tables]
        self.has_moved_images, self.has_moved_annotations = bool(moved[0]), bool(moved[1])
        return moved[0], moved[1]

    def _number(self, table: str, number: int) -> None:
        """Numbers from ``number`` on for those that have none yet."""
        query = f"SELECT seq FROM {table} WHERE seq > ? AND number IS NULL ORDER BY seq LIMIT {_BATCH}"  # noqa: S608
        last = -1
        while few := self._execute(query, (last,)).fetchall():
            numbered = ((number + place, seq) for place, (seq,) in enumerate(few))
            self._database.executemany(f"UPDATE {table} SET number = ? WHERE seq = ?", numbered)  # noqa: S608
            number += len(few)
            ((last,),) = few[-1:]

    def _count(self, query: str) -> int:
        count: int = self._execute(query).fetchone()[0]
        return count

    def _moved(self, table: str) -> list[Moved]:
        first = f"SELECT MIN(seq) FROM {table} GROUP BY why"  # noqa: S608 - one of two
        counts = dict(self._execute(f"SELECT why, COUNT(*) FROM {table} GROUP BY why").fetchall())  # noqa: S608
        found = self._execute(f"SELECT why, source, number FROM {table} WHERE seq IN ({first}) ORDER BY seq")  # noqa: S608
        return [Moved(why, counts[why], source, number) for why, source, number in found]

    def _settle_images(self, project: EmptyProject) -> int:
        """The largest number that is kept, -1 where none is."""
        self._execute("CREATE TABLE moved_image (seq INTEGER PRIMARY KEY, source, number, why)")
        self._execute("CREATE TABLE known_image (seq INTEGER PRIMARY KEY)")
        good = _GOOD.format("id")
        if project.has_rows:
            self._execute("CREATE TABLE large_number (id INTEGER PRIMARY KEY, key)")
            self._database.executemany("INSERT INTO large_number VALUES (?, ?)", project.large_numbers())
            images = self._execute("SELECT seq, id, name FROM image ORDER BY seq")
            while batch := images.fetchmany(_BATCH):
                self._compare_with_rows(project, batch)
            self._execute(
                "INSERT OR IGNORE INTO moved_image SELECT seq, image.id, NULL, ? FROM image"
                " JOIN large_number ON large_number.id = image.id"
                " WHERE large_number.key <> image.name AND seq NOT IN (SELECT seq FROM known_image)",
                (TAKEN,),
            )
        self._execute(
            f"INSERT OR IGNORE INTO moved_image SELECT seq, id, NULL, ? FROM image WHERE NOT ({good})"  # noqa: S608
            " AND seq NOT IN (SELECT seq FROM known_image)",
            (UNUSABLE,),
        )
        kept = f"SELECT MAX(id) FROM image WHERE {good} AND id < {HANDED_OUT.start}"  # noqa: S608 - numbers from here
        largest = self._execute(kept).fetchone()[0]
        return -1 if largest is None else int(largest)

    def _compare_with_rows(self, project: EmptyProject, images: list[tuple[int, int | str, str]]) -> None:
        """An image that is a row of the project already keeps that row's number; a number of another row is taken."""
        numbers = project.numbers_of([name for _, _, name in images])
        keys = project.keys_of(
            [each for _, each, _ in images if type(each) is int and 0 <= each <= MAX_NUMBER_AS_PLACE]
        )
        known = [(seq,) for seq, _, name in images if name in numbers]
        moved = [
            (seq, source, numbers.get(name), KNOWN if name in numbers else TAKEN)
            for seq, source, name in images
            if (numbers[name] != source if name in numbers else keys.get(source, name) != name)  # type: ignore[arg-type]
        ]
        self._database.executemany("INSERT INTO known_image VALUES (?)", known)
        self._database.executemany("INSERT INTO moved_image VALUES (?, ?, ?, ?)", moved)

    def _settle_annotations(self, project: EmptyProject) -> int:
        """The largest id that is kept, -1 where none is. Where no annotation has an id, all are left to the store."""
        self._execute("CREATE TABLE moved_mark (seq INTEGER PRIMARY KEY, source, number, why)")
        self._execute("CREATE TABLE double (id PRIMARY KEY, seq)")
        if not self._count("SELECT EXISTS (SELECT 1 FROM mark WHERE own_id IS NOT NULL)"):
            return -1
        self._execute(
            "INSERT INTO double SELECT own_id, MIN(seq) FROM mark WHERE own_id IS NOT NULL"
            " GROUP BY own_id HAVING COUNT(*) > 1"
        )
        moved = "INSERT OR IGNORE INTO moved_mark SELECT mark.seq, own_id, NULL, ? FROM mark"
        goes_in = "bad IS NULL AND image IN (SELECT id FROM image)"
        self._execute(
            f"{moved} JOIN double ON double.id = own_id WHERE double.seq <> mark.seq AND {goes_in}", (DOUBLE,)
        )
        self._execute(f"{moved} WHERE (own_id IS NULL OR NOT ({_GOOD.format('own_id')})) AND {goes_in}", (UNUSABLE,))
        if project.has_rows:
            self._execute("CREATE TABLE taken (id INTEGER PRIMARY KEY, key)")
            self._database.executemany(
                "INSERT OR IGNORE INTO taken VALUES (?, ?)",
                ((identity, key) for key, ids in project.annotation_ids() for identity in ids),
            )
            self._execute(
                f"{moved} JOIN taken ON taken.id = own_id JOIN image ON image.id = mark.image"
                " WHERE image.name <> taken.key",
                (TAKEN,),
            )
            self._take_up_given_ids(project)
        good = f"SELECT MAX(own_id) FROM mark WHERE {_GOOD.format('own_id')} AND own_id < {HANDED_OUT.start}"  # noqa: S608
        largest = self._execute(good).fetchone()[0]
        return -1 if largest is None else int(largest)

    def _take_up_given_ids(self, project: EmptyProject) -> None:
        """Annotations that got another id when their image came before keep that one."""
        images = self._execute(
            "SELECT name, id FROM image WHERE seq IN (SELECT seq FROM known_image) AND EXISTS"
            " (SELECT 1 FROM mark JOIN moved_mark ON moved_mark.seq = mark.seq WHERE mark.image = image.id)"
        ).fetchall()
        for start in range(0, len(images), _BATCH):
            few = images[start : start + _BATCH]
            given = project.given_annotation_ids([name for name, _ in few])
            for name, image in few:
                marks = self._execute(
                    "SELECT mark.seq, own_id, moved_mark.seq IS NOT NULL FROM mark"
                    " LEFT JOIN moved_mark ON moved_mark.seq = mark.seq WHERE image = ? ORDER BY mark.seq",
                    (image,),
                ).fetchall()
                self._database.executemany(
                    "UPDATE moved_mark SET number = ? WHERE seq = ?", _same_annotations(marks, given.get(name, []))
                )

    def number_of_image(self, source: int | str) -> int | None:
        """What the image with this id is called now; ``None`` where it keeps it, and where there is none."""
        found = self._execute("SELECT number FROM moved_image WHERE source = ?", (source,)).fetchone()
        return None if found is None else int(found[0])

    def number_of_annotation(self, source: int | str) -> int | None:
        """What the first annotation with this id is called now; ``None`` where it keeps it, and where there is none."""
        found = self._execute(
            "SELECT number FROM moved_mark WHERE source = ? AND why <> ? ORDER BY seq", (source, DOUBLE)
        ).fetchone()
        return None if found is None else int(found[0])

    # --- reading

    def images(self) -> Iterator[tuple[Place, int | str, str]]:
        """In file order, each with its id and the key that it was given."""
        for seq, offset, length, line, identity, name in self._execute(
            "SELECT seq, offset, length, line, id, name FROM image ORDER BY seq"
        ):
            yield Place(seq, offset, length, line), identity, name

    def annotations_of(self, image: int | str) -> list[tuple[Place, str | None, int | None]]:
        """In file order, with the reason why one cannot be taken, and the id that it has instead of its source's."""
        number, join = "NULL", ""
        if self.has_moved_annotations:
            number, join = "moved_mark.number", "LEFT JOIN moved_mark ON moved_mark.seq = mark.seq"
        found = self._execute(
            f"SELECT mark.seq, offset, length, line, bad, {number} FROM mark {join} "  # noqa: S608 - one of two
            "WHERE image = ? ORDER BY mark.seq",
            (image,),
        ).fetchall()
        return [(Place(seq, offset, length, line), bad, number) for seq, offset, length, line, bad, number in found]

    def annotations_without_image(self) -> Iterator[tuple[Place, int | str]]:
        """Annotations whose image is neither there nor refused."""
        for seq, offset, length, line, image in self._execute(
            "SELECT seq, offset, length, line, image FROM mark"
            " WHERE rowid IN (SELECT place FROM orphan_mark) ORDER BY seq"
        ):
            yield Place(seq, offset, length, line), image

    def double_annotation_ids(self, most: int) -> tuple[int, list[int | str]]:
        """How many ids more than one annotation has, and at most ``most`` of them."""
        found = self._execute("SELECT id FROM double ORDER BY id LIMIT ?", (most,))
        return self._count("SELECT COUNT(*) FROM double"), [own_id for (own_id,) in found]

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
