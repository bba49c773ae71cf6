"""One array or one object, piece by piece."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import BinaryIO, Final, NoReturn

import numpy as np
import orjson

from exportadmin.lib.errors import UserError
from exportadmin.lib.json_stream.marks import (
    OPEN_BRACE,
    OPEN_BRACKET,
    Marks,
    Positions,
    Reading,
    newlines_in,
    read_blocks,
)
from exportadmin.lib.json_stream.pieces import HEAD_BYTES, Element, Piece, size_text

_MAX_KEYS: Final = 10_000
_MAX_WORD: Final = 4_096  # a number or literal that is longer is no JSON worth keeping


_TOKEN = re.compile(rb'[ \t\r\n]*(?:(,)|(:)|(")|([^ \t\r\n,:"{}\[\]]+))?')
_USUAL_GAPS: Final = frozenset({b",", b",\n", b", ", b",\r\n"})

# what may stand next, outside the elements
_TOP, _FIRST_VALUE, _VALUE, _AFTER_VALUE, _FIRST_KEY, _KEY, _AFTER_KEY, _KEYED_VALUE, _AFTER_PAIR, _END = range(10)
_EXPECTED: Final = {
    _TOP: "[ or {",
    _FIRST_VALUE: "a value or ]",
    _VALUE: "a value",
    _AFTER_VALUE: ", or ]",
    _FIRST_KEY: 'a "key" or }',
    _KEY: 'a "key"',
    _AFTER_KEY: ":",
    _KEYED_VALUE: "a value",
    _AFTER_PAIR: ", or }",
    _END: "nothing more",
}


class Walker:
    """Walks over the brackets of the two or three outermost levels and over what stands between them."""

    def __init__(
        self,
        stream: BinaryIO,
        top: int,
        max_bytes: int,
        max_depth: int,
        keep: bool,
        is_entry: Callable[[str], bool] | None = None,
    ) -> None:
        self._is_entry = is_entry
        self._stream = stream
        self._top = top
        self._max_bytes = max_bytes
        self._max_depth = max_depth
        self._keep = keep
        self._too_large = f"row is larger than {size_text(max_bytes)}"
        self._too_deep = f"row is nested deeper than {max_depth} levels"
        self._expect = _TOP
        self._key = ""
        self._keys: set[str] = set()
        self._in_list = top == OPEN_BRACKET
        self._index = 0
        self._token: Token | None = None
        # of the block at hand
        self._block = b""
        self._offset = 0
        self._line = 1

    def pieces(self) -> Iterator[Piece]:
        """All pieces in file order."""
        reading = Reading()
        outer = 2 if self._top == OPEN_BRACKET else 3
        keep, max_bytes = self._keep, self._max_bytes
        # of the element at hand; level 0: we are between elements
        level = opener = start = start_line = size = pairs = deep_before = 0
        deep = False
        chunks: list[bytes] = []
        for offset, block in read_blocks(self._stream):
            self._offset, self._block = offset, block
            before = reading.depth
            marks = reading.marks(block)
            levels = marks.depth + ~marks.opens  # a bracket that closes belongs to the level that it ends
            wanted = levels <= outer - before
            at = marks.brackets[wanted]
            newlines = newlines_in(block)
            deeps = self._deep(marks, before)
            colon_counts = np.searchsorted(marks.colons, at).tolist() if keep else [0] * at.size
            cursor = 0
            carried = True  # the element began in a block before
            for here, opens, depth, colons, line, deep_count in zip(
                at.tolist(),
                marks.opens[wanted].tolist(),
                (levels[wanted] + before).tolist(),
                colon_counts,
                np.searchsorted(newlines, at).tolist() if newlines.size else [0] * at.size,
                np.searchsorted(deeps, at).tolist() if deeps.size else [0] * at.size,
                strict=True,
            ):
                if level:
                    if opens or depth != level:
                        continue
                    if block[here] != opener + 2:  # } is { + 2, ] is [ + 2
                        self._fail(here, "}" if opener == OPEN_BRACE else "]")
                    length = offset + here + 1 - start
                    if carried:
                        raw, error = self._join(chunks, block[: here + 1] if keep else b"", length)
                        pairs += colons
                        deep = deep or deep_count > 0
                    else:
                        raw, error = (block[cursor : here + 1] if keep else b""), None
                        if length > max_bytes:
                            raw, error = raw[:HEAD_BYTES], self._too_large
                        pairs = colons - pairs
                        deep = deep_count > deep_before
                    if deep:
                        error = error or self._too_deep
                        raw = raw[:HEAD_BYTES]
                    yield Piece(
                        self._key, Element(raw, self._index, start, length, start_line, pairs, error), self._in_list
                    )
                    self._after_element()
                    level, deep = 0, False
                    cursor = here + 1
                    continue
                # between elements: mostly nothing but a comma
                if self._expect == _AFTER_VALUE and block[cursor:here] in _USUAL_GAPS:
                    self._expect = _VALUE
                elif cursor < here or self._token is not None:
                    yield from self._gap(cursor, here, marks)
                cursor = here
                if not opens:
                    self._close(here)
                    cursor = here + 1
                    continue
                if self._expect in (_FIRST_VALUE, _VALUE) or (
                    self._expect == _KEYED_VALUE and block[here] == OPEN_BRACE
                ):
                    level, opener, start = depth, block[here], offset + here
                    start_line = self._line + line
                    pairs, deep_before, carried = colons, deep_count, False
                    continue
                began = self._open(here)
                if began is not None:
                    yield began
                cursor = here + 1
            # what is left of the block
            if level:
                size = offset + len(block) - start
                if carried:
                    pairs += marks.colons.size
                    deep = deep or deeps.size > 0
                else:
                    pairs = marks.colons.size - pairs
                    deep = deeps.size > deep_before
                    chunks = []
                if keep:
                    self._stash(chunks, block[cursor:] if not carried else block, size)
            else:
                yield from self._gap(cursor, len(block), marks)
            self._line += int(newlines.size)
        if level:
            self._cut_off(
                f"inside {'a text of ' if reading.in_string else ''}the "
                f"{'row' if self._in_list else 'value'} that begins at line {start_line}, byte {start}; "
                f"expected {'}' if opener == OPEN_BRACE else ']'}"
            )
        yield from self._end_of_file()

    def _end_of_file(self) -> Iterator[Piece]:
        if self._token is not None and self._token.is_text:
            self._cut_off(
                f"inside a text that begins at line {self._token.line}, byte {self._token.offset}; expected its end"
            )
        if self._token is not None:
            yield from self._end_token()
        if self._expect == _TOP:
            raise UserError("the file holds nothing but blanks; expected JSON")
        if self._expect != _END:
            self._cut_off(f"too early; expected {_EXPECTED[self._expect]}")

    # - elements

    def _deep(self, marks: Marks, before: int) -> Positions:
        """Brackets that stand deeper than an element may go."""
        limit = self._max_depth + 1 - before
        if not marks.depth.size or int(marks.depth.max()) <= limit:
            return marks.brackets[:0]
        deep: Positions = marks.brackets[marks.depth > limit]
        return deep

    def _stash(self, chunks: list[bytes], part: bytes, size: int) -> None:
        if size <= self._max_bytes:
            chunks.append(part)
        elif len(chunks) != 1 or len(chunks[0]) > HEAD_BYTES:
            chunks.append(part)
            chunks[:] = [b"".join(chunks)[:HEAD_BYTES]]

    def _join(self, chunks: list[bytes], last: bytes, length: int) -> tuple[bytes, str | None]:
        chunks.append(last)
        raw = b"".join(chunks)
        chunks.clear()
        if length > self._max_bytes:
            return raw[:HEAD_BYTES], self._too_large
        return raw, None

    def _after_element(self) -> None:
        if self._in_list:
            self._index += 1
            self._expect = _AFTER_VALUE
        else:
            self._expect = _AFTER_PAIR

    # - brackets between elements

    def _open(self, here: int) -> Piece | None:
        if self._expect == _TOP:
            if self._block[here] != self._top:
                self._fail(here)
            self._expect = _FIRST_VALUE if self._top == OPEN_BRACKET else _FIRST_KEY
            return None
        if self._expect != _KEYED_VALUE:
            self._fail(here)
        # an array under a key: its elements come one by one
        self._in_list, self._index, self._expect = True, 0, _FIRST_VALUE
        return Piece(self._key, None, True)

    def _close(self, here: int) -> None:
        array = self._block[here] != OPEN_BRACE + 2
        if array and self._in_list and self._expect in (_FIRST_VALUE, _AFTER_VALUE):
            if self._top == OPEN_BRACKET:
                self._expect = _END
            else:
                self._in_list, self._index, self._expect = False, 0, _AFTER_PAIR
        elif not array and not self._in_list and self._expect in (_FIRST_KEY, _AFTER_PAIR):
            self._expect = _END
        else:
            self._fail(here)

    # - what stands between brackets

    def _gap(self, start: int, end: int, marks: Marks) -> Iterator[Piece]:
        """Commas, colons, keys and values that are no objects or arrays, in ``block[start:end]``.

        A token is left open only where the block ends: the bracket that ends a gap ends a word, and never a string.
        """
        block, here = self._block, start
        quotes: Positions | None = None
        while here < end:
            token = self._token
            if token is not None and token.is_text:
                quotes = marks.quotes() if quotes is None else quotes
                number = int(np.searchsorted(quotes, here))
                stop = int(quotes[number]) + 1 if number < quotes.size else end
                token.add(block[here:stop], self._max_bytes)
                here = stop
                if number < quotes.size:
                    yield from self._end_token()
                continue
            match = _TOKEN.match(block, here, end)
            assert match is not None and match.end() > here
            blank_end = match.start(match.lastindex) if match.lastindex else match.end()
            if token is not None and (blank_end > here or match.lastindex != 4):
                yield from self._end_token()
            here = match.end()
            if match.lastindex == 1:
                self._comma(blank_end)
            elif match.lastindex == 2:
                if self._expect != _AFTER_KEY:
                    self._fail(blank_end)
                self._expect = _KEYED_VALUE
            elif match.lastindex == 3:
                if self._expect not in (_FIRST_VALUE, _VALUE, _FIRST_KEY, _KEY, _KEYED_VALUE):
                    self._fail(blank_end)
                self._token = Token(b'"', self._offset + blank_end, self._line_of(blank_end), is_text=True)
            elif match.lastindex == 4:
                self._word(match.group(4), blank_end)
        if self._token is not None and not self._token.is_text and end < len(block):
            yield from self._end_token()

    def _comma(self, here: int) -> None:
        if self._expect == _AFTER_VALUE:
            self._expect = _VALUE
        elif self._expect == _AFTER_PAIR:
            self._expect = _KEY
        else:
            self._fail(here)

    def _word(self, word: bytes, here: int) -> None:
        if self._token is None:
            if self._expect not in (_FIRST_VALUE, _VALUE, _KEYED_VALUE):
                self._fail(here)
            self._token = Token(b"", self._offset + here, self._line_of(here), is_text=False)
        self._token.add(word, self._max_bytes)
        if self._token.length > _MAX_WORD:
            self._fail(here)

    def _end_token(self) -> Iterator[Piece]:
        token, self._token = self._token, None
        assert token is not None
        if self._expect in (_FIRST_KEY, _KEY):
            self._take_key(token)
            return
        error = self._too_large if token.length > self._max_bytes else None
        raw = token.raw()
        yield Piece(
            self._key,
            Element(raw if self._keep else b"", self._index, token.offset, token.length, token.line, 0, error),
            self._in_list,
        )
        self._after_element()

    def _take_key(self, token: Token) -> None:
        where = f"line {token.line}, byte {token.offset}"
        try:
            if token.length > HEAD_BYTES:
                raise UserError(f"{where}: a key is larger than {size_text(HEAD_BYTES)}")
            key = orjson.loads(token.raw())
        except orjson.JSONDecodeError as error:
            raise UserError(f"{where}: a key is not valid JSON: {error}") from None
        self._key, self._expect = key, _AFTER_KEY
        if self._is_entry is not None and self._is_entry(key):
            return
        if key in self._keys:
            raise UserError(f"{where}: the key {json.dumps(key)[:120]} stands twice; expected it once")
        if len(self._keys) >= _MAX_KEYS:
            raise UserError(f"{where}: more than {_MAX_KEYS:,} keys at the top; expected a few lists of entries")
        self._keys.add(key)

    # - errors

    def _line_of(self, here: int) -> int:
        return self._line + self._block.count(b"\n", 0, here)

    def _fail(self, here: int, expected: str | None = None) -> NoReturn:
        if self._expect == _TOP:
            expected = chr(self._top)
        found = self._block[here : here + 20].split(b"\n")[0].decode("utf-8", "replace").rstrip()
        raise UserError(
            f"line {self._line_of(here)}, byte {self._offset + here}: "
            f"expected {expected or _EXPECTED[self._expect]}, found {json.dumps(found)[1:-1]}"
        )

    def _cut_off(self, where: str) -> NoReturn:
        raise UserError(f"line {self._line}, byte {self._offset + len(self._block)}: the file ends {where}")


class Token:
    """A key, text, number or literal between brackets, put together over block borders; bounded."""

    __slots__ = ("chunks", "is_text", "length", "line", "offset")

    def __init__(self, first: bytes, offset: int, line: int, *, is_text: bool) -> None:
        self.chunks = [first] if first else []
        self.length = len(first)
        self.offset = offset
        self.line = line
        self.is_text = is_text

    def add(self, part: bytes, max_bytes: int) -> None:
        self.length += len(part)
        if self.length <= max_bytes:
            self.chunks.append(part)
        elif len(self.chunks) > 1:
            self.chunks[:] = [self.raw()[:HEAD_BYTES]]

    def raw(self) -> bytes:
        return b"".join(self.chunks)
