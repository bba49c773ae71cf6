"""Addresses of the pages on exports."""

from django.urls import path

from exports import views
from exports.views import failures, platform_export, register, report_actions
from exports.views.compare import compare
from exports.views.download import manifest, trail_proof
from exports.views.link import link, link_file, link_manifest, link_verifier
from exports.views.list_file import list_file
from exports.views.new import new, new_plan
from exports.views.preview import preview
from exports.views.progress import progress
from exports.views.proof import cancel_proof, proof, prove
from exports.views.reports import active
from exports.views.selected import selected

app_name = "exports"
urlpatterns = [
    path("", views.report_list, name="list"),
    path("active/", active, name="active"),
    path("list.csv", list_file, name="list_file"),
    path("selected/", selected, name="selected"),
    path("failures/<str:key>/", failures.group, name="failures"),
    path("new/", new, name="new"),
    path("new/platform/", platform_export.new, name="new_platform"),
    path("new/plan/", new_plan, name="new_plan"),
    path("l/<str:token>/", link, name="link"),
    path("l/<str:token>/file", link_file, name="link_file"),
    path("l/<str:token>/manifest.json", link_manifest, name="link_manifest"),
    path("l/<str:token>/verify.py", link_verifier, name="link_verifier"),
    path("<str:report_id>/", views.detail, name="detail"),
    path("<str:report_id>/progress/", progress, name="progress"),
    path("<str:report_id>/preview/", preview, name="preview"),
    path("<str:report_id>/compare/", compare, name="compare"),
    path("<str:report_id>/register/", register.of_export, name="register"),
    path("<str:report_id>/prove/", prove, name="prove"),
    path("<str:report_id>/proof/", proof, name="proof"),
    path("<str:report_id>/proof/<str:proof_id>/cancel/", cancel_proof, name="cancel_proof"),
    path("<str:report_id>/cancel/", report_actions.cancel, name="cancel"),
    path("<str:report_id>/retry/", report_actions.retry, name="retry"),
    path("<str:report_id>/archive/", report_actions.archive, name="archive"),
    path("<str:report_id>/unarchive/", report_actions.unarchive, name="unarchive"),
    path("<str:report_id>/convert/", report_actions.convert, name="convert"),
    path("<str:report_id>/delete-files/", report_actions.delete_files, name="delete_files"),
    path("<str:report_id>/manifest.json", manifest, name="manifest"),
    path("<str:report_id>/trail-proof.json", trail_proof, name="trail_proof"),
    path("<str:report_id>/files/<path:name>/", views.download, name="download"),
]
