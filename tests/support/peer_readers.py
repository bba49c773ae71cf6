"""What other programs read in a file of ours: run by the Python of ``.venv-bench``, where the peers are installed.

An order is a line of JSON on stdin, its answer a line of JSON on stdout. ``{"coco": PATH}``: our COCO file, read by
supervision and by datumaro; the answer has, under each name, ``[[file name, class, [left, top, width, height]], …]`` or
``{"error": …}``. ``{"training": FOLDER, "format": KEY}``: a zip of ours for training, unpacked, with pictures; the
answer has the same of it, ``[[picture, class, [left, top, right, bottom] or corners of a turned box], …]``.
``{"tasks": PATH, "config": XML}``: Label Studio tasks, converted by Label Studio's own converter; the
answer has ``{"coco": its COCO file, "csv": its lines as objects}``.
"""

from __future__ import annotations

import contextlib
import csv
import json
import logging
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

Found = list[tuple[str, str, list[float]]]


def of_supervision(path: Path) -> Found:
    import supervision

    pictures = "/pictures"
    data = supervision.DetectionDataset.from_coco(images_directory_path=pictures, annotations_path=str(path))
    return [
        (
            file.removeprefix(pictures + "/"),
            data.classes[number],
            [float(left), float(top), float(right - left), float(bottom - top)],
        )
        for file, found in data.annotations.items()
        for (left, top, right, bottom), number in zip(found.xyxy, found.class_id, strict=True)
    ]


def of_datumaro(path: Path) -> Found:
    from datumaro.components.dataset import Dataset

    names = {Path(one["file_name"]).with_suffix("").as_posix(): one["file_name"] for one in _images(path)}
    with tempfile.TemporaryDirectory() as folder:
        for name in ("images", "annotations"):
            Path(folder, name).mkdir()
        shutil.copyfile(path, Path(folder, "annotations", "instances_default.json"))
        data = Dataset.import_from(folder, "coco_instances")
        classes = data.categories()[next(key for key in data.categories() if key.name == "label")]
        return [
            (names.get(item.id, item.id), classes[one.label].name, [float(number) for number in one.get_bbox()])
            for item in data
            for one in _one_a_group(item.annotations)
        ]


def _one_a_group(annotations: list[Any]) -> list[Any]:
    """Datumaro makes two of an annotation with ``bbox`` and ``segmentation``, in one group: of these, the box."""
    shapes: dict[Any, Any] = {}
    for place, one in enumerate(annotations):
        if hasattr(one, "get_bbox"):
            group = one.group or ("alone", place)
            if group not in shapes or one.type.name == "bbox":
                shapes[group] = one
    return list(shapes.values())


def _images(path: Path) -> list[dict[str, Any]]:
    return list(json.loads(path.read_text("utf-8"))["images"])


def training_of_supervision(folder: Path, key: str) -> Found:
    import supervision

    if key == "voc":
        data = supervision.DetectionDataset.from_pascal_voc(
            images_directory_path=str(folder / "JPEGImages"), annotations_directory_path=str(folder / "Annotations")
        )
    else:
        data = supervision.DetectionDataset.from_yolo(
            images_directory_path=str(folder / "images"),
            annotations_directory_path=str(folder / "labels"),
            data_yaml_path=str(folder / "data.yaml"),
            is_obb=key == "yolo_obb",
        )
    return [
        (Path(file).name, data.classes[number], [float(side) for side in place])
        for file, found in data.annotations.items()
        for place, number in zip(
            found.data["xyxyxyxy"].reshape(-1, 8) if key == "yolo_obb" and len(found) else found.xyxy,
            found.class_id,
            strict=True,
        )
    ]


def training_of_datumaro(folder: Path, key: str) -> Found:
    from datumaro.components.dataset import Dataset

    data = Dataset.import_from(str(folder), "voc" if key == "voc" else "yolo")
    classes = data.categories()[next(key for key in data.categories() if key.name == "label")]
    found = []
    for item in data:
        for one in item.annotations:
            left, top, across, down = one.get_bbox()
            found.append((item.id, classes[one.label].name, [left, top, left + across, top + down]))
    return found


def of_label_studio(tasks: str, config: str) -> dict[str, Any]:
    from label_studio_sdk.converter import Converter

    with tempfile.TemporaryDirectory() as folder:
        converter = Converter(config=config, project_dir=None, download_resources=False)
        converter.convert_to_coco(tasks, folder, output_image_dir=f"{folder}/images", is_dir=False)
        converter.convert_to_csv(tasks, folder, is_dir=False, header=True, sep=",")
        with Path(folder, "result.csv").open(encoding="utf-8", newline="") as lines:
            return {
                "coco": json.loads(Path(folder, "result.json").read_text("utf-8")),
                "csv": list(csv.DictReader(lines)),
            }


def _asked(reader: Callable[..., Any], *arguments: Any) -> Any:
    try:
        with contextlib.redirect_stdout(sys.stderr):
            return reader(*arguments)
    except Exception as error:  # a reader that stumbles over our file is a finding, not the end of the others
        return {"error": f"{type(error).__name__}: {error}"}


def main() -> None:
    logging.disable(logging.CRITICAL)
    for line in sys.stdin:
        order = json.loads(line)
        if "coco" in order:
            path = Path(order["coco"])
            answer = {"supervision": _asked(of_supervision, path), "datumaro": _asked(of_datumaro, path)}
        elif "training" in order:
            folder, key = Path(order["training"]), order["format"]
            answer = {
                "supervision": _asked(training_of_supervision, folder, key),
                "datumaro": _asked(training_of_datumaro, folder, key),
            }
        else:
            answer = _asked(of_label_studio, order["tasks"], order["config"])
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
