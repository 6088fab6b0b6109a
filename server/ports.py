"""One port for several workers.

Invariant: while a reservation is held nobody but the workers of this server listens on its port. The reserving
socket is bound with SO_REUSEPORT and never listens, so the kernel hands it no connection.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

from recsys.errors import ConfigError

_PATIENCE_S: Final = 1.0
"""Workers of a server that was killed need a moment to leave."""


@contextmanager
def reserved(host: str, port: int) -> Iterator[int]:
    """The port, a free one for 0, kept for whoever binds it with SO_REUSEPORT inside the block.

    Raises ConfigError where it is taken or is none of this machine.
    """
    try:
        places = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise taken(host, port) from error
    with ExitStack() as stack:
        for family, _kind, _protocol, _name, address in dict.fromkeys(places):
            if port:
                _check_free(family, (address[0], port), stated=(host, port))
            held = stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            try:
                held.bind((address[0], port))
            except OSError as error:
                raise taken(host, port) from error
            port = int(held.getsockname()[1])
        yield port


def taken(host: str, port: int) -> ConfigError:
    """What to say of a port that cannot be had."""
    return ConfigError(
        f"{host}:{port} cannot be listened on; expected a free port of this machine; "
        "stop what uses it, or choose another with --port"
    )


def _check_free(family: int, address: tuple[object, int], *, stated: tuple[str, int]) -> None:
    """SO_REUSEPORT alone would share the port with another server of this user."""
    end = time.monotonic() + _PATIENCE_S
    while True:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that are ending do not count
            try:
                probe.bind(address)
            except OSError as error:
                if time.monotonic() > end:
                    raise taken(*stated) from error
            else:
                return
        time.sleep(0.05)
