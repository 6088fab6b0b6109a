"""The table from exception to status is complete and says nothing by accident."""

from __future__ import annotations

import inspect
from types import ModuleType

import grpc
import pytest

import copywriter.errors
import recsys.errors
import server.errors
from server.status import DOMAIN, INTERNAL_MESSAGE, TABLE, row, status

TREES = (recsys.errors, copywriter.errors, server.errors)


def deliberate(module: ModuleType) -> list[type[Exception]]:
    return [
        kind
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, Exception) and kind.__module__ == module.__name__
    ]


@pytest.mark.parametrize("kind", [k for m in TREES for k in deliberate(m)], ids=lambda k: k.__name__)
def test_every_deliberate_exception_has_a_row(kind: type[Exception]) -> None:
    """Each class of the three trees is in the table itself, not only through a base."""
    assert kind in TABLE


@pytest.mark.parametrize("module", TREES, ids=lambda m: m.__name__)
def test_the_tree_in_the_docstring_is_complete(module: ModuleType) -> None:
    """A newcomer reads the whole tree at the top of its module."""
    assert all(kind.__name__ in str(module.__doc__) for kind in deliberate(module))


@pytest.mark.parametrize("kind", list(TABLE), ids=lambda k: k.__name__)
def test_internal_rows_hide_their_message(kind: type[Exception]) -> None:
    """What is INTERNAL never shows an exception's own words; reasons are upper snake case."""
    found = TABLE[kind]
    assert found.reason.isupper()
    if found.code is grpc.StatusCode.INTERNAL:
        assert found.message == INTERNAL_MESSAGE


def test_what_nobody_foresaw_is_internal() -> None:
    """An exception without a row says INTERNAL and nothing of the inside."""
    answer = status(KeyError("secret"), request_id="r1")
    assert row(KeyError("secret")).code is grpc.StatusCode.INTERNAL
    assert b"secret" not in answer.SerializeToString()
    assert b"r1" in answer.SerializeToString()
    assert DOMAIN.encode() in answer.SerializeToString()


def test_a_subclass_gets_the_row_of_its_base() -> None:
    """A new error of a tree is never worse than its nearest base."""

    class NewError(recsys.errors.BundleError):
        pass

    assert row(NewError("x")) is TABLE[recsys.errors.BundleError]
