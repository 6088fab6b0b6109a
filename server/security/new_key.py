"""`slatewright key`: a new API key. It is shown once; the server gets its SHA-256 only."""

from __future__ import annotations

import argparse
import hashlib
import secrets

HELP = "make an API key for the callers' file"
EXAMPLE = "slatewright key"


def add_arguments(_parser: argparse.ArgumentParser) -> None:
    """None: a key is always 256 random bits."""


def run(_args: argparse.Namespace) -> int:
    """Print key and hash."""
    key = new_key()
    digest = hashlib.sha256(key.encode()).hexdigest()
    print(f'key, for the caller: {key}\nfor the callers\' file: key_sha256 = ["{digest}"]')
    return 0


def new_key() -> str:
    """256 random bits as text; `sw_` lets scanners of leaked secrets know it."""
    return f"sw_{secrets.token_urlsafe(32)}"
