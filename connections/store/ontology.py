"""The numbers of a project's classes and questions: given once, kept for ever."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from connections.models import Project
from connections.rows.backup import used_ids
from connections.rows.batch import OntologyClass
from connections.rows.counts import Counts
from connections.store.import_row import IncomingClass
from connections.store.models import HANDED_OUT, StoreClass, can_be_kept
from connections.store.notes import CHANGED, Notes
from exportadmin.lib.errors import UserError
from exportadmin.lib.ids import derived_id

MAX_NAME = 500


class OntologyBook:
    """Name → number for one project, with new names numbered as they appear.

    ``class_numbers`` and ``question_numbers`` are live mappings that the renderers read. New entries are written by
    :meth:`save`, inside the caller's transaction, before the rows that use them.
    """

    def __init__(self, project: Project) -> None:
        self.project = project
        self.class_numbers: dict[str, int] = {}
        self.question_numbers: dict[str, int] = {}
        self.schema_ids: dict[tuple[bool, str], str] = {}
        self.notes = Notes()
        self._entries: dict[tuple[bool, str], StoreClass] = {}
        self._unsaved: list[StoreClass] = []
        self._changed: list[StoreClass] = []
        # names → what :func:`connections.rows.backup.used_ids` makes of them, since rows use the same few together
        self._used_ids: dict[tuple[frozenset[str], frozenset[str]], bytes] = {}
        # lists of classes that were announced, by their ``id``: importers give many rows one and the same list
        self._announced: dict[int, Sequence[IncomingClass]] = {}
        for entry in StoreClass.objects.filter(project=project):
            self._entries[entry.is_question, entry.name] = entry
            self._numbers(entry.is_question)[entry.name] = entry.number

    def _numbers(self, is_question: bool) -> dict[str, int]:
        return self.question_numbers if is_question else self.class_numbers

    def has(self, entry: IncomingClass) -> bool:
        """Is there nothing to do for a class that the source lists?"""
        known = self._entries.get((entry.is_question, entry.name))
        return known is not None and entry.number in (known.number, None) and not _says_more(entry, known)

    def was_announced(self, entries: Sequence[IncomingClass]) -> bool:
        """Was this very list announced before?"""
        return self._announced.get(id(entries)) is entries

    def announced(self, entries: Sequence[IncomingClass]) -> None:
        """This list was."""
        self._announced[id(entries)] = entries

    def announce_all(self, entries: Sequence[IncomingClass]) -> list[int]:
        """Register classes that the source lists, with numbers of their own where these can be kept and are free, the
        others behind them. Their numbers; one that the source says otherwise is noted.

        A class that is known by its name alone takes the rest of what the source says of it.
        """
        for entry in entries:
            self._check(entry.name)
        given = {
            is_question: give_numbers((each for each in entries if each.is_question is is_question), numbers)
            for is_question, numbers in ((False, self.class_numbers), (True, self.question_numbers))
        }
        return [self._announce(entry, given[entry.is_question][entry.name]) for entry in entries]

    def _announce(self, entry: IncomingClass, number: int) -> int:
        numbers = self._numbers(entry.is_question)
        if entry.name in numbers:
            known = self._entries[entry.is_question, entry.name]
            if _says_more(entry, known):
                known.supercategory, known.extra = entry.supercategory[:MAX_NAME], entry.extra
                if known.pk is not None:
                    self._changed.append(known)
            if entry.number is not None and numbers[entry.name] != entry.number:
                self._note(entry, f"keeps its number {numbers[entry.name]}; the file says {entry.number}")
            return numbers[entry.name]
        extra = entry.extra
        if entry.number is not None and number != entry.number:
            self._note(entry, f"gets the number {number}: {entry.number} is taken in this project")
            extra = {**extra, "id": entry.number}
        elif entry.number is None and "id" in extra:
            self._note(entry, f"gets the number {number}; the file says {extra['id']!r}")
        return self._add(entry.name, entry.is_question, number, entry.supercategory, extra)

    def _note(self, entry: IncomingClass, what: str) -> None:
        example = f"class {entry.name!r} {what}"
        self.notes.add(CHANGED, "numbers of classes, other than the file says", example=example)

    def class_number(self, name: str) -> int:
        """The class's number, a new one for a new name."""
        return self.class_numbers.get(name) or self._known_or_new(name, is_question=False)

    def question_number(self, name: str) -> int:
        """The question's number, a new one for a new name."""
        return self.question_numbers.get(name) or self._known_or_new(name, is_question=True)

    def schema_id(self, name: str, *, is_question: bool) -> str:
        """``feature_schema_id``: depends on project and name only."""
        key = (is_question, name)
        found = self.schema_ids.get(key)
        if found is None:
            kind = "question" if is_question else "class"
            found = self.schema_ids[key] = derived_id(self.project.public_id, kind, name)
        return found

    def used_ids(self, counts: Counts) -> bytes:
        """As :func:`connections.rows.backup.used_ids`, of the names that were counted."""
        names = (counts.classes, counts.questions)
        text = self._used_ids.get(names)
        if text is None:
            text = self._used_ids[names] = used_ids(*names, self.class_numbers, self.question_numbers)
        return text

    def save(self) -> None:
        """Write the new entries."""
        if self._unsaved:
            StoreClass.objects.bulk_create(self._unsaved)
            self._unsaved = []
        if self._changed:
            StoreClass.objects.bulk_update(self._changed, ["supercategory", "extra"])
            self._changed = []

    def new_entries(self) -> int:
        """How many entries :meth:`save` would write."""
        return len(self._unsaved)

    def forget_after(self, count: int) -> None:
        """Keep ``count`` of the new entries and forget those that came later: they were a refused row's."""
        if len(self._unsaved) == count:
            return
        for entry in self._unsaved[count:]:
            del self._numbers(entry.is_question)[entry.name], self._entries[entry.is_question, entry.name]
        del self._unsaved[count:]
        self._used_ids.clear()
        self._announced.clear()

    def _known_or_new(self, name: str, *, is_question: bool) -> int:
        numbers = self._numbers(is_question)
        if name not in numbers:  # 0 is a number too (COCO ids may start there)
            self._check(name)
            self._add(name, is_question, None, "", {})
        return numbers[name]

    def _add(
        self, name: str, is_question: bool, number: int | None, supercategory: str, extra: dict[str, object]
    ) -> int:
        numbers = self._numbers(is_question)
        if number is None:
            number = _next_number(numbers.values())
        numbers[name] = number
        entry = StoreClass(
            project=self.project,
            number=number,
            name=name,
            is_question=is_question,
            supercategory=supercategory[:MAX_NAME],
            extra=extra,
        )
        self._entries[is_question, name] = entry
        self._unsaved.append(entry)
        return number

    @staticmethod
    def _check(name: object) -> None:
        if not isinstance(name, str) or not name:
            raise UserError(f"a class needs a name, not {name!r}")
        if len(name) > MAX_NAME:
            raise UserError(f"class name {name[:40]!r}… has {len(name)} characters; at most {MAX_NAME} are kept")


