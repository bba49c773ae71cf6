"""The sources, one line each."""

from __future__ import annotations

from exportadmin.lib.registry import Registry
from exports.sources.base import Source

SOURCES: Registry[type[Source]] = Registry(
    "source",
    {
        "store": "exports.sources.store:StoreSource",
    },
)
