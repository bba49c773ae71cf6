"""The catalog as a source: the data rows of several projects of one connection, each once, in one snapshot.

The walk goes through the projects one after the other, first those whose labels are taken, and leaves out of each what
an earlier one had. What later projects hold of the rows of a batch is looked up with it. So a data row is as the first
of its projects says it; its last activity, and the times of labels that a filter looks at, are those of all of them.

Labels are chosen here, project by project, before the rows are put together (:meth:`CatalogReader.choose_labels`). A
row that has labels in the projects that are taken, of which none leaves, stays out.

Predictions of model runs go with the rows that are in them, whatever labels are taken; the labels that stand beside
them are those of the run's project, where those leave. They are put into the rows here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any, ClassVar, Final, NamedTuple

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Case, CharField, Count, Exists, F, Max, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce, Greatest, Left, StrIndex

from connections.models import Project
from connections.rows.batch import BODY, SEVERAL, OntologyClass, RowBatch
from connections.rows.body import PROJECTS, content_of
from connections.rows.experiments import Run
from connections.store.models import StoreModelRun, StoreProject, StoreRow
from exportadmin.lib.errors import PermanentError
from exports.check_values import LabelCounts
from exports.sources.base import LabelsChosen, Reader, Source
from exports.sources.catalog_rows import SELECTED_ELSEWHERE, TOLD_DIFFERENTLY, CatalogRows, Held, Part
from exports.sources.labels import LabelFilter
from exports.sources.model_run import RunColumns
from exports.sources.store import (
    BASE,
    EMBEDDINGS,
    GROUPS,
    INDEXED,
    OF_CONDITIONS,
    QUERIES,
    AsBytes,
    AsWords,
    ProjectTable,
    TableReader,
    any_label_within,
    between,
    database_snapshot,
    parsed_object,
)
from exports.spec.conditions import CONDITIONS, DatasetIds, LabelCreatedAt, LastActivityAt
from exports.spec.filters import RowFilter, parse_filter
from exports.spec.labels import NO_LABEL_LEFT
from exports.spec.scope import Settled
from exports.spec.selection import Selection

NO_CONDITIONS: Final[Mapping[str, Any]] = {}


class CatalogSource(Source):
    """Reads what :class:`exports.spec.scope.Settled` names; a project that was deleted since ends the run."""

    key = "catalog"
    title = "The catalog of a connection"
    pushed_down: ClassVar[frozenset[str]] = frozenset(
        key for key in QUERIES if key != LabelCreatedAt.key and CONDITIONS[key].is_in_catalog
    )

    @contextmanager
    def open(self, selection: Selection, columns: frozenset[str]) -> Iterator[Reader]:
        """Begin a snapshot, as of the store. Raises :class:`PermanentError`."""
        with database_snapshot() as database:
            reader = CatalogReader(database, selection, columns)
            with database.wrap_database_errors, closing(reader):
                yield reader


class _Elsewhere(NamedTuple):
    """A data row in a later project. ``content`` is what it says of the row itself, empty where no content is read."""

    pk: int
    number: int
    activity_ms: int
    label_times: str
    content: bytes = b""


class CatalogReader(TableReader):
    """One snapshot of one selection."""

    def __init__(self, database: BaseDatabaseWrapper, selection: Selection, columns: frozenset[str]) -> None:
        super().__init__(database, columns - {SEVERAL})
        settled = selection.scope.settled
        if settled is None:
            raise PermanentError("nobody who may read these rows has asked for them")
        self._choice = selection.labels
        self._interpolated = selection.interpolated_frames
        parts, states = self._find_parts(settled)
        taken = [parts[public_id] for public_id in settled.labels_of]
        self._taken = {part.pk: part for part in taken}
        self._order = [*taken, *(part for part in parts.values() if part.pk not in self._taken)]
        if settled.runs:
            self._find_runs(settled, parts, selection)
        # the one project whose labels are taken: its numbers and classes are those of the file
        self._only = taken[0] if len(taken) == 1 else None
        self.ontology: Sequence[OntologyClass] = self._read_ontology()
        asked = parts.get(selection.project_id)
        shown = self._only or asked or self._order[0]
        self.project_id, self.project_name = shown.public_id, shown.name
        state = states.get(shown.pk) if self._only else None
        self.project_extra: Mapping[str, Any] = state.extra if state else {}
        has_embeddings = any(each.has_embeddings for each in states.values())
        self._with_embeddings = "embeddings" in selection.parts and BODY in columns and has_embeddings
        self.revision: int | None = asked.revision if asked else None
        self.other_revisions: Mapping[int, int] = {part.pk: part.revision for part in self._order if part is not asked}
        self.removed_since: int | None = None
        self._scope = conditions_of(settled)
        self._conditions = {key: selection.conditions[key] for key in CONDITIONS if key in selection.conditions}
        self._scope_check = RowFilter(
            Selection(selection.project_id, {key: value for key, value in self._scope.items() if key != _LABELS}),
            CatalogSource.pushed_down,
        )
        self._joining = CatalogRows(
            self._order,
            self._only,
            parts=selection.parts,
            columns=self._columns,
            takes_runs=selection.scope.takes_runs,
            holds_several=SEVERAL in columns,
            project_id=self.project_id,
            next_number=state.next_number if state else 1,
            fetch=self.fetch,
        )
        self._chosen = LabelsChosen(LabelCounts(selection.labels.text), notes=self._joining.notes)
        self.choose_labels(())
        self.rows_expected: int | None
        self.dropped_at_source: Mapping[str, int]
        self.rows_expected, self.dropped_at_source = self._count()

    def choose_labels(self, cannot_hold: Collection[str]) -> LabelsChosen:
        """See :class:`exports.sources.base.Reader`."""
        for part in self._taken.values():
            selection = Selection(part.public_id, labels=self._choice, interpolated_frames=self._interpolated)
            part.label_filter = LabelFilter(selection, part, self._columns, cannot_hold)
            part.label_filter.counts = self._chosen.counts
        return self._chosen

    def documents(self, numbers: Sequence[int]) -> Iterator[dict[str, Any]]:
        """Labels are chosen here, so nobody asks."""
        raise NotImplementedError("the labels of a catalog's rows are chosen by its reader")

    # --- which projects ----------------------------------------------------------------------------------------------

    def _find_parts(self, settled: Settled) -> tuple[dict[str, Part], dict[int, _State]]:
        """By public id, as the description names them. Raises :class:`PermanentError` where one was deleted."""
        projects = Project.objects.filter(public_id__in=settled.projects).order_by()
        found = {
            public_id: (pk, name) for pk, public_id, name in self.fetch(projects.values_list("pk", "public_id", "name"))
        }
        for public_id in settled.projects:
            if public_id not in found:
                raise PermanentError(
                    f"project {public_id}, which this export reads, was deleted since it was requested: nothing was "
                    "delivered"
                )
        stored = StoreProject.objects.filter(project_id__in=[pk for pk, _ in found.values()])
        columns = ("project_id", "revision", "has_embeddings", "next_number", "source_extra")
        states = {
            pk: _State(revision, bool(has_embeddings), number, parsed_object(extra))
            for pk, revision, has_embeddings, number, extra in self.fetch(stored.values_list(*columns))
        }
        return {
            public_id: Part(pk, public_id, name, states[pk].revision if pk in states else 0, ProjectTable(self, pk))
            for public_id, (pk, name) in ((each, found[each]) for each in settled.projects)
        }, states

    def _find_runs(self, settled: Settled, parts: Mapping[str, Part], selection: Selection) -> None:
        """Raises :class:`PermanentError` where one was deleted: which is told where somebody named it, or it is of the
        project that was asked."""
        stored = StoreModelRun.objects.filter(project_id__in={parts[run.project].pk for run in settled.runs})
        columns = ("project_id", "pk", "model_id", "model_name", "run_id", "name")
        found: dict[tuple[int, str], tuple[int, Run]] = {}
        for project_pk, run_pk, *names in self.fetch(stored.order_by("pk").values_list(*columns)):
            run = Run(*names)
            found[project_pk, run.run_id] = run_pk, run
        taken: dict[str, dict[int, Run]] = {}
        for project, run_id, _ in settled.runs:
            if (parts[project].pk, run_id) not in found:
                is_told = project == selection.project_id or run_id in selection.scope.model_run_ids
                which = f"the model run {run_id}" if is_told else "a model run"
                raise PermanentError(
                    f"{which}, which this export reads, was deleted since it was requested: nothing was delivered"
                )
            run_pk, run = found[parts[project].pk, run_id]
            taken.setdefault(project, {})[run_pk] = run
        for project, runs in taken.items():
            parts[project].runs = RunColumns(runs, selection.parts, bool(self._columns))

    def _read_ontology(self) -> Sequence[OntologyClass]:
        """Of one project its own; of several that of all, in which what is called alike is one class. Classes of
        predictions are behind those."""
        numbers: dict[tuple[bool, str], int] = {}
        joined: list[OntologyClass] = []
        last: Counter[bool] = Counter()
        predicted = [part for part in self._order if part.runs and part.pk not in self._taken]
        for part in [*self._taken.values(), *predicted]:
            part.ontology = part.table.ontology()
            for each in part.ontology:
                key = (each.is_question, each.name)
                if part is self._only:
                    numbers.setdefault(key, each.number)
                    last[each.is_question] = max(last[each.is_question], each.number)
                elif key not in numbers:
                    last[each.is_question] += 1
                    numbers[key] = last[each.is_question]
                    joined.append(
                        OntologyClass(numbers[key], each.name, each.is_question, each.supercategory, each.extra)
                    )
                part.numbers[each.is_question, each.number] = numbers[key]
        return joined if self._only is None else [*self._only.ontology, *joined]

    # --- queries -----------------------------------------------------------------------------------------------------

    def _rows(self, place: int, conditions: Mapping[str, Any] = NO_CONDITIONS) -> QuerySet[StoreRow]:
        """Those of the project at this place of the order that are of the scope and satisfy the conditions, and that no
        earlier one has."""
        asked = [*self._scope.items(), *conditions.items()]
        table = self._order[place].table
        rows = table.rows
        for each in asked:
            if each[0] in INDEXED and (few := table.few(QUERIES[each[0]](each[1]))):
                rows, _ = few
                asked.remove(each)
                break
        if place:
            earlier = [part.pk for part in self._order[:place]]
            rows = rows.filter(~Exists(_same(earlier)))
        later = self._later(place)
        latest: Any = F("activity_ms")
        if later and _ACTIVITY in {*self._conditions, *self._scope}:
            elsewhere = _same(later).order_by().values("row_id").annotate(ms=Max("activity_ms")).values("ms")
            latest = Greatest(latest, Coalesce(Subquery(elsewhere), latest))
        rows = rows.annotate(latest_activity_ms=latest)
        return rows.filter(*(self._query(key, value, place) for key, value in asked))

    def _query(self, key: str, value: Any, place: int) -> Q:
        if key == _ACTIVITY:
            return between("latest_activity_ms", value)
        if key == _LABELS and (later := self._later(place)):
            return any_label_within(value) | Q(Exists(_same(later).filter(any_label_within(value))))
        return QUERIES[key](value)

    def _later(self, place: int) -> list[int]:
        return [part.pk for part in self._order[place + 1 :]]

    def _count(self) -> tuple[int | None, Mapping[str, int]]:
        """How many rows come (``None`` where the scope is not settled by the database alone), and how many each
        condition leaves out."""
        counts: Counter[str] = Counter()
        for place in range(len(self._order)):
            self._chosen.notes[SELECTED_ELSEWHERE] += self._count_selected_elsewhere(place)
            rows = self._rows(place).order_by()
            if not self._conditions:
                counts[""] += self.count(rows)
                continue
            reasons = [
                When(~self._query(key, value, place), then=Value(key)) for key, value in self._conditions.items()
            ]
            reason = AsWords(Case(*reasons, default=Value(""), output_field=CharField()))
            counted = rows.annotate(reason=reason).values("reason").annotate(n=Count("*"))
            counts.update(dict(self.fetch(counted.values_list("reason", "n"))))
        expected = counts.pop("", 0)
        return None if _LABELS in self._scope else expected, counts

    def _count_selected_elsewhere(self, place: int) -> int:
        """Rows that satisfy what is asked of a row's own content in this project and in no earlier one, though there
        they are too: they are as the first says, so they stay out."""
        asked = (self._scope | self._conditions).items()
        query = Q(*(QUERIES[key](value) for key, value in asked if key not in (_ACTIVITY, _LABELS)))
        if not place or not query:
            return 0
        earlier = _same([part.pk for part in self._order[:place]])
        rows = StoreRow.objects.filter(project_id=self._order[place].pk)
        return self.count(rows.filter(query, Exists(earlier), ~Exists(earlier.filter(query))))

    # --- batches -----------------------------------------------------------------------------------------------------

    def batches(self) -> Iterator[RowBatch]:
        """Data rows, in the order of the projects and of the places there."""
        light = BASE | OF_CONDITIONS
        if self._choice.takes_person:
            light = {**light, "label_creators": AsWords("label_creators")}
        for place, part in enumerate(self._order):
            heavy = self._groups() if part is self._only else self._bodies()
            names = [*light, *heavy]
            rows = self._rows(place, self._conditions)
            query = rows.order_by("id").values_list(*light.values(), *heavy.values())
            for raw in self.walk(query, len(light)):
                batch = self._joined(
                    RowBatch(**dict(zip(names, map(list, zip(*raw, strict=True)), strict=True))), place
                )
                if len(batch):
                    yield batch

    def _groups(self) -> dict[str, Any]:
        """Of the one project whose fragments go into the file as they are."""
        groups: dict[str, Any] = {}
        for group, members in GROUPS.items():
            if group in self._columns:
                groups |= members
        return groups | ({"embeddings": EMBEDDINGS} if self._with_embeddings else {})

    def _bodies(self) -> dict[str, Any]:
        if not self._columns:
            return {}
        return {"bodies": AsBytes("body"), **({"embeddings": EMBEDDINGS} if self._with_embeddings else {})}

    def _joined(self, own: RowBatch, place: int) -> RowBatch:
        """Rows of the project at this place, with what the later ones hold of them."""
        part = self._order[place]
        elsewhere = self._elsewhere(own, place)
        told = [elsewhere.get(row_id, ()) for row_id in own.row_ids]
        batch = own.take(range(len(own)))
        batch.origins = [
            {part.pk: number, **{each.pk: each.number for each in found}}
            for number, found in zip(own.numbers, told, strict=True)
        ]
        if elsewhere:
            batch.label_times = [
                " ".join(filter(None, (times, *(each.label_times for each in found))))
                for times, found in zip(own.label_times, told, strict=True)
            ]
            batch.activity_ms = [
                max([ms, *(each.activity_ms for each in found)])
                for ms, found in zip(own.activity_ms, told, strict=True)
            ]
        differing = self._told_differently(own, elsewhere, part)
        self._scope_check.apply(batch)
        places = self._with_labels_in_time(batch)
        if len(places) < len(batch):
            own, batch = own.take(places), batch.take(places)
        if not len(batch):
            return batch
        held = [self._held(each, own, batch, place) for each in self._taken.values()]
        places = self._with_labels_left(batch, held)
        if len(places) < len(batch):
            own, batch = own.take(places), batch.take(places)
        if not len(batch):
            return batch
        self._chosen.notes[TOLD_DIFFERENTLY] += len(differing.intersection(batch.row_ids))
        return self._joining.joined(place, own, batch, held)

    def _elsewhere(self, batch: RowBatch, place: int) -> dict[str, list[_Elsewhere]]:
        """By row id, in the order of the projects' keys."""
        later = self._later(place)
        if not later:
            return {}
        same = StoreRow.objects.filter(project_id__in=later, row_id__in=list(batch.row_ids)).order_by("id")
        columns: list[Any] = ["row_id", "project_id", "number", "activity_ms", AsWords("label_times")]
        if self._columns:
            columns.append(_CONTENT)
        found: dict[str, list[_Elsewhere]] = {}
        for row_id, *values in self.fetch(same.values_list(*columns)):
            found.setdefault(row_id, []).append(_Elsewhere(*values))
        return found

    def _told_differently(self, own: RowBatch, elsewhere: Mapping[str, Sequence[_Elsewhere]], part: Part) -> set[str]:
        """The ids of the rows of which a later project says something else than this one (:func:`content_of`). Nobody
        asks while no content is read."""
        if not (elsewhere and self._columns):
            return set()
        contents = dict(zip(own.row_ids, own.bodies, strict=True)) if own.bodies else {}
        if not contents:  # a format that takes fragments
            rows = part.table.rows.filter(project_id=part.pk, row_id__in=list(elsewhere)).order_by()
            contents = dict(self.fetch(rows.values_list("row_id", _CONTENT)))
        return {
            row_id
            for row_id, found in elsewhere.items()
            if len({content_of(text) for text in (contents[row_id], *(each.content for each in found))}) > 1
        }

    def _with_labels_in_time(self, batch: RowBatch) -> list[int]:
        """The places of the rows of which some label lies in the window: the database knows of each project's labels
        the first and the last. What the scope itself leaves out is not counted: it was never of it."""
        places = range(len(batch))
        out: set[int] = set()
        if (window := self._scope.get(_LABELS)) is not None:
            out.update(LabelCreatedAt().failing(window, batch))
        if (window := self._conditions.get(_LABELS)) is not None:
            failing = set(LabelCreatedAt().failing(window, batch)) - out
            self._chosen.dropped[_LABELS] += len(failing)
            out |= failing
        return [place for place in places if place not in out]

    def _held(self, part: Part, own: RowBatch, batch: RowBatch, place: int) -> Held:
        """Of a project whose labels are taken, what it has of a batch."""
        if part is self._order[place]:
            rows = own
        elif part.pk in self._later(place):
            rows = self._rows_of(part, batch)
        else:
            rows = RowBatch([], [], [], [], [], [], [])
        ids = frozenset(rows.row_ids)
        if len(rows):
            assert part.label_filter is not None
            rows = part.label_filter.apply(rows)
        return Held(part, rows, {row_id: at for at, row_id in enumerate(rows.row_ids)}, ids)

    def _rows_of(self, part: Part, batch: RowBatch) -> RowBatch:
        wanted = [row_id for row_id, origin in zip(batch.row_ids, batch.origins, strict=True) if part.pk in origin]
        if not wanted:
            return RowBatch([], [], [], [], [], [], [])
        columns = BASE | self._bodies()
        if self._choice.takes_person:
            columns["label_creators"] = AsWords("label_creators")
        rows = part.table.rows.filter(project_id=part.pk, row_id__in=wanted).order_by("id")
        found = self.fetch(rows.values_list(*columns.values()))
        return RowBatch(**dict(zip(columns, map(list, zip(*found, strict=True)), strict=True)))

    def _with_labels_left(self, batch: RowBatch, held: Sequence[Held]) -> list[int]:
        """The places of the rows that leave: where no labels are taken, all of them."""
        if not held:
            return list(range(len(batch)))
        left: set[str] = set().union(*(each.places for each in held))
        had: set[str] = set().union(*(each.ids for each in held))
        keeps_others = self._choice.keeps_unlabelled
        places = [
            place
            for place, row_id in enumerate(batch.row_ids)
            if row_id in left or (keeps_others and row_id not in had)
        ]
        if len(places) < len(batch):
            self._chosen.dropped[NO_LABEL_LEFT] += len(batch) - len(places)
        return places


class _State(NamedTuple):
    """What the store keeps of a project."""

    revision: int
    has_embeddings: bool
    next_number: int
    extra: dict[str, Any]


# the beginning of a body, up to its projects
_CONTENT: Final = AsBytes(Left("body", StrIndex("body", Value(PROJECTS.decode()))))
_LABELS: Final = LabelCreatedAt.key
_ACTIVITY: Final = LastActivityAt.key


def conditions_of(settled: Settled) -> dict[str, Any]:
    """What every row of the scope satisfies, parsed, by key."""
    conditions = parse_filter(settled.filter, time_zone=settled.time_zone)
    if settled.dataset_ids:
        conditions[DatasetIds.key] = frozenset(settled.dataset_ids)
    return conditions


def _same(projects: Sequence[int]) -> QuerySet[StoreRow]:
    """The same data row in these projects."""
    return StoreRow.objects.filter(project_id__in=projects, row_id=OuterRef("row_id"))
