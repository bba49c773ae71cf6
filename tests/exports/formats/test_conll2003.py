"""CoNLL-2003: read back by a reader of our own, as spaCy's parts a file into texts, tokens and spans."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connections.rows.batch import BODY, OntologyClass
from connections.rows.media import looks_like_media
from connections.rows.spans import text_of
from exportadmin.lib.errors import PermanentError
from exports import actions
from exports.formats import FORMATS
from exports.formats.base import FormatContext, RefusedRow
from exports.formats.conll2003 import tokens
from exports.spec.spec import ExportSpec
from tests.connections.rows.documents import box, document, label
from tests.connections.store.importing import write
from tests.exports.formats.running import batch_of
from tests.rest.world import SHELL
from tests.support.deliveries import delivery_folder
from tests.support.imports import import_file

ONTOLOGY = (
    OntologyClass(1, "ORG"),
    OntologyClass(2, "PER"),
    OntologyClass(3, "first name"),
    OntologyClass(4, "first_name"),
)
ZOE = "Zoë 👩\u200d🚀 won't leave the EU, says co-op 3,500.5!"


def span(begin: int, end: int, name: str, text: str | None = None, *, id: str = "s", **more: Any) -> dict[str, Any]:
    value = {"start": begin, "end": end, "labels": [name], **({} if text is None else {"text": text})}
    region = {"id": id, "type": "labels", "from_name": "ner", "to_name": "text", "value": value}
    kept = {"label_studio": region}
    return {
        "feature_id": id,
        "name": name,
        "value": name,
        "annotation_kind": "LabelStudio:labels",
        "classifications": [],
        "source_extra": kept,
        **more,
    }


def entity(begin: int, last: int, name: str) -> dict[str, Any]:
    place = {"start": begin, "end": last}
    return {
        "feature_id": "e",
        "name": name,
        "value": name,
        "annotation_kind": "TextEntity",
        "classifications": [],
        "location": place,
    }


def texted(text: str, *labels: dict[str, Any], **data: Any) -> dict[str, Any]:
    row = document(*labels, row_data=text, global_key="task-1", size=None)
    row["media_attributes"] = {"asset_type": "text"}
    row["source_extra"] = {"label_studio": {"id": 1, "data": {"text": text, **data}}}
    return row


def written(tmp_path, rows, *, refused: list[RefusedRow] | None = None) -> tuple[str, Any]:
    writer = FORMATS["conll2003"](FormatContext("project1", "Names", ONTOLOGY, frozenset(), tmp_path))
    content = b"".join(writer.rows(batch_of(rows, frozenset({BODY}), ontology=ONTOLOGY)))
    (refused if refused is not None else []).extend(writer.take_refused())
    return content.decode(), writer


def texts_of(content: str) -> Iterator[list[tuple[str, str]]]:
    """``(token, tag)`` of each text, by the rules of spaCy's ``conll_ner_to_docs``."""
    before, *texts = content.split("-DOCSTART- -X- O O")
    assert before == ""
    for text in texts:
        lines = [line.split() for line in text.strip().split("\n") if line.strip()]
        assert all(len(line) == 4 and line[1:3] == ["-X-", "_"] for line in lines)
        yield [(line[0], line[3]) for line in lines]


