"""The help cannot lie: its examples are parsed, its samples are read back, its lines are run."""

from __future__ import annotations

import csv
import html
import io
import json
import os
import re
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from connections.access.models import Membership
from connections.access.roles import ROLES, SCOPES, VERBS
from connections.access.tokens import issue_token
from connections.models import Project
from connections.rows.batch import ALL_PARTS
from connections.rows.kinds import KINDS
from connections.store.importers import IMPORTERS
from connections.store.upsert import write_rows
from exportadmin.lib.actor import Actor
from exportadmin.runs.execute import execute
from exports.dialects import DIALECTS
from exports.formats import FORMATS
from exports.help import samples, texts
from exports.models import ExportReport
from exports.spec.conditions import CONDITIONS
from exports.spec.filters import parse_filter
from exports.spec.parts import PART_LABELS
from exports.views.help import PAGES
from tests.pages.squeezed import page_html
from tests.support import cast
from tests.support.rows import mixed

pytestmark = pytest.mark.django_db


@pytest.fixture
def reader(mallory) -> Client:
    """Help is for everybody who may sign in."""
    client = Client()
    client.force_login(mallory)
    return client


def get(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return page_html(answer)


def marked(page: str, mark: str) -> list[str]:
    return [html.unescape(text) for text in re.findall(rf"<(?:code|pre)[^>]* {mark}[^>]*>([^<]*)<", page)]


def test_unknown_parameters_are_refused_and_strangers_sign_in_first(reader, client):
    for path in ("/help/", "/help/formats/", "/help/rest/"):
        assert reader.get(f"{path}?x=1").status_code == 400
        assert client.get(path).status_code == 302
    assert reader.post("/help/").status_code == 405


def test_the_index_leads_to_every_page_and_to_the_explorer(reader):
    page = get(reader, "/help/")
    addresses = re.findall(r'<h2><a href="([^"]+)"', page)
    assert len(addresses) == len(PAGES) + 1
    for address in addresses:
        assert get(reader, address).count("<h1") == 1
    assert "/api/v1/explorer/" in addresses


@pytest.mark.parametrize(
    ("words", "table"),
    [
        (PART_LABELS, ALL_PARTS),
        (texts.VERB_TEXTS, VERBS),
        (texts.CHECK_VALUE_TEXTS, samples.check_values()),
    ],
)
def test_there_are_words_for_every_entry_of_a_table_and_no_others(words, table):
    assert set(words) == set(table)


def test_every_example_of_a_filter_is_one(reader):
    page = get(reader, "/help/filters/")
    examples = marked(page, "data-filter")
    assert len(examples) == len(CONDITIONS) + 1
    assert [parse_filter(json.loads(example), time_zone=texts.ZONE) for example in examples]
    assert {key for example in examples for key in json.loads(example)} == set(CONDITIONS)


def test_the_four_ways_to_write_a_time_are_read_and_say_what_they_are_in_utc(reader):
    page = get(reader, "/help/filters/")
    values = [json.loads(value) for value in marked(page, "data-time")]
    assert [type(value) for value in values] == [int, str, str, str]
    said = re.findall(r"<td class=\"ea-utc\">(\d{4}-\d\d-\d\dT[^<]+)</td>", page)
    assert said == [
        "2026-01-01T09:00:00.000+00:00",
        "2025-12-31T23:00:00.000+00:00",
        "2026-01-01T08:30:00.000+00:00",
        "2026-01-01T07:30:00.000+00:00",
    ]
    for value in values:
        assert parse_filter({"updated_after": value}, time_zone=texts.ZONE)


def test_what_files_say_is_shown_as_the_importers_declare_it(reader):
    page = html.unescape(get(reader, "/help/files/"))
    for importer in IMPORTERS.values():
        for form in importer.forms():
            cells = "".join(f'<code class="ea-value">{name}</code>' for name in form.written)
            line = rf'<th scope="row">{re.escape(form.title)}</th>\s*<td>{re.escape(importer.title)}</td>\s*'
            line += rf"<td>{re.escape(cells)}</td>\s*<td>{form.becomes}</td>\s*<td>{re.escape(form.text)}</td>"
            assert re.search(line, page), form
    shown = re.findall(r'<th scope="row">([^<]*)</th>', page)
    kinds = [kind.title for kind in KINDS.values()]
    assert [title for title in dict.fromkeys(shown) if title in kinds] == kinds


def test_every_format_has_a_sample_that_its_readers_can_read(reader):
    page = get(reader, "/help/formats/")
    shown = {key: marked(page, f'data-sample="{key}"') for key in FORMATS}
    assert {key: len(texts) for key, texts in shown.items()} == {
        key: 1 + sum(len(option.values) - 1 for option in writer.options) for key, writer in FORMATS.items()
    }
    rows = json.loads(shown["json"][0])
    assert [row["data_row"]["global_key"] for row in rows] == ["quay.jpg", "pier.jpg"]
    assert [json.loads(line) for line in shown["ndjson"][0].splitlines()] == rows
    coco = json.loads(shown["coco_json"][0])
    assert (len(coco["images"]), coco["annotations"][0]["bbox"]) == (2, [8, 20, 30, 15])
    exact, safe, with_dataset, with_metadata = (list(csv.DictReader(io.StringIO(text))) for text in shown["csv"])
    assert [line["dataset"] for line in with_dataset] == ["North quay"] * 3
    assert [line["metadata"] for line in with_metadata] == ['[{"schema_name":"weather","value":"fog"}]'] * 2 + [""]
    assert [line["value"] for line in exact] == ["", "=2 people on deck", ""]
    assert [line["value"] for line in safe] == ["", "'=2 people on deck", ""]
    assert "masks/000000000001.png" in shown["png"][0]
    assert "pier.jpg" in shown["png"][0]
    for key, writer in FORMATS.items():
        assert writer.help in html.unescape(page), key
        assert all(option.help in html.unescape(page) for option in writer.options), key


def test_check_values_are_those_of_a_real_count(reader):
    values = samples.check_values()
    assert values["rows_read"] == values["rows_kept"] + sum(values["rows_dropped"].values()) == 3
    assert (values["annotations_by_class"], values["left_out_by_format"]) == ({"boat": 1}, {"classification": 1})
    page = get(reader, "/help/check-values/")
    for words in (*values, "sha256sum FILE", "Get-FileHash FILE", "exportadmin verify REPORT_ID", "manifest.json"):
        assert words in page


def test_roles_scopes_and_statuses_are_the_tables(reader):
    page = get(reader, "/help/roles/")
    for name, (verbs, words) in {**ROLES, **SCOPES}.items():
        (row,) = re.findall(rf"<tr><th scope=\"row\"><code>{name}</code></th><td>{re.escape(words)}.*?</tr>", page)
        assert row.count("<li>") == len(verbs)
    page = get(reader, "/help/statuses/")
    assert "<code>InRework</code>" in page
    assert "client_rejected" in page


def test_a_reader_without_a_project_is_told_where_its_id_goes(reader):
    page = get(reader, "/help/rest/")
    assert "PROJECT_ID" in page
    assert "you may not run exports in any project yet" in page


def test_hostile_names_stay_out_of_the_lines(project, client):
    from django.contrib.auth.models import User

    hostile = User.objects.create_user("x'; rm -rf ~; '", "x@example.org", cast.PASSWORD)
    project.name = "'$(reboot)'<script>"
    project.save()
    Membership.objects.create(project=project, user=hostile, role="operator")
    client.force_login(hostile)
    lines = "\n".join(marked(get(client, "/help/rest/"), "data-step"))
    assert "reboot" not in lines
    assert """issue_token 'x'"'"'; rm -rf ~; '"'"'' --scope""" in lines


# --- the quick start, line by line -----------------------------------------------------------------------------------


@pytest.fixture
def harbour(transactional_db, settings, tmp_path) -> Project:
    from connections.models import Connection

    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    made = Project.objects.create(connection=Connection.objects.create(name="Store", kind="store"), name="Harbour")
    write_rows(made, mixed(5))
    return made


def work_until(done: threading.Event) -> None:
    """A worker: runs what is queued."""
    try:
        while not done.is_set():
            for report in ExportReport.objects.filter(status="queued"):
                execute("export", report.pk)
            time.sleep(0.05)
    finally:
        connection.close()


def test_the_lines_of_the_quick_start_do_what_they_say(harbour, live_server, tmp_path: Path):
    user: Any = cast.oscar()
    Membership.objects.create(project=harbour, user=user, role="operator")
    client = Client()
    client.force_login(user)
    host = live_server.url.removeprefix("http://")
    steps = marked(page_html(client.get("/help/rest/", headers={"Host": host})), "data-step")
    issue = steps[0]
    assert f"API={live_server.url}/api/v1\n" in steps[1]
    scopes = re.findall(r"--scope (\S+?)[\s)]", issue)
    assert issue.startswith("KEY=$(exportadmin issue_token oscar --scope ")
    _, key = issue_token(user=user, name="quick start", scopes=scopes, actor=Actor("user", "oscar", "shell"))
    script = "\n".join(["set -eu", f"KEY={key}", *steps[1:]])
    done = threading.Event()
    worker = threading.Thread(target=work_until, args=(done,))
    worker.start()
    try:
        environment = {"PATH": os.environ["PATH"], "no_proxy": "*"}
        ran = subprocess.run(
            ["sh", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
        )
    finally:
        done.set()
        worker.join()
    assert ran.returncode == 0, ran.stderr
    report = ExportReport.objects.get()
    assert report.status == "completed"
    assert "export.ndjson: OK" in ran.stdout
    assert len((tmp_path / "export.ndjson").read_text().splitlines()) == 5
    assert '"ok":true' in ran.stdout.replace(" ", "")


def test_the_lines_for_a_platforms_sdk_name_this_installation_and_the_project(alice: Any, project: Any):
    client = Client()
    client.force_login(alice)
    page = html.unescape(get(client, "/help/sdk/"))
    for key, dialect in DIALECTS.items():
        assert f"http://testserver/dialects/{key}" in page
        assert f"/projects/{project.public_id}/sdk/{key}/" in page
        assert all(f"<code>{scope}</code>" in page for scope in dialect.scopes)
        for what, why in dialect.differences:
            assert what in page and why in page
    assert marked(page, "data-script")
    for lines in marked(get(client, "/help/sdk/"), "data-script"):
        compile(lines, "script", "exec")  # they can be pasted
        assert project.public_id in lines or f"exports.as_json({project.pk}," in lines or f"id={project.pk}," in lines
