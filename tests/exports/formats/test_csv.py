"""The csv format. Its lines are tested in tests/rendering/test_csv.py."""

from __future__ import annotations

import copy
import csv
import io

import pytest

from connections.rows.batch import BODY, CSV, PARTS
from connections.rows.csv import COLUMNS, HEADER
from exportadmin.lib.errors import PermanentError
from exports.formats import FORMATS
from exports.formats.base import RefusedRow
from tests.connections.rows.documents import box, document, label, mask
from tests.exports.formats.running import FRAGMENTS, batch_of, run

ROWS = [
    document(label(box("can", 1.0, 2.0, 3.0, 4.0)), global_key="=1+1.jpg", row_id="row1"),
    document(global_key="plain.jpg", row_id="row2"),
]
SAFE = {"profile": "spreadsheet-safe"}
LINES = (
    b"row1,=1+1.jpg,,accepted,batch1,20,10,l1,2024-04-08T16:21:26.000+00:00,ann@example.test,f1,box,can,,"
    b"1.0,2.0,3.0,4.0,,false,https://pictures.test/a/photo.jpg,=1+1.jpg\r\n",
    b"row2,plain.jpg,,accepted,batch1,20,10,,,,,,,,,,,,,,https://pictures.test/a/photo.jpg,plain.jpg\r\n",
)


def test_a_source_that_forgot_the_safe_lines_does_not_get_the_unsafe_ones_printed(tmp_path):
    batch = batch_of(ROWS, frozenset({CSV}))
    batch.csv_safe = []
    with pytest.raises(ValueError, match="argument 2"):
        run("csv", [batch], tmp_path, options=SAFE)


def test_a_source_that_gives_nothing_to_print_is_named_as_the_culprit(tmp_path):
    with pytest.raises(PermanentError, match="neither rows nor CSV fragments"):
        run("csv", [batch_of(ROWS, frozenset())], tmp_path)


@pytest.mark.parametrize("columns", [FRAGMENTS, frozenset({BODY})])
@pytest.mark.parametrize("options", [None, {"profile": "exact"}])
def test_the_bytes_of_an_exact_file_are_these(tmp_path, columns, options):
    assert run("csv", [batch_of(ROWS, columns)], tmp_path, options=options) == HEADER + LINES[0] + LINES[1]
    parted = [batch_of([row], columns) for row in ROWS]
    assert run("csv", parted, tmp_path, options=options) == HEADER + LINES[0] + LINES[1]


@pytest.mark.parametrize("columns", [FRAGMENTS, frozenset({BODY})])
def test_the_safe_profile_differs_only_where_a_formula_would_run(tmp_path, columns):
    spared = LINES[0].replace(b",=1+1.jpg", b",'=1+1.jpg")
    mark = b"\xef\xbb\xbf"  # UTF-8, as Excel asks for it
    assert run("csv", [batch_of(ROWS, columns)], tmp_path, options=SAFE) == mark + HEADER + spared + LINES[1]


def test_data_set_and_metadata_are_columns_on_request(tmp_path):
    rows = copy.deepcopy(ROWS)
    rows[0]["data_row"]["details"]["dataset_name"] = "north; =1"
    rows[0]["metadata_fields"] = [{"schema_name": "tag", "value": 'a "b"'}]
    options = {"dataset": "yes", "metadata": "yes"}
    columns = FORMATS["csv"].reads(options)
    exact = run("csv", [batch_of(rows, columns)], tmp_path, options=options)
    lines = list(csv.DictReader(io.StringIO(exact.decode(), newline=""), strict=True))
    assert [*lines[0]] == [*COLUMNS, "dataset", "metadata"]
    assert [line["dataset"] for line in lines] == ["north; =1", "set"]
    assert [line["metadata"] for line in lines] == ['[{"schema_name":"tag","value":"a \\"b\\""}]', ""]
    safe = run("csv", [batch_of(rows, columns)], tmp_path, options=options | SAFE).decode("utf-8-sig")
    assert next(csv.DictReader(io.StringIO(safe, newline="")))["dataset"] == "north;' =1"
    few = run("csv", [batch_of(rows, columns)], tmp_path, options=options, parts=frozenset({"metadata_fields"}))
    (first, _) = csv.DictReader(io.StringIO(few.decode(), newline=""), strict=True)
    assert (first["dataset"], first["metadata"][:2], first["review_status"]) == ("", "[{", "")


def test_a_row_that_is_refused_lends_its_columns_to_no_other(tmp_path):
    rows = [document(label(mask("can", [10, 20], "no counts"))), document(global_key="b.jpg"), document()]
    rows[0]["data_row"]["details"] = {"dataset_name": "broken"}
    rows[1]["data_row"]["details"] = {"dataset_name": "north"}
    del rows[0]["projects"]["project1"]["labels"][0]["annotations"]["objects"][0]["mask"]
    refused: list[RefusedRow] = []
    body = run("csv", [batch_of(rows, frozenset({BODY}))], tmp_path, options={"dataset": "yes"}, refused=refused)
    assert [one.index for one in refused] == [0]
    lines = csv.DictReader(io.StringIO(body.decode(), newline=""), strict=True)
    assert [(line["global_key"], line["dataset"]) for line in lines] == [("b.jpg", "north"), ("photo.jpg", "set")]


def test_a_file_without_them_asks_the_source_for_no_rows():
    assert FORMATS["csv"].reads({"dataset": "no"}) == frozenset({CSV})
    assert FORMATS["csv"].reads({"dataset": "yes"}) == frozenset({CSV, BODY})


def test_an_export_without_rows_has_its_header(tmp_path):
    assert run("csv", [], tmp_path) == HEADER


@pytest.mark.parametrize("part", ["label_details", "project_details", "performance_details"])
def test_fragments_and_rows_agree_on_what_a_left_out_part_hides(tmp_path, part):
    parts = frozenset(PARTS) - {part}
    from_fragments = run("csv", [batch_of(ROWS, FRAGMENTS)], tmp_path, parts=parts)
    assert from_fragments == run("csv", [batch_of(ROWS, frozenset({BODY}))], tmp_path, parts=parts)
    hidden = {
        "label_details": b"ann@example.test",
        "project_details": b"batch1",
        "performance_details": b"false",
    }[part]
    assert hidden not in from_fragments
    assert {len(line) for line in csv.reader(io.StringIO(from_fragments.decode(), newline=""))} == {len(COLUMNS)}
