"""The one way into the built-in store: rows in batches, validated, rendered once, upserted by key.

A second writing of the same row leaves it untouched; a changed row gets a new body, fragments, times and the revision
of its transaction, and keeps its number and (where they suffice) its COCO annotation ids. An id or a time that the
source says is the row's, whatever it was before; where it says none, the row keeps its id and time of creation, and the
time of writing is when it was updated.

A key whose media are others than those of the row that has it is no second writing: another project's task 1, another
folder's 0001.jpg. Such a row is refused with both addresses, unless it is said to take the other's place.
"""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from django.db import transaction
from django.db.models.functions import Substr

from connections.models import Project
from connections.rows.backup import backup_of
from connections.rows.body import head_of, render_body
from connections.rows.coco import render_coco
from connections.rows.coco_lists import render_lists
from connections.rows.counts import count_annotations
from connections.rows.csv import render_csv
from connections.rows.file_names import file_name_of
from connections.rows.label_studio.tasks import kept_task, stored_task
from connections.rows.labels import creators_text, label_flags
from connections.rows.media import same_media
from connections.rows.media_types import kinds_in, media_type_of
from connections.rows.outlines import outlines
from connections.store.annotation_ids import AnnotationIds, Wanted, following
from connections.store.import_row import IncomingClass, IncomingRow
from connections.store.known_project import behind
from connections.store.model_runs import PredictionWriter, RenderedPredictions
from connections.store.models import (
    HANDED_OUT,
    MAX_NUMBER_AS_PLACE,
    FormerRow,
    StoreCoco,
    StoreCsv,
    StoreLabelStudio,
    StoreProject,
    StoreRow,
    StoreTombstone,
    can_be_kept,
    row_pk,
)
from connections.store.notes import CHANGED, OTHER, Notes
from connections.store.ontology import OntologyBook
from connections.store.removal import Removal
from connections.store.row_digest import checked_digest
from connections.store.row_document import complete_document
from connections.store.taken_ids import TakenIds, annotation_ids_of
from connections.store.upsert_values import upsert_values
from exportadmin.lib import times
from exportadmin.lib.errors import NotFoundError, UserError
from exportadmin.lib.ids import derived_id
from exportadmin.lib.relaxed_gc import collect_rarely

# rows a transaction: at most so many, fewer when they are large (rendered, a row is held three times). A transaction
# costs some twenty statements and a write that waits for the disk, whatever is in it.
BATCH = 500
FIRST_BATCH = 50
BATCH_BYTES = 4 << 20
# refused rows kept with their reasons; all of them are counted
MAX_REFUSED_KEPT = 1000
# of a body; nearly all say their address and size there
_HEAD_CHARACTERS = 4096
_SHOWN = 120
# where the body stands among the values of StoreRow
_BODY = [field.name for field in StoreRow._meta.concrete_fields].index("body")
_SPLIT = "rows that were deleted, since each of their pictures is a row of its own now"
_MISFITS = "annotations whose stated bbox or area is that of another geometry; COCO exports print the right one"


@dataclass(slots=True)
class Refused:
    """A row that did not go in: where it stood and why."""

    position: str
    reason: str


@dataclass(slots=True)
class WriteSummary:
    """What became of the rows: ``rows = created + updated + unchanged + refused_count``."""

    rows: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    annotations: int = 0
    predictions: int = 0
    refused_count: int = 0
    refused: list[Refused] = field(default_factory=list)
    notes: Notes = field(default_factory=Notes)


@dataclass(slots=True)
class _Known:
    """A row with this key that is there already."""

    pk: int
    number: int
    row_id: str
    external_id: str
    digest: str
    created_ms: int
    added_revision: int
    label_times: str
    annotation_start: int
    annotation_room: int
    annotation_ids: str

    def all_annotation_ids(self) -> Iterator[int]:
        """Of its annotations."""
        return annotation_ids_of(self.annotation_start, self.annotation_room, self.annotation_ids)


