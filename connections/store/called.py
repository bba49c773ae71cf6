"""Which rows are, or were, called something: by data row id, global key, external id, or the file name that we made."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from django.db.models import BigIntegerField, CharField, F, QuerySet, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast

from connections.models import Project
from connections.store.models import MAX_ID, MAX_NUMBER_AS_PLACE, FormerRow, StoreRow, row_pk

# field → what it is called
NAMES: Final = {"row_id": "data row id", "global_key": "global key", "external_id": "external id"}
# see connections.rows.file_names
_OUR_FILE_NAME: Final = re.compile(r"(\d{12,19})(?:-.*)?", re.ASCII | re.DOTALL)
MOST: Final = 100
# with its type, which PostgreSQL does not guess in a union
_STILL: Final = Cast(Value(None), BigIntegerField())

Rows: TypeAlias = QuerySet[Any, Any]


@dataclass(frozen=True, slots=True)
class Called:
    """The row with ``number`` in a project, ``by`` one of its names, in the revisions from ``since`` up to, not with,
    ``until`` (``None``: to this day)."""

    project_pk: int
    number: int
    since: int
    until: int | None
    by: str


def rows_called(text: str, projects: QuerySet[Project]) -> tuple[list[Called], bool]:
    """At most :data:`MOST` of them, and are there more? In two queries; ``projects``: where to look."""
    pks = list(projects.values_list("pk", flat=True))
    living, former = StoreRow.objects.filter(project__in=pks), FormerRow.objects.filter(project__in=pks)
    named = [_by(living, name, text, "added_revision", _STILL) for name in NAMES]
    named += [_by(former, name, text, "since_revision", F("until_revision")) for name in NAMES]
    if (made := _OUR_FILE_NAME.fullmatch(text)) and (number := int(made[1])) <= MAX_ID:
        if number <= MAX_NUMBER_AS_PLACE:
            numbered = living.filter(pk__in=[row_pk(pk, number) for pk in pks])
        else:
            condition = f"number > {MAX_NUMBER_AS_PLACE}"  # not as a parameter, as below
            numbered = living.filter(number=number).extra(where=[condition])  # noqa: S610
        named.append(_columns(numbered, "added_revision", _STILL, "file name"))
        named.append(_columns(former.filter(number=number), "since_revision", F("until_revision"), "file name"))
    found = [Called(*values) for values in named[0].union(*named[1:], all=True)[: MOST + 1]]
    return list(dict.fromkeys(found[:MOST])), len(found) > MOST


def _by(rows: Rows, name: str, text: str, since: str, until: Combinable) -> Rows:
    rows = rows.filter(**{name: text})
    if name == "external_id":
        # not as a parameter: the index is taken only where the query has its very condition
        rows = rows.extra(where=["external_id > ''"])
    return _columns(rows, since, until, NAMES[name])


def _columns(rows: Rows, since: str, until: Combinable, by: str) -> Rows:
    return rows.order_by().values_list("project_id", "number", since, until, Value(by, CharField()))
