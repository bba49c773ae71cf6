"""What Labelbox's SDK calls: one address for all operations, and one for each chunk of an export."""

from __future__ import annotations

import io
from typing import Any

import orjson
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

from connections.rows.composite_masks import paint
from exportadmin.audit.middleware import actor_of
from exportadmin.audit.once import record_once
from exportadmin.lib.errors import ConflictError, NotFoundError
from exportadmin.lib.heavy import heavy
from exports.delivery.reading import open_delivered
from exports.dialects.labelbox.base import UNKNOWN_OPERATION, LabelboxView
from exports.dialects.labelbox.bodies import FORMAT
from exports.dialects.labelbox.chunks import read_address
from exports.dialects.labelbox.documents import Call, UnknownOperationError
from exports.dialects.labelbox.operations import answer
from exports.dialects.labelbox.sign_in import CHANNEL, AddressAuthentication
from exports.formats.labelbox_ndjson import MASKS
from exports.handing_out import require_in_all_audited
from exports.lookup import get_artifact, get_report
from exports.models import Artifact
from exports.results.actions import read_rows_of


class GraphqlView(LabelboxView):
    """All operations. The SDK sends some to the second of its addresses, which is the same."""

    def post(self, request: Request) -> Response:
        """``data``, or ``errors``."""
        try:
            return Response({"data": answer(Call.read(request))})
        except UnknownOperationError as error:
            wrong = {"message": error.message, "extensions": {"code": UNKNOWN_OPERATION}}
            return Response({"data": None, "errors": [wrong]}, status=400)


class ChunkView(LabelboxView):
    """The bytes of a chunk, to whoever has its address, as long as the token that asked for it may have them."""

    authentication_classes = [AddressAuthentication]
    throttle_classes = []  # addresses that open nothing are counted; a large export has many that do

    def get(self, request: Request, address: str) -> HttpResponseBase:
        """As they are in the file; recorded before the first of them."""
        found = read_address(address)
        file, chunk = get_artifact(request, found.artifact_id), found.chunk
        actor = actor_of(request, CHANNEL)
        rows = read_rows_of(artifact=file, actor=actor, line=chunk.line, limit=chunk.lines)
        response = StreamingHttpResponse(rows, content_type="application/x-ndjson")
        response["Content-Length"] = str(chunk.size)
        response["Content-Encoding"] = "identity"  # the SDK compares its length with what was announced
        response["Cache-Control"] = "private, no-store"
        response["Referrer-Policy"] = "no-referrer"
        response.may_take_long = True  # type: ignore[attr-defined]  # see exports.links.downloads
        return response


class MaskView(LabelboxView):
    """A picture of masks, whose address stands in a row."""

    @heavy
    def get(self, request: Request, task_id: str, place: int, index: int) -> HttpResponse:
        """A PNG. The first picture of an export is a line of the trail, others in the next minutes are none."""
        report = get_report(request, task_id)
        actor = actor_of(request, CHANNEL)
        require_in_all_audited(actor, report, event="artifact.rows_read")
        file = report.artifacts.filter(name__endswith=f".{MASKS}.ndjson").select_related("report__project").first()
        if report.format != FORMAT or file is None:
            raise NotFoundError(f"task {report.report_id} has no masks")
        line = _line_of_masks(file, place, index)
        try:
            picture = paint(line)
        except ValueError as error:  # its export is older than the limit
            raise ConflictError(f"mask {place} cannot be had: {error}") from None
        details = {"file": file.name}
        record_once(
            "artifact.rows_read", actor=actor, key=file.public_id, project=report.project, obj=file, details=details
        )
        return HttpResponse(picture, content_type="image/png", headers={"Cache-Control": "private, no-store"})


def _line_of_masks(file: Artifact, place: int, index: int) -> dict[str, Any]:
    """The line that begins at a byte. Raises :class:`NotFoundError`: no address in a row says that place."""
    found = None
    if place < file.bytes:
        with open_delivered(file) as opened:
            opened.seek(max(place - 1, 0))
            before = opened.read(1) if place else b"\n"
            line = io.BufferedReader(opened).readline()
        found = orjson.loads(line) if before == b"\n" else None
    if found is None or found["index"] != index:
        raise NotFoundError(f"there is no mask {place} with index {index}")
    return dict(found)


class NothingHereView(LabelboxView):
    """Every other address."""

    authentication_classes = []
    permission_classes = []

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Whatever the parameters are, there is nothing to read them for."""
        self.check_throttles(request)

    def get(self, request: Request, rest: str = "") -> Response:
        """In JSON, as everything here."""
        raise NotFoundError("there is no such address in this dialect of Labelbox's API")

    post = put = patch = delete = get
