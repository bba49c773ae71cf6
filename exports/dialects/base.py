"""What every dialect is made of."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from django.urls import URLPattern

from exportadmin.lib.rest import RestView


@dataclass(frozen=True, slots=True)
class PageBlock:
    """A block of code on the platform's own page about exports, told by ``title``. ``fails_with`` stands in the error
    where it cannot work here, and ``why`` says why, or what is to be known of one that does.

    ``tests/platforms/test_platform_pages.py`` runs each and fails where it ends otherwise.
    """

    key: str
    title: str
    fails_with: str = ""
    why: str = ""

    @property
    def works(self) -> bool:
        """As the page has it, but for keys, ids and the address."""
        return not self.fails_with


@dataclass(frozen=True, slots=True)
class Dialect:
    """``urls`` lie below ``/dialects/<key>/``.

    ``keys`` say what to give where its client asks for keys, ``scopes`` what a token needs for all that it does;
    ``scripts`` are the lines that export with it: ``(for whom, lines)`` with ``{base}`` for the address, ``{project}``
    for a project's id or ``{number}`` for its number, ``{key_id}`` and ``{key}`` for a token's id and key.
    ``differences`` are what its client meets here that it does not meet there: ``(what, why)``; ``blocks`` are the code
    of the platform's own pages.
    """

    key: str
    title: str
    urls: Sequence[URLPattern]
    keys: str = ""
    scopes: Sequence[str] = ()
    scripts: Sequence[tuple[str, str]] = ()
    differences: Sequence[tuple[str, str]] = ()
    blocks: Sequence[PageBlock] = ()

    def lines(
        self,
        site: str,
        project_id: str = "PROJECT_ID",
        number: int | str = "PROJECT_NUMBER",
        *,
        key_id: str = "TOKEN_ID",
        key: str = "TOKEN",
    ) -> list[tuple[str, str]]:
        """:attr:`scripts` for an installation at ``site`` (``https://host``)."""
        given = {"base": f"{site}/dialects/{self.key}", "project": project_id, "number": number}
        given |= {"key_id": key_id, "key": key}
        return [(title, lines.format(**given)) for title, lines in self.scripts]


class DialectView(RestView):
    """A view of another platform's API: its own sign-in, its own shapes. It is not in our OpenAPI document."""

    schema = None  # type: ignore[assignment]
    channel: ClassVar[str]


def moment(when: dt.datetime | None) -> str | None:
    """UTC, to the microsecond, with a Z: what SDKs read as a time."""
    return None if when is None else when.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
