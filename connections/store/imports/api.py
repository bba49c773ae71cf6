"""Imports in REST: a whole file in one request, or in parts that can be gone on with.

In parts: `POST imports/` with JSON (`file_name`, `bytes`) answers 201 with the import, `uploading`. Then `PUT
imports/{id}/content/` with `Content-Range: bytes FIRST-LAST/TOTAL` for each part, in order; the last one queues the
import. After an interruption, `bytes_received` of `GET imports/{id}/` says where the next part begins.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import IO, Any, Final

from django.http import FileResponse, HttpResponseBase, QueryDict
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.parsers import BaseParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from connections.access.api.lookup import get_project
from connections.access.lookup import token_of
from connections.store.imports import actions, files
from connections.store.imports.actions import ImportSpec
from connections.store.imports.lookup import get_import, visible_imports
from connections.store.imports.representation import import_json
from connections.store.imports.serializers import (
    BeginUploadSerializer,
    ImportSerializer,
    ImportsQuery,
    OneImportSerializer,
    UploadSerializer,
)
from connections.store.models import ImportRun
from exportadmin.audit.middleware import actor_of
from exportadmin.lib.forms import check_names
from exportadmin.lib.rest import BodyTooLarge, Header, Pages, RestView, StrictJSONParser
from exportadmin.lib.uploads import FIELD, TooLargeError, check_upload, takes_files

NDJSON: Final = "application/x-ndjson"
MULTIPART: Final = "multipart/form-data"
RANGE: Final = "Content-Range"
_LOCATION: Final = "where to look how it goes"


class RawParser(BaseParser):
    """The body itself, to be read in pieces."""

    media_type = "application/octet-stream"

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """As it comes."""
        return stream


class _Newest(Pages):
    orderings = ("-created_at",)


def _one(run: ImportRun) -> dict[str, Any]:
    return import_json(run, with_refused=True)


@takes_files
class ImportsView(RestView):
    """Imports: request one, list them."""

    pagination_class = _Newest
    parser_classes = [StrictJSONParser, MultiPartParser]
    takes = {"get": ImportsQuery}
    problems = {"post": (404, 409)}

    @extend_schema(operation_id="imports_list", responses=ImportSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Imports that one may see, newest first."""
        runs = visible_imports(request.user, token_of(request))
        if "project" in self.params:
            runs = runs.filter(project=get_project(request, self.params["project"], field="project"))
        if "status" in self.params:
            runs = runs.filter(status=self.params["status"])
        return self.paged(request, runs, lambda page: [import_json(run) for run in page])

    @extend_schema(
        operation_id="imports_create",
        request={MULTIPART: UploadSerializer, "application/json": BeginUploadSerializer},
        responses={201: OneImportSerializer, 202: OneImportSerializer},
        parameters=[Header("Location", str, _LOCATION, on=[201, 202])],
    )
    def post(self, request: Request) -> Response:
        """Import a file (multipart, 202), or begin to send one in parts (JSON, 201).

        The parts go to `imports/{import_id}/content/`, in order, the next one from byte `bytes_received` on.
        """
        data = request.data  # reads the body
        actor = actor_of(request, "rest")
        if isinstance(data, QueryDict):
            run, status = actions.request_import(actor=actor, **self._file(request, data)), 202
        else:
            upload = BeginUploadSerializer.read(data).validated_data
            run, status = actions.begin_upload(spec=_spec(upload), actor=actor, bytes_total=upload["bytes"]), 201
        answer = Response(_one(run), status=status)
        answer["Location"] = request.build_absolute_uri(reverse("api:import", args=[run.public_id]))
        return answer

    def _file(self, request: Request, data: QueryDict) -> dict[str, Any]:
        try:
            check_upload(request._request)
        except TooLargeError as error:
            raise BodyTooLarge(error.message) from None
        check_names(data, list(UploadSerializer().fields))
        values: dict[str, Any] = data.dict()
        if values.get("replace") in ("true", "false"):  # multipart knows texts only
            values["replace"] = values["replace"] == "true"
        upload = UploadSerializer.read(values).validated_data
        file = upload[FIELD]
        return {"spec": _spec({**upload, "file_name": file.name}), "file": file}


def _spec(data: dict[str, Any]) -> ImportSpec:
    more = {name: data[name] for name in ("format", "status", "dataset", "replace", "model_run") if name in data}
    return ImportSpec(data["project"], data["file_name"], **more)


class ImportView(RestView):
    """One import."""

    @extend_schema(operation_id="imports_get", responses=OneImportSerializer)
    def get(self, request: Request, import_id: str) -> Response:
        """An import as it is now, with the first rows that were refused."""
        return Response(_one(get_import(request, import_id)))


@takes_files
class ImportContentView(RestView):
    """The file of an import, in parts."""

    parser_classes = [RawParser]
    problems = {"put": (409, 413, 415)}

    @extend_schema(
        operation_id="imports_content",
        request={"application/octet-stream": OpenApiTypes.BINARY},
        responses={200: OneImportSerializer, 202: OneImportSerializer},
        parameters=[
            Header(
                RANGE,
                {"type": "string", "pattern": "^bytes [0-9]{1,18}-[0-9]{1,18}/[0-9]{1,18}$"},
                "`bytes FIRST-LAST/TOTAL`; both ends count, the first byte is 0",
                sent=True,
            ),
        ],
    )
    def put(self, request: Request, import_id: str) -> Response:
        """The next part: 200 while more is to come, 202 when the file is complete and the import queued."""
        run = get_import(request, import_id)
        run = actions.receive_part(
            run=run,
            actor=actor_of(request, "rest"),
            part=request.headers.get(RANGE, ""),
            stream=request.stream or io.BytesIO(),
        )
        return Response(_one(run), status=200 if run.status == ImportRun.UPLOADING else 202)


class CancelImportView(RestView):
    """Stop an import."""

    problems = {"post": (409,)}

    @extend_schema(operation_id="imports_cancel", request=None, responses={202: OneImportSerializer})
    def post(self, request: Request, import_id: str) -> Response:
        """Cancel: at once while it waits, within seconds while it runs. Rows that were written stay."""
        run = get_import(request, import_id)
        return Response(_one(actions.cancel_import(run=run, actor=actor_of(request, "rest"))), status=202)


class RefusedView(RestView):
    """The rows that did not go in."""

    problems = {"get": (403,)}

    @extend_schema(operation_id="imports_refused", responses={(200, NDJSON): OpenApiTypes.BINARY})
    def get(self, request: Request, import_id: str) -> HttpResponseBase:
        """Every refused row, one a line: `position`, `reason` and, where it could be read, `value`."""
        run = get_import(request, import_id)
        return refused_file(run, actions.read_refused(run=run, actor=actor_of(request, "rest")))


def refused_file(run: files.BringsRows, file: IO[bytes]) -> FileResponse:
    """The file of refused rows as a download."""
    answer = FileResponse(file, as_attachment=True, filename=f"refused_{run.public_id}.ndjson", content_type=NDJSON)
    answer.headers["Cache-Control"] = "no-store"
    return answer
