"""HTTP/2 by hand, for peers that gRPC's own client would never be: mute, slow, many, or wrong.

A connection here opens streams whose receive window is zero, so the server can send headers and no byte of data, and
counts what becomes of them. Frames and header encoding: RFC 9113, RFC 7541 (literals without indexing only).
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from typing import Final

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
END_STREAM, END_HEADERS, ACK = 1, 4, 1
NO_WINDOW: Final = struct.pack(">HI", 4, 0)
"""The setting INITIAL_WINDOW_SIZE = 0."""


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """One frame."""
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def call(path: str, stream: int, message: bytes) -> bytes:
    """The frames of a whole gRPC request without a deadline."""
    fields = [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "torture")]
    fields += [("content-type", "application/grpc"), ("te", "trailers")]
    block = b"".join(b"\x00" + _text(name) + _text(value) for name, value in fields)
    body = b"\x00" + struct.pack(">I", len(message)) + message
    return frame(HEADERS, END_HEADERS, stream, block) + frame(DATA, END_STREAM, stream, body)


def _text(value: str) -> bytes:
    raw = value.encode()
    assert len(raw) < 127
    return bytes([len(raw)]) + raw


class SlowReader:
    """One connection that takes headers and no data. `mute`: it does not answer pings either."""

    def __init__(self, port: int, *, mute: bool = False) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self._socket.settimeout(None)
        self._mute = mute
        self._next = 1
        self._lock = threading.Lock()
        self.opened = self.answered = self.ended = self.refused = self.data = 0
        self._begun: set[int] = set()
        self._over: set[int] = set()
        self.closed = threading.Event()
        self._send(PREFACE + frame(SETTINGS, 0, 0, NO_WINDOW))
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    @property
    def held(self) -> int:
        """Streams whose answer has begun and not ended."""
        return self.answered - self.ended

    @property
    def unanswered(self) -> int:
        """Streams of which nothing has come yet."""
        return self.opened - self.answered - self.refused

    def open(self, path: str, message: bytes) -> None:
        """One more stream."""
        self._send(call(path, self._next, message))
        self._next += 2
        self.opened += 1

    def close(self) -> None:
        """Close the connection."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()

    def _send(self, content: bytes) -> None:
        with self._lock, contextlib.suppress(OSError):
            self._socket.sendall(content)

    def _read(self) -> None:
        with contextlib.suppress(OSError), self._socket.makefile("rb") as incoming:
            while len(head := incoming.read(9)) == 9:
                payload = incoming.read(int.from_bytes(head[:3], "big"))
                self._take(head[3], head[4], int.from_bytes(head[5:9], "big") & 0x7FFFFFFF, payload)
        self.closed.set()

    def _take(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == SETTINGS and not flags & ACK:
            self._send(frame(SETTINGS, ACK, 0, b""))
        elif kind == PING and not flags & ACK and not self._mute:
            self._send(frame(PING, ACK, 0, payload))
        elif kind == DATA:
            self.data += len(payload)
        elif kind == HEADERS:
            self._headers(stream, last=bool(flags & END_STREAM))
        elif kind == RST:
            self._headers(stream, last=True)

    def _headers(self, stream: int, *, last: bool) -> None:
        """Headers begin an answer, or end one; those that do both at once refuse."""
        if stream in self._over:
            return
        if last:
            self._over.add(stream)
            self.ended += stream in self._begun
            self.refused += stream not in self._begun
        else:
            self.answered += 1
            self._begun.add(stream)
