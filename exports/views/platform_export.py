"""A new export that the project's platform makes itself."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from connections.access.lookup import get_project, manages_connections
from connections.access.permissions import START
from exportadmin.audit.middleware import actor_of
from exportadmin.lib.errors import DeniedError, ExportAdminError, NotFoundError, TooManyError, UserError
from exportadmin.lib.pages import form_view, only, tell_refused
from exports import actions
from exports.forms.platform_export import PlatformExportForm
from exports.views.form import PLAN, RUN


@form_view
def new(request: HttpRequest) -> HttpResponse:
    """``?project=``; sent, it runs, or shows what can be known before."""
    only(request, ("project",))
    project = get_project(request, request.POST.get("project") or request.GET.get("project", ""), START)
    if request.method != "POST":
        return show(request, PlatformExportForm(project=project))
    form = PlatformExportForm(request.POST, project=project)
    form.check_names()
    button = request.POST.get("do", "")
    if button not in (RUN, PLAN):
        raise UserError(f"the form asks for {button[:40]!r}; expected one of {RUN}, {PLAN}", field="do")
    if not form.is_valid() or form.spec is None:
        return show(request, form, status=400)
    if button == PLAN:
        return _planned(request, form)
    try:
        report = actions.request_export(
            project=project,
            spec=form.spec,
            actor=actor_of(request),
            name=form.export_name,
            description=form.cleaned_data["description"],
            idempotency_key=form.cleaned_data["key"] or None,
        )
    except (NotFoundError, DeniedError):
        raise
    except TooManyError as error:
        tell_refused(request, error, 429)
        form.blame(UserError(error.message))
        answer = show(request, form, status=429)
        answer["Retry-After"] = str(error.retry_after)
        return answer
    except UserError as error:
        form.blame(error)
        return show(request, form, status=400)
    return redirect("exports:detail", report.report_id)


def _planned(request: HttpRequest, form: PlatformExportForm) -> HttpResponse:
    assert form.spec is not None
    try:
        plan = actions.plan_export(project=form.of_project, spec=form.spec, actor=actor_of(request))
    except (NotFoundError, DeniedError):
        raise
    except ExportAdminError as error:
        return show(request, form, stopped=str(error))
    return show(request, form, plan=plan.answer)


def show(
    request: HttpRequest,
    form: PlatformExportForm,
    *,
    plan: dict[str, object] | None = None,
    stopped: str = "",
    status: int = 200,
) -> HttpResponse:
    """The page with what was typed. ``stopped``: why there is no plan."""
    form.offer_connections(actor_of(request), is_manager=manages_connections(request))
    context = {
        "section": "exports",
        "project": form.of_project,
        "platform": form.platform.title,
        "form": form,
        "plan": plan,
        "stopped": stopped,
    }
    return render(request, "exports/new_platform.html", context, status=status)
