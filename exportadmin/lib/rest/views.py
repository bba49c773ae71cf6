"""The view that all of REST is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework import exceptions
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from exportadmin.lib.rest.body import StrictJSONParser
from exportadmin.lib.rest.description import RestSchema
from exportadmin.lib.rest.pages import Pages
from exportadmin.lib.rest.parameters import Query
from exportadmin.lib.rest.problems import Problem, problem_json
from exportadmin.lib.throttles import AddressThrottle, PersonThrottle


class OneForm(BaseContentNegotiation):
    """What is answered does not depend on ``Accept`` (RFC 9110 §12.5.1 leaves that to the server): a download that was
    asked for with ``Accept: application/zip`` must not become a 406, nor a filter called ``format`` another renderer.
    """

    def select_parser(self, request: Request, parsers: Any) -> Any:
        """By ``Content-Type``; none fits: 415."""
        sent = request.content_type.partition(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == sent), None)

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        """The first, always."""
        renderer = renderers[0]
        return renderer, renderer.media_type


class RestView(APIView):
    """Refuses query parameters that it does not name, and reads those that it does into ``self.params``.

    ``takes`` has the serializer of each method that takes any; a list names its ``pagination_class`` too, and answers
    through :meth:`paged`. ``problems`` names by method the errors that only this view gives (:class:`RestSchema` knows
    the common ones).
    """

    schema = RestSchema()
    parser_classes = [StrictJSONParser]
    content_negotiation_class = OneForm
    throttle_classes = [AddressThrottle, PersonThrottle]
    metadata_class = None
    # how the trail calls this way in
    channel: ClassVar[str] = "rest"
    pagination_class: ClassVar[type[Pages] | None] = None
    takes: ClassVar[Mapping[str, type[Query]]] = {}
    problems: ClassVar[Mapping[str, tuple[int, ...]]] = {}
    params: dict[str, Any]
    _is_counted = False

    @classmethod
    def query(cls, method: str) -> Query:
        """What a method, in small letters, takes; those of its pages too."""
        method = "get" if method == "head" else method
        query = cls.takes.get(method, Query)()
        if cls.pagination_class and method == "get":
            query.fields.update(cls.pagination_class.parameters())
        return query

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """As DRF's; the query string is read after permission, so that a stranger learns nothing from it."""
        super().initial(request, *args, **kwargs)
        method = (request.method or "").lower()
        if method not in self.http_method_names or not hasattr(self, method):
            raise exceptions.MethodNotAllowed(request.method or "")
        self.params = self.query(method).read(request)

    def check_permissions(self, request: Request) -> None:
        """Whoever asks too often is told so first, also where they may not ask: DRF would answer those for ever."""
        self.check_throttles(request)
        super().check_permissions(request)

    def check_throttles(self, request: Request) -> None:
        """Done before the permissions, and by DRF behind them once more; a request counts once."""
        if not self._is_counted:
            self._is_counted = True
            super().check_throttles(request)

    @staticmethod
    def error_response(problem: Problem, request: Any) -> Response:
        """The shape of an error. A view of another platform's API answers in the shape that its clients know."""
        return problem_json(problem, request)

    def options(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        """``Allow``, and nothing else: what can be asked stands in the OpenAPI document."""
        return Response(status=204)

    def paged(self, request: Request, rows: QuerySet[Any], show: Callable[[list[Any]], Any]) -> Response:
        """A page of ``rows``, each list of them through ``show``."""
        assert self.pagination_class is not None
        return self.pagination_class().answer(request, rows, self.params, show)
