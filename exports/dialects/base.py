"""What every dialect is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from django.urls import URLPattern

from exportadmin.lib.rest import RestView


@dataclass(frozen=True, slots=True)
class Dialect:
    """``urls`` lie below ``/dialects/<key>/``.

    ``keys`` say what to give where its client asks for keys, ``scripts`` how it is pointed at us: ``(for whom, lines)``
    with ``{base}`` for the address and ``{project}`` for a project's id. ``differences`` are what its client meets here
    that it does not meet there: ``(what, why)``.
    """

    key: str
    title: str
    urls: Sequence[URLPattern]
    keys: str = ""
    scripts: Sequence[tuple[str, str]] = ()
    differences: Sequence[tuple[str, str]] = ()


class DialectView(RestView):
    """A view of another platform's API: its own sign-in, its own shapes. It is not in our OpenAPI document."""

    schema = None  # type: ignore[assignment]
    channel: ClassVar[str]
