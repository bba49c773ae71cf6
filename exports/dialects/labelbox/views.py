"""What Labelbox's SDK calls: one address for all operations, and one for each chunk of an export."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponseBase, StreamingHttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

from exportadmin.audit.middleware import actor_of
from exportadmin.lib.errors import NotFoundError
from exports.dialects.labelbox.base import UNKNOWN_OPERATION, LabelboxView
from exports.dialects.labelbox.chunks import read_address
from exports.dialects.labelbox.documents import Call, UnknownOperationError
from exports.dialects.labelbox.operations import answer
from exports.dialects.labelbox.sign_in import CHANNEL, AddressAuthentication
from exports.lookup import get_artifact
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
