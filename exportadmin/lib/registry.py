"""A registry: key → entry, one line each; an unknown key gets an error that lists the known ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Generic, TypeVar

from exportadmin.lib.errors import UserError

Entry = TypeVar("Entry")


class Registry(Mapping[str, Entry], Generic[Entry]):
    """Read-only mapping with :meth:`pick` for keys that come from outside.

    ``what`` is the word users know the entries by ("format", "source"). An entry may be given as ``"module:name"``; it
    is imported when it is first asked for, so that a registry neither closes an import circle nor loads what a shell
    command does not need. :meth:`register` is for tests and plugins.
    """

    def __init__(self, what: str, entries: Mapping[str, Entry | str]) -> None:
        self.what = what
        self._entries: dict[str, Entry | str] = dict(entries)

    def __getitem__(self, key: str) -> Entry:
        entry = self._entries[key]
        if isinstance(entry, str):
            module, _, name = entry.partition(":")
            loaded: Entry = getattr(import_module(module), name)
            self._entries[key] = loaded
            return loaded
        return entry

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def register(self, key: str, entry: Entry | str) -> None:
        """Add an entry at run time. Raises ``ValueError`` when the key is taken."""
        if key in self._entries:
            raise ValueError(f"{self.what} {key!r} is registered twice")
        self._entries[key] = entry

    def unregister(self, key: str) -> None:
        """Take an entry out again (tests)."""
        del self._entries[key]

    def pick(self, key: str, *, field: str | None = None) -> Entry:
        """The entry for a key from outside. Raises :class:`UserError` that lists what would be right."""
        try:
            return self[key]
        except KeyError:
            known = ", ".join(sorted(self._entries))
            raise UserError(f"unknown {self.what} {key!r}; known: {known}", field=field) from None

    def choices(self) -> list[tuple[str, str]]:
        """For Django fields and forms: a function, so that a new entry needs no migration."""
        return [(key, key) for key in self._entries]