def _says_more(entry: IncomingClass, known: StoreClass) -> bool:
    return bool(entry.supercategory or entry.extra) and not (known.supercategory or known.extra)


def give_numbers(entries: Iterable[IncomingClass], known: Mapping[str, int]) -> dict[str, int]:
    """Name → number of classes that a source lists: of a name that is ``known`` the one that it has, then the source's
    own numbers where they are free, then the next ones behind all these."""
    entries = list(entries)
    given = {entry.name: known[entry.name] for entry in entries if entry.name in known}
    taken = set(known.values())
    for entry in entries:
        if entry.name not in given and can_be_kept(entry.number) and entry.number not in taken:
            assert entry.number is not None
            given[entry.name] = entry.number
            taken.add(entry.number)
    for entry in entries:
        if entry.name not in given:
            given[entry.name] = _next_number(taken)
            taken.add(given[entry.name])
    return given


def _next_number(taken: Iterable[int]) -> int:
    """Behind every one but those that are larger than any that is handed out."""
    return max((each for each in taken if each < HANDED_OUT.stop), default=0) + 1


def read_ontology(project_pk: int) -> list[OntologyClass]:
    """The classes and questions of a project, in the order of their numbers."""
    return [
        OntologyClass(entry.number, entry.name, entry.is_question, entry.supercategory, entry.extra)
        for entry in StoreClass.objects.filter(project_id=project_pk)
    ]
