"""Connections: what there is, how each is reached, tested, granted and what uses it. Made and changed by superusers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render

from connections.access.lookup import get_connection, get_project, manages_connections
from connections.access.permissions import VIEW, connections_for, may_test, projects_for, require_manages_connections
from connections.adapters import PRIVATE_ADDRESS, ConnectionKind, Step
from connections.connection_actions import (
    change_connection,
    create_connection,
    delete_connection,
    disable_connection,
    enable_connection,
    grant_connection,
    revoke_connection,
    rotate_secret,
    test_connection,
)
from connections.forms import ConnectionFilterForm, ConnectionForm, DeleteConnectionForm, GrantForm, SecretsForm
from connections.kinds import connection_kind, connection_kinds
from connections.models import Connection, ConnectionGrant, ConnectionSecret, Project
from connections.platforms import PLATFORMS
from connections.states import STATES, failed_step, is_testing, state_key
from connections.use import use_counts, used_by
from exportadmin.audit.middleware import actor_of
from exportadmin.audit.models import AuditEntry
from exportadmin.audit.scope import may_read
from exportadmin.audit.sentences import sentence
from exportadmin.lib.errors import NotFoundError, UserError
from exportadmin.lib.pages import done, form_view, get_view, only, post_view, refused
from exportadmin.lib.times import to_datetime

PAGE: Final = "connections:detail"
PAGE_SIZE: Final = 50
PROJECTS_SHOWN: Final = 3
MOST_GRANTS: Final = 500
TRAIL_LINES: Final = 8
# what uses a connection (connections.use.Use.what) → its page
USE_PAGES: Final[dict[str, str]] = {
    "config": "configs:detail",
    "running export": "exports:detail",
    "delivered export": "exports:detail",
    "project": "projects:project",
}


@dataclass(frozen=True, slots=True)
class Listed:
    """A line of the list. ``failed``: the first step of the last test that failed."""

    connection: Connection
    kind_title: str
    failed: Step | None
    projects: Sequence[str]
    more_projects: int
    uses: Mapping[str, int]


@get_view
def connection_list(request: HttpRequest) -> HttpResponse:
    """``?q= &kind= &state= &page=N``, by name."""
    form = ConnectionFilterForm(request.GET)
    found = _filtered(connections_for(request.user).order_by("name"), **form.params)
    page = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "section": "connections",
        "page": page,
        "form": form,
        "lines": _listed(request, list(page)),
        "may_manage": manages_connections(request),
    }
    return render(request, "connections/list.html", context)


def _filtered(
    found: QuerySet[Connection], *, q: str = "", kind: str = "", state: str = ""
) -> QuerySet[Connection] | list[Connection]:
    if q:
        found = found.filter(name__icontains=q)
    if kind:
        found = found.filter(kind=kind)
    # how one stands is no column: there are as many connections as places to deliver to
    return [each for each in found if state_key(each) == state] if state else found


def _listed(request: HttpRequest, shown: Sequence[Connection]) -> list[Listed]:
    """One query for the projects of all lines, and a few for what uses them."""
    seen = projects_for(request.user, VIEW)
    counts = use_counts(shown, seen)
    names: dict[int, list[str]] = {}
    granted = ConnectionGrant.objects.filter(connection__in=shown, project__in=seen)
    for key, name in granted.order_by("project__name").values_list("connection_id", "project__name"):
        names.setdefault(key, []).append(name)
    titles = {key: kind.title for key, kind in connection_kinds().items()}
    return [
        Listed(
            each,
            titles.get(each.kind, each.kind),
            failed_step(each),
            (of := names.get(each.pk, []))[:PROJECTS_SHOWN],
            max(0, len(of) - PROJECTS_SHOWN),
            counts[each.pk],
        )
        for each in shown
    ]


# --- one connection --------------------------------------------------------------------------------------------------


@get_view
def detail(request: HttpRequest, connection_id: str) -> HttpResponse:
    """One connection; of its secrets only whether, when and by whom they were set."""
    only(request, ())
    return _page(request, get_connection(request, connection_id))


def _page(request: HttpRequest, connection: Connection, grant_form: GrantForm | None = None) -> HttpResponse:
    """With the form that was refused, where one was."""
    kind = connection_kinds().get(connection.kind)
    manages = manages_connections(request)
    seen = projects_for(request.user, VIEW)
    context: dict[str, Any] = {
        "section": "connections",
        "connection": connection,
        "kind": {"title": kind.title, "help": kind.help} if kind else {"title": connection.kind},
        "is_platform": connection.kind in PLATFORMS,
        "has_remote": connection.kind in PLATFORMS and PLATFORMS[connection.kind].has_remote_connections,
        "state": STATES[state_key(connection)],
        "settings": _settings(connection, kind),
        "private_warning": _private_warning(kind),
        "grants": list(_grants(connection, seen)),
        "uses": [
            (use, USE_PAGES.get(use.what), use.count - len(use.first))
            for use in used_by(connection, None if manages else seen)
        ],
        "may_manage": manages,
        "may_test": may_test(request.user, connection),
        "is_testing": is_testing(connection),
        "trail": _trail(request, connection),
    }
    if manages:
        context["secrets"] = _secrets(connection, kind)
        context["grant_form"] = grant_form or _grant_form(connection)
    return render(request, "connections/detail.html", context, status=400 if grant_form else 200)


def _grants(connection: Connection, projects: QuerySet[Project]) -> QuerySet[ConnectionGrant]:
    granted = connection.grants.filter(project__in=projects)
    return granted.select_related("project").order_by("project__name")[:MOST_GRANTS]


def _settings(connection: Connection, kind: type[ConnectionKind] | None) -> list[tuple[str, str]]:
    """``(title, value)`` of the settings that say something, in the kind's order."""
    shown = []
    for field in kind.connection_fields if kind else ():
        value = connection.config.get(field.name, field.default)
        if field.is_flag:
            shown.append((field.title, "yes" if value else "no"))
        elif value != "":
            shown.append((field.title, dict(field.choices).get(str(value), str(value))))
    return shown


