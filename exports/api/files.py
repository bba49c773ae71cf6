"""Artifacts, their bytes and their rows in REST."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from django.http import HttpResponseBase, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from exportadmin.audit.middleware import actor_of
from exportadmin.lib.heavy import heavy
from exportadmin.lib.rest import Header, RestView, problem
from exportadmin.lib.signing import known_keys
from exports import delivery_actions
from exports.api.lookup import get_whole_report
from exports.api.queries import RowsQuery
from exports.api.serializers import ArtifactSerializer, PublicKeySerializer
from exports.display.representation import artifact_json
from exports.links import downloads
from exports.lookup import get_artifact
from exports.results.actions import read_report_rows

NDJSON: Final = "application/x-ndjson"
_PLACE: Final = {
    "X-Total-Lines": "lines of the whole result",
    "X-Total-Size": "bytes of the whole result, a line a row",
    "X-First-Line": "the line that this answer begins with",
    "X-First-Offset": "the byte at which that line begins",
}


class ReportArtifactsView(RestView):
    """The files of a report."""

    @extend_schema(operation_id="artifacts_list", responses=ArtifactSerializer(many=True))
    def get(self, request: Request, report_id: str) -> Response:
        """All files that a report delivered."""
        return Response([artifact_json(artifact) for artifact in get_whole_report(request, report_id).artifacts.all()])


class ArtifactView(RestView):
    """One file's figures."""

    @extend_schema(operation_id="artifacts_get", responses=ArtifactSerializer)
    def get(self, request: Request, artifact_id: str) -> Response:
        """Name, size, sha256 of a file."""
        return Response(artifact_json(get_artifact(request, artifact_id)))


class DownloadView(RestView):
    """One file's bytes."""

    problems = {"get": (403, 410, 412, 416)}

    @extend_schema(
        operation_id="artifacts_download",
        responses={(200, "*/*"): OpenApiTypes.BINARY, (206, "*/*"): OpenApiTypes.BINARY, 304: None},
        parameters=[
            Header("Range", {"type": "string"}, "`bytes=0-99`, one range", sent=True),
            Header("If-Range", {"type": "string"}, "the `ETag` of what was fetched so far", sent=True),
            Header("If-None-Match", {"type": "string"}, sent=True),
            Header("ETag", str, "the file's sha256, quoted", on=[200, 206, 304]),
            Header("Repr-Digest", str, "RFC 9530", on=[200, 206]),
            Header("Accept-Ranges", str, on=[200, 206]),
            Header("Content-Range", str, on=[206]),
        ],
    )
    def get(self, request: Request, artifact_id: str) -> HttpResponseBase:
        """A file, whole or from anywhere in it. Recorded before the first byte."""
        artifact = get_artifact(request, artifact_id)
        actor = actor_of(request, "rest")
        answer = downloads.respond(request._request, artifact, actor=actor)
        if answer.status_code in (412, 416):
            return _as_problem(request, answer)
        return answer


def _as_problem(request: Request, answer: HttpResponseBase) -> Response:
    """The same refusal in REST's one shape, with its headers."""
    refusals = {
        412: (
            "precondition_failed",
            "the file is not, or no longer, the one that If-Match or If-Unmodified-Since names",
        ),
        416: ("range", "the file has none of the bytes that Range asks for; Content-Range says how many it has"),
    }
    code, detail = refusals[answer.status_code]
    body = problem(answer.status_code, code, detail, request=request)
    for name in ("Content-Range", "Accept-Ranges", "ETag", "Cache-Control"):
        if name in answer:
            body[name] = answer[name]
    return body


class ManifestView(RestView):
    """The manifest of a delivery."""

    problems = {"get": (403, 409, 410)}

    @extend_schema(operation_id="reports_manifest", responses={(200, "application/json"): OpenApiTypes.OBJECT})
    def get(self, request: Request, report_id: str) -> HttpResponseBase:
        """As it was delivered, byte for byte: what was asked, check values, files, signature."""
        report = get_whole_report(request, report_id)
        return downloads.manifest_answer(
            delivery_actions.download_manifest(report=report, actor=actor_of(request, "rest"))
        )


class TrailProofView(RestView):
    """The trail's proof of a delivery."""

    problems = {"get": (403, 409, 410)}

    @extend_schema(operation_id="reports_trail_proof", responses={(200, "application/json"): OpenApiTypes.OBJECT})
    @heavy
    def get(self, request: Request, report_id: str) -> HttpResponseBase:
        """Lay it beside `manifest.json`: `verify.py` then says which entry of the audit trail tells of the delivery."""
        report = get_whole_report(request, report_id)
        actor = actor_of(request, "rest")
        return downloads.trail_proof_answer(delivery_actions.download_trail_proof(report=report, actor=actor))


class VerifierView(RestView):
    """The program that verifies files without us."""

    @extend_schema(operation_id="verifier", responses={(200, "text/x-python"): OpenApiTypes.BINARY})
    def get(self, request: Request) -> HttpResponseBase:
        """`python3 verify.py FOLDER --key PUBLIC_KEY` beside the files and `manifest.json`."""
        return downloads.verifier_answer()


class SigningKeysView(RestView):
    """Who signs manifests here."""

    @extend_schema(operation_id="signing_keys_list", responses=PublicKeySerializer(many=True))
    def get(self, request: Request) -> Response:
        """The public key that signs, then older ones, whose signatures stay known."""
        return Response([{"key_id": key.key_id, "public_key": key.text} for key in known_keys()])


class RowsView(RestView):
    """Rows of a finished json or ndjson result."""

    takes = {"get": RowsQuery}
    problems = {"get": (403, 409, 410)}

    @extend_schema(
        operation_id="reports_rows",
        responses={(200, NDJSON): OpenApiTypes.BINARY},
        parameters=[Header(name, int, text, on=[200]) for name, text in _PLACE.items()],
    )
    def get(self, request: Request, report_id: str) -> HttpResponseBase:
        """A row a line, from any line or byte on, without reading what comes before."""
        report = get_whole_report(request, report_id)
        place = {name: self.params.get(name) for name in ("line", "offset", "limit")}
        is_errors = self.params.get("stream") == "errors"
        rows = read_report_rows(report=report, actor=actor_of(request, "rest"), errors=is_errors, **place)
        if rows is None:
            return _ndjson(iter(()), [0, 0, 0, 0])
        return _ndjson(rows, rows.place)


def _ndjson(chunks: Iterator[bytes] | Any, place: list[int]) -> StreamingHttpResponse:
    answer = StreamingHttpResponse(chunks, content_type=NDJSON)
    for name, value in zip(_PLACE, place, strict=True):
        answer[name] = str(value)
    answer["Cache-Control"] = "private, no-store"
    return answer