@dataclass(slots=True)
class _Batch:
    """What the rows of one transaction share. ``id_owners``: which key has an id that a row of the batch may want.
    ``taken_annotations``: the ids that annotations of the batch state, and other rows have."""

    store: StoreProject
    book: OntologyBook
    revision: int
    now_ms: int
    taken_numbers: set[int]
    taken_annotations: set[int]
    id_owners: dict[str, str]
    new_numbers: list[int] = field(default_factory=list)
    new_annotations: list[int] = field(default_factory=list)
    former: list[FormerRow] = field(default_factory=list)


def write_rows(
    project: Project,
    rows: Iterable[IncomingRow],
    *,
    classes: Sequence[IncomingClass] = (),
    keys_are_once: bool = False,
    replace: bool = False,
    reason_gone: str = "",
    now_ms: int | None = None,
    on_progress: Callable[[int], None] | None = None,
    on_batch: Callable[[WriteSummary], None] | None = None,
    on_refused: Callable[[str, str, Any], None] | None = None,
    so_far: WriteSummary | None = None,
) -> WriteSummary:
    """Upsert ``rows`` into the project, in transactions of at most :data:`BATCH` rows.

    A row that breaks a rule is refused with its position and reason, the rest goes in. ``keys_are_once``: the caller
    has seen to it that no two rows have the same key. ``replace``: a row whose media are others than those of the row
    with its key takes its place; else it is refused. ``reason_gone``: a picture of what is one row here takes the place
    of that row, whose tombstone says this; empty: it is refused. ``now_ms`` fixes the time of writing (demo data and
    tests). Each transaction that changes anything raises the project's revision.
    ``on_progress`` gets the number of rows done after each batch; ``on_batch`` the summary within the transaction of
    each, which is undone when it raises; ``on_refused`` position, reason and key of each row that is refused here.

    ``so_far``: what an earlier writing of the same ``rows`` had committed; its rows are passed over and counted on.
    """
    with collect_rarely():
        writer = _Writer(
            project,
            now_ms,
            keys_are_once=keys_are_once,
            replace=replace,
            reason_gone=reason_gone,
            on_refused=on_refused,
            so_far=so_far,
        )
        return writer.write(rows, classes, on_progress, on_batch)


