"""Fixtures of the integration tests."""

from tests.served_process import serve

__all__ = ["serve"]
