"""The labelling platforms, one line each."""

from __future__ import annotations

from connections.platforms.base import Platform
from exportadmin.lib.registry import Registry

PLATFORMS: Registry[type[Platform]] = Registry(
    "platform",
    {
        "diffgram": "connections.platforms.diffgram.platform:DiffgramPlatform",
        "label_studio": "connections.platforms.label_studio.platform:LabelStudioPlatform",
        "labelbox": "connections.platforms.labelbox.platform:LabelboxPlatform",
        "labellerr": "connections.platforms.labellerr.platform:LabellerrPlatform",
    },
)
