"""Packets that are almost right: seeded, so that what was found is found again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from random import Random

from tests.integration.test_malformed import MALFORMED
from tests.security.raw import framed

Message = str | bytes

NS = "NS"  # stands for the namespace that was joined
_EVENTS = ("$subscribe", "$unsubscribe", "$ack", "$publish", "$bye", "$", "go", "connect", "*")
_ARGUMENTS = (
    {"stream": "loss"},
    {"stream": "loss", "since": ["0" * 16, 3], "tail": 5, "mode": "latest", "window": 1000},
    {"stream": "x" * 130},
    {"stream": None, "since": 7, "tail": -1, "mode": "most", "window": "wide"},
    {"id": 1},
    {"id": [1]},
    [1, 10],
    [1, -1],
    ["1", None],
    [2**53, 2**53],
    {"__proto__": {"stream": "loss"}, "constructor": 1},
    None,
    "text",
    3.5,
)
# What is put in: signs of the syntax, and values that others have stumbled over.
_TOKENS = (
    *("", "-", ",", "/", '"', "\\", "[", "]", "{", "}", ":", "0", "1", "9", "51-", "61-", "4", "2"),
    *("null", "true", "NaN", "-Infinity", "1e999", "-0", "9" * 30, "1" * 400, "2147483648"),
    *("\\ud800", "\\u0000", "\x00", "\x1b[31m", "\r\n", "\x9b", "é", "😀", "\u202e", "\ufeff"),
    *("__proto__", '{"_placeholder":true,"num":0}', '{"_placeholder":true,"num":-1}'),
    *('"connect"', '"disconnect"', '"*"', "/kernels", NS, "[" * 70, "[" * 5000, '"' + "x" * 70),
)


def well_formed() -> list[list[Message]]:
    """Messages that are right, or nearly: what mutants are made of."""
    found: list[list[Message]] = [
        ["3"],
        ["40/other,"],
        ["41/other,"],
        [f"41{NS},"],
        [f"43{NS},1[]"],
    ]
    for event in _EVENTS:
        for number, argument in enumerate(_ARGUMENTS):
            found.append([f"42{NS},{number}{json.dumps([event, argument])}"])
    attached = '{"_placeholder":true,"num":0}'
    found.append([f'451-{NS},["go",{attached}]', b"attachment"])
    found.append([f'451-{NS},9["$publish",[1,0,1,1],{attached}]', b"payload"])
    found.append([f'452-{NS},["go",{attached},{{"a":[{attached}]}}]', b"one", b"two"])
    found.append([f"461-{NS},1[{attached}]", b"answer"])
    found.append([f'40{NS}x,{{"protocol":1,"name":"ada"}}'])
    return found


class Mutants:
    """Makes them; the same seed makes the same ones."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._right = well_formed()
        self._wrong = [*MALFORMED.values()]

    def sequence(self, namespace: str) -> list[Message]:
        """Make what one client sends: a few messages, most of them mutated."""
        random, sent = self._random, []
        for _ in range(random.randrange(1, 7)):
            messages = random.choice(self._wrong if random.random() < 0.1 else self._right)
            sent += [self._mutated(message) for message in messages]
        return [m.replace(NS, namespace) if isinstance(m, str) else m for m in sent]

    def _mutated(self, message: Message) -> Message:
        random = self._random
        if random.random() < 0.3:
            return message
        if isinstance(message, bytes):
            return random.choice([b"", message * 3, message.decode("latin-1"), bytes(70_000)])
        for _ in range(random.randrange(1, 4)):
            message = self._text(message)
        return message.encode("utf-8", "replace") if random.random() < 0.03 else message

    def _text(self, text: str) -> str:
        random = self._random
        start = random.randrange(len(text) + 1)
        end = min(len(text), start + random.choice((0, 1, 1, 2, 5, 40)))
        what = random.randrange(5)
        if what == 0:  # cut out
            return text[:start] + text[end:]
        if what == 1:  # doubled
            return text[:end] + text[start:]
        if what == 2:  # another message's end
            other = random.choice(random.choice(self._right))
            return text[:start] + (other[end:] if isinstance(other, str) else "")
        if what == 3 and start < end:  # one character off
            return text[:start] + chr(ord(text[start]) ^ 1 << random.randrange(7)) + text[end:]
        return text[:start] + random.choice(_TOKENS) + text[end:]

    def bytes_of(self, messages: Sequence[Message]) -> bytes:
        """Frame them for a WebSocket, and spoil the framing of one in three of such clients."""
        random, sent = self._random, bytearray()
        for message in messages:
            text = isinstance(message, str)
            data = message.encode("utf-8", "surrogatepass") if isinstance(message, str) else message
            frame = bytearray(framed(data, opcode=1 if text else 2))
            if random.random() < 0.1:
                self._spoil(frame)
            sent += frame
        return bytes(sent)

    def _spoil(self, frame: bytearray) -> None:
        random = self._random
        what = random.randrange(4)
        if what == 0:  # opcode, FIN or a reserved bit
            frame[0] ^= 1 << random.randrange(8)
        elif what == 1:  # the mask bit, or the length
            frame[1] ^= 1 << random.randrange(8)
        elif what == 2:
            del frame[random.randrange(len(frame)) :]
        else:
            frame[random.randrange(len(frame))] = random.randrange(256)
