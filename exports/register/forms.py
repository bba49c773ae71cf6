"""What the register is asked for, in the address."""

from __future__ import annotations

from typing import Any, Final

from django.http import QueryDict

from exportadmin.audit.forms import CURSORS, FILE_FORMAT, TrailForm, choice, moment_field, text
from exportadmin.lib.errors import UserError
from exports.dialects.labellerr.sign_in import CHANNEL as LABELLERR
from exports.register.lines import KINDS, NOBODY

CHANNELS: Final = ("web", "rest", "link", LABELLERR, "worker", "shell")


def _known(kind: str) -> None:
    if kind not in KINDS:
        raise UserError(f"unknown kind {kind[:40]!r}; known: {', '.join(KINDS)}")


class OfExportForm(TrailForm):
    """Of one export."""

    person = text("Person", f"user name, or {NOBODY}")
    kind = choice("Kind", [(key, title) for key, (title, _) in KINDS.items()], check=_known)
    channel = choice("Channel", [(name, name) for name in CHANNELS], check=str)
    after = moment_field("Not before")
    before = moment_field("Not after")

    def __init__(self, data: QueryDict, **kwargs: Any) -> None:
        super().__init__(data, beside=(*CURSORS, FILE_FORMAT), **kwargs)


class RegisterForm(OfExportForm):
    """Of all that one may read."""

    project = text("Project", "its name or id; empty: all that you may read")
    export = text("Export", "its id")

    field_order = ("project", "person", "export")
