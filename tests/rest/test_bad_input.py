"""Bodies, query strings and addresses that no serious client sends: one line back, the input named, nothing done."""

from __future__ import annotations

import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exportadmin.lib.rest.body import DEEPEST, StrictJSONParser
from exports.formats import FORMATS
from exports.models import ExportReport
from tests.rest.world import OWN, World

GOOD = {"project": OWN, "format": "csv"}


def is_problem(answer, status: int, field: str | None = None) -> str:
    """In the one shape, in one line; its words."""
    assert answer.status_code == status, answer.content
    assert answer.headers["Content-Type"] == "application/problem+json"
    said = answer.json()
    assert set(said) <= {"type", "title", "status", "code", "detail", "field", "request_id"}
    assert (said["status"], said["request_id"]) == (status, answer.headers["X-Request-ID"])
    assert said.get("field") == field
    assert "\n" not in said["detail"]
    assert "Traceback" not in said["detail"]
    assert 0 < len(said["detail"]) <= 1000
    return said["detail"]


BAD_BODIES = {
    "cut off": (b'{"project": "Str', 400, None),
    "no JSON": (b"project=x", 400, None),
    "nothing": (b" ", 400, None),
    "a list": (b"[]", 400, None),
    "a text": (b'"Street scenes"', 400, None),
    "null": (b"null", 400, None),
    "two documents": (b"{} {}", 400, None),
    "a byte order mark": (b'\xef\xbb\xbf{"project": "x"}', 400, None),
    "not UTF-8": (b'{"project": "\xff"}', 400, None),
    "UTF-16": ('{"project": "x"}'.encode("utf-16"), 400, None),
    "a key twice": (b'{"format": "csv", "project": "x", "format": "json"}', 400, None),
    "NaN": (b'{"project": "x", "format": "csv", "filter": {"updated_after": NaN}}', 400, None),
    "Infinity": (b'{"filter": {"updated_after": -Infinity}}', 400, None),
    "a float beyond all": (b'{"filter": {"updated_after": 1e999}}', 400, "filter.updated_after"),
    "65 bits": (b'{"filter": {"updated_after": 9223372036854775808}}', 400, "filter.updated_after"),
    "5,000 digits": (b'{"filter": {"updated_after": ' + b"9" * 5000 + b"}}", 400, None),
    "U+0000": (b'{"project": "a\\u0000b", "format": "csv"}', 400, "project"),
    "U+0000 in a key": (b'{"a\\u0000": 1}', 400, "a\\x00"),
    "half a surrogate": (b'{"project": "\\ud800", "format": "csv"}', 400, "project"),
    "half a surrogate deep down": (b'{"filter": {"global_keys": ["a", "\\udfff"]}}', 400, "filter.global_keys[1]"),
    "half a surrogate in a key": (b'{"\\ud800": 1}', 400, "\\ud800"),
    "100,000 levels": (b"[" * 100_000, 400, None),
    "13 levels": (b'{"a":' * 13 + b"1" + b"}" * 13, 400, None),
    "3 MB": (b'{"description": "' + b"x" * 3_000_000 + b'"}', 413, None),
}


@pytest.mark.parametrize(("body", "status", "field"), BAD_BODIES.values(), ids=BAD_BODIES)
def test_a_body_that_cannot_be_meant_is_refused_in_one_line(world: World, caplog, body, status, field):
    script = world.script("oscar")
    before = ExportReport.objects.count()
    for path in ("reports/", "reports/plan/", "configs/"):
        is_problem(script.post(path, body), status, field)
    assert ExportReport.objects.count() == before
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")), inner, max_size=4
        )
    ),
    max_leaves=20,
)


@given(JSON)
def test_whatever_is_plain_json_is_read_as_it_is(value):
    import io

    depth = 0
    level = [value]
    while level:
        depth += 1
        level = [inner for each in level for inner in _inside(each)]
    raw = json.dumps(value).encode()
    if depth <= DEEPEST:
        assert StrictJSONParser().parse(io.BytesIO(raw)) == value


def _inside(value):
    return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonx"]
)
def test_a_body_of_another_kind_is_said(world: World, kind):
    is_problem(world.script("oscar").post("reports/", b'{"a": 1}', content_type=kind), 415)


