"""Rows of a table by their primary keys, written whether they are there or not."""

from __future__ import annotations

from typing import Any

from django.db import connection, models

_UPSERTS: dict[tuple[str, type[models.Model]], str] = {}


def upsert_values(model: type[models.Model], values: list[tuple[Any, ...]]) -> None:
    """INSERT … ON CONFLICT (primary key) DO UPDATE, which SQLite and PostgreSQL spell alike.

    Not ``bulk_create``: building and preparing a model instance of 21 fields costs more than rendering the row.
    """
    if not values:
        return
    key = (connection.vendor, model)
    sql = _UPSERTS.get(key)
    if sql is None:
        quote = connection.ops.quote_name
        columns = [quote(field.column) for field in model._meta.concrete_fields if field.column]
        pk = quote(model._meta.pk.column or "id")
        updates = ", ".join(f"{column} = excluded.{column}" for column in columns if column != pk)
        sql = _UPSERTS[key] = (
            f"INSERT INTO {quote(model._meta.db_table)} ({', '.join(columns)}) "  # noqa: S608 - names from the models
            f"VALUES ({', '.join(['%s'] * len(columns))}) ON CONFLICT ({pk}) DO UPDATE SET {updates}"
        )
    with connection.cursor() as cursor:
        cursor.executemany(sql, values)
