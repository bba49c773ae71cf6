"""Exports for superusers' emergencies: to look at, not to change."""

from __future__ import annotations

from django.contrib import admin
from django_q.models import Failure, OrmQ, Schedule, Success

from exportadmin.lib.read_only_admin import ReadOnlyAdmin
from exports.models import Artifact, Download, ExportConfig, ExportReport, Link, Proof, ProofNight, SinkSweep, Slice

# django-q2 registers its own tables. A Schedule made there calls any Python function, past every action and the trail;
# it only tells our worker to look, and nothing in its tables is anybody's business.
admin.site.unregister([Failure, OrmQ, Schedule, Success])


@admin.register(ExportConfig)
class ExportConfigAdmin(ReadOnlyAdmin):
    """Saved descriptions."""

    list_display = ("name", "public_id", "project", "created_by", "created_at")
    list_select_related = ("project", "created_by")
    list_filter = ("project",)
    search_fields = ("name", "public_id")


@admin.register(Slice)
class SliceAdmin(ReadOnlyAdmin):
    """Saved selections of data rows."""

    list_display = ("name", "public_id", "project", "created_by", "updated_at")
    list_select_related = ("project", "created_by")
    list_filter = ("project",)
    search_fields = ("name", "public_id")


@admin.register(ExportReport)
class ExportReportAdmin(ReadOnlyAdmin):
    """Runs, with what a worker knows of them."""

    list_display = (
        "report_id", "name", "project", "format", "status", "phase", "rows_done", "attempts", "lease_until",
        "created_by_name", "created_at", "finished_at",
    )  # fmt: skip
    list_select_related = ("project",)
    list_filter = ("status", "format", "project")
    search_fields = ("report_id", "name", "created_by_name")
    date_hierarchy = "created_at"


@admin.register(Artifact)
class ArtifactAdmin(ReadOnlyAdmin):
    """Delivered files."""

    list_display = ("name", "report", "media_type", "bytes", "sha256")
    list_select_related = ("report",)
    search_fields = ("name", "sha256", "report__report_id")


@admin.register(Link)
class LinkAdmin(ReadOnlyAdmin):
    """Signed addresses, without their signatures."""

    list_display = ("artifact", "public_id", "one_time", "for_user", "created_by_name", "created_at", "expires_at")
    list_select_related = ("artifact", "for_user")
    search_fields = ("public_id", "artifact__name", "created_by_name")
    exclude = ("signature",)


@admin.register(Download)
class DownloadAdmin(ReadOnlyAdmin):
    """Who took what away."""

    list_display = ("artifact", "actor_name", "channel", "started_at", "bytes_requested", "bytes_sent", "ending")
    list_select_related = ("artifact",)
    list_filter = ("channel", "ending")
    search_fields = ("public_id", "artifact__name", "actor_name")


@admin.register(Proof)
class ProofAdmin(ReadOnlyAdmin):
    """Looks at whether deliveries are still what was delivered."""

    list_display = ("report", "how", "status", "result", "problems_total", "created_by_name", "created_at")
    list_select_related = ("report",)
    list_filter = ("status", "result", "how")
    search_fields = ("public_id", "report__report_id")


@admin.register(ProofNight)
class ProofNightAdmin(ReadOnlyAdmin):
    """Nights in which deliveries were proved."""

    list_display = ("began_at", "ended_at", "note")


@admin.register(SinkSweep)
class SinkSweepAdmin(ReadOnlyAdmin):
    """What lies about at places that files are delivered to."""

    list_display = ("__str__", "swept_at", "found_total", "removed", "error")
    list_select_related = ("connection",)