def test_json_with_a_charset_is_json(world: World):
    answer = world.script("oscar").post("reports/", GOOD, content_type="application/json; charset=utf-8")
    assert answer.status_code == 202


BAD_VALUES = {
    "an unknown key": ({**GOOD, "colour": "red"}, "colour"),
    "no format": ({"project": OWN}, "format"),
    "an unknown format": ({**GOOD, "format": "xml"}, "format"),
    "a number as format": ({**GOOD, "format": 1}, "format"),
    "no project": ({"format": "csv"}, "project"),
    "a number as project": ({**GOOD, "project": 1}, "project"),
    "an unknown status": ({**GOOD, "statuses": ["accepted", "done"]}, "statuses[1]"),
    "no statuses at all": ({**GOOD, "statuses": []}, "statuses"),
    "null for statuses": ({**GOOD, "statuses": None}, "statuses"),
    "a text for statuses": ({**GOOD, "statuses": "accepted"}, "statuses"),
    "an unknown part": ({**GOOD, "include": ["everything"]}, "include[0]"),
    "an unknown filter": ({**GOOD, "filter": {"colour": "red"}}, "filter"),
    "a filter that is a list": ({**GOOD, "filter": []}, "filter"),
    "no ids at all": ({**GOOD, "filter": {"global_keys": []}}, "filter.global_keys"),
    "2,001 ids": ({**GOOD, "filter": {"global_keys": ["k"] * 2001}}, "filter.global_keys"),
    "no time": ({**GOOD, "filter": {"updated_after": "yesterday"}}, "filter.updated_after"),
    "a window that ends first": (
        {**GOOD, "filter": {"last_activity_at": ["2024-02-01", "2024-01-01"]}},
        "filter.last_activity_at",
    ),
    "a yes for true": ({**GOOD, "filter": {"with_annotations": "yes"}}, "filter.with_annotations"),
    "another machine's folder": ({**GOOD, "destination": {"kind": "local", "folder": "/etc"}}, "destination"),
    "an unknown option": ({**GOOD, "options": {"depth": "8"}}, "options"),
    "an option of another format": ({**GOOD, "format": "json", "options": {"profile": "exact"}}, "options"),
    "a name of 201 letters": ({**GOOD, "name": "n" * 201}, "name"),
    "a description of 10,001 letters": ({**GOOD, "description": "n" * 10_001}, "description"),
    "null for a format": ({**GOOD, "format": None}, "format"),
    "a config and a description": ({**GOOD, "config_id": "x"}, "config_id"),
}


@pytest.mark.parametrize(("body", "field"), BAD_VALUES.values(), ids=BAD_VALUES)
def test_a_value_without_a_meaning_is_named(world: World, body, field):
    before = ExportReport.objects.count()
    is_problem(world.script("oscar").post("reports/", body), 400, field)
    assert ExportReport.objects.count() == before


@pytest.mark.parametrize("path", ["reports/", "reports/plan/", "configs/"])
def test_a_list_of_statuses_that_came_out_empty_is_not_every_row(world: World, path: str):
    body = {**GOOD, "statuses": []} | ({"name": "Nightly"} if path == "configs/" else {})
    answer = world.script("oscar").post(path, body)
    is_problem(answer, 400, "statuses")
    assert answer.json()["detail"] == "statuses is an empty list, which selects nothing; leave it out to select all"
    assert world.script("oscar").post(path, {key: body[key] for key in body if key != "statuses"}).status_code < 300


def test_a_config_without_statuses_can_be_sent_back_as_it_was_given_out_and_run(world: World):
    script = world.script("oscar")
    config = script.post("configs/", {**GOOD, "name": "Everything"}).json()
    assert "statuses" not in config["config"]
    again = script.put(f"configs/{config['config_id']}/", {**config["config"], "project": OWN, "name": "Everything"})
    assert again.json()["config"] == config["config"]
    made = script.post("reports/", {"project": OWN, "config_id": config["config_id"]})
    assert (made.status_code, made.json()["config"]["statuses"]) == (202, [])


def test_the_words_say_what_would_be_right(world: World):
    script = world.script("oscar")
    assert ", ".join(sorted(FORMATS)) in script.post("reports/", {**GOOD, "format": "xml"}).json()["detail"]
    assert "accepted" in script.post("reports/", {**GOOD, "statuses": ["done"]}).json()["detail"]
    known = script.post("reports/plan/", {**GOOD, "colour": 1}).json()["detail"]
    assert known == (
        "unknown key; known: format, scope, project_ids, model_run_ids, all_projects, all_model_runs, statuses, "
        "filter, labels, interpolated_frames, include, destination, options, max_refused, sync_first, "
        "platform_export, project"
    )


