"""Addresses below the SDK's host. None ends with a slash: a redirect would turn the SDK's POST into a GET."""

from __future__ import annotations

from typing import Final

from django.urls import path, re_path

from exports.dialects.diffgram import views

_PROJECT: Final = "<str:project_string_id>"
_EXPORT: Final = f"api/walrus/project/{_PROJECT}/export"

urlpatterns = [
    path(
        f"api/project/{_PROJECT}/user/legacy/working_dir/view",
        views.WorkingDirectoryView.as_view(),
        name="working-directory",
    ),
    path(f"api/project/{_PROJECT}/user/sdk/file/list", views.FilesView.as_view(), name="files"),
    path(f"api/v1/project/{_PROJECT}/file/exists", views.FilesExistView.as_view(), name="files-exist"),
    path(f"api/v1/project/{_PROJECT}/labels/view/name_to_file_id", views.LabelsView.as_view(), name="labels"),
    path(f"api/v1/project/{_PROJECT}/labels-schema", views.SchemasView.as_view(), name="schemas"),
    path(f"api/v1/project/{_PROJECT}/directory/list", views.DirectoriesView.as_view(), name="directories"),
    path("api/v1/job/list", views.JobsView.as_view(), name="jobs"),
    path("api/v1/job/<int:job_id>/builder/info", views.JobView.as_view(), name="job"),
    path(f"{_EXPORT}/to_file", views.ToFileView.as_view(), name="to-file"),
    path(f"{_EXPORT}/working_dir/list", views.ExportsView.as_view(), name="exports"),
    path(f"{_EXPORT}/link", views.LinkView.as_view(), name="link"),
    path(f"{_EXPORT}/<int:export_id>/status", views.StatusView.as_view(), name="status"),
    path(f"{_EXPORT}/update", views.UpdateView.as_view(), name="update"),
    re_path(r"^(?P<rest>.*)$", views.NothingHereView.as_view(), name="nothing-here"),
]
