"""Proofs of deliveries in REST."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from exportadmin.audit.middleware import actor_of
from exportadmin.lib.heavy import heavy
from exportadmin.lib.rest import Choice, Header, Pages, RestView, StrictSerializer
from exportadmin.runs import statuses
from exports import delivery_actions
from exports.display.representation import proof_json
from exports.lookup import get_proof, get_report
from exports.models.proof import FULL, HOW, RESULTS


class ProveSerializer(StrictSerializer):
    """How the delivery is looked at."""

    how = Choice([*HOW], default=FULL, help_text="; ".join(f"`{key}`: {help}" for key, (_, help) in HOW.items()))


class FindingSerializer(serializers.Serializer[Any]):
    """One file that is not as it was delivered."""

    file = serializers.CharField(allow_blank=True, help_text="empty: the delivery as a whole")
    finding = serializers.ChoiceField(choices=[*RESULTS])
    message = serializers.CharField()


class ProofSerializer(serializers.Serializer[Any]):
    """A proof, as :func:`exports.display.representation.proof_json` prints it."""

    proof_id = serializers.CharField()
    report_id = serializers.CharField()
    how = serializers.ChoiceField(choices=[*HOW])
    status = serializers.ChoiceField(choices=statuses.choices())
    error = serializers.CharField(allow_blank=True, help_text="why it could not be found out")
    result = serializers.ChoiceField(choices=[*RESULTS], allow_null=True, help_text="null: it has not ended well")
    counts = serializers.DictField(child=serializers.IntegerField(), help_text="files by what was found")
    problems = FindingSerializer(many=True)
    problems_total = serializers.IntegerField(help_text="of which `problems` are the first")
    statement = serializers.CharField(allow_blank=True, help_text="what is known of it, in words")
    note = serializers.CharField(allow_blank=True, help_text="what could not be known")
    bytes_done = serializers.IntegerField(help_text="so many were read")
    bytes_expected = serializers.IntegerField(help_text="so many are to be read at most")
    is_nightly = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    created_by = serializers.CharField(allow_blank=True)
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)


class ProveView(RestView):
    """Prove a delivery."""

    problems = {"post": (409, 410)}

    @extend_schema(
        operation_id="reports_prove",
        request=ProveSerializer,
        responses={200: ProofSerializer, 202: ProofSerializer},
        parameters=[Header("Location", str, "where to look how it goes", on=[200, 202])],
    )
    @heavy
    def post(self, request: Request, report_id: str) -> Response:
        """Compare the files with what was delivered: 200 with what was found, or 202 while a worker reads.

        While one of the same kind is under way, that one is answered.
        """
        report = get_report(request, report_id)
        how = ProveSerializer.read(request.data).validated_data["how"]
        proof = delivery_actions.prove(report=report, actor=actor_of(request, "rest"), how=how)
        answer = Response(proof_json(proof), status=202 if proof.is_active else 200)
        answer["Location"] = request.build_absolute_uri(reverse("api:proof", args=[proof.public_id]))
        return answer


class _Newest(Pages):
    orderings = ("-created_at",)


class ReportProofsView(RestView):
    """The proofs of one report."""

    pagination_class = _Newest

    @extend_schema(operation_id="reports_proofs", responses=ProofSerializer(many=True))
    def get(self, request: Request, report_id: str) -> Response:
        """The latest ones, newest first; older ones are told by the trail."""
        report = get_report(request, report_id)
        proofs = report.proofs.select_related("report")
        return self.paged(request, proofs, lambda page: [proof_json(proof) for proof in page])


class ProofView(RestView):
    """One proof."""

    @extend_schema(operation_id="proofs_get", responses=ProofSerializer)
    def get(self, request: Request, proof_id: str) -> Response:
        """A proof as it is now."""
        return Response(proof_json(get_proof(request, proof_id)))


class CancelProofView(RestView):
    """Stop a proof."""

    problems = {"post": (409,)}

    @extend_schema(operation_id="proofs_cancel", request=None, responses={202: ProofSerializer})
    def post(self, request: Request, proof_id: str) -> Response:
        """Cancel one's own, or any as who may start exports. Twice is no error."""
        proof = delivery_actions.cancel_proof(proof=get_proof(request, proof_id), actor=actor_of(request, "rest"))
        return Response(proof_json(proof), status=202)
