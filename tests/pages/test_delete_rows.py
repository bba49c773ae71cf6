"""The page on which rows are deleted: counted first, and deleted only as they were counted."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client

from connections.models import Project
from connections.store.models import StoreRow, StoreTombstone
from connections.store.upsert import write_rows
from exportadmin.audit.models import AuditEntry
from tests.pages.people import signed_in
from tests.pages.squeezed import page_html
from tests.support.rows import mixed, row

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def filled(members: Project) -> Project:
    write_rows(members, mixed(40))
    return members


def address(project: Project) -> str:
    return f"/projects/{project.public_id}/rows/delete/"


def counted(page: str) -> str:
    found = re.search(r'name="counted" value="(\w*)"', page)
    assert found is not None
    return found[1]


# --- bad days --------------------------------------------------------------------------------------------------------


def test_only_admins_find_the_page_and_the_way_to_it(filled: Project, visitor: Client, oscar: User, stranger: Client):
    assert address(filled) in page_html(visitor.get(f"/projects/{filled.public_id}/"))
    operator = signed_in(oscar)
    assert address(filled) not in page_html(operator.get(f"/projects/{filled.public_id}/"))
    assert operator.get(address(filled)).status_code == 403
    assert stranger.get(address(filled)).status_code == 404


@pytest.mark.parametrize(
    ("typed", "status", "words"),
    [
        ({"do": "count"}, 400, "the filter has no condition: it would select every row"),
        ({"do": "count", "updated_after": "soon"}, 400, "&#x27;soon&#x27; is not a time"),
        ({"do": "delete", "global_keys": "row-00001", "reason": "r"}, 409, "are not those that were counted"),
        ({"do": "empty", "global_keys": "row-00001"}, 400, "expected count or delete"),
        ({"do": "count", "global_keys": "row-00001", "colour": "red"}, 400, "unknown parameter"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_deleted(filled: Project, visitor: Client, typed, status, words):
    answer = visitor.post(address(filled), typed)
    assert answer.status_code == status
    assert words in page_html(answer)
    assert StoreRow.objects.count() == 40


def test_conditions_that_were_changed_after_the_count_delete_nothing(filled: Project, visitor: Client):
    token = counted(page_html(visitor.post(address(filled), {"do": "count", "global_keys": "row-00001"})))
    changed = {"do": "delete", "global_keys": "row-00002", "reason": "r", "counted": token}
    assert visitor.post(address(filled), changed).status_code == 409
    assert StoreRow.objects.count() == 40


def test_rows_that_came_after_the_count_are_counted_before_they_go(filled: Project, visitor: Client):
    typed = {"statuses": "accepted", "reason": "r"}
    token = counted(page_html(visitor.post(address(filled), {"do": "count", **typed})))
    write_rows(filled, [row("late", status="accepted")])
    again = visitor.post(address(filled), {"do": "delete", "counted": token, **typed})
    assert again.status_code == 409
    assert "<strong>11</strong> of 41 rows" in page_html(again)
    assert StoreRow.objects.count() == 41
    token = counted(page_html(again))
    assert visitor.post(address(filled), {"do": "delete", "counted": token, **typed}).status_code == 302
    assert StoreRow.objects.count() == 30


def test_a_reason_is_asked_for_beside_its_field(filled: Project, visitor: Client):
    token = counted(page_html(visitor.post(address(filled), {"do": "count", "global_keys": "row-00001"})))
    answer = visitor.post(address(filled), {"do": "delete", "global_keys": "row-00001", "counted": token})
    assert answer.status_code == 400
    assert re.search(r'id="reason_error"[^>]*>.{0,60}the reason has 0 characters', page_html(answer))
    assert StoreRow.objects.count() == 40


# --- good days -------------------------------------------------------------------------------------------------------


def test_rows_are_counted_and_then_deleted(filled: Project, visitor: Client):
    assert "Count first" in page_html(visitor.get(address(filled)))
    typed = {"global_keys": "row-00001\nrow-00002\nnosuch", "reason": "wrong camera"}
    page = page_html(visitor.post(address(filled), {"do": "count", **typed}))
    assert "<strong>2</strong> of 40 rows" in page and "1 name names no row" in page
    assert "Delete 2 rows" in page
    assert not AuditEntry.objects.filter(event="rows.deleted").exists()
    answer = visitor.post(address(filled), {"do": "delete", "counted": counted(page), **typed}, follow=True)
    assert "2 rows are deleted." in page_html(answer)
    assert set(StoreTombstone.objects.values_list("reason", "deleted_by")) == {("wrong camera", "alice")}
    (entry,) = AuditEntry.objects.filter(event="rows.deleted")
    assert (entry.actor_name, entry.channel, entry.details["rows"]) == ("alice", "web", 2)


def test_where_no_row_is_selected_there_is_nothing_to_press(filled: Project, visitor: Client):
    page = page_html(visitor.post(address(filled), {"do": "count", "global_keys": "nosuch"}))
    assert "<strong>0</strong> of 40 rows" in page
    assert 'value="delete"' not in page
