"""Signed links as those see them who hand them out: a list, issuing, revoking, what went out through one of them."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache

from connections.access import passwords
from connections.access.lookup import get_project
from connections.access.permissions import AUDIT, LINK, VIEW, can, projects_for
from connections.models import Project
from exportadmin.audit.middleware import actor_of
from exportadmin.lib.errors import UserError
from exportadmin.lib.pages import done, form_view, get_view, only, post_view
from exports.links import actions as link_actions
from exports.links import one_copy, tokens
from exports.links.forms import LinkFilterForm, LinkForm
from exports.lists.capped_paginator import LongPaginator
from exports.lookup import get_artifact, get_link
from exports.models import Download, Link
from exports.models.link import OPEN

PAGE_SIZE = 50
REFUSED_SHOWN = 20


@get_view
def link_list(request: HttpRequest) -> HttpResponse:
    """``?state= &project= &q= &page=``; queries do not grow with the links."""
    visible = projects_for(request.user, VIEW)
    form = LinkFilterForm(request.GET, projects=visible.order_by("name").values_list("public_id", "name")[:500])
    found = _filtered(request, _listed(visible), **form.params)
    page = LongPaginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    mine = set(projects_for(request.user, LINK).order_by().values_list("pk", flat=True))
    context = {
        "section": "links",
        "page": page,
        "form": form,
        "rows": [_row(each, mine) for each in page],
    }
    return render(request, "exports/links.html", context)


@form_view
def issue(request: HttpRequest, artifact_id: str) -> HttpResponse:
    """A form, and as the answer to it the address: shown this once, and never part of an address of ours."""
    only(request, ())
    artifact = get_artifact(request, artifact_id, LINK)
    link_actions.check_linkable(artifact.report)
    posted = request.POST if request.method == "POST" else None
    form = LinkForm(posted, password_at=actor_of(request).password_at)
    form.check_names()
    if form.is_valid():
        data = form.cleaned_data
        try:
            passwords.give(request, data["password"])
            link, token = link_actions.issue_link(
                artifact=artifact,
                actor=actor_of(request),
                seconds=data["seconds"],
                one_time=data["one_time"],
                for_user=data["for_user"],
            )
        except UserError as error:
            form.blame(error)
        else:
            return _issued(request, link, token)
    context = {"section": "links", "artifact": artifact, "report": artifact.report, "form": form}
    return render(request, "exports/links_issue.html", context, status=400 if form.errors else 200)


@never_cache
def _issued(request: HttpRequest, link: Link, token: str) -> HttpResponse:
    addresses = {key: request.build_absolute_uri(path) for key, path in tokens.paths_for(token).items()}
    context = {"section": "links", "link": link, "artifact": link.artifact, **addresses}
    response = render(request, "exports/links_issued.html", context)
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


@post_view
def revoke(request: HttpRequest, link_id: str) -> HttpResponse:
    """End a link now; revoking twice is no error."""
    link = link_actions.revoke_link(link=get_link(request, link_id, LINK), actor=actor_of(request))
    message = f"The link to {link.artifact.name} was revoked: its address opens nothing any more."
    return done(request, message, "links:list")


@get_view
def uses(request: HttpRequest, link_id: str) -> HttpResponse:
    """The downloads through a link and how they ended; refused tries for those who may read the trail."""
    only(request, ("page",))
    link = get_link(request, link_id, VIEW)
    project = link.artifact.report.project
    page = LongPaginator(link.downloads.all(), PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "section": "links",
        "link": link,
        "artifact": link.artifact,
        "report": link.artifact.report,
        "project": project,
        "page": page,
        "sent": one_copy.use_of(link).sent,
        "may_audit": (may_audit := can(request.user, AUDIT, project)),
        "refused": tokens.refused_tries(link, REFUSED_SHOWN) if may_audit else [],
        "is_open": (is_open := link.state == OPEN),
        "may_revoke": is_open and can(request.user, LINK, project),
    }
    return render(request, "exports/links_uses.html", context)


def _listed(projects: QuerySet[Project]) -> QuerySet[Link]:
    """With ``use_count``, without the big columns of what comes along."""
    uses = Download.objects.filter(link=OuterRef("pk")).order_by().values("link").annotate(count=Count("pk"))
    found = Link.objects.select_related("artifact__report__project", "for_user")
    found = found.filter(artifact__report__project__in=projects.order_by().values("pk"))
    return found.annotate(use_count=Subquery(uses.values("count"))).defer(
        "signature",
        "artifact__report__config",
        "artifact__report__check_values",
        "artifact__report__description",
        "artifact__report__error",
    )


def _filtered(
    request: HttpRequest, found: QuerySet[Link], *, state: str = "", project: str = "", q: str = ""
) -> QuerySet[Link]:
    """Raises as :func:`get_project` does."""
    if state:
        found = found.filter(Link.in_state(state))
    if project:
        found = found.filter(artifact__report__project=get_project(request, project))
    if q:
        found = found.filter(
            Q(artifact__name__icontains=q)
            | Q(artifact__report__name__icontains=q)
            | Q(artifact__report__report_id=q)
            | Q(created_by_name__icontains=q)
            | Q(for_user__username__icontains=q)
        )
    return found


def _row(link: Link, mine: set[int]) -> dict[str, Any]:
    is_open = link.state == OPEN
    return {"link": link, "is_open": is_open, "may_revoke": is_open and link.artifact.report.project_id in mine}