def _private_warning(kind: type[ConnectionKind] | None) -> str:
    fields = kind.connection_fields if kind else ()
    return next((field.warning for field in fields if field.name == PRIVATE_ADDRESS), "")


def _secrets(connection: Connection, kind: type[ConnectionKind] | None) -> list[tuple[str, ConnectionSecret | None]]:
    """``(title, what is stored)``: the page shows of it when and by whom it was set, or the reference that it is."""
    stored = {secret.field: secret for secret in connection.stored_secrets.all()}
    return [(field.title, stored.get(field.name)) for field in (kind.connection_secrets if kind else ())]


def _trail(request: HttpRequest, connection: Connection) -> list[tuple[Any, str]] | None:
    """The newest lines that one may read about it; ``None``: one may not read the trail."""
    scope = may_read(request)
    if not scope.everything and not scope.projects:
        return None
    lines = scope.within(AuditEntry.objects.filter(object_kind="connection", object_id=connection.public_id))
    found = lines.order_by("-sequence").defer("before_json", "after_json")[:TRAIL_LINES]
    return [(to_datetime(entry.at_ms), sentence(entry)) for entry in found]


# --- making and changing ---------------------------------------------------------------------------------------------


@form_view
def new(request: HttpRequest) -> HttpResponse:
    """``?kind=``; without one, which kinds there are (one alone is not asked for). Sent, it is made."""
    only(request, ("kind",))
    kinds, actor = connection_kinds(), actor_of(request)
    require_manages_connections(actor)
    key = request.POST.get("kind") or request.GET.get("kind") or (next(iter(kinds)) if len(kinds) == 1 else "")
    if not key and request.method != "POST":
        titles = [(each, kind.title, kind.help) for each, kind in kinds.items()]
        return render(request, "connections/kinds.html", {"section": "connections", "kinds": titles})
    kind = connection_kind(key)
    form = ConnectionForm(request.POST if request.method == "POST" else None, kind=kind)
    form.check_names()
    if form.is_valid():
        try:
            made = create_connection(
                kind=key, name=form.cleaned_data["name"], config=form.config, secrets=form.secrets, actor=actor
            )
        except UserError as error:
            form.blame(error)
        else:
            return done(request, f"Connection “{made.name}” is made. Test it before it is used.", PAGE, made.public_id)
    return _form_page(request, form)


@form_view
def edit(request: HttpRequest, connection_id: str) -> HttpResponse:
    """Another name, other settings."""
    only(request, ())
    connection = _managed(request, connection_id)
    kind = connection_kind(connection.kind)
    form = ConnectionForm(request.POST if request.method == "POST" else None, kind=kind, connection=connection)
    form.check_names()
    if form.is_valid():
        try:
            change_connection(
                connection=connection, name=form.cleaned_data["name"], config=form.config, actor=actor_of(request)
            )
        except UserError as error:
            form.blame(error)
        else:
            return done(request, "The connection is changed.", PAGE, connection_id)
    return _form_page(request, form, connection)


def _form_page(request: HttpRequest, form: ConnectionForm, connection: Connection | None = None) -> HttpResponse:
    context = {
        "section": "connections",
        "form": form,
        "kind": {"title": form.kind.title, "help": form.kind.help},
        "connection": connection,
    }
    return render(request, "connections/form.html", context, status=400 if form.errors else 200)


