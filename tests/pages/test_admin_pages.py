"""Django's admin: superusers look, nobody changes anything there."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from connections.models import Project
from connections.store.models import FormerRow, StoreCoco, StoreCsv, StoreLabelStudio, StorePredictions, StoreRow
from exportadmin.audit.models import AuditEntry, AuditHead, ChainVerdict, CheckpointSeries
from exportadmin.lib.read_only_admin import ReadOnlyAdmin
from exports.models import LineIndex, TriedPath
from exports.models.delivered_rows import DeliveredRows
from exports.models.link import DeletedLink
from tests.pages.reports import deliver

LABELS = ("exports", "connections", "access", "store", "sync", "audit")
# byte positions of lines, digests of rows, and what is left of links and keys: nothing for people to look at
NOT_SHOWN = {LineIndex, DeletedLink, TriedPath, DeliveredRows, FormerRow}
# what is in rows, and the trail: there are pages for them, on which looking is recorded
RECORDED = {
    StoreCoco,
    StoreCsv,
    StoreLabelStudio,
    StorePredictions,
    AuditEntry,
    AuditHead,
    ChainVerdict,
    CheckpointSeries,
}
OURS = sorted(
    (model for model in admin.site._registry if model._meta.app_label in LABELS),
    key=lambda model: model._meta.label,
)


def pages(model: type) -> tuple[str, str]:
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    return reverse(f"{name}_changelist"), reverse(f"{name}_add")


@pytest.fixture
def filled(project: Project, tmp_path: Path) -> Project:
    from connections.store.upsert import write_rows
    from tests.support.rows import box, row

    write_rows(project, [row("row-1", box()), row("row-2")])
    deliver(project, tmp_path / "d")
    return project


def test_every_model_of_ours_is_there():
    from django.apps import apps

    models = {model for label in LABELS for model in apps.get_app_config(label).get_models()}
    assert set(OURS) == models - NOT_SHOWN - RECORDED


@pytest.mark.parametrize("model", OURS, ids=lambda model: model._meta.label)
def test_nothing_can_be_added_changed_or_deleted(model: type, visitor: Client, filled: Project):
    changelist, add = pages(model)
    assert visitor.get(add).status_code == 403
    page = visitor.get(changelist)
    assert page.status_code == 200
    assert "delete_selected" not in page.content.decode()
    first = model.objects.first()
    if first is not None:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        assert visitor.get(reverse(f"{name}_change", args=[first.pk])).status_code == 200
        assert visitor.post(reverse(f"{name}_change", args=[first.pk]), {}).status_code == 403
        assert visitor.post(reverse(f"{name}_delete", args=[first.pk]), {"post": "yes"}).status_code == 403
        assert model.objects.filter(pk=first.pk).exists()


@pytest.mark.parametrize("model", OURS, ids=lambda model: model._meta.label)
def test_nobody_else_gets_in(model: type, stranger: Client, mallory: User):
    mallory.is_staff = True
    mallory.save()
    assert stranger.get(pages(model)[0]).status_code == 403


def test_a_rows_page_shows_nothing_of_what_is_in_it(visitor: Client, filled: Project):
    row = StoreRow.objects.get(row_id=StoreRow.objects.order_by("number").first().row_id)  # type: ignore[union-attr]
    page = visitor.get(reverse("admin:store_storerow_change", args=[row.pk])).content.decode()
    assert row.global_key in page
    for word in ("bounding_box", "annotations&quot;", "embeddings", "label_times", "data_row&quot;"):
        assert word not in page, word


def test_the_list_of_rows_leaves_the_bodies_alone(visitor: Client, filled: Project):
    with CaptureQueriesContext(database) as queries:
        assert visitor.get("/admin/store/storerow/").status_code == 200
    rows = [query["sql"] for query in queries if 'FROM "store_storerow"' in query["sql"]]
    assert rows
    assert not [sql for sql in rows if '"body"' in sql or '"embeddings"' in sql]


def test_what_could_be_tried_against_a_guess_is_not_shown():
    from connections.access.models import ApiToken
    from exports.models import Link

    for model, secret in ((ApiToken, "digest"), (Link, "signature")):
        page = admin.site._registry[model]
        assert isinstance(page, ReadOnlyAdmin)
        assert secret in (page.exclude or ())
        assert secret not in page.list_display


@pytest.mark.parametrize(
    ("model", "query"),
    [
        ("access/apitoken", "digest__startswith"),
        ("access/apitoken", "user__password__startswith"),
        ("exports/link", "signature__startswith"),
        ("exports/exportreport", "project__connection__secrets__contains"),
        ("exports/exportreport", "project__connection__secrets"),
        ("auth/user", "password__startswith"),
        ("auth/user", "api_tokens__digest__startswith"),
        ("auth/user", "preference__time_zone"),
    ],
)
def test_a_column_that_no_filter_offers_cannot_be_guessed_by_an_address(visitor: Client, model: str, query: str):
    """One guess right and one wrong answered differently would tell a digest letter by letter."""
    assert visitor.get(f"/admin/{model}/", {query: "a"}).status_code == 400


@pytest.mark.parametrize(
    ("model", "query"),
    [
        ("exports/exportreport", {"status__exact": "completed", "project__id__exact": "1"}),
        ("exports/exportreport", {"created_at__year": "2026", "created_at__month": "11"}),
        ("auth/user", {"is_active__exact": "1"}),
    ],
)
def test_filters_that_a_page_offers_work(visitor: Client, model: str, query: dict[str, str]):
    assert visitor.get(f"/admin/{model}/", query).status_code == 200


def test_its_pages_have_our_icon_and_no_plural_that_is_none(visitor: Client):
    page = visitor.get("/admin/").content.decode()
    assert '<link rel="icon" href="/static/exportadmin/favicon.svg"' in page
    assert "classs" not in page and "Store classes" in page
