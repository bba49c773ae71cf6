"""The importers, one line each."""

from __future__ import annotations

from connections.store.importers.base import Importer
from exportadmin.lib.registry import Registry

_HERE = "connections.store.importers"

IMPORTERS: Registry[type[Importer]] = Registry(
    "import format",
    {
        "coco_json": f"{_HERE}.coco_json:CocoJsonImporter",
        "coco_results": f"{_HERE}.coco_results:CocoResultsImporter",
        "diffgram_json": f"{_HERE}.diffgram_json:DiffgramJsonImporter",
        "label_studio_json": f"{_HERE}.label_studio:LabelStudioImporter",
        "labellerr_json": f"{_HERE}.labellerr_json:LabellerrJsonImporter",
        "ndjson": f"{_HERE}.ndjson:NdjsonImporter",
    },
)