def spans_of(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """``(class, its tokens)``; an ``I-`` that follows nothing of its class is an error."""
    found: list[tuple[str, str]] = []
    before = "O"
    for token, tag in pairs:
        if tag.startswith("B-"):
            found.append((tag[2:], token))
        elif tag != "O":
            assert before[2:] == tag[2:]
            found[-1] = (tag[2:], f"{found[-1][1]} {token}")
        before = tag
    return found


def only(tmp_path, row) -> tuple[list[tuple[str, str]], dict[str, int]]:
    content, writer = written(tmp_path, [row])
    (pairs,) = texts_of(content)
    return pairs, writer.notes()


def test_the_bytes_of_a_file_are_these(tmp_path):
    rows = [texted("Dallas is here", label(span(0, 6, "ORG", "Dallas"))), texted("")]
    content, _ = written(tmp_path, rows)
    assert content == ("-DOCSTART- -X- O O\n\nDallas -X- _ B-ORG\nis -X- _ O\nhere -X- _ O\n\n-DOCSTART- -X- O O\n\n\n")


def test_spans_next_to_each_other_begin_anew(tmp_path):
    pairs, _ = only(
        tmp_path, texted("Ann Lee Bo", label(span(0, 7, "PER", "Ann Lee"), span(8, 10, "PER", "Bo", id="t")))
    )
    assert [tag for _, tag in pairs] == ["B-PER", "I-PER", "B-PER"]


def units(text: str, part: str) -> tuple[int, int]:
    """Where a part stands, in UTF-16 units."""
    begin = len(text[: text.index(part)].encode("utf-16-le")) // 2
    return begin, begin + len(part.encode("utf-16-le")) // 2


@pytest.mark.parametrize("begin_end", [(ZOE.index("EU"), ZOE.index("EU") + 2), units(ZOE, "EU")])
def test_places_in_characters_and_in_utf_16_find_the_text_that_the_span_says(tmp_path, begin_end):
    assert units(ZOE, "EU")[0] == ZOE.index("EU") + 2
    pairs, notes = only(tmp_path, texted(ZOE, label(span(*begin_end, "ORG", "EU"))))
    assert spans_of(pairs) == [("ORG", "EU")]
    assert notes["renamed_classes"] == 1


def test_a_span_that_includes_its_end_and_says_its_text_is_found(tmp_path):
    assert spans_of(only(tmp_path, texted("Dallas is", label(span(0, 5, "ORG", "Dallas"))))[0]) == [("ORG", "Dallas")]


def test_labelboxs_entities_include_their_end(tmp_path):
    row = document(label(entity(0, 5, "ORG")), row_data="Dallas is here", global_key="k", size=None)
    row["media_attributes"] = {"asset_type": "text"}
    assert spans_of(only(tmp_path, row)[0]) == [("ORG", "Dallas")]


def test_the_text_is_that_of_the_control_or_that_in_which_the_spans_stand():
    mark = span(0, 6, "ORG", "Dallas")
    row = texted("Other text", label(mark), review="Dallas is here", url="https://texts.test/a.txt")
    assert text_of(row, [mark]) == "Other text"
    del row["source_extra"]["label_studio"]["data"]["text"]
    assert text_of(row, [mark]) == "Dallas is here"
    row["source_extra"]["label_studio"]["data"]["more"] = "Dallas is there"
    assert text_of(row, [mark]) is None
    mark["source_extra"]["label_studio"]["to_name"] = "more"
    assert text_of(row, [mark]) == "Dallas is there"


def test_a_word_is_parted_at_the_edge_of_a_span_and_counted(tmp_path):
    pairs, notes = only(tmp_path, texted("unNewarkable day", label(span(2, 8, "ORG", "Newark"))))
    assert pairs == [("un", "O"), ("Newark", "B-ORG"), ("able", "O"), ("day", "O")]
    assert notes["parted_words"] == 1


def test_of_spans_that_overlap_the_first_and_longest_is_kept_and_the_others_are_counted(tmp_path):
    marks = [
        span(4, 9, "PER", id="a"),
        span(0, 6, "ORG", id="b"),
        span(0, 3, "PER", id="c"),
        span(7, 8, "PER", id="d"),
    ]
    content, writer = written(tmp_path, [texted("one two three", label(*marks))])
    (pairs,) = texts_of(content)
    assert spans_of(pairs) == [("ORG", "one tw")]
    assert (writer.notes()["overlapping_spans"], writer.notes()["spans_without_words"]) == (2, 1)
    assert writer.read_back(0) == {("span", "ORG"): 1, ("span", "PER"): 3}


def test_class_names_with_blanks_have_tags_of_their_own(tmp_path):
    marks = [span(0, 3, "first name"), span(4, 7, "first_name")]
    pairs, notes = only(tmp_path, texted("Ann Lee", label(*marks)))
    assert spans_of(pairs) == [("first_name_2", "Ann"), ("first_name", "Lee")]
    assert notes["renamed_classes"] == 1


def test_each_label_of_a_row_is_a_text(tmp_path):
    row = texted("Ann at Acme", label(span(0, 3, "PER")), label(span(7, 11, "ORG"), id="l2"))
    content, writer = written(tmp_path, [row])
    assert [spans_of(pairs) for pairs in texts_of(content)] == [[("PER", "Ann")], [("ORG", "Acme")]]
    assert writer.read_back(0) == {("span", "PER"): 1, ("span", "ORG"): 1}


@pytest.mark.parametrize(
    ("mark", "reason"),
    [
        (span(2, 99, "PER"), "annotation s: it lies from 2 to 99 of 11 characters, beyond the text's end"),
        (span(0, 3, "PER", "Bob"), "annotation s: it lies from 0 to 3 of 11 characters, where 'Bob' does not stand"),
        (span(-1, 3, "PER"), "it lies from -1 to 3"),
    ],
)
def test_a_row_with_an_annotation_that_is_nowhere_in_its_text_is_refused_and_the_others_go_on(tmp_path, mark, reason):
    refused: list[RefusedRow] = []
    rows = [texted("Ann at Acme", label(mark)), texted("Ann", label(span(0, 3, "PER")))]
    content, writer = written(tmp_path, rows, refused=refused)
    assert [(one.index, one.code) for one in refused] == [(0, "no_span")]
    assert reason in refused[0].reason
    assert [spans_of(pairs) for pairs in texts_of(content)] == [[("PER", "Ann")]]
    assert writer.read_back(0) == {("span", "PER"): 1}


def test_a_picture_has_an_empty_text_and_is_counted(tmp_path):
    rows = [document(label(box("ORG", 0, 0, 1, 1))), texted("Ann")]
    content, writer = written(tmp_path, rows)
    assert [*texts_of(content)] == [[], [("Ann", "O")]]
    assert writer.notes()["rows_without_text"] == 1


def test_a_region_that_is_no_span_is_left_out_and_counted(tmp_path):
    ellipse = {**span(0, 3, "PER", id="e"), "annotation_kind": "LabelStudio:ellipselabels", "source_extra": {}}
    content, writer = written(tmp_path, [texted("Ann at Acme", label(ellipse, span(7, 11, "ORG")))])
    assert [spans_of(pairs) for pairs in texts_of(content)] == [[("ORG", "Acme")]]
    assert writer.notes()["no_spans"] == 1
    assert writer.read_back(0) == {("span", "PER"): 1, ("span", "ORG"): 1}


TEXTS = st.text(
    st.sampled_from("aZ9é हि👩\u200d🚀🏽.,-'’ \n\t\u2028\x85()€_#") | st.characters(exclude_categories=["Cs", "Cc"]),
    max_size=40,
)


@given(TEXTS)
def test_tokens_are_all_that_is_no_white_space_in_its_order(text):
    found = [text[begin:end] for begin, end in tokens(text)]
    assert "".join(found) == "".join(text.split())
    assert all(token.split() == [token] for token in found)


@given(st.data())
def test_spans_come_back_whatever_the_text(tmp_path_factory, data):
    text = data.draw(TEXTS.filter(str.strip).filter(lambda text: not looks_like_media(text)))
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=6)))
    pieces = [(begin, end) for begin, end in pairwise(cuts) if text[begin:end].strip()]
    name = st.sampled_from(["ORG", "PER"])
    marks = [span(begin, end, data.draw(name), text[begin:end], id=str(begin)) for begin, end in pieces]
    pairs, _ = only(tmp_path_factory.mktemp("conll"), texted(text, label(*marks)))
    expected = [
        (mark["name"], "".join(text[begin:end].split())) for (begin, end), mark in zip(pieces, marks, strict=True)
    ]
    assert [(name, part.replace(" ", "")) for name, part in spans_of(pairs)] == expected
    assert "".join(token for token, _ in pairs) == "".join(text.split())