class _Writer:
    def __init__(
        self,
        project: Project,
        now_ms: int | None,
        *,
        keys_are_once: bool,
        replace: bool,
        reason_gone: str,
        on_refused: Callable[[str, str, Any], None] | None,
        so_far: WriteSummary | None,
    ) -> None:
        self.project = project
        # asked for each row
        self.project_pk, self.project_id = project.pk, project.public_id
        self.keys_are_once = keys_are_once
        self.replace = replace
        self.reason_gone = reason_gone
        self.fixed_now = now_ms
        self.summary = so_far or WriteSummary()
        self._on_refused = on_refused
        self._batch_size = FIRST_BATCH
        # classes of which the source says another number than they have here
        self.other_numbers: set[tuple[bool, str]] = set()
        # keys already met in this writing, on disk so that memory stays flat
        self.seen = sqlite3.connect("", isolation_level=None)
        self.seen.execute("PRAGMA synchronous=OFF")
        self.seen.execute("CREATE TABLE seen (key BLOB PRIMARY KEY) WITHOUT ROWID")
        self.taken = TakenIds(project)
        # key → what the objects of a row of the batch want for ids, where they want any
        self.wanted: dict[str, Wanted] = {}
        self.predictions = PredictionWriter(project)

    def write(
        self,
        rows: Iterable[IncomingRow],
        classes: Sequence[IncomingClass],
        on_progress: Callable[[int], None] | None,
        on_batch: Callable[[WriteSummary], None] | None,
    ) -> WriteSummary:
        iterator = iter(rows)
        first = not self.summary.rows
        try:
            self._pass_over(islice(iterator, self.summary.rows))
            announced = 0 if first else len(classes)
            while True:
                wanted = self._batch_size
                batch = list(islice(iterator, wanted))
                # the importer learns its classes while it reads
                new_classes = classes[announced:]
                announced += len(new_classes)
                if not batch and not first and not new_classes:
                    break
                with transaction.atomic():
                    self._write_batch(batch, new_classes)
                    if on_batch is not None:
                        on_batch(self.summary)
                first = False
                if on_progress is not None:
                    on_progress(self.summary.rows)
                if len(batch) < wanted:
                    break
        finally:
            self.seen.close()
            self.taken.close()
        return self.summary

    def _write_batch(self, batch: list[IncomingRow], classes: Sequence[IncomingClass]) -> None:
        if not Project.objects.filter(pk=self.project.pk).exists():
            raise NotFoundError(f"project {self.project.name!r} was deleted meanwhile")
        # the row lock makes two imports into one project take turns: numbers are given once, and revisions are in the
        # order of the commits
        store, _ = StoreProject.objects.select_for_update().get_or_create(project=self.project)
        book = OntologyBook(self.project)
        self._announce(book, classes)
        now = self.fixed_now if self.fixed_now is not None else times.now_ms()
        accepted = list(self._accepted(batch))
        known = self._known([row.key for row, _ in accepted])
        self.taken.begin(store)
        coming = [row for row, digest in accepted if not _is_there(row, digest, known.get(row.key))]
        shared = _Batch(
            store=store,
            book=book,
            revision=store.revision + 1,
            now_ms=now,
            taken_numbers=self._taken_numbers(store, [row.number for row in coming if row.number is not None]),
            taken_annotations=self._taken_annotations(store, coming),
            id_owners=self._id_owners(store, accepted),
        )
        changed = [row for row in coming if row.key in known]
        # what is said for its predictions alone may be about another picture, too
        changed += [row for row, _ in accepted if row.is_of_model_run and row.key in known]
        heads = self._heads(changed, known) if changed and not self.replace else {}
        parts = {row.part_of for row, _ in accepted if row.part_of}
        wholes = self._known(list(parts)) if parts else {}
        written: list[_Written] = []
        predicted: list[tuple[int, str, list[RenderedPredictions]]] = []
        if any(row.predictions for row, _ in accepted):
            self.predictions.begin([(row, known[row.key].pk if row.key in known else None) for row, _ in accepted])
        gone: set[int] = set()
        created: list[str] = []
        for row, digest in accepted:
            before = known.get(row.key)
            is_there = _is_there(row, digest, before)
            if is_there and not row.predictions:
                self.summary.unchanged += 1
                self._take_notes(row)
                continue
            classes_before = book.new_entries()
            self._announce(book, row.classes)
            try:
                if row.has_to_be_there and before is None:
                    raise UserError(f"the row with the key {row.key[:_SHOWN]!r} was deleted meanwhile")
                if row.key in heads:
                    self._check_same_media(row, heads[row.key])
                rendered = self._render_predictions(row, book) if row.predictions else []
                if is_there and before is not None:
                    if self.predictions.is_news(rendered, before.pk):
                        predicted.append((before.pk, before.row_id, rendered))
                        self.summary.updated += 1
                    else:
                        self.summary.unchanged += 1
                    self._take_notes(row)
                    continue
                if row.part_of in wholes and not self.reason_gone:
                    raise UserError(
                        f"{row.part_of[:_SHOWN]!r}, of which this is one picture, is itself a row here: delete"
                        " that row, or import with a data set (--dataset), which goes in front of keys"
                    )
                written.append(self._render(row, digest, before, shared))
            except UserError as error:
                book.forget_after(classes_before)
                self._refuse(row, error.message)
                continue
            self._take_notes(row)
            if row.predictions:
                pk, _, _, row_id, *_ = written[-1].row
                predicted.append((pk, row_id, rendered))
            if row.part_of in wholes:
                gone.add(wholes[row.part_of].pk)
            if before is None:
                self.summary.created += 1
                created.append(row.key)
            else:
                self.summary.updated += 1
        self.summary.rows += len(batch)
        book.save()
        if written or predicted:
            store.revision, store.written_ms = shared.revision, now
        store.save()
        self.taken.end(store, shared.new_numbers, shared.new_annotations)
        tombstones = StoreTombstone.objects.filter(project=self.project)
        if created and tombstones.exists():  # few projects have any, and to look for each key takes its time
            tombstones.filter(global_key__in=created).delete()
        if written:
            mean = sum(len(one.row[_BODY]) + len(one.row[_BODY + 1]) for one in written) // len(written)
            self._batch_size = max(1, min(BATCH, BATCH_BYTES // max(mean, 1)))
        else:  # nothing says how large they are
            self._batch_size = min(BATCH, 2 * self._batch_size)
        FormerRow.objects.bulk_create(shared.former)
        upsert_values(StoreRow, [one.row for one in written])
        upsert_values(StoreCoco, [one.coco for one in written])
        upsert_values(StoreCsv, [one.csv for one in written])
        upsert_values(StoreLabelStudio, [one.label_studio for one in written if one.label_studio[1]])
        without = {pk for pk, task in (one.label_studio for one in written) if not task}
        if stale := without.intersection(one.pk for one in known.values()):
            StoreLabelStudio.objects.filter(row_id__in=stale).delete()
        if predicted:
            self.summary.predictions += self.predictions.save(predicted, shared.revision)
        if gone:
            removal = Removal(self.project, seen=store.revision, reason=self.reason_gone, deleted_by="")
            removal.remove(list(gone))
            self.summary.notes.add(OTHER, _SPLIT, count=removal.deleted)

    def _render_predictions(self, row: IncomingRow, book: OntologyBook) -> list[RenderedPredictions]:
        """Raises :class:`UserError`."""
        for each in row.predictions:
            self._announce(book, each.classes)
        return self.predictions.render(row, book)

    def _accepted(self, batch: list[IncomingRow]) -> Iterator[tuple[IncomingRow, str]]:
        """The rows that may go in, with their digests."""
        for row in batch:
            try:
                digest = checked_digest(row)
            except UserError as error:
                self._refuse(row, error.message)
                continue
            if not self.keys_are_once and self._was_seen(row.key):
                self._refuse(row, f"key {row.key[:80]!r} occurs twice in this import")
                continue
            yield row, digest

    def _pass_over(self, rows: Iterator[IncomingRow]) -> None:
        """Rows that an earlier writing dealt with; their keys count as met."""
        for row in rows:
            if self.keys_are_once:
                continue
            with contextlib.suppress(UserError):
                checked_digest(row)
                self._was_seen(row.key)

    def _refuse(self, row: IncomingRow, reason: str) -> None:
        """Count it, and keep the first :data:`MAX_REFUSED_KEPT` reasons."""
        self.summary.refused_count += 1
        if len(self.summary.refused) < MAX_REFUSED_KEPT:
            self.summary.refused.append(Refused(row.position, reason))
        if self._on_refused is not None:
            self._on_refused(row.position, reason, {"global_key": row.key})

    def _announce(self, book: OntologyBook, classes: Sequence[IncomingClass]) -> None:
        """Classes with numbers of the source's; one that gets another number is noted once."""
        if not classes or book.was_announced(classes):
            return
        new = [
            entry
            for entry in classes
            if (entry.is_question, entry.name) not in self.other_numbers and not book.has(entry)
        ]
        for entry, number in zip(new, book.announce_all(new) if new else (), strict=True):
            if entry.number not in (number, None):
                self.other_numbers.add((entry.is_question, entry.name))
        book.announced(classes)
        if book.notes:
            self.summary.notes.extend(book.notes.take())

    def _take_notes(self, row: IncomingRow) -> None:
        if row.notes:
            self.summary.notes.extend(row.notes)

    def _was_seen(self, key: str) -> bool:
        short = hashlib.blake2b(key.encode(), digest_size=12).digest()
        return self.seen.execute("INSERT OR IGNORE INTO seen VALUES (?)", (short,)).rowcount == 0

    def _known(self, keys: list[str]) -> dict[str, _Known]:
        found = StoreRow.objects.filter(project=self.project, global_key__in=keys).values_list(
            "global_key",
            "pk",
            "number",
            "row_id",
            "external_id",
            "digest",
            "created_ms",
            "added_revision",
            "label_times",
            "annotation_start",
            "annotation_room",
            "annotation_ids",
        )
        return {values[0]: _Known(*values[1:]) for values in found}

    def _heads(self, changed: list[IncomingRow], known: dict[str, _Known]) -> dict[str, dict[str, Any]]:
        """What the rows with the keys of these say of their media and, where it may matter, of their project."""
        heads: dict[str, dict[str, Any] | None] = {}
        in_part: dict[int, str] = {}
        whole: dict[int, str] = {}
        for row in changed:
            wanted = in_part if _source_project(row.source_extra) is None else whole
            wanted[known[row.key].pk] = row.key
        if in_part:
            begun = StoreRow.objects.filter(pk__in=in_part).annotate(head=Substr("body", 1, _HEAD_CHARACTERS))
            for pk, body in begun.values_list("pk", "head"):
                heads[in_part[pk]] = head = head_of(body)
                if head is None:
                    whole[pk] = in_part[pk]
        if whole:
            for pk, body in StoreRow.objects.filter(pk__in=whole).values_list("pk", "body"):
                heads[whole[pk]] = head_of(body, is_whole=True)
        return {key: head for key, head in heads.items() if head is not None}

    def _check_same_media(self, row: IncomingRow, head: dict[str, Any]) -> None:
        """Raises :class:`UserError` for a row that is not the one that has its key here."""
        here, there = head["data_row"].get("row_data") or "", row.row_data
        was: str | None
        is_now: str | None
        is_data = here[:1] in ("{", "[") and (there[:1] in ("{", "[") or there in here)
        if here and there and not is_data and not same_media(here, there):
            was, is_now = repr(here[:_SHOWN]), repr(there[:_SHOWN])
        else:
            was, is_now = _size(head["media_attributes"]), _size(row.media_attributes)
            if not was or not is_now or was == is_now:
                was, is_now = _source_project(head.get("source_extra")), _source_project(row.source_extra)
            if not was or not is_now or was == is_now:
                if there == row.key:
                    self.summary.notes.add(OTHER, _BY_NAME, example=repr(row.key[:_SHOWN]))
                return
        raise UserError(
            f"the key {row.key[:_SHOWN]!r} is that of another picture here: {was}; the file says {is_now}. Import it"
            " with a data set (--dataset), which goes in front of its keys, or with --replace to have it take the place"
        )

    def _id_owners(self, store: StoreProject, accepted: list[tuple[IncomingRow, str]]) -> dict[str, str]:
        """Row id → global key, of rows that are there. Ids of our own making meet no other one, so only where some row
        of the project brought its own is there anything to ask."""
        if not store.has_source_ids and not any(row.row_id for row, _ in accepted):
            return {}
        wanted = [row.row_id or derived_id(self.project_id, row.key) for row, _ in accepted]
        found = StoreRow.objects.filter(project=self.project, row_id__in=wanted)
        return dict(found.values_list("row_id", "global_key"))

    def _taken_numbers(self, store: StoreProject, numbers: list[int]) -> set[int]:
        """Those that rows of the project have. Behind those that are free new ones are handed out."""
        wanted = [number for number in numbers if can_be_kept(number)]
        if not wanted:
            return set()
        pks = [row_pk(self.project_pk, number) for number in wanted if number <= MAX_NUMBER_AS_PLACE]
        taken = set(StoreRow.objects.filter(pk__in=pks).values_list("number", flat=True))
        taken |= self.taken.numbers([number for number in wanted if number > MAX_NUMBER_AS_PLACE])
        store.next_number = behind(store.next_number, [each for each in wanted if each not in taken])
        return taken

    def _taken_annotations(self, store: StoreProject, rows: list[IncomingRow]) -> set[int]:
        """Ids that annotations of the rows state, and that are given. Behind the others new ones are handed out."""
        self.wanted = {row.key: wanted for row in rows if (wanted := Wanted.by(row.labels)) is not None}
        stated = [identity for wanted in self.wanted.values() for identity in wanted.ids()]
        taken = self.taken.annotations(stated)
        free = [each for each in stated if each not in taken] if taken else stated
        store.next_annotation = behind(store.next_annotation, free)
        return taken

    def _render(self, row: IncomingRow, digest: str, before: _Known | None, shared: _Batch) -> _Written:
        """Raises :class:`UserError` before anything of ``shared`` is changed, but for the book."""
        store, book, now = shared.store, shared.book, shared.now_ms
        row_id = self._row_id(row, before, shared)
        created = row.created_ms
        if created is None:
            created = before.created_ms if before else now
        updated = now if row.updated_ms is None else row.updated_ms
        activity = now if row.activity_ms is None else row.activity_ms
        old_times = [int(text) for text in before.label_times.split()] if before else []
        document, label_times = complete_document(
            row,
            row_id,
            self.project_id,
            book,
            created_ms=created,
            updated_ms=updated,
            activity_ms=activity,
            now_ms=now,
            old_label_times=old_times,
        )
        labels: list[dict[str, Any]] = document["projects"][self.project_id]["labels"]
        details: dict[str, Any] = document["data_row"]["details"]
        try:
            counts = count_annotations(document, book.class_numbers, book.question_numbers)
        except (KeyError, TypeError, AttributeError) as error:
            raise UserError(f"an annotation is not as it should be: {_about(error)}") from None
        number = before.number if before else _free_number(row.number, store, shared.taken_numbers)
        is_moved = row.number not in (None, number)
        if is_moved:
            _keep_source_number(document, row.number)
        ids: AnnotationIds | None = None
        if wanted := self.wanted.get(row.key):
            ids = AnnotationIds.of(
                wanted, labels, shared.taken_annotations, before.all_annotation_ids if before else tuple
            )
        if ids is not None and ids.are_all_kept:
            start, room = min(ids.kept), 0
        elif before is not None and before.annotation_room >= counts.total:
            start, room = before.annotation_start, before.annotation_room
        else:
            start, room = store.next_annotation, counts.total
        numbers = following(labels, start) if ids is None else ids.numbered(labels, start)
        misfits: list[str] = []
        try:
            backup = backup_of(
                labels,
                number,
                book.used_ids(counts),
                numbers,
                are_stated=wanted is not None and wanted.are_stated,
                are_as_stated=ids is not None and ids.are_as_stated,
            )
            body, embeddings = render_body(document, backup)
            drawn = outlines(document)
            name = file_name_of(document, number)
            image, annotations = render_coco(
                document,
                number=number,
                class_numbers=book.class_numbers,
                ids=numbers,
                drawn=drawn,
                name=name,
                misfits=misfits,
            )
            lists = render_lists(document, number=number)
            exact, safe = render_csv(document, drawn, number=number, name=name)
            task = _task_of(row, document, number)
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            # what a careful importer refuses before: a mask without counts, an integer beyond 64 bits
            raise UserError(f"an annotation is not as it should be: {_about(error)}") from None
        if start == store.next_annotation:
            store.next_annotation += room
            self.taken.handed_out(start, room)
        if ids is not None:
            shared.taken_annotations.update(ids.kept)
            shared.new_annotations += ids.kept
        if before is None:
            pk = self._new_pk(number, shared)
        else:
            pk = before.pk
            if (before.row_id, before.external_id) != (row_id, row.external_id or ""):
                shared.former.append(
                    FormerRow(
                        project=self.project,
                        number=number,
                        global_key=row.key,
                        row_id=before.row_id,
                        external_id=before.external_id,
                        since_revision=before.added_revision,
                        until_revision=shared.revision,
                    )
                )
        if misfits:
            example = f"{row.position}: {misfits[0]}"
            self.summary.notes.add(CHANGED, _MISFITS, count=len(misfits), example=example)
        if ids is not None and ids.clashing:
            text = "ids of annotations that others of the project have, given anew"
            self._note_moved(text, row, *ids.clashing[0], count=len(ids.clashing))
        if is_moved:
            self._note_moved("ids of images, other than the file says", row, row.number, number)
        shared.id_owners[row_id] = row.key
        store.has_source_ids = store.has_source_ids or bool(row.row_id)
        store.has_embeddings = store.has_embeddings or embeddings != b"[]"
        media_type = _media_type(row, labels)
        if media_type not in store.media_types:
            store.media_types = sorted([*store.media_types, media_type])
        self.summary.annotations += counts.total
        return _Written(
            row=(
                pk,
                self.project_pk,
                number,
                row_id,
                row.key,
                row.external_id or "",
                row.status,
                media_type,
                row.batch_id,
                row.batch_name if row.batch_id else "",
                _text_of(details, "dataset_id"),
                _text_of(details, "dataset_name"),
                created,
                updated,
                activity,
                now,
                shared.revision,
                before.added_revision if before else shared.revision,
                " ".join(map(str, label_times)),
                min(label_times, default=None),
                max(label_times, default=None),
                label_flags(labels),
                creators_text(labels),
                counts.total,
                start,
                room,
                " ".join(map(str, ids.kept)) if ids is not None else "",
                digest,
                counts.text,
                body.decode(),
                embeddings.decode() if embeddings != b"[]" else "",
            ),
            coco=(pk, image.decode(), annotations.decode(), lists.decode()),
            csv=(pk, exact.decode(), None if safe is None else safe.decode()),
            label_studio=(pk, task),
        )

    def _new_pk(self, number: int, shared: _Batch) -> int:
        """Of a row that is new in the project, whose number is from now on taken."""
        store = shared.store
        shared.taken_numbers.add(number)
        if number < HANDED_OUT.stop:
            store.next_number = max(store.next_number, number + 1)
        if number <= MAX_NUMBER_AS_PLACE:
            return row_pk(self.project_pk, number)
        shared.new_numbers.append(number)
        place = store.next_place
        store.next_place += 1
        return row_pk(self.project_pk, place)

    def _note_moved(self, text: str, row: IncomingRow, wanted: int | None, given: int, *, count: int = 1) -> None:
        self.summary.notes.add(CHANGED, text, count=count, example=f"{row.position}: {wanted} is {given}")

    def _row_id(self, row: IncomingRow, before: _Known | None, shared: _Batch) -> str:
        """The source's id, else the one that the row has, else one made of project and key."""
        row_id = row.row_id or (before.row_id if before else derived_id(self.project_id, row.key))
        owner = shared.id_owners.get(row_id, row.key)
        if owner != row.key:
            raise UserError(f"data_row.id {row_id!r} is that of the row with the key {owner[:80]!r} in this project")
        return row_id


def _is_there(row: IncomingRow, digest: str, before: _Known | None) -> bool:
    """Is the row in the store as it is to be?"""
    return before is not None and (before.digest == digest or row.is_of_model_run)


@dataclass(slots=True)
class _Written:
    """The values of one row's tables, in the order of the models' fields. ``label_studio`` is not written where the
    task is empty."""

    row: tuple[Any, ...]
    coco: tuple[Any, ...]
    csv: tuple[Any, ...]
    label_studio: tuple[int, str]


def _about(error: Exception) -> str:
    return f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)


_BY_NAME = (
    "updated rows that are known by a file name alone: if the file is of another folder, import it with a data set"
)


def _task_of(row: IncomingRow, document: dict[str, Any], number: int) -> str:
    """See :class:`StoreLabelStudio`; empty where its importer does not know the results of all labels."""
    known = [label.label_studio_results for label in row.labels if label.label_studio_results is not None]
    if len(known) < len(row.labels) or type(kept_task(document).get("data")) is not dict:
        return ""
    return stored_task(document, number, known)


def _text_of(part: dict[str, Any], key: str) -> str:
    """Empty where it is none: what a platform says is not checked."""
    found = part[key]
    return found if isinstance(found, str) else ""


def _source_project(extra: dict[str, Any] | None) -> str | None:
    """``project 5``: in which project of Label Studio a task is, the numbers of whose tasks others have too."""
    task = (extra or {}).get("label_studio")
    project = task.get("project") if isinstance(task, dict) else None
    return None if project is None else f"project {project}"


def _size(media: dict[str, Any]) -> str | None:
    """``640 x 480``; ``None`` where it is not known."""
    width, height = media.get("width"), media.get("height")
    return f"{width} x {height}" if width is not None and height is not None else None


def _free_number(wanted: int | None, store: StoreProject, taken: set[int]) -> int:
    """The number that the source had if it is free, else the next one."""
    if wanted is not None and can_be_kept(wanted) and wanted not in taken:
        return wanted
    return store.next_number


def _keep_source_number(document: dict[str, Any], source_number: int | None) -> None:
    """The source's id of a picture whose number is another stands in the row, where it does not yet."""
    extra = document.get("source_extra") or {}
    if "coco" in extra and "id" not in extra["coco"]:
        document["source_extra"] = {**extra, "coco": {"id": source_number, **extra["coco"]}}


def _media_type(row: IncomingRow, labels: Sequence[dict[str, Any]]) -> str:
    kinds = (kind for label in labels for kind in kinds_in(label["annotations"]))
    return media_type_of(row.media_attributes, row.row_data, kinds)