@form_view
def secrets(request: HttpRequest, connection_id: str) -> HttpResponse:
    """Other secrets in the place of those that are set."""
    only(request, ())
    connection = _managed(request, connection_id)
    kind = connection_kind(connection.kind)
    stored = list(connection.stored_secrets.all())
    form = SecretsForm(request.POST if request.method == "POST" else None, kind=kind, stored=stored)
    form.check_names()
    if form.is_valid():
        try:
            rotate_secret(connection=connection, secrets=form.secrets, actor=actor_of(request))
        except UserError as error:
            form.blame(error)
        else:
            return done(request, "The secrets are set. Test the connection with them.", PAGE, connection_id)
    context = {"section": "connections", "connection": connection, "form": form}
    return render(request, "connections/secrets.html", context, status=400 if form.errors else 200)


@post_view
def disable(request: HttpRequest, connection_id: str) -> HttpResponse:
    """Nothing new is begun through it."""
    connection = disable_connection(connection=get_connection(request, connection_id), actor=actor_of(request))
    return done(request, f"“{connection.name}” is disabled: nothing new is begun through it.", PAGE, connection_id)


@post_view
def enable(request: HttpRequest, connection_id: str) -> HttpResponse:
    """It may be used again."""
    connection = enable_connection(connection=get_connection(request, connection_id), actor=actor_of(request))
    return done(request, f"“{connection.name}” may be used again.", PAGE, connection_id)


@form_view
def delete(request: HttpRequest, connection_id: str) -> HttpResponse:
    """What uses it; where nothing does, sent back with its name: delete it."""
    only(request, ())
    connection = _managed(request, connection_id)
    form = DeleteConnectionForm(request.POST if request.method == "POST" else None, name=connection.name)
    form.check_names()
    if form.is_valid():
        try:
            delete_connection(connection=connection, actor=actor_of(request))
        except UserError as error:
            form.blame(error)
        else:
            return done(request, f"Connection “{connection.name}” is deleted.", "connections:list")
    context = {
        "section": "connections",
        "connection": connection,
        "form": form,
        "uses": used_by(connection),
        "grant_count": connection.grants.count(),
    }
    return render(request, "connections/delete.html", context, status=400 if form.errors else 200)


# --- grants ----------------------------------------------------------------------------------------------------------


@post_view
def grant(request: HttpRequest, connection_id: str) -> HttpResponse:
    """Let a project use it."""
    connection = _managed(request, connection_id)
    form = _grant_form(connection, request.POST)
    form.check_names()
    form.is_valid()
    try:
        project = get_project(request, form.cleaned_data["project"])
    except NotFoundError:
        form.add_error("project", "Choose the project that may use it.")
        return _page(request, connection, form)
    grant_connection(connection=connection, project=project, actor=actor_of(request))
    return done(request, f"Exports of “{project.name}” can be delivered there now.", PAGE, connection_id)


def _grant_form(connection: Connection, data: QueryDict | None = None) -> GrantForm:
    """With the projects that may not use it yet."""
    others = Project.objects.exclude(connection_grants__connection=connection).order_by("name")
    return GrantForm(data, projects=others.values_list("public_id", "name")[:MOST_GRANTS])


@post_view
def revoke(request: HttpRequest, connection_id: str, project_id: str) -> HttpResponse:
    """Take it from a project."""
    connection = _managed(request, connection_id)
    project = get_project(request, project_id)
    try:
        revoke_connection(connection=connection, project=project, actor=actor_of(request))
    except NotFoundError as error:
        return refused(request, error, PAGE, connection_id)
    return done(request, f"“{project.name}” may not use it any more.", PAGE, connection_id)


# --- its test --------------------------------------------------------------------------------------------------------


@post_view
def test(request: HttpRequest, connection_id: str) -> HttpResponse:
    """Carry out the test. Meanwhile :func:`steps` shows how far it is; without script the page comes at the end."""
    connection = get_connection(request, connection_id)
    for _ in test_connection(connection=connection, actor=actor_of(request)):
        pass
    if request.htmx:  # type: ignore[attr-defined]
        return _steps(request, connection)
    return redirect(PAGE, connection_id)


@get_view
def steps(request: HttpRequest, connection_id: str) -> HttpResponse:
    """The steps so far, a fragment for htmx that asks again while the test goes on; others are sent to the page."""
    only(request, ())
    connection = get_connection(request, connection_id)
    if not request.htmx:  # type: ignore[attr-defined]
        return redirect(PAGE, connection_id)
    return _steps(request, connection)


def _steps(request: HttpRequest, connection: Connection) -> HttpResponse:
    context = {
        "connection": connection,
        "state": STATES[state_key(connection)],
        "is_testing": is_testing(connection),
        "is_live": True,
    }
    response = render(request, "connections/_steps.html", context)
    response.headers["Cache-Control"] = "no-store"
    return response


def _managed(request: HttpRequest, connection_id: str) -> Connection:
    """Raises :class:`NotFoundError`, and :class:`DeniedError` to whoever may know of it but not manage it."""
    connection = get_connection(request, connection_id)
    require_manages_connections(actor_of(request), connection)
    return connection