def test_a_file_of_label_studio_comes_out_as_its_spans(tmp_path, settings, transactional_db):
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    task = {"id": 7, "data": {"text": ZOE}, "annotations": []}
    value = {"start": ZOE.index("EU"), "end": ZOE.index("EU") + 2, "text": "EU", "labels": ["ORG"]}
    region = {"id": "r", "type": "labels", "from_name": "ner", "to_name": "text", "value": value}
    task["annotations"] = [{"id": 70, "completed_by": 1, "result": [region]}]
    done = import_file(write(tmp_path, [task], "tasks.json"), "Names")
    spec = ExportSpec.parse({"format": "conll2003"}, done.project)
    report = actions.run_now(project=done.project, spec=spec, actor=SHELL)
    assert report.status == "completed", report.error
    (artifact,) = report.artifacts.all()
    (pairs,) = texts_of((delivery_folder(report) / artifact.name).read_text())
    assert spans_of(pairs) == [("ORG", "EU")]
    assert report.check_values["annotations_by_class"] == {"ORG": 1}


@pytest.mark.parametrize("to_name", [["t"], 5, {"a": 1}])
def test_a_control_that_is_no_text_is_none(tmp_path, to_name):
    mark = span(0, 3, "PER", "Ann")
    mark["source_extra"]["label_studio"]["to_name"] = to_name
    pairs, _ = only(tmp_path, texted("Ann at Acme", label(mark), title="Bob"))
    assert spans_of(pairs) == [("PER", "Ann")]


@pytest.mark.parametrize("kept", [{"label_studio": [1]}, {"label_studio": "x"}, [1]])
def test_what_a_row_keeps_that_is_no_object_says_nothing(tmp_path, kept):
    row = texted("Ann at Acme", label(entity(0, 2, "PER")))
    row["source_extra"] = kept
    assert spans_of(only(tmp_path, row)[0]) == [("PER", "Ann")]


def test_a_class_that_the_ontology_does_not_have_ends_it_in_words(tmp_path):
    with pytest.raises(PermanentError, match="class 'NEW' is not in the ontology; synchronise"):
        written(tmp_path, [texted("Ann", label(span(0, 3, "NEW")))])
