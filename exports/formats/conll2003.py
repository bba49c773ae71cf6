"""``conll2003``: a token a line with the class of its span (https://www.clips.uantwerpen.be/conll2003/ner/)."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from connections.rows.batch import BODY, OntologyClass, RowBatch
from connections.rows.counts import BESIDE, FURTHER_LABELS, UNLABELLED
from connections.rows.frames import objects_of
from connections.rows.kinds import KINDS, OTHER, TEXT_ENTITY
from connections.rows.kinds.base import Kind
from connections.rows.labels import labels_of
from connections.rows.spans import Span, SpanError, is_span, span_of, text_of
from exports.formats.base import CannotHoldError, Format, FormatContext, Told
from exports.formats.fragments import unknown_class
from exports.spec.labels import SKIPPED_LABELS

# what spaCy's reader takes for the beginning of a text, and others for a line of four columns
_DOCUMENT: Final = b"-DOCSTART- -X- O O\n\n"
_TAG: Final = re.compile(rb"^\S+ -X- _ B-(\S+)$", re.MULTILINE)
_OUTSIDE: Final = "O"
_NO_BREAK: Final = frozenset("-'’")
_JOINER: Final = "\u200d"


class Conll2003Format(Format):
    """``token -X- _ tag``, a blank line behind each text. A label of a row is a text of its own; a row without one is a
    text without spans. Tags are those of IOB2: ``B-`` begins a span, ``I-`` goes on, ``O`` is outside.

    A token is a word, a number or a mark of punctuation. Where a span begins or ends inside a word, the word is parted
    there: what stands in a span is exactly its text, but for white space.
    """

    key = "conll2003"
    title = "CoNLL-2003"
    help = (
        "Texts with spans, a token a line, as taggers and spaCy read them. Unlike Label Studio's: a first line of four "
        "columns before each text, which spaCy knows; places count characters whatever the text holds; of spans that "
        "overlap the first, longest is kept and the others are counted; words are parted at a span's edge; blanks in "
        "class names are _; a row without a text of its own has an empty one, counted."
    )
    extension = "conll"
    media_type = "text/plain; charset=utf-8"
    columns = frozenset({BODY})
    cannot_hold = frozenset({UNLABELLED, FURTHER_LABELS, SKIPPED_LABELS, *BESIDE})
    refusals = MappingProxyType(
        {
            "no_span": "a span lies beyond the row's text, or where its own does not stand, or the row has no text",
        }
    )
    note_texts = MappingProxyType(
        {
            "no_spans": "annotations that are no spans of a text (regions of pictures, of sound …), left out",
            "overlapping_spans": "spans that overlap another one, left out: a token has one tag",
            "spans_without_words": "spans without a word or mark, left out",
            "parted_words": "words parted where a span begins or ends inside them",
            "rows_without_text": "rows without a text of their own: pictures, films, sound, or only a text's address",
            "renamed_classes": "classes with blanks in their names, which are _ in the tags",
        }
    )

    def __init__(self, context: FormatContext) -> None:
        super().__init__(context)
        self._tags = _tags([one for one in context.ontology if not one.is_question])
        self._names = {tag.encode(): name for name, tag in self._tags.items()}
        self._notes: Counter[str] = Counter()
        self._notes["renamed_classes"] = sum(name != tag for name, tag in self._tags.items())
        # of each row of the last batch what was written, and the spans that were left out
        self._last: list[tuple[bytes, Counter[Told]]] = []

    @classmethod
    def holds_parts(cls, options: Mapping[str, str]) -> bool:
        return False

    @classmethod
    def supports(cls, kind: Kind) -> bool:
        return kind in (OTHER, TEXT_ENTITY)

    def rows(self, batch: RowBatch) -> Iterable[bytes]:
        self._last = []
        for index, document in enumerate(self.documents(batch)):
            left_out: Counter[Told] = Counter()
            try:
                texts = [*self._texts(document, left_out)]
            except CannotHoldError as error:
                self.refuse(batch, index, error)
                continue
            self._notes["rows_without_text"] += texts[0][0] is None
            self._notes["no_spans"] += left_out.total()
            written = b"".join(_DOCUMENT + self._lines(text or "", spans, left_out) + b"\n" for text, spans in texts)
            self._last.append((written, left_out))
        yield b"".join(written for written, _ in self._last)

    def notes(self) -> dict[str, int]:
        return {key: count for key, count in self._notes.items() if count}

    @classmethod
    def told(cls, kind: Kind, name: str) -> Told:
        return "span", name

    def read_back(self, index: int) -> Counter[Told]:
        written, left_out = self._last[index]
        return left_out + Counter(("span", self._names[tag]) for tag in _TAG.findall(written))

    def _texts(self, document: Mapping[str, Any], left_out: Counter[Told]) -> Iterator[tuple[str | None, list[Span]]]:
        labels = [[*self._held(label)] for label in labels_of(document)]
        text = text_of(document, [mark for marks in labels for mark in marks])
        for marks in labels or [[]]:
            spans: list[Span] = []
            for mark in marks:
                if not is_span(mark):
                    left_out["span", mark["name"]] += 1
                    continue
                if text is None:
                    raise CannotHoldError("no_span", f"annotation {mark.get('feature_id')}: the row has no text")
                try:
                    span = span_of(mark, text)
                except SpanError as error:
                    raise CannotHoldError("no_span", f"annotation {mark.get('feature_id')}: {error}") from None
                if span.name not in self._tags:
                    raise unknown_class(document, span.name)
                spans.append(span)
            yield text, spans

    def _held(self, label: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """The annotations that are not counted as left out."""
        for mark in objects_of(label["annotations"]):
            if mark["name"] and "is_further_label" not in mark and self.supports(KINDS.of_mark(mark)):
                yield mark

    def _lines(self, text: str, spans: Sequence[Span], left_out: Counter[Told]) -> bytes:
        kept: list[Span] = []
        for span in sorted(spans, key=lambda one: (one.begin, -one.end)):
            if not text[span.begin : span.end].strip():
                self._leave_out("spans_without_words", span, left_out)
            elif kept and span.begin < kept[-1].end:
                self._leave_out("overlapping_spans", span, left_out)
            else:
                kept.append(span)
        edges = {place for span in kept for place in (span.begin, span.end)}
        lines: list[str] = []
        nowhere = Span(len(text) + 1, len(text) + 1, "")
        coming = iter([*kept, nowhere])
        span, inside = next(coming), False
        for first, last in tokens(text):
            cuts = sorted(edges.intersection(range(first + 1, last))) if edges else ()
            self._notes["parted_words"] += bool(cuts)
            for begin, end in zip((first, *cuts), (*cuts, last), strict=True):
                while span.end <= begin:
                    span, inside = next(coming), False
                tag = _OUTSIDE
                if span.begin <= begin:
                    tag = f"{'I' if inside else 'B'}-{self._tags[span.name]}"
                    inside = True
                lines.append(f"{text[begin:end]} -X- _ {tag}\n")
        return "".join(lines).encode()

    def _leave_out(self, note: str, span: Span, left_out: Counter[Told]) -> None:
        self._notes[note] += 1
        left_out["span", span.name] += 1


def tokens(text: str) -> Iterator[tuple[int, int]]:
    """``(begin, end)`` of each token: what white space parts, and inside that words and marks.

    Hyphens and apostrophes between letters belong to a word, points and commas between digits to a number, and what
    goes with a letter or symbol (accents, joined symbols) to it.
    """
    for found in re.finditer(r"\S+", text):
        piece, start = found[0], found.start()
        if piece.isalnum():  # as nearly always
            yield start, found.end()
            continue
        begin = 0
        for place in range(1, len(piece)):
            if not _is_joined(piece, place):
                yield start + begin, start + place
                begin = place
        yield start + begin, found.end()


def _is_joined(piece: str, place: int) -> bool:
    """Does the character at ``place``, from 1, belong to the token of the one before?"""
    before, this = piece[place - 1], piece[place]
    following = piece[place + 1 : place + 2]
    if unicodedata.category(this)[0] in "MC" or before == _JOINER or "\U0001f3fb" <= this <= "\U0001f3ff":
        return True
    if _is_word(this):
        if _is_word(before) or unicodedata.category(before)[0] in "MC":
            return True
        # the mark before is inside a word or number
        return place > 1 and _is_inside(piece[place - 2], before, this)
    return bool(following) and _is_inside(before, this, following)


def _is_inside(before: str, mark: str, behind: str) -> bool:
    if mark in _NO_BREAK:
        return _is_word(before) and _is_word(behind)
    return mark in ".," and before.isdigit() and behind.isdigit()


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"


def _tags(classes: Sequence[OntologyClass]) -> dict[str, str]:
    """Class → its name in tags, which has no white space and is that of no other class."""
    tags: dict[str, str] = {}
    taken = {one.name for one in classes if one.name.split() == [one.name]}
    for one in classes:
        tag = one.name
        if tag not in taken:
            base = tag = "_".join(tag.split()) or "_"
            number = 2
            while tag in taken:
                tag = f"{base}_{number}"
                number += 1
            taken.add(tag)
        tags[one.name] = tag
    return tags
