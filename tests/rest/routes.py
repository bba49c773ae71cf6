"""Every address of the site, from the resolver, and how a request to it is made for a project of one's own or not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import URLPattern, URLResolver, get_resolver

from connections.access.views.account import PasswordView
from connections.rows.diffgram import JOB, place_number
from connections.store.models import StoreRow
from exportadmin.audit.models import AuditEntry
from exportadmin.lib.rest import RestView
from exports.dialects.labelbox.chunks import chunk_at, write_address
from tests.rest.labelbox.asking import EXPORT_PROJECT, GET_PROJECT
from tests.rest.world import Place, World

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def routes() -> dict[str, tuple[str, ...]]:
    """Route → the methods that its view has a handler for, as far as the view tells."""
    return {_written(route): _methods(pattern) for route, pattern in _walk(get_resolver(), "")}


def _written(route: str) -> str:
    """Of Label Studio's dialect, whose addresses end with a slash or without, as a path."""
    if not route.endswith("/?$"):
        return route
    return re.sub(r"\(\?P<(\w+)>\[0-9\]\{1,18\}\)", r"<int:\1>", route.removesuffix("?$")).replace("^", "")


def _walk(resolver: URLResolver, before: str) -> Iterator[tuple[str, URLPattern]]:
    for pattern in resolver.url_patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield route, pattern
        else:
            yield from _walk(pattern, route)


def _methods(pattern: URLPattern) -> tuple[str, ...]:
    """REST's views tell all that they do. Of pages: looking at them, and the forms that class based views take."""
    if isinstance(view := getattr(pattern.callback, "cls", None), type) and issubclass(view, RestView):
        return tuple(method for method in METHODS if hasattr(view, method.lower()))
    if (page := getattr(pattern.callback, "view_class", None)) in (LoginView, LogoutView, PasswordView):
        return tuple(method for method in ("GET", "POST") if method.lower() in page.http_method_names)
    methods: tuple[str, ...] = getattr(pattern.callback, "methods", ("GET",))  # exportadmin.lib.pages
    return methods


def address(route: str, place: Place, world: World, method: str) -> str:
    """The route with what belongs to ``place`` in it."""
    model = re.match(r"admin/(\w+/\w+)/<", route)
    names = {
        "project_id": place.project.public_id,
        "report_id": (place.waiting if "/cancel/" in route else place.done).report_id,
        "import_id": (place.uploading if "/cancel/" in route or "/content/" in route else place.imported).public_id,
        "sync_id": (place.syncing if "/cancel/" in route else place.synced).public_id,
        "proof_id": place.proof.public_id,
        "artifact_id": place.artifact.public_id,
        "link_id": place.link.public_id,
        "config_id": place.config.public_id,
        "slice_id": place.slice.public_id,
        "connection_id": place.connection.public_id if place.connection else "",
        "token_id": place.token_id,
        "remote_id": "r-1",
        "run_id": "run-1",
        "token": place.link_token,
        "invitation": "nosuch",
        "slug": "who-exported",
        "sequence": _entry(place) if "sequence" in route else "",
        "user_id": str(world.people["rita"].pk),
        "username": "rita" if method == "delete" else "mallory",
        "name": "picture.png" if route.startswith("media/") else place.artifact.name,
        "object_id": _admin_object(model[1], place) if model else str(place.project.pk),
        "id": str(world.people["rita"].pk),
        "content_type_id": "1",
        "app_label": "exports",
        "url": "nowhere/",
        "rest": "nowhere/",
        "project_pk": str(place.project.pk),
        "export_pk": str((place.unmade if method == "delete" else place.snapshot or place.done).pk),
        "view_pk": str(place.view.pk) if place.view else "",
        "project_string_id": place.project.public_id,
        "job_id": str(place_number(place.project.pk, JOB, "b1")),
        "export_id": str(place.diffgram.pk) if place.diffgram else "",
        "dialect": "labellerr",
        "task_id": place.task.report_id if place.task else "nosuch",
        "place": "0",
        "index": "1",
        "address": _chunk(place) if "chunks/" in route else "",
        "key": "nosuch",
    }
    filled = re.sub(r"\^?\(\?P<(\w+)>[^)]*\)\$?", lambda found: names[found[1]], route)
    return "/" + re.sub(r"<(?:\w+:)?(\w+)>", lambda found: names[found[1]], filled).replace("$", "")


