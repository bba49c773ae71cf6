"""A platform's own connections to buckets as a page: those there are, tried and taken away, and one more made."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from connections.access.lookup import get_connection
from connections.access.permissions import require_manages_connections
from connections.connection_actions import MAX_CONNECTION_NAME
from connections.models import Connection
from connections.platforms.base import NewRemoteConnection
from connections.remote_connections import (
    create_remote_connection,
    delete_remote_connection,
    list_remote_connections,
    test_remote_connection,
)
from exportadmin.audit.middleware import actor_of
from exportadmin.lib.errors import DeniedError, NotFoundError, TooManyError, UserError
from exportadmin.lib.forms import Form, TextField
from exportadmin.lib.pages import done, form_view, only, post_view, refused

PAGE: Final = "connections:remote"
_ATTRIBUTES: Final = {"autocomplete": "off", "spellcheck": "false"}


class NewRemoteConnectionForm(Form):
    """One that the platform is to make. What is missing the action says."""

    name = TextField(
        label="Name there", required=False, widget=forms.TextInput(attrs={"maxlength": MAX_CONNECTION_NAME})
    )
    path = TextField(label="Folder", required=False, help_text="s3://bucket/folder/, where its keys are tried")
    access_key_id = TextField(label="Access key id", required=False)
    secret_access_key = forms.CharField(
        label="Secret access key",
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={**_ATTRIBUTES, "autocomplete": "new-password"}),
        help_text="The platform keeps the keys. They are not kept here.",
    )


class TestForm(Form):
    """Where one is tried."""

    remote_id = TextField(required=False)
    path = TextField(required=False)


class DeleteForm(Form):
    """Which one."""

    remote_id = TextField(required=False)


@form_view
def remote_connections(request: HttpRequest, connection_id: str) -> HttpResponse:
    """Those that there are; sent back, one more is made."""
    only(request, ())
    connection = _managed(request, connection_id)
    form = NewRemoteConnectionForm(request.POST if request.method == "POST" else None)
    form.check_names()
    context: dict[str, Any] = {"section": "connections", "connection": connection, "form": form}
    if form.is_bound and form.is_valid():
        try:
            made = create_remote_connection(
                connection=connection, actor=actor_of(request), wanted=NewRemoteConnection(**form.cleaned_data)
            )
        except UserError as refusal:
            if refusal.field in form.fields:
                form.blame(refusal)
            elif isinstance(refusal, DeniedError | NotFoundError | TooManyError):
                raise
            else:
                context["error"] = refusal.message
        else:
            told = f"“{made.name}” is made there, with the id {made.connection_id}."
            return done(request, told, PAGE, connection_id)
    try:
        context["remote"] = list_remote_connections(connection=connection, actor=actor_of(request))
    except UserError as refusal:
        if isinstance(refusal, DeniedError | NotFoundError):
            raise
        context["unreachable"] = refusal.message
    return render(request, "connections/remote.html", context, status=400 if form.errors or "error" in context else 200)


@post_view
def test(request: HttpRequest, connection_id: str) -> HttpResponse:
    """Have the platform try one."""
    connection, form = _managed(request, connection_id), TestForm(request.POST)
    form.check_names()
    form.is_valid()
    try:
        test_remote_connection(connection=connection, actor=actor_of(request), **form.cleaned_data)
    except UserError as error:
        return refused(request, error, PAGE, connection_id)
    return done(request, f"Connection {form.cleaned_data['remote_id']} works, says the platform.", PAGE, connection_id)


@post_view
def delete(request: HttpRequest, connection_id: str) -> HttpResponse:
    """Have the platform forget one."""
    connection, form = _managed(request, connection_id), DeleteForm(request.POST)
    form.check_names()
    form.is_valid()
    try:
        delete_remote_connection(connection=connection, actor=actor_of(request), **form.cleaned_data)
    except UserError as error:
        return refused(request, error, PAGE, connection_id)
    return done(request, f"The platform forgot its connection {form.cleaned_data['remote_id']}.", PAGE, connection_id)


def _managed(request: HttpRequest, connection_id: str) -> Connection:
    connection = get_connection(request, connection_id)
    require_manages_connections(actor_of(request), connection)
    return connection
