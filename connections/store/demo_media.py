"""The demo project's rows that are no pictures: one or two of every other medium, invented, small, always the same.

Their addresses are of ``example.org`` where the media themselves would be files: nothing is loaded from there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import orjson

from connections.rows.kinds import (
    DOCUMENT_BOX,
    DOCUMENT_ENTITY,
    GEO_BOX,
    GEO_POINT,
    GEO_POLYGON,
    GEO_POLYLINE,
    MESSAGE_ENTITY,
    MESSAGE_RANKING,
    MESSAGE_SELECTION,
    TEXT_ENTITY,
    VIDEO_BOX,
    VIDEO_POINT,
)
from connections.rows.media_types import (
    AUDIO,
    CONVERSATIONAL,
    DOCUMENT,
    GEOSPATIAL,
    HTML,
    LLM,
    TEXT,
    VIDEO,
)
from connections.store.import_row import IncomingLabel, IncomingRow
from exportadmin.lib.ids import derived_id

# 2026-09-20T06:00:00Z; a row every hour
FIRST_MS: Final = 1_789_884_000_000
_HOUR: Final = 3_600_000
_BATCH: Final = "other-media"
_Json = dict[str, Any]

_REPORT: Final = (
    "Harbour watch, 20 September. At dawn the ferry Stella Maris left Gdynia for Karlskrona with 212 passengers. "
    "Off Hel the crew of the tug Zubr reported a drifting buoy; harbour master Ewa Lis closed the fairway.\n"
    "Nobody was hurt, and the buoy was towed to Gdynia."
)
_PAGE: Final = """<!doctype html>
<title>Tides this week</title>
<h1>Tides this week</h1>
<p>High water at <b>04:12</b> and <b>16:40</b>.</p>
<script>alert("not run")</script>
"""
_CHAT: Final = (
    ("Harbour desk", "left", "Good morning, which ship is it about?"),
    ("Visitor", "right", "The Stella Maris. When does she leave for Karlskrona?"),
    ("Harbour desk", "left", "At 07:30 from pier 3, and again at 19:00."),
    ("Visitor", "right", "Great, thank you!"),
)
_QUESTION: Final = "Explain in one sentence why ships have draught marks."
_REPLIES: Final = (
    ("model-a", "They show how deep the hull sits in the water, so that the crew knows how much the ship may carry."),
    ("model-b", "They are numbers for decoration."),
    ("model-c", "They tell how deep the ship floats."),
)


def media_rows(first_number: int) -> Iterator[IncomingRow]:
    """Nine rows, numbered from ``first_number`` on."""
    makers = (_video, _text, _audio, _document, _conversation, _comparison, _web_page, _area, _long_text)
    for place, make in enumerate(makers):
        row = make()
        row.number = first_number + place
        row.position = f"demo row {row.number}"
        row.external_id = row.key
        row.dataset = "Other media"
        row.batch_id, row.batch_name = derived_id("demo", "batch", _BATCH), _BATCH
        row.created_ms = FIRST_MS + place * _HOUR
        row.created_by = "camera-import@example.org"
        for label in row.labels:
            label.created_ms = row.created_ms + _HOUR // 4
            label.updated_ms = label.created_ms + 90_000
            label.created_by = "lena@example.org"
            label.performance = {"seconds_to_create": 90, "seconds_to_review": 20, "skipped": False}
        yield row


def _row(key: str, row_data: str, medium: str, label: IncomingLabel, **media: Any) -> IncomingRow:
    attributes = {"asset_type": medium, **media}
    return IncomingRow(
        position="", key=key, row_data=row_data, status="accepted", media_attributes=attributes, labels=[label]
    )


def _id(*parts: str) -> str:
    return derived_id("demo", "other media", *parts)


def _object(key: str, name: str, kind: str, **geometry: Any) -> _Json:
    return {"feature_id": _id(key), "name": name, "value": name, "annotation_kind": kind, **geometry}


def _option(name: str) -> _Json:
    return {"feature_id": _id("option", name), "feature_schema_id": _id("schema", name), "name": name, "value": name,
            "classifications": []}  # fmt: skip


def _answer(key: str, name: str, **answer: Any) -> _Json:
    return {"feature_id": _id(key), "name": name, "value": name, **answer}


def _span(key: str, name: str, text: str, token: str) -> _Json:
    """The first ``token`` of ``text``; the end is the last character, as Labelbox counts."""
    start = text.index(token)
    location = {"start": start, "end": start + len(token) - 1, "token": token}
    return _object(key, name, TEXT_ENTITY.annotation_kind, location=location)


# --- one function a medium -------------------------------------------------------------------------------------------


def _text() -> IncomingRow:
    text = _REPORT
    objects = [
        _span("text 1", "ship", text, "Stella Maris"),
        _span("text 2", "ship", text, "tug Zubr"),
        _span("text 3", "place", text, "Gdynia"),
        _span("text 4", "place", text, "Karlskrona"),
        _span("text 5", "crew", text, "the crew of the tug Zubr"),  # a ship inside it
        _span("text 6", "event", text, "tug Zubr reported a drifting buoy"),  # and across its end
        _span("text 7", "person", text, "Ewa Lis"),
    ]
    answers = [_answer("text 8", "topic", radio_answer=_option("shipping"))]
    label = IncomingLabel(objects=objects, classifications=answers)
    return _row("demo-report.txt", text, TEXT, label, mime_type="text/plain")


def _long_text() -> IncomingRow:
    """Longer than a preview shows."""
    text = "\n".join(f"{hour:02d}:{minute:02d} wind {(hour * 7 + minute) % 9 + 1} from the west, sea calm."
                     for hour in range(24) for minute in range(0, 60, 5))  # fmt: skip
    objects = [_span(f"log {hour}", "hour", text, f"{hour:02d}:00") for hour in range(24)]
    return _row("demo-log.txt", text, TEXT, IncomingLabel(objects=objects), mime_type="text/plain")


def _video() -> IncomingRow:
    """A ship that goes from the left to the right, a buoy that is seen twice, and the light in which it is filmed."""
    ship, buoy, light = _id("video", "ship"), _id("video", "buoy"), _id("video", "light")
    frames: dict[str, _Json] = {}

    def frame(number: int) -> _Json:
        return frames.setdefault(str(number), {"objects": {}, "classifications": []})

    for number, left in ((1, 10.0), (40, 120.0), (90, 230.0)):
        box = {"top": 80.0 - number / 3, "left": left, "height": 40.0, "width": 70.0}
        frame(number)["objects"][ship] = _video_object(ship, "ship", VIDEO_BOX.annotation_kind, bounding_box=box)
    for number, x in ((20, 60.0), (30, 64.0), (75, 200.0)):
        mark = _video_object(buoy, "buoy", VIDEO_POINT.annotation_kind, point={"x": x, "y": 150.0})
        frame(number)["objects"][buoy] = mark
    for number, name in ((1, "dawn"), (60, "daylight")):
        frame(number)["classifications"].append(
            {**_answer("video light", "light", radio_answer=_option(name)), "feature_id": f"{light}-{name}"}
        )
    more = {
        "frames": dict(sorted(frames.items(), key=lambda one: int(one[0]))),
        "segments": {
            ship: [[1, 90]],
            buoy: [[20, 30], [75, 75]],
            f"{light}-dawn": [[1, 59]],
            f"{light}-daylight": [[60, 120]],
        },
        "key_frame_feature_map": {
            ship: [1, 40, 90],
            buoy: [20, 30, 75],
            f"{light}-dawn": [1],
            f"{light}-daylight": [60],
        },
    }
    answers = [_answer("video camera", "camera", radio_answer=_option("pier"))]
    label = IncomingLabel(classifications=answers, more_annotations=more, extra={"label_kind": "Video"})
    return _row(
        "demo-harbour.mp4", "https://media.example.org/demo-harbour.mp4", VIDEO, label,
        height=200, width=320, mime_type="video/mp4", frame_rate=12.5, frame_count=120,
    )  # fmt: skip


def _video_object(feature_id: str, name: str, kind: str, **geometry: Any) -> _Json:
    return {"feature_id": feature_id, "feature_schema_id": _id("schema", name), "name": name, "value": name,
            "annotation_kind": kind, "classifications": [], **geometry}  # fmt: skip


def _audio() -> IncomingRow:
    """Who speaks when, in milliseconds, and what is said."""
    first, second = (
        _answer("audio 1", "speaker", radio_answer=_option("pilot")),
        _answer("audio 2", "speaker", radio_answer=_option("harbour master")),
    )
    said = _answer("audio 3", "transcript", text_answer={"content": "Stella Maris, you are cleared to leave."})
    language = _answer("audio 4", "language", radio_answer=_option("English"))
    segments = {
        first["feature_id"]: [[0, 2_400], [7_900, 11_250]],
        second["feature_id"]: [[2_600, 7_500]],
        said["feature_id"]: [[2_800, 6_100]],
    }
    more: Mapping[str, Any] = {"segments": segments, "timestamp": {}}
    label = IncomingLabel(classifications=[first, second, said, language], more_annotations=dict(more))
    return _row("demo-radio.mp3", "https://media.example.org/demo-radio.mp3", AUDIO, label, mime_type="audio/mpeg")


def _document() -> IncomingRow:
    """An invoice of two pages: boxes on the first, words on both."""
    size = {"height": 842.0, "width": 595.0}

    def box(key: str, name: str, page: int, top: float, left: float, height: float, width: float) -> _Json:
        sides = {"top": top, "left": left, "height": height, "width": width}
        return _object(
            key, name, DOCUMENT_BOX.annotation_kind, page_number=page, bounding_box=sides, page_dimensions=size
        )

    def entity(key: str, name: str, page: int, text: str) -> _Json:
        group = {"id": _id(key, "group"), "page_number": page, "tokens": text.split(), "text": text}
        return _object(key, name, DOCUMENT_ENTITY.annotation_kind, location={"groups": [group]})

    objects = [
        box("document 1", "title", 1, 60.0, 60.0, 40.0, 320.0),
        box("document 2", "table", 1, 240.0, 60.0, 360.0, 475.0),
        box("document 3", "signature", 2, 640.0, 320.0, 90.0, 200.0),
        entity("document 4", "sender", 1, "Port of Gdynia"),
        entity("document 5", "amount", 1, "1 240.00 PLN"),
        entity("document 6", "date", 2, "20 September 2026"),
    ]
    label = IncomingLabel(
        objects=objects, classifications=[_answer("document 7", "topic", radio_answer=_option("dues"))]
    )
    return _row(
        "demo-dues.pdf", "https://media.example.org/demo-dues.pdf", DOCUMENT, label,
        mime_type="application/pdf", page_count=2,
    )  # fmt: skip


def _conversation() -> IncomingRow:
    messages = [
        {"messageId": str(place), "content": content, "user": {"userId": name, "name": name}, "align": align}
        for place, (name, align, content) in enumerate(_CHAT)
    ]
    text = orjson.dumps(
        {"type": "application/vnd.labelbox.conversational", "version": 1, "messages": messages}
    ).decode()

    def entity(key: str, name: str, message: int, token: str) -> _Json:
        start = _CHAT[message][2].index(token)
        location = {"message_id": str(message), "location": {"start": start, "end": start + len(token) - 1}}
        return _object(key, name, MESSAGE_ENTITY.annotation_kind, conversational_location=location)

    objects = [
        entity("chat 1", "ship", 1, "Stella Maris"),
        entity("chat 2", "place", 1, "Karlskrona"),
        entity("chat 3", "hour", 2, "07:30"),
        entity("chat 4", "place", 2, "pier 3"),
    ]
    answers = [
        _answer("chat 5", "intent", message_id="1", conversational_radio_answer=_option("timetable")),
        _answer("chat 6", "mood", message_id="3", conversational_checklist_answers=[_option("pleased")]),
    ]
    label = IncomingLabel(objects=objects, classifications=answers)
    return _row("demo-chat.json", text, CONVERSATIONAL, label, mime_type="application/json",
                message_count=len(messages))  # fmt: skip


def _comparison() -> IncomingRow:
    actors = {"person": {"role": "human"}} | {
        model: {"role": "model", "metadata": {"modelConfigName": model}} for model, _ in _REPLIES
    }
    messages: dict[str, _Json] = {
        "question": {
            "actorId": "person",
            "content": [{"type": "text", "content": _QUESTION}],
            "childMessageIds": [f"reply of {model}" for model, _ in _REPLIES],
        }
    }
    for model, text_of_it in _REPLIES:
        content = [{"type": "text", "content": text_of_it}]
        messages[f"reply of {model}"] = {"actorId": model, "content": content, "childMessageIds": []}
    text = orjson.dumps(
        {
            "type": "application/vnd.labelbox.conversational.model-chat-evaluation",
            "version": 2,
            "actors": actors,
            "messages": messages,
            "rootMessageIds": ["question"],
        }
    ).decode()

    def reply(model: str, **more: Any) -> _Json:
        return {"message_id": f"reply of {model}", "model_config_name": model, **more}

    best = reply("model-a", parent_message_id="question")
    ranked = [reply(model, order=order) for order, model in enumerate(("model-a", "model-c", "model-b"), 1)]
    useful = {"messages": [reply("model-a"), reply("model-c")], "parent_message_id": "question"}
    objects = [
        _object("llm 1", "best", MESSAGE_SELECTION.annotation_kinds[0], selected_message=best),
        _object("llm 2", "useful", MESSAGE_SELECTION.annotation_kinds[1], selected_messages=useful),
        _object("llm 3", "order", MESSAGE_RANKING.annotation_kind,
                ranked_messages={"ranked_messages": ranked, "parent_message_id": "question"}),
    ]  # fmt: skip
    return _row("demo-comparison.json", text, LLM, IncomingLabel(objects=objects), mime_type="application/json")


def _web_page() -> IncomingRow:
    answers = [
        _answer("page 1", "topic", radio_answer=_option("tides")),
        _answer("page 2", "holds", checklist_answers=[_option("numbers"), _option("a script")]),
        _answer("page 3", "remark", text_answer={"content": "Two high waters a day."}),
    ]
    return _row("demo-tides.html", _PAGE, HTML, IncomingLabel(classifications=answers), mime_type="text/html")


def _area() -> IncomingRow:
    """Around the bay: places are longitude and latitude."""
    ring = [
        [18.40, 54.83],
        [18.62, 54.70],
        [18.80, 54.61],
        [18.83, 54.60],
        [18.70, 54.66],
        [18.50, 54.79],
        [18.40, 54.83],
    ]
    objects = [
        _object("area 1", "peninsula", GEO_POLYGON.annotation_kind, geojson={"type": "Polygon", "coordinates": [ring]}),
        _object("area 2", "harbour", GEO_BOX.annotation_kind, geojson={"type": "Polygon", "coordinates": [
            [[18.52, 54.52], [18.57, 54.52], [18.57, 54.55], [18.52, 54.55], [18.52, 54.52]]]}),
        _object("area 3", "fairway", GEO_POLYLINE.annotation_kind, geojson={"type": "LineString", "coordinates": [
            [18.57, 54.53], [18.75, 54.55], [18.90, 54.65]]}),
        _object("area 4", "buoy", GEO_POINT.annotation_kind, geojson={"type": "Point", "coordinates": [18.75, 54.55]}),
    ]  # fmt: skip
    tiles = {"tile_layer_url": "https://tiles.example.org/{z}/{x}/{y}.png", "name": "Bay of Puck"}
    return _row("demo-bay.json", orjson.dumps(tiles).decode(), GEOSPATIAL, IncomingLabel(objects=objects),
                mime_type="application/json")  # fmt: skip