def _entry(place: Place) -> str:
    """The last line of the trail about the place."""
    entries = AuditEntry.objects.filter(project_id=place.project.public_id)
    return str(entries.values_list("sequence", flat=True).first())


def _chunk(place: Place) -> str:
    """The address of the only chunk of a file, made with the place's token."""
    return write_address(place.token_id, place.artifact, chunk_at(place.artifact, offset=0))


def _admin_object(model: str, place: Place) -> str:
    known: dict[str, Any] = {
        "connections/project": place.project,
        "connections/connection": place.project.connection,
        "connections/connectionsecret": place.connection and place.connection.stored_secrets.first(),
        "connections/connectiongrant": place.connection and place.connection.grants.first(),
        "access/membership": place.project.memberships.first(),
        "access/apitoken": place.project.tokens.first(),
        "exports/exportconfig": place.config,
        "exports/slice": place.slice,
        "exports/exportreport": place.done,
        "exports/artifact": place.artifact,
        "exports/link": place.link,
        "exports/proof": place.proof,
        "store/storerow": StoreRow.objects.filter(project=place.project).order_by("number").first(),
        "store/importrun": place.imported,
        "auth/user": place.project.tokens.first().user,
    }
    found = known.get(model)
    return str(found.pk) if found is not None else "987654321"


