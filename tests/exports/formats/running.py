"""A format run by hand: documents in, the file's bytes out, by the same calls that the pipeline makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from connections.rows.batch import BODY, COCO, CSV, PARTS, OntologyClass, RowBatch
from connections.rows.body import render_body
from connections.rows.coco import render_coco
from connections.rows.csv import render_csv
from exports.formats import FORMATS
from exports.formats.base import FormatContext, RefusedRow

ONTOLOGY = (
    OntologyClass(7, "can", supercategory="metal"),
    OntologyClass(3, "bag", extra={"keypoints": ["a"]}),
    OntologyClass(1, "quality", is_question=True),
)
FRAGMENTS = frozenset({COCO, CSV})


def batch_of(
    documents: Sequence[Mapping[str, Any]],
    columns: frozenset[str],
    *,
    first_number: int = 1,
    first_annotation: int = 1,
    ontology: Sequence[OntologyClass] = ONTOLOGY,
) -> RowBatch:
    """Rows numbered from ``first_number`` on; ``columns`` are the groups that this pretended source delivers."""
    numbers = list(range(first_number, first_number + len(documents)))
    class_numbers = {one.name: one.number for one in ontology if not one.is_question}
    blank = [""] * len(documents)
    batch = RowBatch(
        row_ids=[one["data_row"]["id"] for one in documents],
        global_keys=[one["data_row"]["global_key"] for one in documents],
        statuses=blank,
        batch_ids=blank,
        dataset_ids=blank,
        dataset_names=blank,
        updated_ms=[0] * len(documents),
        activity_ms=[0] * len(documents),
        label_times=blank,
        annotation_counts=[0] * len(documents),
        class_counts=blank,
        numbers=numbers,
    )
    if BODY in columns:
        bodies = [render_body(one) for one in documents]
        batch.bodies = [body for body, _ in bodies]
        batch.embeddings = [embeddings for _, embeddings in bodies]
    if COCO in columns:
        images: list[bytes] = []
        annotations: list[bytes] = []
        for number, one in zip(numbers, documents, strict=True):
            image, marks = render_coco(
                one, number=number, annotation_start=first_annotation, class_numbers=class_numbers
            )
            (project,) = one["projects"].values()
            first_annotation += sum(len(label["annotations"]["objects"]) for label in project["labels"])
            images.append(image)
            annotations.append(marks)
        batch.coco_images, batch.coco_annotations = images, annotations
    if CSV in columns:
        lines = [render_csv(one, number=number) for number, one in zip(numbers, documents, strict=True)]
        batch.csv_exact = [exact for exact, _ in lines]
        batch.csv_safe = [safe or b"" for _, safe in lines]
    return batch


def run(
    key: str,
    batches: Sequence[RowBatch],
    scratch: Path,
    *,
    ontology: Sequence[OntologyClass] = ONTOLOGY,
    options: Mapping[str, str] | None = None,
    parts: frozenset[str] = frozenset(PARTS),
    name: str = "Litter",
    refused: list[RefusedRow] | None = None,
) -> bytes:
    """The whole file; checks that nothing is left in ``scratch``. Rows that were refused are put into ``refused``."""
    writer = FORMATS[key](FormatContext("project1", name, ontology, parts, scratch, options or {}))
    pieces = [*writer.header()]
    for batch in batches:
        pieces += writer.rows(batch)
        if refused is not None:
            refused += writer.take_refused()
    pieces += writer.footer()
    assert list(scratch.iterdir()) == []
    return b"".join(pieces)
