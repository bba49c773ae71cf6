"""The formats, one line each; a format's module is loaded when it is first used."""

from __future__ import annotations

from exportadmin.lib.registry import Registry
from exports.formats.base import Format

FORMATS: Registry[type[Format]] = Registry(
    "format",
    {
        "json": "exports.formats.json:JsonFormat",
        "ndjson": "exports.formats.ndjson:NdjsonFormat",
        "coco_json": "exports.formats.coco_json:CocoJsonFormat",
        "csv": "exports.formats.csv:CsvFormat",
        "png": "exports.formats.png:PngFormat",
        "yolo": "exports.formats.yolo:YoloFormat",
        "yolo_obb": "exports.formats.yolo_obb:YoloObbFormat",
        "voc": "exports.formats.voc:VocFormat",
        "label_studio_json": "exports.formats.label_studio.json:LabelStudioJsonFormat",
        "label_studio_json_min": "exports.formats.label_studio.minified:LabelStudioMinifiedFormat",
        "label_studio_csv": "exports.formats.label_studio.table:LabelStudioCsvFormat",
        "label_studio_tsv": "exports.formats.label_studio.table:LabelStudioTsvFormat",
        "labellerr_coco": "exports.formats.labellerr_coco:LabellerrCocoFormat",
        "labellerr_json": "exports.formats.labellerr_json:LabellerrJsonFormat",
        "diffgram_json": "exports.formats.diffgram_json:DiffgramJsonFormat",
        "coco_results": "exports.formats.coco_results:CocoResultsFormat",
        "labelbox_ndjson": "exports.formats.labelbox_ndjson:LabelboxNdjsonFormat",
        "label_studio_coco": "exports.formats.label_studio_coco:LabelStudioCocoFormat",
        "brush_to_png": "exports.formats.brush_to_png:BrushToPngFormat",
        "brush_to_numpy": "exports.formats.brush_to_numpy:BrushToNumpyFormat",
        "brush_to_coco": "exports.formats.brush_to_coco:BrushToCocoFormat",
        "asr_manifest": "exports.formats.asr_manifest:AsrManifestFormat",
        "conll2003": "exports.formats.conll2003:Conll2003Format",
    },
)


def formats_of_projects() -> list[str]:
    """The keys of those that need no model run."""
    return [key for key in FORMATS if not FORMATS.pick(key).needs_run]
