"""Label Studio's answers, which are results without a shape of their own, and its relations.

Choices, texts, ratings, numbers, dates, taxonomies, comparisons and rankings answer the question that their control is.
Functions raise :class:`BadMark`; ``KeyError`` for a missing key.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from connections.rows.checks import BadMark
from connections.rows.label_studio.regions import ANSWERS, PLACE_KEYS
from connections.store.importers.label_studio_regions import identity_of, kept_of

_Json = dict[str, Any]

# a result about a region says that region's place once more; the text is that of a span
_KNOWN: Final = {kind: PLACE_KEYS | {"text", key} for kind, key in ANSWERS.items()}


def answers_of(region: _Json, kind: str) -> list[_Json]:
    """Its classification; of several texts, one each. What its value says of a place is left to the region that it is
    about: see :func:`place_of`."""
    value = region.get("value")
    if type(value) is not dict:
        raise BadMark("has no value")
    answer = _named(region)
    content = value[ANSWERS[kind]]
    if kind == "choices":
        answer |= _chosen(content)
    elif kind == "textarea":
        texts = content if type(content) is list else [content]
        if not {str}.issuperset(map(type, texts)):
            raise BadMark("text is neither a text nor a list of texts")
        answer["text_answer"] = {"content": texts[0] if texts else ""}
    else:
        answer |= _said(kind, content)
    kept = kept_of(region, value, _KNOWN[kind])
    del kept["from_name"]  # the question's name
    answer["source_extra"] = {"label_studio": kept}
    if kind != "textarea" or type(content) is not list or len(content) == 1:
        return [answer]
    kept["text"] = content
    return [answer, *_further_texts(answer, content[1:])]


def _further_texts(first: _Json, texts: list[str]) -> Iterator[_Json]:
    for number, text in enumerate(texts, start=2):
        answer = {**first, "text_answer": {"content": text}, "source_extra": {}}
        if "feature_id" in first:
            answer["feature_id"] = f"{first['feature_id']}-{number}"
        yield answer


def unknown_answer_of(region: _Json, kind: str) -> _Json:
    """What a control that we do not know says, of a region or of the whole task: its value beside its place."""
    value = region.get("value")
    if type(value) is dict:
        said = {key: each for key, each in value.items() if key not in PLACE_KEYS}
        value = said.get(kind, next(iter(said.values())) if len(said) == 1 else said)
    answer = _named({**region, "from_name": region.get("from_name") or kind})
    return answer | _said(kind, value) | {"source_extra": {"label_studio": dict(region)}}


def place_of(region: _Json) -> _Json:
    """What an answer's value says of the place of its region."""
    value = region.get("value")
    if type(value) is not dict or len(value) == 1:  # the answer alone
        return {}
    own = ANSWERS.get(region["type"])
    return {key: each for key, each in value.items() if key != own and (key in PLACE_KEYS or key == "text")}


def _named(region: _Json) -> _Json:
    name = region.get("from_name")
    if type(name) is not str or not name:
        raise BadMark("an answer has no from_name, which is its question")
    identity = identity_of(region)
    return {"feature_id": identity, "name": name, "value": name} if identity else {"name": name, "value": name}


def _chosen(choices: Any) -> _Json:
    if type(choices) is not list or not {str, list}.issuperset(map(type, choices)):
        raise BadMark("choices is not a list of texts")
    if list in map(type, choices):  # choices below choices: paths, as in a taxonomy
        return _said("choices", choices)
    if len(choices) == 1:
        return {"radio_answer": {"name": choices[0], "value": choices[0], "classifications": []}}
    return {"checklist_answers": [{"name": each, "value": each, "classifications": []} for each in choices]}


def _said(kind: str, content: Any) -> _Json:
    """An answer that is a text, or any other JSON value under its type: ``"number_answer": {"content": 7}``."""
    return {"text_answer" if type(content) is str else f"{kind}_answer": {"content": content}}


def relation_of(region: _Json) -> _Json:
    """A relationship between two regions."""
    source, target = (identity_of({"id": region.get(key)}) for key in ("from_id", "to_id"))
    if not source or not target:
        raise BadMark("a relation does not say from which region to which")
    if region.get("direction") == "left":
        source, target = target, source
    labels = region.get("labels")
    name = labels[0] if labels and type(labels) is list and type(labels[0]) is str else "relation"
    kind = "bidirectional" if region.get("direction") == "bi" else "unidirectional"
    return {
        "name": name,
        "value": name,
        "annotation_kind": f"{kind.capitalize()}Relationship",
        "classifications": [],
        f"{kind}_relationship": {"source": source, "target": target},
        "source_extra": {"label_studio": region},
    }
