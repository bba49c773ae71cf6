"""The sinks (on screen: destinations), one line each."""

from __future__ import annotations

from connections.sinks.base import Sink
from exportadmin.lib.registry import Registry

SINKS: Registry[type[Sink]] = Registry(
    "destination",
    {
        "local": "connections.sinks.installation:InstallationSink",
        "s3": "connections.sinks.s3:S3Sink",
    },
)
