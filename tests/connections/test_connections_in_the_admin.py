"""Django's admin shows that a secret is set, and never the secret."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from connections.models import Connection, ConnectionSecret
from tests.connections.toy import Vault

CANARY = "canary-c0ffee"


@pytest.mark.parametrize("text", [CANARY, f"file:/etc/{CANARY}"])
def test_a_secret_is_told_of_without_what_it_is(db, alice, text):
    connection = Connection.objects.create(name="Deep", kind=Vault.key)
    secret = ConnectionSecret(connection=connection, field="phrase", set_at=timezone.now(), set_by="alice")
    secret.put(text)
    secret.save()
    pages = Client()
    pages.force_login(alice)
    for address in (
        "/admin/connections/connectionsecret/",
        f"/admin/connections/connectionsecret/{secret.pk}/change/",
        f"/admin/connections/connection/{connection.pk}/change/",
        "/admin/connections/connection/",
    ):
        page = pages.get(address).content.decode()
        assert "Deep" in page
        assert CANARY not in page
        assert secret.value not in page
    assert "phrase" in pages.get(f"/admin/connections/connectionsecret/{secret.pk}/change/").content.decode()