BAD_QUERIES = {
    "unknown": ("colour=red", "colour"),
    "unknown, and long": ("x" * 500 + "=1", "x" * 80),
    "twice": ("status=failed&status=completed", "status"),
    "empty": ("status=", "status"),
    "a status that is none": ("status=done", "status"),
    "a group that is none": ("group=ended", "group"),
    "a format that is none": ("format=xml", "format"),
    "no time": ("created_after=yesterday", "created_after"),
    "a day that is none": ("created_before=2024-02-31", "created_before"),
    "a page of nothing": ("page_size=0", "page_size"),
    "a page too large": ("page_size=201", "page_size"),
    "a page in words": ("page_size=ten", "page_size"),
    "an ordering that is none": ("ordering=id", "ordering"),
    "an ordering through a relation": ("ordering=created_by__password", "ordering"),
    "U+0000": ("q=a%00b", "q"),
    "U+0000 in a name": ("a%00=1", "a\\x00"),
    "not UTF-8": ("q=%ff", None),
    "half a surrogate": ("q=%ed%a0%80", None),
    "long": ("q=" + "x" * 201, "q"),
}


@pytest.mark.parametrize(("query", "field"), BAD_QUERIES.values(), ids=BAD_QUERIES)
def test_a_query_that_cannot_be_meant_is_named(world: World, query, field):
    is_problem(world.script("oscar").client.get(f"/api/v1/reports/?{query}"), 400, field)


def test_a_thousand_parameters_are_too_many(world: World):
    query = "&".join(f"p{number}=1" for number in range(1100))
    is_problem(world.script("oscar").client.get(f"/api/v1/reports/?{query}"), 400)


@pytest.mark.parametrize(
    "path", ["reports/", "reports/status/", "projects/", "links/", "configs/", "tokens/", "audit/"]
)
def test_every_list_refuses_what_it_does_not_know(world: World, path):
    answer = world.script("sue").get(path, {"colour": "red"})
    assert "known:" in is_problem(answer, 400, "colour")


@pytest.mark.parametrize("name", ["%00", "a%00b", "%ff%fe", "%ed%a0%80", "x" * 5000, "%0a", "%F0%9F%97%91"])
@pytest.mark.parametrize(
    "path", ["projects/{}/", "reports/{}/", "artifacts/{}/", "configs/{}/", "projects/{}/members/", "reports/{}/rows/"]
)
def test_an_address_of_nothing_is_404_whatever_it_is_made_of(world: World, path, name):
    answer = world.script("sue").client.generic("GET", f"/api/v1/{path.format(name)}")
    is_problem(answer, 404)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "OPTIONS"])
@pytest.mark.parametrize("path", ["/api/v1/", "/api/v1/nothing/", "/api/v1/reports", "/api/v1/reports/a/b/c/"])
def test_an_address_that_there_is_not_is_a_problem_too(world: World, method, path):
    words = is_problem(world.script("oscar").client.generic(method, path), 404)
    assert ("end with a slash" in words) == (not path.endswith("/"))


def test_a_method_that_there_is_not_is_said_with_those_that_there_are(world: World):
    answer = world.script("oscar").send("PATCH", "reports/?colour=red")
    is_problem(answer, 405)
    assert {"GET", "POST"} <= set(answer.headers["Allow"].split(", "))


def test_options_tells_the_methods(world: World):
    answer = world.script("oscar").send("OPTIONS", "reports/")
    assert answer.status_code == 204
    assert answer.headers["Allow"] == "GET, POST, HEAD, OPTIONS"


@pytest.mark.parametrize("accept", ["application/zip", "text/html", "*/*;q=0", "nonsense"])
def test_what_is_answered_does_not_depend_on_accept(world: World, accept):
    answer = world.script("oscar").get("reports/", headers={"Accept": accept})
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")


def test_head_is_get_without_a_body(world: World):
    answer = world.script("oscar").head("reports/", {"page_size": 1})
    assert (answer.status_code, answer.content) == (200, b"")
