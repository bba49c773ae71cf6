"""The built-in store as a source: one walk along the table, through a database snapshot of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any, Final

from django.core.exceptions import EmptyResultSet
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BinaryField, Case, CharField, Count, F, Func, Q, QuerySet, TextField, Value, When
from django.db.models.functions import Coalesce

from connections.models import STORE, Project
from connections.rows.batch import BODY, COCO, CSV, CSV_SAFE, LABEL_STUDIO, OntologyClass, RowBatch
from connections.rows.body import read_bodies
from connections.rows.label_studio.tasks import PARTS_READ
from connections.rows.labels import ALL_FLAGS, SEVERAL, SKIPPED
from connections.rows.review_statuses import statuses_in
from connections.store.models import MAX_NUMBER_AS_PLACE, PLACE_BITS, StoreClass, StoreProject, StoreRow, StoreTombstone
from connections.store.overview import gone_since
from exportadmin.lib.errors import PermanentError
from exports.sources.base import Reader, Source
from exports.spec.conditions import CONDITIONS
from exports.spec.conditions.kinds import Window
from exports.spec.conditions.labelling import flags_in
from exports.spec.conditions.media_types import column_values
from exports.spec.labels import ALL
from exports.spec.selection import Selection

# a batch is closed at this many bytes or rows, whichever comes first; with larger ones the allocator asks the kernel
# for new pages each time, which costs more than the loop around a small one
BATCH_BYTES = 1 << 18
BATCH_ROWS = 1000
# PostgreSQL: rows a fetch, at first, while nothing is known of their size, and at most
FIRST_FETCHED, MOST_FETCHED = 20, 500
# rows a query that are read to be rendered anew
PARSED_ROWS = 50


def any_label_within(window: Window) -> Q:
    """Some label may lie in the window: of a row's labels the database knows the first and the last."""
    rough = Q(label_first_ms__isnull=False)
    if window.end_ms is not None:
        rough &= Q(label_first_ms__lte=window.end_ms)
    if window.start_ms is not None:
        rough &= Q(label_last_ms__gte=window.start_ms)
    return rough


def _can_be_empty() -> Q:
    """Rows without annotations, and those that may have none when some of their labels stay out."""
    whole = [flags for flags in range(ALL_FLAGS + 1) if not flags & (SEVERAL | SKIPPED)]
    return Q(annotation_count=0) | ~Q(label_flags__in=whole)


def between(column: str, window: Window) -> Q:
    condition = Q()
    if window.start_ms is not None:
        condition &= Q(**{f"{column}__gte": window.start_ms})
    if window.end_ms is not None:
        condition &= Q(**{f"{column}__lte": window.end_ms})
    return condition


# condition → its query. A new condition works without a line here, row by row.
QUERIES: dict[str, Callable[[Any], Q]] = {
    "global_keys": lambda keys: Q(global_key__in=sorted(keys)),
    "data_row_ids": lambda ids: Q(row_id__in=sorted(ids)),
    "batch_ids": lambda ids: Q(batch_id__in=sorted(ids)),
    "dataset_ids": lambda texts: Q(dataset_id__in=sorted(texts)) | Q(dataset_name__in=sorted(texts)),
    "statuses": lambda statuses: Q(status__in=sorted(statuses)),
    "workflow_status": lambda groups: Q(status__in=sorted(statuses_in(groups))),
    "media_types": lambda wanted: Q(media_type__in=sorted(column_values(wanted))),
    "labelling": lambda wanted: Q(label_flags__in=sorted(flags_in(wanted))),
    "row_numbers": lambda numbers: Q(number__gte=numbers[0], number__lte=numbers[1]),
    "since_revision": lambda revision: Q(revision__gt=revision),
    "updated_after": lambda ms: Q(updated_ms__gt=ms),
    "last_activity_at": lambda window: between("activity_ms", window),
    "with_annotations": lambda wanted: Q(annotation_count__gt=0) if wanted else Q(annotation_count=0),
    "label_created_at": any_label_within,
}
# the same, where not all labels of a row leave
_QUERIES_OF_SOME_LABELS: dict[str, Callable[[Any], Q]] = {
    **QUERIES,
    "with_annotations": lambda wanted: Q(annotation_count__gt=0) if wanted else _can_be_empty(),
}
# those by which the database has an index of a project's rows
INDEXED: Final = frozenset(
    {"global_keys", "data_row_ids", "dataset_ids", "batch_ids", "statuses", "workflow_status", "since_revision"}
)
# rows are looked up by such an index where it finds one of so many at most: more of them come faster along the table
FEW: Final = 8
# what a query keeps has to be looked at again, row by row
_ROUGH: frozenset[str] = frozenset({"with_annotations", "label_created_at"})


