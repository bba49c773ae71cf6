"""A new condition is one class and one line of the registry: everything else follows."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Mapping
from io import StringIO
from typing import Any

import pytest
from django import forms
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client

from connections.access.tokens import issue_token
from connections.models import Project
from connections.rows.batch import RowBatch
from connections.store.upsert import write_rows
from exportadmin.audit.models import AuditEntry
from exportadmin.lib.errors import UserError
from exportadmin.runs.execute import execute
from exports.models import ExportConfig, ExportReport
from exports.spec.conditions import CONDITIONS
from exports.spec.conditions.base import Condition, Flag
from exports.spec.conditions.fields import WordField
from tests.rest.world import SHELL, Rest
from tests.support.rows import mixed

pytestmark = pytest.mark.django_db(transaction=True)
FILTER = {"key_ends": "7"}


class KeyEnds(Condition[str]):
    """Rows whose global key ends with a text. The store knows nothing of it."""

    key = "key_ends"
    label = "Key ends with"
    sentence = "rows whose global key ends with this text"
    example = "7"
    dropped_label = "another end of the key"
    flag = Flag("--key-ends", "TEXT", "only rows whose key ends so")

    def parse(self, raw: object, *, time_zone: str, field: str) -> str:
        if not isinstance(raw, str) or not raw.isdigit():
            raise UserError(f"{field} is {raw!r}; expected digits", field=field)
        return raw

    def failing(self, value: str, batch: RowBatch) -> list[int]:
        return [place for place, key in enumerate(batch.global_keys) if not key.endswith(value)]

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": "^[0-9]+$"}

    def texts(self, raw: Any) -> list[str]:
        return [f"… {raw}"]

    def short(self, raw: Any, resolved: Any) -> str:
        return f"keys that end with {raw}"

    def form_fields(self, time_zone: str) -> dict[str, forms.Field]:
        return {"key_ends": WordField(label=self.label)}

    def from_form(self, cleaned: Mapping[str, Any]) -> Any:
        return cleaned["key_ends"] or None

    def to_form(self, raw: Any) -> dict[str, Any]:
        return {"key_ends": raw}


@pytest.fixture(autouse=True)
def toy() -> Iterator[None]:
    CONDITIONS.register("key_ends", KeyEnds())
    yield
    CONDITIONS.unregister("key_ends")


@pytest.fixture
def filled(members: Project, settings: Any, tmp_path: Any) -> Project:
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    cache.clear()
    write_rows(members, mixed(40), now_ms=1_000)
    return members


@pytest.fixture
def script(filled: Project, alice: Any) -> Rest:
    return Rest(issue_token(user=alice, name="script", scopes=("admin",), actor=SHELL)[1])


@pytest.fixture
def pages(filled: Project, alice: Any) -> Client:
    client = Client()
    client.force_login(alice)
    return client


def text_of(answer: Any) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())))


def form(project: Project, **values: Any) -> dict[str, Any]:
    return {"project": project.public_id, "format": "ndjson", "key": "k1", "do": "run", **values}


def run(report: ExportReport) -> ExportReport:
    execute("export", report.pk)
    report.refresh_from_db()
    assert report.status == "completed", report.error
    return report


def test_rest_describes_it_takes_it_plans_it_and_refuses_what_it_refuses(script: Rest, filled: Project):
    # imported at the top it would be the first of REST framework, whose settings name classes of ours that need it
    from drf_spectacular.generators import SchemaGenerator

    document = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    for name in ("CreateReport", "Plan", "ConfigBody"):
        properties = document["components"]["schemas"][name]["properties"]["filter"]["properties"]
        assert properties["key_ends"] == {
            "type": "string",
            "pattern": "^[0-9]+$",
            "nullable": True,
            "description": KeyEnds.sentence,
        }
    body = {"project": filled.public_id, "format": "ndjson", "filter": FILTER}
    plan = script.post("reports/plan/", body).json()
    assert (plan["rows_kept"], plan["rows_dropped"]) == (4, {"key_ends": 36})
    wrong = script.post("reports/", {**body, "filter": {"key_ends": "x"}})
    assert (wrong.status_code, wrong.json()["field"]) == (400, "filter.key_ends")
    assert "key_ends" in script.post("reports/", {**body, "filter": {"colour": "red"}}).json()["detail"]
    assert script.post("reports/", body).status_code == 202
    assert run(ExportReport.objects.get()).check_values["rows_dropped"] == {"key_ends": 36}


def test_the_form_asks_for_it_plans_it_runs_it_and_saves_it(pages: Client, filled: Project):
    page = pages.get("/exports/new/", {"project": filled.public_id}).content.decode()
    assert re.search(r'<label[^>]* for="key_ends">Key ends with</label>\s*<input type="text" name="key_ends"', page)
    wrong = pages.post("/exports/new/", form(filled, key_ends="x"))
    assert wrong.status_code == 400
    assert "Key ends with : Key ends with is 'x'; expected digits" in text_of(wrong)
    plan = text_of(pages.post("/exports/new/plan/", form(filled, key_ends="7")))
    assert "4 of 40 rows" in plan and "Another end of the key 36" in plan
    pages.post("/exports/new/", form(filled, key_ends="7"))
    assert ExportReport.objects.get().config["filter"] == FILTER
    pages.post("/exports/new/", form(filled, key_ends="7", do="save", key="k2"))
    config = ExportConfig.objects.get()
    assert config.body["filter"] == FILTER
    for address in (f"/configs/{config.public_id}/edit/", f"/exports/new/?project={filled.public_id}&key_ends=7"):
        assert re.search(r'name="key_ends" value="7"', pages.get(address).content.decode())


@pytest.mark.parametrize("flags", [{"filter": json.dumps(FILTER)}, {"key_ends": "7"}])
def test_the_shell_takes_it_in_a_filter_and_as_its_own_flag(filled: Project, flags: dict[str, Any], tmp_path: Any):
    out = StringIO()
    call_command("run_export", filled.name, format="ndjson", output=tmp_path / "out", stdout=out, **flags)
    assert "40 rows read = 4 kept + 36 dropped (key_ends 36)" in out.getvalue()


def test_list_report_trail_and_help_have_its_words(pages: Client, script: Rest, filled: Project):
    script.post("reports/", {"project": filled.public_id, "format": "ndjson", "filter": FILTER})
    report = run(ExportReport.objects.get())
    assert "keys that end with 7" in text_of(pages.get("/exports/"))
    page = text_of(pages.get(f"/exports/{report.report_id}/"))
    assert "Key ends with … 7" in page
    assert "Dropped: another end of the key 36" in page
    assert AuditEntry.objects.filter(event="export.requested").exists()
    assert "key ends with: … 7" in text_of(pages.get("/audit/questions/filters/"))
    assert 'key_ends rows whose global key ends with this text {"key_ends": "7"}' in text_of(
        pages.get("/help/filters/")
    )


def test_a_row_that_slips_through_a_source_which_claims_to_apply_it_fails_the_run(
    script: Rest, filled: Project, monkeypatch: pytest.MonkeyPatch
):
    from exports.sources.store import StoreSource

    monkeypatch.setattr(StoreSource, "pushed_down", StoreSource.pushed_down | {"key_ends"})
    script.post("reports/", {"project": filled.public_id, "format": "ndjson", "filter": FILTER})
    report = ExportReport.objects.get()
    execute("export", report.pk)
    report.refresh_from_db()
    assert report.status == "failed"
    assert "asked to filter by key_ends but returned row" in report.error