KEYS = '{"access_key_id": "AKIA1234", "secret_access_key": "secret"}'
# of dialects, what is sent as a form
FORMS = (
    "POST dialects/labellerr/connectors/connections/test",
    "POST dialects/labellerr/connectors/connections/create",
)
_LABEL_STUDIO: Final = "dialects/label_studio/api"
_ITS_PROJECT: Final = f"{_LABEL_STUDIO}/projects/<int:project_pk>"
_ITS_EXPORT: Final = f"{_ITS_PROJECT}/exports/<int:export_pk>"
_DIFFGRAM: Final = "dialects/diffgram/api"
_DIFFGRAM_EXPORT: Final = f"{_DIFFGRAM}/walrus/project/<str:project_string_id>/export"
BODIES: dict[str, Any] = {
    f"POST {_DIFFGRAM}/project/<str:project_string_id>/user/sdk/file/list": {"metadata": {"file_view_mode": "base"}},
    f"POST {_DIFFGRAM}/v1/project/<str:project_string_id>/file/exists": {"file_id_list": [1]},
    f"POST {_DIFFGRAM}/v1/job/list": {"metadata": {"project_string_id": "{project}", "page_number": 1}},
    f"POST {_DIFFGRAM_EXPORT}/to_file": {
        "kind": "Annotations",
        "source": "directory",
        "file_comparison_mode": "latest",
        "masks": False,
        "return_type": "data",
        "wait_for_export_generation": True,
    },
    f"POST {_DIFFGRAM_EXPORT}/link": {"id": "{diffgram}", "return_type": "data"},
    f"POST {_DIFFGRAM_EXPORT}/update": {"id": "{diffgram}", "mode": "ARCHIVE"},
    "POST dialects/labelbox/graphql": {"query": GET_PROJECT, "variables": {"param_0": "{project}"}},
    "POST dialects/labelbox/_gql": {
        "query": EXPORT_PROJECT,
        "variables": {"input": {"filters": {"projectId": "{project}"}}},
    },
    f"POST {_LABEL_STUDIO}/token/refresh/": {"refresh": "a.b.c"},
    f"POST {_LABEL_STUDIO}/dm/views/": {"project": "{number}", "data": {"title": "Some"}},
    f"PATCH {_LABEL_STUDIO}/dm/views/<int:view_pk>/": {"data": {"title": "Other"}},
    f"POST {_ITS_PROJECT}/exports/": {"title": "Weekly"},
    f"POST {_ITS_EXPORT}/convert/": {"export_type": "YOLO"},
    "POST api/v1/connections/": {"kind": "vault", "name": "New", "config": {"room": "e"}, "secrets": {"phrase": "p"}},
    "PATCH api/v1/connections/<str:connection_id>/": {"config": {"alarm": False}},
    "POST api/v1/connections/<str:connection_id>/secrets/": {"secrets": {"phrase": "other"}},
    "POST api/v1/connections/<str:connection_id>/grants/": {"project": "{project}"},
    "POST api/v1/imports/": {"project": "{project}", "file_name": "rows.json", "bytes": 1000},
    "POST imports/new/": {"project": "{project}"},
    "POST api/v1/projects/": {"name": "New"},
    "PATCH api/v1/projects/<str:project_id>/": {"description": "Other"},
    "POST projects/new/": {"name": "New"},
    # both projects have a run that waits
    "POST projects/<str:project_id>/rows/delete/": {"global_keys": "nosuch", "reason": "a test", "do": "delete"},
    "POST projects/<str:project_id>/delete/": {"confirm": "{name}"},
    "POST api/v1/reports/": {"project": "{project}", "format": "csv"},
    "POST api/v1/reports/plan/": {"project": "{project}", "format": "csv"},
    "POST api/v1/reports/<str:report_id>/convert/": {"format": "csv"},
    "POST exports/<str:report_id>/convert/": {"format": "csv"},
    "POST api/v1/configs/": {"project": "{project}", "format": "csv", "name": "Weekly"},
    "PUT api/v1/configs/<str:config_id>/": {"project": "{project}", "format": "csv", "name": "Weekly"},
    "POST api/v1/projects/<str:project_id>/slices/": {"name": "Some", "filter": {"global_keys": ["a"]}},
    "PUT api/v1/slices/<str:slice_id>/": {"name": "Other", "filter": {"global_keys": ["a"]}},
    "POST api/v1/people/": {"username": "newcomer"},
    "POST people/invite/": {"username": "newcomer"},
    "POST people/<int:user_id>/role/": {"project": "{project}", "role": "operator"},
    "POST api/v1/tokens/": {"name": "new", "scopes": ["admin"], "project": "{project}"},
    "POST dialects/labellerr/sdk/export/files": {
        "export_name": "Weekly",
        "export_description": "All that is accepted",
        "export_format": "coco_json",
        "statuses": ["accepted", "review"],
        "export_destination": "local",
        "question_ids": ["all"],
    },
    "POST dialects/labellerr/exports/status": {"report_ids": ["nosuch"]},
    "POST dialects/labellerr/connectors/connections/test": {
        "connector": "s3",
        "path": "s3://team-exports/",
        "connection_id": "{connection_id}",
    },
    "POST dialects/labellerr/connectors/connections/create": {"connector": "s3", "name": "New", "credentials": KEYS},
    "POST dialects/labellerr/connectors/connections/delete": {"connection_id": "{connection_id}"},
    "PUT api/v1/projects/<str:project_id>/members/<str:username>/": {"role": "reviewer"},
    "POST api/v1/projects/<str:project_id>/rows/delete/": {"global_keys": ["nosuch"], "reason": "a test"},
    "POST api/v1/artifacts/<str:artifact_id>/links/": {"for_user": "mallory"},
    "POST links/new/<str:artifact_id>/": {"last": "3600", "for_user": "mallory"},
    "POST projects/<str:project_id>/": {"time_zone": "UTC"},
    "POST projects/<str:project_id>/sync/": {},
    "POST projects/<str:project_id>/mirror/": {"full_every_hours": "3"},
    "POST connections/<str:connection_id>/projects/": {"external_id": "p1"},
    "POST api/v1/connections/<str:connection_id>/projects/": {"external_id": "p1"},
    "POST connections/<str:connection_id>/remote-connections/": {"name": "x", "path": "s3://bucket/a/"},
    "POST connections/<str:connection_id>/remote-connections/test/": {"remote_id": "r-1", "path": "s3://bucket/a/"},
    "POST connections/<str:connection_id>/remote-connections/delete/": {"remote_id": "r-1"},
    "POST api/v1/connections/<str:connection_id>/remote-connections/": {
        "name": "x",
        "path": "s3://bucket/a/",
        "access_key_id": "AKIA12345678",
        "secret_access_key": "abcdefgh12",
    },
    "POST api/v1/connections/<str:connection_id>/remote-connections/<str:remote_id>/test/": {"path": "s3://bucket/a/"},
    "PATCH api/v1/projects/<str:project_id>/mirror/": {"sync_first": False},
    "POST api/v1/syncs/": {"project": "{project}"},
    "POST projects/<str:project_id>/sdk/<str:dialect>/": {"days": "7"},
    "POST projects/<str:project_id>/members/": {"username": "mallory", "role": "reviewer"},
    "POST projects/<str:project_id>/members/<int:user_id>/change/": {"role": "operator"},
    "POST account/preferences/": {"theme": "system", "time_zone": "UTC"},
    "POST account/tokens/": {"name": "new", "scopes": ["admin"], "days": "90", "project": "{project}"},
    "POST exports/selected/": {"do": "cancel", "reports": "{waiting}"},
    "POST exports/failures/<str:key>/": {"digest": "1"},
    "POST api/v1/reports/failures/<str:key>/retry/": {"digest": "1"},
    "POST exports/new/": {"project": "{project}", "format": "csv", "do": "run"},
    "POST exports/new/platform/": {"project": "{project}", "format": "json", "do": "run"},
    "POST projects/<str:project_id>/exports-there/": {"remote_id": "r1"},
    "POST api/v1/projects/<str:project_id>/remote-exports/": {"remote_id": "r1"},
    "POST exports/new/plan/": {"project": "{project}", "format": "csv"},
    "POST connections/new/": {"kind": "vault", "name": "New", "config.room": "A", "secrets.phrase": "b"},
    "POST connections/<str:connection_id>/edit/": {"name": "Other", "config.room": "A", "config.floor": "1"},
    "POST connections/<str:connection_id>/secrets/": {"secrets.phrase": "other"},
    "POST connections/<str:connection_id>/delete/": {"confirm": "{connection}"},
    "POST connections/<str:connection_id>/grant/": {"project": "{project}"},
    "POST projects/<str:project_id>/slices/new/": {"name": "Some", "global_keys": "a"},
    "POST projects/<str:project_id>/slices/<str:slice_id>/": {"name": "Other", "global_keys": "a"},
    "POST configs/<str:config_id>/edit/": {"project": "{project}", "format": "csv", "do": "save"},
}
QUERIES: dict[str, dict[str, str]] = {
    f"GET {_LABEL_STUDIO}/dm/views/": {"project": "{number}"},
    f"GET {_ITS_PROJECT}/export/": {"ids": "1"},
    f"GET {_ITS_EXPORT}/download/": {"exportType": "JSON"},
    "POST dialects/labellerr/sdk/export/files": {"project_id": "{project}", "client_id": "1234"},
    "GET dialects/labellerr/exports/list": {"project_id": "{project}", "client_id": "1234", "uuid": "u"},
    "POST dialects/labellerr/exports/status": {"project_id": "{project}", "client_id": "1234", "uuid": "u"},
    "GET dialects/labellerr/exports/download": {
        "project_id": "{project}",
        "client_id": "1234",
        "uuid": "u",
        "report_id": "{report}",
    },
    "GET api/v1/reports/status/": {"ids": "{report}"},
    "GET exports/new/": {"project": "{project}"},
    "GET exports/new/platform/": {"project": "{project}"},
    "GET exports/active/": {"ids": "{report}"},
    "DELETE api/v1/projects/<str:project_id>/": {"confirm": "{name}"},
}


def body(row: str, place: Place) -> dict[str, Any]:
    names: dict[str, Any] = {
        "{waiting}": place.waiting.report_id,
        "{project}": place.project.public_id,
        "{name}": place.project.name,
    }
    names["{number}"] = place.project.pk
    names["{diffgram}"] = place.diffgram.pk if place.diffgram else 0
    names["{connection}"] = place.connection.name if place.connection else ""
    names["{connection_id}"] = place.connection.public_id if place.connection else ""
    return _filled(BODIES.get(row, {}), names)


def _filled(value: Any, names: dict[str, Any]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(inner, names) for key, inner in value.items()}
    return names.get(value, value) if isinstance(value, str) else value


def query(row: str, place: Place) -> dict[str, str]:
    names = {"{report}": place.done.report_id, "{project}": place.project.public_id, "{name}": place.project.name}
    names["{number}"] = str(place.project.pk)
    return {key: names.get(value, value) for key, value in QUERIES.get(row, {}).items()}
