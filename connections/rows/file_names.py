"""What a row's picture is called in a file of an export: the name that COCO prints as ``file_name``.

It is, in this order: the file name that the source gave in COCO; the last part of its ``coco_url`` where it gave only
that (LVIS); the global key, when that reads as a relative file name; a name of our own, which is the row's number and
the last part of its address: ``000000000012-photo.jpg``. The last two are unique in a project. A data set in front of
the key (``north/0001.jpg``) stands in front of the source's name too, so that the names of two sources differ.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

from connections.rows.labels import kept_of
from connections.rows.media import is_address, mime_type

# no ":" (URLs, drives), no "\", no control characters, no empty part; ".." is looked for apart
_FILE_NAME: Final = re.compile(r'(?:[^/\\:*?"<>|\x00-\x1f\x7f]+/)*[^/\\:*?"<>|\x00-\x1f\x7f]+\.[A-Za-z0-9]{1,5}')
# what no file system takes, and what turns or hides the text around it
_UNUSABLE: Final = re.compile(r'[/\\:*?"<>|\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]+')
_PLAIN: Final = re.compile(r"[\w.-]+\.\w{1,5}", re.ASCII)
_SEPARATORS: Final = re.compile(r"[/\\]")
# parameters by which Label Studio serves files of a disk, of its own storage and of a bucket
_SERVED: Final = frozenset({"d", "filepath", "fileuri"})
_MAX_LEAF: Final = 100
# of 255 that file systems take: what stands in front of it in an export has room
_MAX_LEAF_BYTES: Final = 200


class FileName(NamedTuple):
    """``is_ours``: made here, so that only the row's address says where the picture is."""

    text: str
    is_ours: bool


def file_name_of(document: Mapping[str, Any], number: int) -> FileName:
    """Of a complete row document; ``number`` is the row's."""
    data_row = document["data_row"]
    key: str = data_row.get("global_key") or ""
    source = kept_of("coco", document)
    name = source.get("file_name")
    if name:
        return FileName(key if type(name) is str and key.endswith("/" + name) else name, False)
    url = source.get("coco_url")
    if url and type(url) is str and (leaf := leaf_of(url)):
        return FileName((key.removesuffix(url) if key.endswith("/" + url) else "") + leaf, False)
    if "." in key and ":" not in key and _FILE_NAME.fullmatch(key) and ".." not in key:
        return FileName(key, False)
    leaf = _leaf(data_row, key)
    return FileName(f"{number:012d}-{leaf}" if leaf else f"{number:012d}", True)


def _leaf(data_row: Mapping[str, Any], key: str) -> str:
    """Of the external id or the address, whichever has an extension; of data that lie in the address, the key's."""
    address: str = data_row["row_data"]
    if address.startswith("data:"):
        kind = re.match(r"data:\w+/(\w+)", address)
        return _usable(f"{'picture' if ':' in key else key}.{kind[1] if kind else 'data'}")
    external = data_row.get("external_id")
    if not external:
        return leaf_of(address) if is_address(address) else ""
    leaves = [leaf_of(each) for each in (external, address) if each and (each is external or is_address(each))]
    return next((leaf for leaf in leaves if mime_type(leaf)), next(filter(None, leaves), ""))


def leaf_of(address: str) -> str:
    """The last part of an address or path, as a file would be called: unquoted, and without what no file system takes.

    A file that is named by a parameter (``/data/local-files/?d=set/img%201.jpg``) is that file. Empty: there is none.
    """
    plain = address.rpartition("/")[2]
    # as nearly all are, at a tenth of the cost
    if len(plain) <= _MAX_LEAF and _PLAIN.fullmatch(plain) and "?" not in address and "#" not in address:
        return plain.strip(".")
    return _leaf_of_any(address)


def _leaf_of_any(address: str) -> str:
    leaves = [_usable(_SEPARATORS.split(path)[-1]) for path in _paths(address)]
    return next((leaf for leaf in leaves if mime_type(leaf)), next(filter(None, leaves), ""))


def _usable(name: str) -> str:
    leaf = _UNUSABLE.sub("_", name)[-_MAX_LEAF:]
    if not leaf.isascii():
        leaf = leaf.encode("utf-8", "surrogatepass")[-_MAX_LEAF_BYTES:].decode("utf-8", "ignore")
    return leaf.strip(". ")


def _paths(address: str) -> Iterator[str]:
    """What may be the path, the best first: a parameter that stands for it, the path, any parameter, all of it."""
    path, _, rest = address.partition("?")
    parameters = [pair.partition("=")[::2] for pair in rest.partition("#")[0].split("&")] if rest else []
    values = [(name, _unquoted(value.replace("+", " "))) for name, value in parameters if value]
    for name, value in values:
        if name in _SERVED:
            yield _decoded(value) if name == "fileuri" else value
    yield _unquoted(path.partition("#")[0])
    for _, value in values:
        if mime_type(value):
            yield value
    yield _unquoted(address)


def _unquoted(text: str) -> str:
    """As it stands where it was not quoted, or not from UTF-8."""
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        return text


def _decoded(value: str) -> str:
    """The address in a ``fileuri``: base64 of ``s3://bucket/photo.jpg``."""
    try:
        return urlsafe_b64decode(value + "=" * (-len(value) % 4)).decode()
    except ValueError:
        return value
