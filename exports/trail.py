"""What the trail's pages are told about exports: which page an object has, and questions about exports."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from django.urls import reverse

from exportadmin.audit import object_urls
from exportadmin.audit.questions import QUESTIONS


def fill() -> None:
    """Put the exports' finders into the audit room's tables, which knows nothing of exports."""
    object_urls.FINDERS["export_report"] = object_urls.named("exports:detail")
    object_urls.FINDERS["artifact"] = _exports_of_files
    for slug, module in {"row": "rows", "links": "links", "filters": "filters"}.items():
        if slug not in QUESTIONS:
            QUESTIONS.register(slug, f"exports.questions.{module}:QUESTION")


def _exports_of_files(ids: Collection[str]) -> Mapping[str, str]:
    """A delivered file stands on its export's page."""
    from exports.models import Artifact

    found = Artifact.objects.filter(public_id__in=ids).values_list("public_id", "report__report_id")
    return {artifact: reverse("exports:detail", args=[report]) for artifact, report in found}
