"""The sources, one line each."""

from __future__ import annotations

from connections.sources.base import Source
from exportadmin.lib.registry import Registry

SOURCES: Registry[type[Source]] = Registry(
    "source",
    {
        "store": "connections.store.source:StoreSource",
    },
)
