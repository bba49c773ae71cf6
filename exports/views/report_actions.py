"""The buttons of one export: each calls the action that REST calls, and says what came of it."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from connections.access.permissions import START, VIEW
from exportadmin.audit.middleware import actor_of
from exportadmin.lib.errors import DeniedError, NotFoundError, UserError
from exportadmin.lib.pages import done, post_view, refused
from exports import actions
from exports.forms.convert import ConvertForm
from exports.lookup import get_report
from exports.models import ExportReport
from exports.spec.conversion import conversion_spec
from exports.views.detail import detail_page

PAGE = "exports:detail"


@post_view
def cancel(request: HttpRequest, report_id: str) -> HttpResponse:
    """Stop the run."""
    report = get_report(request, report_id, VIEW)
    try:
        now = actions.cancel(report=report, actor=actor_of(request))
    except UserError as error:
        return _back(request, report, error)
    message = "Cancelled." if now.status == "cancelled" else "The run was asked to stop; it does so within seconds."
    return done(request, message, PAGE, report_id)


@post_view
def retry(request: HttpRequest, report_id: str) -> HttpResponse:
    """The same again, as a new export, whose page comes next."""
    report = get_report(request, report_id, VIEW)
    try:
        again = actions.retry(report=report, actor=actor_of(request))
    except UserError as error:
        return _back(request, report, error)
    return done(request, "Requested again. This is the new export.", PAGE, again.report_id)


@post_view
def archive(request: HttpRequest, report_id: str) -> HttpResponse:
    """Leave it out of other platforms' lists."""
    actions.archive(report=get_report(request, report_id, VIEW), actor=actor_of(request))
    return done(request, "Archived. Lists of other platforms' clients leave it out.", PAGE, report_id)


@post_view
def unarchive(request: HttpRequest, report_id: str) -> HttpResponse:
    """Put it back into them."""
    actions.unarchive(report=get_report(request, report_id, VIEW), actor=actor_of(request))
    return done(request, "Lists of other platforms' clients have it again.", PAGE, report_id)


@post_view
def convert(request: HttpRequest, report_id: str) -> HttpResponse:
    """The delivered rows in another format, as a new export, whose page comes next."""
    report = get_report(request, report_id, START)
    form = ConvertForm(request.POST)
    form.check_names()
    if not form.is_valid():
        return detail_page(request, report, convert=form)
    try:
        spec = conversion_spec(report, form.body())
        made = actions.convert_report(report=report, spec=spec, actor=actor_of(request))
    except UserError as error:
        return _back(request, report, error)
    return done(request, "The conversion was requested. This is the new export.", PAGE, made.report_id)


@post_view
def delete_files(request: HttpRequest, report_id: str) -> HttpResponse:
    """Take the files away; report, check values and trail stay."""
    report = get_report(request, report_id, VIEW)
    why = " ".join(request.POST.get("why", "").split()) or "deleted by hand"
    try:
        actions.remove_files(report=report, actor=actor_of(request), why=why)
    except UserError as error:
        return _back(request, report, error)
    return done(request, "The files were deleted. Report, check values and trail stay.", PAGE, report_id)


def _back(request: HttpRequest, report: ExportReport, error: UserError) -> HttpResponse:
    """To the page with the reason; who may not is told so by an error page."""
    if isinstance(error, NotFoundError | DeniedError):
        raise error
    return refused(request, error, PAGE, report.report_id)