class StoreSource(Source):
    """Reads :class:`StoreRow`, and leaves to the database what it can filter by (:data:`QUERIES`)."""

    key = STORE
    title = "Built-in store"
    pushed_down = frozenset(QUERIES) - _ROUGH

    @property
    def reader(self) -> type[StoreReader]:
        """What reads, within the snapshot."""
        return StoreReader

    @contextmanager
    def open(self, selection: Selection, columns: frozenset[str]) -> Iterator[Reader]:
        """Begin a snapshot: every query of the reader sees the same moment, and blocks no writer."""
        with database_snapshot() as database:
            reader = self.reader(database, selection, columns)
            # the walk uses the driver's own cursor, whose errors are not Django's: a server that went away has to look
            # like one. The reader is closed before its connection, also when a run stops half way.
            with database.wrap_database_errors, closing(reader):
                yield reader


@contextmanager
def database_snapshot() -> Iterator[BaseDatabaseWrapper]:
    """A second connection in a read-only transaction (SQLite: WAL snapshot; PostgreSQL: REPEATABLE READ)."""
    database = connections.create_connection("default")
    # within a test's database, too
    database.settings_dict = {**connections["default"].settings_dict}
    try:
        database.ensure_connection()
        with database.cursor() as cursor:
            if database.vendor == "postgresql":
                cursor.execute("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
                # between two batches it waits for whoever takes the bytes; it holds no lock
                cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL statement_timeout = 0")
                _hand_out_text_as_bytes(database)
            else:
                cursor.execute("BEGIN DEFERRED")
        yield database
    finally:
        database.close()


def _hand_out_text_as_bytes(database: BaseDatabaseWrapper) -> None:
    """Row texts go to the file as they come: decoding and encoding them again would be a third of the work."""
    from psycopg.adapt import Buffer, Loader

    class BytesLoader(Loader):
        def load(self, data: Buffer) -> bytes:
            return bytes(data)

    database.connection.adapters.register_loader("text", BytesLoader)


class AsBytes(Func):
    """The text column as bytes, on SQLite by a cast that copies nothing (PostgreSQL: see the loader above)."""

    output_field = BinaryField()

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        return super().as_sql(compiler, connection, template="CAST(%(expressions)s AS BLOB)", **extra)

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        return super().as_sql(compiler, connection, template="%(expressions)s", **extra)


class AsWords(Func):
    """A text column as str on both databases."""

    output_field = CharField()

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        return super().as_sql(compiler, connection, template="%(expressions)s", **extra)

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        return super().as_sql(compiler, connection, template="%(expressions)s::varchar", **extra)


# column of RowBatch → expression; always read, in this order
BASE: dict[str, Any] = {
    "row_ids": F("row_id"),
    "global_keys": F("global_key"),
    "statuses": F("status"),
    "label_times": AsWords("label_times"),
    "annotation_counts": F("annotation_count"),
    "class_counts": AsWords("class_counts"),
    "numbers": F("number"),
    "annotation_starts": F("annotation_start"),
    "label_flags": F("label_flags"),
    "media_types": F("media_type"),
}
# what only conditions look at
OF_CONDITIONS: dict[str, Any] = {
    "batch_ids": F("batch_id"),
    "dataset_ids": F("dataset_id"),
    "dataset_names": F("dataset_name"),
    "updated_ms": F("updated_ms"),
    "activity_ms": F("activity_ms"),
}
GROUPS: dict[str, dict[str, Any]] = {
    BODY: {"bodies": AsBytes("body")},
    # the largest last: by it a batch is measured
    COCO: {
        "coco_images": AsBytes("coco__image"),
        "coco_lists": AsBytes("coco__lists"),
        "coco_annotations": AsBytes("coco__annotations"),
    },
    CSV: {"csv_exact": AsBytes("csv__exact")},
    CSV_SAFE: {
        "csv_safe": AsBytes(Coalesce("csv__safe", "csv__exact", output_field=TextField())),
    },
}


# the task, and the body where there is none
TASK_OR_BODY: Final[dict[str, Any]] = {
    "bodies": AsBytes(
        Case(When(label_studio__isnull=True, then=F("body")), default=Value(""), output_field=TextField())
    ),
    "label_studio_tasks": AsBytes(Coalesce("label_studio__task", Value(""), output_field=TextField())),
}
EMBEDDINGS: Final = AsBytes(
    Case(When(embeddings="", then=Value("[]")), default=F("embeddings"), output_field=TextField())
)


class TableReader:
    """Queries of one snapshot, with the driver's own cursor where rows pass."""

    def __init__(self, database: BaseDatabaseWrapper, columns: frozenset[str]) -> None:
        self._database = database
        self._columns = columns
        self._cursor: Any = None
        self._fetch_rows = FIRST_FETCHED

    def close(self) -> None:
        """End the walk."""
        if self._cursor is not None:
            self._cursor.close()

    def walk(self, query: QuerySet[Any, Any], width: int) -> Iterator[list[tuple[Any, ...]]]:
        """Lists of raw rows, cut by :data:`BATCH_BYTES` and :data:`BATCH_ROWS`."""
        try:
            sql, params = query.query.get_compiler(connection=self._database).as_sql()
        except EmptyResultSet:  # conditions that exclude each other
            return
        on_server = self._database.vendor == "postgresql"
        if on_server:
            cursor = self._database.connection.cursor(name="exportadmin_rows")
        else:
            cursor = self._database.cursor().cursor
        heavy = len(self._columns) > 0
        self.close()  # one walk at a time
        self._cursor = cursor
        cursor.execute(sql, params)
        rows: list[tuple[Any, ...]] = []
        size = 0
        for row in self._fetched(cursor) if on_server else cursor:
            rows.append(row)
            if heavy:
                size += len(row[width]) + len(row[-1])
            if size >= BATCH_BYTES or len(rows) >= BATCH_ROWS:
                yield rows
                self._fetch_rows = min(MOST_FETCHED, len(rows))
                rows, size = [], 0
        if rows:
            yield rows

    def _fetched(self, cursor: Any) -> Iterator[tuple[Any, ...]]:
        """All rows, as many a fetch as made the last batch: rows may be large.

        (Not by the cursor's own iteration: it takes a page that is shorter than ``itersize`` for the last one, so it
        ends early when ``itersize`` grows on the way.)
        """
        while page := cursor.fetchmany(self._fetch_rows):
            yield from page

    def count(self, rows: QuerySet[Any, Any]) -> int:
        """How many rows a query finds."""
        found = self.fetch(rows.order_by().values(one=Value(1)).annotate(n=Count("*")).values_list("n"))
        return int(found[0][0]) if found else 0

    def fetch(self, query: QuerySet[Any, Any]) -> list[tuple[Any, ...]]:
        try:
            sql, params = query.query.get_compiler(connection=self._database).as_sql()
        except EmptyResultSet:
            return []
        with self._database.cursor() as cursor:
            cursor.execute(sql, params)
            return list(cursor.fetchall())


class ProjectTable:
    """The rows and classes of one project, in the snapshot of a reader."""

    def __init__(self, reader: TableReader, project_pk: int) -> None:
        self._reader = reader
        self.project_pk = project_pk
        # the primary key begins with the project: see StoreRow.id
        self._low = low = project_pk << PLACE_BITS
        self.rows = StoreRow.objects.filter(id__gte=low, id__lt=low + (1 << PLACE_BITS))

    def few(self, condition: Q) -> tuple[QuerySet[StoreRow], int] | None:
        """``(rows, how many others)`` of a condition of :data:`INDEXED`, where it keeps few of the project's rows; else
        ``None``. Two queries, which read no row."""
        rows = StoreRow.objects.filter(project_id=self.project_pk).order_by()
        # with OR neither index would be taken
        ways = [Q(child) for child in condition.children] if condition.connector == Q.OR else [condition]
        one, *others = (rows.filter(way).values("id") for way in ways)
        # by their ids, and no range of them: so they come in canonical order, and nothing large is sorted
        found = StoreRow.objects.filter(id__in=one.union(*others) if others else one)
        every, kept = self._reader.count(rows), self._reader.count(found)
        return None if kept * FEW >= every else (found, every - kept)

    def ontology(self) -> list[OntologyClass]:
        """One query."""
        classes = StoreClass.objects.filter(project_id=self.project_pk).order_by("is_question", "number")
        columns = ("number", "name", "is_question", "supercategory", "extra")
        return [
            OntologyClass(number, name, bool(is_question), supercategory, parsed_object(extra))
            for number, name, is_question, supercategory, extra in self._reader.fetch(classes.values_list(*columns))
        ]

    def documents(self, numbers: Sequence[int]) -> Iterator[dict[str, Any]]:
        """See :class:`exports.sources.base.Reader`; any row of the project."""
        for start in range(0, len(numbers), PARSED_ROWS):
            few = numbers[start : start + PARSED_ROWS]
            rows: dict[int, list[Any]] = {}
            for found in self.numbered(few):
                columns = found.order_by().values_list("number", AsBytes("body"), EMBEDDINGS)
                rows |= {number: texts for number, *texts in self._reader.fetch(columns)}
            for number in few:
                body, embeddings = rows[number]
                yield from read_bodies([body], [embeddings])

    def numbered(self, numbers: Sequence[int]) -> Iterator[QuerySet[StoreRow]]:
        """The rows that have these numbers: by their places, or by the index of those that have none to lie by."""
        yield self.rows.filter(id__in=[self._low + number for number in numbers if number <= MAX_NUMBER_AS_PLACE])
        large = [number for number in numbers if number > MAX_NUMBER_AS_PLACE]
        if large:
            # not as a parameter: the index is taken only where the query has its very condition
            condition = f"number > {MAX_NUMBER_AS_PLACE}"
            yield self.rows.filter(project_id=self.project_pk, number__in=large).extra(where=[condition])  # noqa: S610


class StoreReader(TableReader):
    """One snapshot of one selection."""

    def __init__(self, database: BaseDatabaseWrapper, selection: Selection, columns: frozenset[str]) -> None:
        super().__init__(database, columns)
        found = self.fetch(Project.objects.filter(public_id=selection.project_id).values_list("pk", "name"))
        if not found:
            raise PermanentError(f"project {selection.project_id} is not in the store")
        ((project_pk, self.project_name),) = found
        self.project_id = selection.project_id
        self.other_revisions: Mapping[int, int] = {}
        self._table = ProjectTable(self, project_pk)
        self.ontology: Sequence[OntologyClass] = self._table.ontology()
        conditions = _queries(selection)
        rows, others = self._table.rows, {}
        first = next(iter(conditions), "")
        if first in INDEXED and (few := self._table.few(conditions[first])):
            rows, others[first] = few
            del conditions[first]
        rows = self._in_scope(rows, selection)
        self._kept = rows.filter(*conditions.values())
        self.rows_expected: int | None = self.count(self._kept)
        self.dropped_at_source: Mapping[str, int] = others | self._count_dropped(rows, conditions)
        self.project_extra: Mapping[str, Any]
        self.revision, has_embeddings, media_types, self.project_extra = self._project_state(project_pk)
        # of all rows; where they differ, or nobody knows, the rows are asked
        self._media_type: str | None = media_types[0] if len(media_types) == 1 else None
        self._with_tasks = LABEL_STUDIO in columns and selection.parts >= PARTS_READ
        wants_embeddings = "embeddings" in selection.parts and BODY in columns and not self._with_tasks
        self._with_embeddings = wants_embeddings and has_embeddings
        self._of_conditions = OF_CONDITIONS if selection.conditions else {}
        self._with_revisions = "since_revision" in selection.conditions
        self._with_creators = selection.labels.takes_person
        self.removed_since = self._count_removed(project_pk, selection.conditions.get("since_revision"))

    def _in_scope(self, rows: QuerySet[StoreRow], selection: Selection) -> QuerySet[StoreRow]:
        """Those of the project's rows that are read at all; called once, before anything is counted."""
        return rows

    def batches(self) -> Iterator[RowBatch]:
        """Rows in the order of their places."""
        expressions = BASE | self._of_conditions
        if self._media_type is not None:
            del expressions["media_types"]
        if self._with_revisions:
            expressions["revisions"] = F("revision")
        if self._with_creators:
            expressions["label_creators"] = AsWords("label_creators")
        width = len(expressions)
        for group, members in GROUPS.items():
            if group in self._columns:
                expressions.update(members)
        if self._with_tasks:
            expressions |= TASK_OR_BODY
        if self._with_embeddings:
            expressions["embeddings"] = EMBEDDINGS
        names = list(expressions)
        query = self._kept.order_by("id").values_list(*expressions.values())
        for rows in self.walk(query, width):
            batch = RowBatch(**dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))
            if self._media_type is not None:
                batch.media_types = [self._media_type] * len(rows)
            yield batch

    def documents(self, numbers: Sequence[int]) -> Iterator[dict[str, Any]]:
        """See :class:`exports.sources.base.Reader`; any row of the project."""
        return self._table.documents(numbers)

    def choose_labels(self, cannot_hold: Collection[str]) -> None:
        """See :class:`exports.sources.base.Reader`."""
        return

    def _count_dropped(self, rows: QuerySet[StoreRow], conditions: Mapping[str, Q]) -> dict[str, int]:
        """Of ``rows`` those that are left out by each condition: a row counts for the first one that it fails."""
        if not conditions:
            return {}
        reasons = [When(~condition, then=Value(key)) for key, condition in conditions.items()]
        reason = AsWords(Case(*reasons, default=Value(""), output_field=CharField()))
        counted = rows.order_by().annotate(reason=reason).values("reason").annotate(n=Count("*"))
        return {key: n for key, n in self.fetch(counted.values_list("reason", "n")) if key}

    def _project_state(self, project_pk: int) -> tuple[int, bool, list[str], dict[str, Any]]:
        """``(revision, has any row embeddings, media types of rows, what is kept of files)``, of the same moment as the
        rows.

        The second and third are kept with the project: asking the rows would walk the whole table to hear "none".
        """
        columns = ("revision", "has_embeddings", "media_types", "source_extra")
        found = self.fetch(StoreProject.objects.filter(project_id=project_pk).values_list(*columns))
        if not found:
            return 0, False, [], {}
        revision, has_embeddings, media_types, extra = found[0]
        return revision, bool(has_embeddings), _parsed_list(media_types), parsed_object(extra)

    def _count_removed(self, project_pk: int, since: int | None) -> int | None:
        """Raises :class:`PermanentError` for a revision that is still to come: it was read from another project, or
        from this one before a backup was put back, and what has changed since cannot be told."""
        if since is None:
            return None
        if since > self.revision:
            raise PermanentError(
                f"since_revision is {since}, but the project is at revision {self.revision}: what has changed since "
                "cannot be told, so export every row once and go on from that export"
            )
        return self.count(StoreTombstone.objects.filter(gone_since(since), project_id=project_pk))


def parsed_object(kept: Any) -> dict[str, Any]:
    """The object in a JSON column, as the driver hands it out; empty where it holds none."""
    parsed = _parsed(kept)
    return parsed if isinstance(parsed, dict) else {}


def _parsed_list(kept: Any) -> list[Any]:
    parsed = _parsed(kept)
    return parsed if isinstance(parsed, list) else []


def _parsed(kept: Any) -> Any:
    return json.loads(kept) if isinstance(kept, str | bytes) else kept


def _queries(selection: Selection) -> dict[str, Q]:
    """Key → query of the conditions that the database can apply, in the order in which a dropped row's reason is found.

    The others are left to :class:`exports.spec.filters.RowFilter`.
    """
    conditions = selection.conditions
    queries = QUERIES if selection.labels == ALL else _QUERIES_OF_SOME_LABELS
    return {key: queries[key](conditions[key]) for key in CONDITIONS if key in conditions and key in queries}
