"""The one way into the store: refused rows, upserts, numbers that stay."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connections.rows.batch import PARTS
from connections.rows.body import BodyPrinter
from connections.store.import_row import IncomingClass, IncomingLabel
from connections.store.models import StoreClass, StoreCoco, StoreCsv, StoreRow
from connections.store.upsert import write_rows
from tests.support.rows import answer, box, mixed, point, row

pytestmark = pytest.mark.django_db


def stored(key: str) -> StoreRow:
    return StoreRow.objects.get(global_key=key)


def printed(entry: StoreRow) -> dict:
    printer = BodyPrinter(frozenset(PARTS), "A name")
    return orjson.loads(printer.join([entry.body.encode()], [(entry.embeddings or "[]").encode()], b""))


def test_a_row_that_breaks_a_rule_is_refused_with_its_place_and_the_rest_goes_in(project):
    rows = [
        row("good-1", box()),
        row("bad-status", box(), status="finished", position="row 2 (line 7)"),
        row("", box(), position="row 3 (line 9)"),
        row("k" * 501, position="row 4 (line 11)"),
        row("bad-class", {**box(), "name": None}, position="row 5 (line 13)"),
        row("big-number", box(), source_extra={"n": 2**70}, position="row 6 (line 15)"),
        row("good-2"),
    ]
    summary = write_rows(project, rows)
    assert (summary.rows, summary.created, summary.refused_count) == (7, 2, 5)
    assert [refused.position for refused in summary.refused] == [
        "row 2 (line 7)",
        "row 3 (line 9)",
        "row 4 (line 11)",
        "row 6 (line 15)",
        "row 5 (line 13)",
    ]
    assert "unknown review status 'finished'" in summary.refused[0].reason
    assert set(StoreRow.objects.values_list("global_key", flat=True)) == {"good-1", "good-2"}
    assert StoreCoco.objects.count() == StoreCsv.objects.count() == 2


def test_a_key_that_occurs_twice_in_one_import_is_refused_the_second_time_also_across_batches(project):
    rows = [*mixed(700), row("row-00003", box(), position="row 701")]
    summary = write_rows(project, rows)
    assert (summary.created, summary.refused_count) == (700, 1)
    assert summary.refused[0].position == "row 701"
    assert "twice" in summary.refused[0].reason


def test_the_same_rows_again_are_left_untouched(project):
    write_rows(project, mixed(40), now_ms=1_000)
    before = list(StoreRow.objects.values())
    summary = write_rows(project, mixed(40), now_ms=9_000)
    assert (summary.unchanged, summary.updated, summary.created) == (40, 0, 0)
    assert list(StoreRow.objects.values()) == before


def test_a_changed_row_keeps_id_number_and_creation_time_and_gets_a_new_time(project):
    write_rows(project, mixed(10), now_ms=1_000)
    before = stored("row-00004")
    rows = mixed(10)
    rows[4].labels = [IncomingLabel(objects=[box("tram")])]
    summary = write_rows(project, rows, now_ms=9_000)
    after = stored("row-00004")
    assert (summary.updated, summary.unchanged) == (1, 9)
    assert (after.row_id, after.number, after.created_ms) == (before.row_id, before.number, 1_000)
    assert (after.updated_ms, after.activity_ms) == (9_000, 9_000)
    assert printed(after)["projects"][project.public_id]["labels"][0]["annotations"]["objects"][0]["name"] == "tram"
    assert "tram" in after.csv.exact
    number = StoreClass.objects.get(name="tram").number
    assert orjson.loads(after.coco.annotations)["category_id"] == number


def test_a_priority_alone_that_changed_is_an_update(project):
    write_rows(project, [row("a", box(), priority=1), row("b", box(), priority=1)], now_ms=1_000)
    summary = write_rows(project, [row("a", box(), priority=5), row("b", box(), priority=1)], now_ms=9_000)
    assert (summary.updated, summary.unchanged) == (1, 1)
    assert printed(stored("a"))["projects"][project.public_id]["project_details"]["priority"] == 5
    assert (stored("a").updated_ms, stored("b").updated_ms) == (9_000, 1_000)


def test_annotation_ids_stay_with_a_row_as_long_as_they_suffice_and_never_collide(project):
    write_rows(project, [row("a", box(), box()), row("b", box())])
    first = stored("a").annotation_start
    write_rows(project, [row("a", box("dog"))])
    assert stored("a").annotation_start == first
    write_rows(project, [row("a", box(), box(), box())])
    assert stored("a").annotation_start > stored("b").annotation_start
    ids = [
        mark["id"]
        for text in StoreCoco.objects.values_list("annotations", flat=True)
        for mark in orjson.loads(f"[{text}]")
    ]
    assert len(ids) == len(set(ids)) == 4
    assert min(ids) >= 1, "pycocotools takes an id of 0 for 'no match'"


@pytest.mark.parametrize("edited", [[box("dog"), box("cat")], [box("dog", left=11.0), point()], [box(), box()]])
def test_an_edit_that_leaves_as_many_annotations_leaves_them_their_ids(project, edited):
    """Whoever follows annotations from one COCO file to the next knows them by their ids."""

    def ids() -> dict[str, list[int]]:
        texts = StoreCoco.objects.order_by("row__global_key").values_list("row__global_key", "annotations")
        return {key: [mark["id"] for mark in orjson.loads(f"[{text}]")] for key, text in texts}

    write_rows(project, [row("a", box(), box()), row("b", box(), point(), box())], now_ms=1_000)
    before = ids()
    summary = write_rows(project, [row("a", *edited, status="accepted")], now_ms=9_000)
    assert summary.updated == 1
    assert ids() == before | {"a": before["a"][: len(ids()["a"])]}


def test_numbers_of_the_source_are_kept_where_they_are_free(project):
    write_rows(project, [row("zero", number=0), row("seven", number=7), row("next"), row("again", number=7)])
    numbers = dict(StoreRow.objects.values_list("global_key", "number"))
    assert numbers == {"zero": 0, "seven": 7, "next": 8, "again": 9}


def test_class_numbers_come_from_the_source_and_new_classes_follow(project):
    classes = [IncomingClass("bottle", 0), IncomingClass("can", 5)]
    write_rows(project, [row("a", box("can"), box("lid"), answer("quality"))], classes=classes)
    assert dict(StoreClass.objects.filter(is_question=False).values_list("name", "number")) == {
        "bottle": 0,
        "can": 5,
        "lid": 6,
    }
    assert StoreClass.objects.get(is_question=True).name == "quality"


def test_a_class_number_that_is_taken_is_said(project):
    write_rows(project, [row("a")], classes=[IncomingClass("bottle", 3)])
    summary = write_rows(project, [row("b")], classes=[IncomingClass("can", 3), IncomingClass("bottle", 9)])
    (note,) = summary.notes.as_json()
    assert (note["kind"], note["count"]) == ("changed", 2)
    assert note["example"] == "class 'can' gets the number 4: 3 is taken in this project"


def test_every_part_of_what_came_in_is_in_the_row(project):
    given_row = row(
        "full",
        box(),
        point(),
        answer(),
        external_id="ext-1",
        attachments=[{"type": "TEXT_URL", "value": "https://x.example.test/a.txt"}],
        metadata_fields=[{"schema_id": "s", "schema_name": "tag", "schema_kind": "CustomMetadataString", "value": "v"}],
        embeddings=[
            {"id": "e", "name": "clip", "dimensions": 2, "is_custom": False, "values": [{"value": [0.1, 0.2]}]}
        ],
        batch_id="b-1",
        batch_name="Batch one",
        source_extra={"platform": {"anything": [1, 2]}},
    )
    write_rows(project, [given_row], now_ms=1_700_000_000_000)
    document = printed(stored("full"))
    assert list(document) == [
        "data_row",
        "media_attributes",
        "attachments",
        "metadata_fields",
        "embeddings",
        "projects",
        "source_extra",
        "export_admin",
    ]
    assert document["embeddings"] == given_row.embeddings
    assert document["source_extra"] == given_row.source_extra
    details = document["projects"][project.public_id]["project_details"]
    assert (details["batch_id"], details["batch_name"], details["workflow_status"]) == ("b-1", "Batch one", "review")
    label = document["projects"][project.public_id]["labels"][0]
    assert list(label) == ["label_kind", "version", "id", "label_details", "performance_details", "annotations"]
    assert label["label_details"]["created_at"] == "2023-11-14T22:13:20.000+00:00"


@pytest.mark.parametrize(
    "name", ["../../x", "a/b\r\nX: y", "\U0001f600" * 300, "=1+1", "\x1e\x1d\x1c", '","embeddings":[']
)
def test_hostile_names_come_out_as_they_went_in(project, name):
    write_rows(project, [row(name, box(name), answer(name, name))])
    document = printed(stored(name))
    assert document["data_row"]["global_key"] == name
    assert document["projects"][project.public_id]["labels"][0]["annotations"]["objects"][0]["name"] == name


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(extra=json_values, parts=st.sets(st.sampled_from(PARTS)))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_cutting_parts_out_of_the_bytes_is_the_same_as_leaving_keys_out_of_the_document(extra, parts):
    """What splicing does, told again by parsing: whatever stands in the values."""
    from connections.rows.body import PART_KEYS, render_body

    label = {
        "id": "l",
        "label_details": {"details": extra},
        "performance_details": {"attachments": extra},
        "annotations": {"objects": [extra], "label_details": extra},
    }
    document = {
        "data_row": {"id": "r", "global_key": "k", "details": {"a": extra}},
        "media_attributes": {"embeddings": extra},
        "attachments": [extra],
        "metadata_fields": [extra, {"project_details": extra}],
        "embeddings": [{"values": [extra]}],
        "projects": {"p": {"name": "N", "labels": [label, label], "project_tags": [], "project_details": {"x": extra}}},
        "source_extra": {"attachments": extra},
    }
    body, embeddings = render_body(document)
    text = BodyPrinter(frozenset(parts), "N").join([body, body], [embeddings, embeddings], b"\n")
    gone = {PART_KEYS[part] for part in PARTS if part not in parts}
    for key in ("attachments", "metadata_fields", "embeddings"):
        if key in gone:
            del document[key]
    if "details" in gone:
        del document["data_row"]["details"]
    expected_label = {key: value for key, value in label.items() if key not in gone}
    document["projects"]["p"]["labels"] = [expected_label, expected_label]
    if "project_details" in gone:
        del document["projects"]["p"]["project_details"]
    lines = text.split(b"\n")
    assert [orjson.loads(line) for line in lines] == [document, document]
    assert lines[0] == orjson.dumps(document), "canonical: what orjson prints"


def test_a_number_at_the_end_of_a_project_s_share_touches_no_other_project(project, connection):
    """Project and place share one integer: an image id of 2^40 - 1 must not push the next row into project p + 1."""
    from connections.models import Project

    other = Project.objects.create(connection=connection, name="Next door")
    write_rows(other, [row("theirs")])
    write_rows(project, [row("last", number=2**40 - 1), row("stamp", number=1_700_000_000_000), row("next")])
    assert list(StoreRow.objects.filter(project=other).values_list("global_key", flat=True)) == ["theirs"]
    assert StoreRow.objects.filter(project=project).count() == 3
    assert {pk >> 40 for pk in StoreRow.objects.filter(project=project).values_list("pk", flat=True)} == {project.pk}


@pytest.mark.django_db(transaction=True)
def test_a_class_and_a_question_of_one_name_are_counted_apart(project):
    from collections import Counter

    from connections.rows.kinds import KINDS
    from exports.check_values import CheckValueCounter
    from exports.sources.store import StoreSource
    from exports.spec.selection import Selection

    write_rows(project, [row("a", box("Q"), answer("Q"))])
    with StoreSource(project).open(Selection(project.public_id), frozenset()) as reader:
        counter = CheckValueCounter(reader.ontology, KINDS.values())
        for batch in reader.batches():
            counter.add(batch)
    assert counter.result(Counter(), [])["annotations_by_class"] == {"Q": 1, "Q (question)": 1}
