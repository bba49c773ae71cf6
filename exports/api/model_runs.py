"""Model runs of a project in REST."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from connections.access.api.lookup import get_project
from exportadmin.audit.middleware import actor_of
from exportadmin.lib.heavy import heavy
from exportadmin.lib.rest import Choice, RestView, Text
from exportadmin.lib.rest.parameters import Number, Query
from exports.model_runs import actions
from exports.model_runs.actions import comparison_json, model_run_json
from exports.model_runs.comparison import LEAST_IOU, TRUTHS, parse_question
from exports.model_runs.matching import BOXES, OUTLINES


class ModelRunSerializer(serializers.Serializer[Any]):
    """A run of a model over rows of the project."""

    run_id = serializers.CharField(help_text="the id of a scope of kind model_run")
    name = serializers.CharField()
    model_id = serializers.CharField()
    model_name = serializers.CharField()
    created_at = serializers.CharField(allow_null=True, help_text="ISO 8601; null: nobody said")
    created_by = serializers.CharField(allow_blank=True)
    training_metadata = serializers.DictField()
    rows = serializers.IntegerField(help_text="data rows that are in it")
    predictions = serializers.IntegerField()


class FiguresSerializer(serializers.Serializer[Any]):
    """`labels = matched + missed`, `predictions = matched + extra`."""

    labels = serializers.IntegerField()
    predictions = serializers.IntegerField()
    matched = serializers.IntegerField()
    missed = serializers.IntegerField()
    extra = serializers.IntegerField()
    precision = serializers.FloatField(allow_null=True, help_text="null without predictions")
    recall = serializers.FloatField(allow_null=True, help_text="null without labels")


class ClassFiguresSerializer(FiguresSerializer):
    """Of one class."""

    name = serializers.CharField()


class DifferingRowSerializer(serializers.Serializer[Any]):
    """A row with much missed and extra."""

    data_row_id = serializers.CharField()
    global_key = serializers.CharField()
    split = serializers.CharField(allow_blank=True)
    matched = serializers.IntegerField()
    missed = serializers.IntegerField()
    extra = serializers.IntegerField()


class ComparisonSerializer(serializers.Serializer[Any]):
    """Predictions compared with labels, matched as in COCO's evaluation."""

    iou = serializers.FloatField()
    score = serializers.FloatField()
    by = serializers.ChoiceField(choices=[BOXES, OUTLINES])
    split = serializers.CharField(allow_blank=True)
    labels = serializers.ChoiceField(choices=list(TRUTHS), help_text="which of a row's labels count")
    rows = serializers.IntegerField()
    rows_not_compared = serializers.IntegerField(
        help_text="without a size, with geometry that cannot be read, or of which no label is chosen"
    )
    rows_with_several_labels = serializers.IntegerField(help_text="from which those of the choice are taken")
    predictions_without_confidence = serializers.IntegerField(
        help_text="they come last where score is 0, and are left out above"
    )
    total = FiguresSerializer()
    classes = ClassFiguresSerializer(many=True)
    worst_rows = DifferingRowSerializer(many=True)


class ComparisonQuery(Query):
    """How predictions and labels meet."""

    iou = Number(
        min_value=LEAST_IOU,  # type: ignore[arg-type] # the stubs take whole numbers alone
        max_value=1,
        required=False,
        help_text="from which overlap on; 0.5 by default",
    )
    score = Number(min_value=0, max_value=1, required=False, help_text="from which confidence on; 0 by default")
    by = Choice([BOXES, OUTLINES], required=False, help_text="what has to overlap; boxes by default")
    split = Text(max_length=40, required=False, help_text="rows of this split alone")
    labels = Choice(list(TRUTHS), required=False, help_text="which of a row's labels count; latest by default")


class ModelRunsView(RestView):
    """Which there are."""

    problems = {"get": (409,)}

    @extend_schema(operation_id="model_runs_list", responses=ModelRunSerializer(many=True))
    def get(self, request: Request, project_id: str) -> Response:
        """All of the project, newest first."""
        return Response(list(map(model_run_json, actions.model_runs_of(get_project(request, project_id)))))


class ModelRunView(RestView):
    """One of them."""

    problems = {"get": (409,), "delete": (403, 409)}

    @extend_schema(operation_id="model_runs_get", responses=ModelRunSerializer)
    def get(self, request: Request, project_id: str, run_id: str) -> Response:
        """A run, by its id."""
        return Response(model_run_json(actions.find_model_run(get_project(request, project_id), run_id)))

    @extend_schema(operation_id="model_runs_delete", responses={204: None})
    def delete(self, request: Request, project_id: str, run_id: str) -> Response:
        """Delete it with its predictions. The rows stay."""
        project = get_project(request, project_id)
        run = actions.find_model_run(project, run_id).run
        actions.delete_model_run(project=project, run=run, actor=actor_of(request, "rest"))
        return Response(status=204)


class ComparisonView(RestView):
    """What it found, beside the labels."""

    problems = {"get": (403, 409, 503)}
    takes = {"get": ComparisonQuery}

    @extend_schema(operation_id="model_runs_compare", responses=ComparisonSerializer)
    @heavy
    def get(self, request: Request, project_id: str, run_id: str) -> Response:
        """Matched, missed and extra, class by class."""
        project = get_project(request, project_id)
        run = actions.find_model_run(project, run_id).run
        question = parse_question(self.params)
        found = actions.compare_predictions(
            project=project, run=run, question=question, actor=actor_of(request, "rest")
        )
        return Response(comparison_json(found))
