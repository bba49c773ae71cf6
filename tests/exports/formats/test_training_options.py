"""The options of the formats for training, by form, REST and shell alike; and what the three deliver."""

from __future__ import annotations

import html
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from connections.models import Project
from exportadmin.runs.execute import execute
from exports.models import ExportReport
from tests.exports.delivery.conftest import deliver, filled, home, script  # noqa: F401 - fixtures
from tests.exports.formats.archives import entries
from tests.pages.test_new_export import NEW, form, page_of, said
from tests.support.deliveries import delivery_folder

pytestmark = pytest.mark.django_db(transaction=True)
OPTIONS = {"classes": "dog, sky", "split": "70/30", "seed": "7", "names": "row_id"}
KEYS = ("yolo", "yolo_obb", "voc")


@pytest.fixture
def pages(oscar, filled: Project) -> Client:  # noqa: F811
    client = Client()
    client.force_login(oscar)
    return client


def archive_of(report: ExportReport) -> dict[str, bytes]:
    assert report.status == "completed", report.error
    return entries((delivery_folder(report) / report.artifacts.get().name).read_bytes())


@pytest.mark.parametrize("key", KEYS)
def test_form_rest_and_shell_deliver_the_same_bytes(key, deliver, filled, pages, home, tmp_path):  # noqa: F811
    by_rest = deliver(format=key, options=OPTIONS)
    pages.post(NEW, form(filled, format=key, **{f"{key}.{name}": value for name, value in OPTIONS.items()}))
    by_form = ExportReport.objects.exclude(pk=by_rest.pk).get()
    execute("export", by_form.pk)
    by_form.refresh_from_db()
    flags: list[Any] = [part for name, value in OPTIONS.items() for part in ("--option", f"{name}={value}")]
    call_command("run_export", filled.name, "--format", key, *flags, "--output", str(tmp_path / "out"))
    (in_shell,) = (tmp_path / "out").glob("*.zip")
    files = archive_of(by_rest)
    assert files == archive_of(by_form) == entries(in_shell.read_bytes())
    assert by_rest.check_values["annotations"] > 0
    assert set(by_rest.check_values["left_out_by_format"]) == {"classification", "point"}
    assert sum(name.endswith((".xml", ".txt")) and "ImageSets" not in name for name in files) >= 40


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("split", "80", "option split is '80'; expected none, or two or three shares such as 80/20 or 80/10/10"),
        ("seed", "a b", "option seed is 'a b'; expected 1 to 40 letters from a to z"),
        ("names", "loud", "known: flat, folders, row_id"),
    ],
)
def test_what_is_wrong_is_refused_by_each_in_the_same_words(key, name, value, words, script, filled, pages, capsys):  # noqa: F811
    answer = script.post("reports/", {"project": filled.name, "format": key, "options": {name: value}})
    assert answer.status_code == 400
    assert words in answer.content.decode()
    page = page_of(pages.post(NEW, form(filled, format=key, **{f"{key}.{name}": value})))
    assert words in html.unescape(said(page, f"{key}.{name}"))
    assert not ExportReport.objects.exists()


def test_a_class_that_there_is_not_stops_the_plan_in_words(script, filled):  # noqa: F811
    body = {"project": filled.name, "format": "yolo", "options": {"classes": "car, doge"}}
    answer = script.post("reports/plan/", body)
    assert answer.status_code == 200, answer.content
    assert answer.json()["stops"] == ["option classes names 'doge', which is no class of the ontology; such as dog"]


def test_the_form_offers_texts_with_their_usual_values(filled, pages):  # noqa: F811
    page = page_of(pages.get(NEW, {"project": filled.public_id}))
    assert '<datalist id="yolo.split_list"><option value="none"></option><option value="80/10/10"></option>' in page
    assert 'name="voc.origin"' in page
