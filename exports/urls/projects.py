"""Addresses of the pages on projects."""

from django.urls import path

from connections.access.views import members
from connections.sync import views as syncs
from exports.views import delete_rows, model_runs, projects, remote_exports, sdk, slices

app_name = "projects"
urlpatterns = [
    path("", projects.project_list, name="list"),
    path("new/", projects.new, name="new"),
    path("<str:project_id>/", projects.project, name="project"),
    path("<str:project_id>/delete/", projects.delete, name="delete"),
    path("<str:project_id>/rows/delete/", delete_rows.delete_rows, name="delete_rows"),
    path("<str:project_id>/slices/", slices.slice_list, name="slices"),
    path("<str:project_id>/slices/new/", slices.slice_new, name="slice_new"),
    path("<str:project_id>/slices/<str:slice_id>/", slices.slice_edit, name="slice"),
    path("<str:project_id>/slices/<str:slice_id>/delete/", slices.slice_delete, name="slice_delete"),
    path("<str:project_id>/exports-there/", remote_exports.exports_there, name="exports_there"),
    path("<str:project_id>/model-runs/<str:run_id>/", model_runs.model_run, name="model_run"),
    path("<str:project_id>/model-runs/<str:run_id>/delete/", model_runs.delete, name="delete_model_run"),
    path("<str:project_id>/sync/", syncs.sync, name="sync"),
    path("<str:project_id>/mirror/", syncs.change, name="mirror"),
    path("<str:project_id>/sdk/<str:dialect>/", sdk.sdk, name="sdk"),
    path("<str:project_id>/members/", members.members, name="members"),
    path("<str:project_id>/members/<int:user_id>/change/", members.change, name="change_member"),
    path("<str:project_id>/members/<int:user_id>/remove/", members.remove, name="remove_member"),
]
