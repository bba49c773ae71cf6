"""label-studio-sdk's converter: ``python -m bench.peers.label_studio coco|csv TASKS CONFIG FOLDER``.

Set up as favourably as it allows: no pictures are fetched, nothing is logged.
"""

from __future__ import annotations

import logging
import sys
from importlib.metadata import version
from pathlib import Path

from bench.child import measured, say


def main(what: str, tasks: str, config: str, folder: str) -> None:
    from label_studio_sdk.converter import Converter

    logging.disable(logging.CRITICAL)
    with measured() as found:
        converter = Converter(config=config, project_dir=None, download_resources=False)
        if what == "coco":
            converter.convert_to_coco(tasks, folder, output_image_dir=f"{folder}/images", is_dir=False)
        else:
            converter.convert_to_csv(tasks, folder, is_dir=False, header=True, sep=",")
    result = Path(folder) / ("result.json" if what == "coco" else "result.csv")
    say(found | {"peer": f"label-studio-sdk {version('label-studio-sdk')}", "result": str(result)})


if __name__ == "__main__":
    main(*sys.argv[1:5])
