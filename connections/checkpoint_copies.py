"""Copies of the trail's checkpoints in the store of this installation, below ``checkpoints/``."""

from __future__ import annotations

from django.conf import settings

from connections.artifact_store import SharedFolder
from connections.s3.client import S3ConditionError
from exportadmin.audit.checkpoints.copies import TakenError


def in_the_store() -> StoreCopies | None:
    """``None``: this installation keeps its files in a folder."""
    return StoreCopies() if settings.ARTIFACTS_STORE else None


class StoreCopies:
    """See :class:`exportadmin.audit.checkpoints.copies.Copies`."""

    def __init__(self) -> None:
        self._folder = SharedFolder("checkpoints/")

    def names(self, beginning: str = "") -> list[str]:
        return self._folder.names(beginning)

    def read(self, name: str) -> bytes:
        return b"".join(self._folder.read(name))

    def put(self, name: str, line: bytes) -> None:
        try:
            self._folder.put_new(name, line)
        except S3ConditionError:
            if self.read(name) != line:
                raise TakenError(f"{name} is in the store already, and another one") from None
