"""A labeling config, which is Label Studio's ontology: what is labelled, with which classes and questions, in order."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from xml.etree import ElementTree

from connections.store.import_row import IncomingClass

# controls whose results answer a question, which is called as they are
_QUESTIONS: Final = frozenset({"choices", "textarea", "rating", "number", "datetime", "taxonomy", "pairwise", "ranker"})
# tags that show what is labelled → our word for it
_MEDIA: Final = {
    "image": "image",
    "video": "video",
    "audio": "audio",
    "audioplus": "audio",
    "pdf": "document",
    "text": "text",
    "hypertext": "text",
    "paragraphs": "text",
    "timeseries": "time series",
}
# a whole ontology has some kilobytes
_MOST_CHARACTERS: Final = 4_000_000
_DECLARATION: Final = re.compile(r"<!(?:DOCTYPE|ENTITY|ELEMENT|ATTLIST)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Shown:
    """A tag that shows what a task has under ``key``; ``is_list``: several, ``is_address``: what lies there."""

    tag: str
    key: str
    is_list: bool
    is_address: bool


@dataclass(frozen=True, slots=True)
class Control:
    """A tag with which people answer, and what it is about."""

    tag: str
    about: tuple[Shown, ...]


def controls_of(config: str) -> list[Control]:
    """Its controls in their order; none where it cannot be read. Tags are as they stand there."""
    elements = list(_elements(config))
    shown: dict[str | None, Shown] = {}
    for element in elements:
        value = element.get("value") or element.get("valueList") or ""
        if element.get("name") and not element.get("toName") and value.startswith("$"):
            is_address = element.get("valueType") == "url"
            shown[element.get("name")] = Shown(element.tag, value[1:], "valueList" in element.attrib, is_address)
    return [
        Control(one.tag, tuple(shown[name] for name in re.split(r"[,\s]+", one.get("toName", "")) if name in shown))
        for one in elements
        if one.get("name") and one.get("toName")
    ]


def classes_of(config: str) -> list[IncomingClass]:
    """Its classes and questions in their order, each once; none where it cannot be read.

    Labels that come from the data of a task (``value="$labels"``) are not known before that.
    """
    found: dict[tuple[str, bool], IncomingClass] = {}
    for element in _elements(config):
        tag = element.tag.lower()
        is_question = tag in _QUESTIONS
        if not is_question and not tag.endswith("labels"):
            continue
        for name in [element.get("name")] if is_question else _labels(element):
            if name and not name.startswith("$"):
                found.setdefault((name, is_question), IncomingClass(name, is_question=is_question))
    return list(found.values())


def _labels(control: ElementTree.Element) -> list[str | None]:
    """As they stand in results."""
    labels = [one for one in control.iter() if one is not control and one.tag.lower() == "label"]
    return [one.get("alias") or one.get("value") for one in labels]


def data_type_of(config: str) -> str:
    """What is labelled, in one word; empty where it is of several sorts, or cannot be told."""
    kinds = {
        _MEDIA[tag]
        for element in _elements(config)
        if (tag := element.tag.lower()) in _MEDIA and str(element.get("value", "")).startswith("$")
    }
    return kinds.pop() if len(kinds) == 1 else ""


def _elements(config: str) -> Iterable[ElementTree.Element]:
    # entities are what makes a small XML text large, or reads files; no labeling config has any
    if len(config) > _MOST_CHARACTERS or _DECLARATION.search(config):
        return []
    try:
        return list(ElementTree.fromstring(config).iter())  # noqa: S314 - see above
    except (ElementTree.ParseError, ValueError):
        return []
