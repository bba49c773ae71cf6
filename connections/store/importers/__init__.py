"""The importers, one line each."""

from __future__ import annotations

from connections.store.importers.base import Importer, Refused, Survey
from connections.store.importers.coco_json import CocoJsonImporter
from connections.store.importers.coco_results import CocoResultsImporter
from connections.store.importers.detect import detect
from connections.store.importers.diffgram_json import DiffgramJsonImporter
from connections.store.importers.label_studio import LabelStudioImporter
from connections.store.importers.labellerr_json import LabellerrJsonImporter
from connections.store.importers.ndjson import NdjsonImporter
from exportadmin.lib.registry import Registry

IMPORTERS: Registry[type[Importer]] = Registry(
    "import format",
    {
        "coco_json": CocoJsonImporter,
        "coco_results": CocoResultsImporter,
        "diffgram_json": DiffgramJsonImporter,
        "label_studio_json": LabelStudioImporter,
        "labellerr_json": LabellerrJsonImporter,
        "ndjson": NdjsonImporter,
    },
)

__all__ = ["IMPORTERS", "Importer", "Refused", "Survey", "detect"]
