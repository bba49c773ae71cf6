"""The kinds of annotation, one line each, in the order in which a row's counts name them.

Whoever writes, paints, draws, counts or checks an annotation asks its kind:
``KINDS.of_mark(annotation)``. What no kind stands for is :data:`OTHER`, which is carried, never dropped.

Counts and fragments are made when a row is written: rows that are already in the store know a new kind from their next
change on.
"""

from __future__ import annotations

from collections.abc import Iterable

from connections.rows.kinds.base import Annotation, Kind
from connections.rows.kinds.box import Box
from connections.rows.kinds.classification import Classification
from connections.rows.kinds.diffgram import Cuboid, Curve, Ellipse, Keypoints
from connections.rows.kinds.document import DocumentBox
from connections.rows.kinds.geospatial import GeoBox, GeoPoint, GeoPolygon, GeoPolyline
from connections.rows.kinds.mask import ADDRESS, Mask
from connections.rows.kinds.messages import MessageRanking, MessageSelection
from connections.rows.kinds.other import Other
from connections.rows.kinds.point import Point
from connections.rows.kinds.polygon import Polygon
from connections.rows.kinds.polyline import Polyline
from connections.rows.kinds.segment import Segment
from connections.rows.kinds.text import DocumentEntity, MessageEntity, TextEntity
from connections.rows.kinds.video import VideoBox, VideoMask, VideoPoint, VideoPolygon, VideoPolyline
from exportadmin.lib.registry import Registry

BOX, POLYGON, MASK, POLYLINE, POINT = Box(), Polygon(), Mask(), Polyline(), Point()
MASK_ADDRESS = ADDRESS
VIDEO_BOX, VIDEO_POLYGON, VIDEO_MASK = VideoBox(), VideoPolygon(), VideoMask()
VIDEO_POLYLINE, VIDEO_POINT = VideoPolyline(), VideoPoint()
TEXT_ENTITY, MESSAGE_ENTITY, DOCUMENT_ENTITY = TextEntity(), MessageEntity(), DocumentEntity()
DOCUMENT_BOX = DocumentBox()
MESSAGE_SELECTION, MESSAGE_RANKING = MessageSelection(), MessageRanking()
GEO_BOX, GEO_POLYGON, GEO_POLYLINE, GEO_POINT = GeoBox(), GeoPolygon(), GeoPolyline(), GeoPoint()
SEGMENT, CLASSIFICATION, OTHER = Segment(), Classification(), Other()


class Kinds(Registry[Kind]):
    """By key, by ``annotation_kind`` (:meth:`of`) and by the letter in which counts are kept."""

    def __init__(self, kinds: Iterable[Kind]) -> None:
        super().__init__("kind of annotation", {})
        self.by_letter: dict[str, Kind] = {}
        # letter → place in the order of kinds
        self.places: dict[str, int] = {}
        self.by_annotation_kind: dict[str, Kind] = {}
        for kind in kinds:
            self.register(kind.key, kind)

    def of(self, annotation_kind: str) -> Kind:
        """The kind that an object's ``annotation_kind`` stands for, else :data:`OTHER`."""
        return self.by_annotation_kind.get(annotation_kind, OTHER)

    def of_mark(self, annotation: Annotation) -> Kind:
        """The kind of an object, of which something may be missing."""
        return self.by_annotation_kind.get(annotation["annotation_kind"], OTHER).of_mark(annotation)

    def register(self, key: str, entry: Kind | str) -> None:
        if not isinstance(entry, Kind):
            raise TypeError(f"kind {key!r}: counts need its letter at once, so it is registered as an object")
        if not entry.letter.islower():
            raise ValueError(f"kind {key!r}: a capital letter is for further labels, {entry.letter!r} should be small")
        clash = self.by_letter.get(entry.letter) or next(
            (known for name, known in self.by_annotation_kind.items() if name in entry.annotation_kinds), None
        )
        if clash is not None:
            raise ValueError(f"kind {key!r} has the letter or an annotation_kind of {clash.key!r}")
        super().register(key, entry)
        self.by_letter[entry.letter] = entry
        self.places = {letter: place for place, letter in enumerate(self.by_letter)}
        self.by_annotation_kind |= dict.fromkeys(entry.annotation_kinds, entry)

    def unregister(self, key: str) -> None:
        kind = self[key]
        super().unregister(key)
        del self.by_letter[kind.letter], self.places[kind.letter]
        for name in kind.annotation_kinds:
            del self.by_annotation_kind[name]


KINDS = Kinds(
    [
        BOX,
        POLYGON,
        MASK,
        POLYLINE,
        POINT,
        MASK_ADDRESS,
        VIDEO_BOX,
        VIDEO_POLYGON,
        VIDEO_MASK,
        VIDEO_POLYLINE,
        VIDEO_POINT,
        TEXT_ENTITY,
        MESSAGE_ENTITY,
        DOCUMENT_ENTITY,
        DOCUMENT_BOX,
        MESSAGE_SELECTION,
        MESSAGE_RANKING,
        GEO_BOX,
        GEO_POLYGON,
        GEO_POLYLINE,
        GEO_POINT,
        SEGMENT,
        Ellipse(),
        Cuboid(),
        Curve(),
        Keypoints(),
        CLASSIFICATION,
        OTHER,
    ]
)
