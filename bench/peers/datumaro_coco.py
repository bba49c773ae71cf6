"""Datumaro, COCO in and COCO out: ``python -m bench.peers.datumaro_coco FOLDER TARGET``.

``FOLDER/annotations/instances_default.json`` is the file. Pictures are neither there nor written.
Other options than the defaults are in :data:`OPTIONS`, with the reason.
"""

from __future__ import annotations

import logging
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.child import measured, say

# ids stay as they are, which spares it the work of giving new ones
OPTIONS: dict[str, Any] = {"save_media": False, "reindex": False}


def main(folder: str, target: str) -> None:
    from datumaro.components.dataset import Dataset

    logging.disable(logging.CRITICAL)
    with measured() as found:
        dataset = Dataset.import_from(folder, "coco_instances")
        dataset.export(target, "coco_instances", **OPTIONS)
    results = sorted(Path(target).rglob("instances_*.json"))
    say(found | {"peer": f"datumaro {version('datumaro')}", "result": str(results[0]) if results else ""})


if __name__ == "__main__":
    main(*sys.argv[1:3])
