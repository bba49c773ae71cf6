"""A project's labeling config: that of the platform whose project it mirrors, else one made of its ontology.

Controls are called as a snapshot's results call them: by the shape (``rectangle``, ``polygon``, ``keypoint``,
``brush``; ``label`` of a text's spans, ``videorectangle`` of a video's tracks), an answer's by its question. Which
answers a question has the ontology does not say.
"""

from __future__ import annotations

from typing import Final
from xml.etree import ElementTree

from connections.models import Project
from connections.rows.kinds import BOX, MASK, OTHER, POINT, POLYGON, POLYLINE, TEXT_ENTITY, VIDEO_BOX
from connections.rows.label_studio.tracks import TRACK
from connections.rows.media_types import HTML
from connections.store.models import StoreClass
from connections.store.overview import Overview, first_media_type
from connections.sync.lookup import mirror_of

_MEDIA: Final = {"image": "Image", "video": "Video", "audio": "Audio", "text": "Text"}
# spans of a text, and the labels that tracks of a video are given; of tasks no kind stands for them
_PLACED: Final = (OTHER, TEXT_ENTITY, VIDEO_BOX)
_LABELS: Final = ("Labels", "label")
# tag, its name, and the kinds whose regions it has
_CONTROLS: Final = (
    ("RectangleLabels", "rectangle", (BOX,)),
    ("PolygonLabels", "polygon", (POLYGON, POLYLINE)),
    ("KeyPointLabels", "keypoint", (POINT,)),
    ("BrushLabels", "brush", (MASK,)),
)


def labeling_config(project: Project, figures: Overview) -> str:
    """As XML. Of a made one, a control for each shape that there is, with all classes."""
    mirror = mirror_of(project)
    kept = mirror.details.get("label_config") if mirror is not None else None
    return kept if isinstance(kept, str) and kept else _made(project, figures)


def _made(project: Project, figures: Overview) -> str:
    view = ElementTree.Element("View")
    media = first_media_type(project)
    media = "text" if media == HTML else media if media in _MEDIA else "image"
    ElementTree.SubElement(view, _MEDIA[media], name=media, value=f"${media}")
    classes = StoreClass.objects.filter(project=project).values_list("name", "is_question")
    named = list(classes.order_by("is_question", "number"))
    labels = [label for label, is_question in named if not is_question]
    controls = [(tag, name) for tag, name, kinds in _CONTROLS if any(figures.by_kind.get(kind.key) for kind in kinds)]
    if media in ("text", "video") and any(figures.by_kind.get(kind.key) for kind in _PLACED):
        controls.append(_LABELS)
        if media == "video":
            ElementTree.SubElement(view, "VideoRectangle", name=TRACK, toName=media)
    for tag, name in controls:
        control = ElementTree.SubElement(view, tag, name=name, toName=media)
        for label in labels:
            ElementTree.SubElement(control, "Label", value=label)
    for question, is_question in named:
        if is_question:
            ElementTree.SubElement(view, "Choices", name=question, toName=media)
    return ElementTree.tostring(view, encoding="unicode")
