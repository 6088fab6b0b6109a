"""Every error this library raises on purpose.

RecsysError
├── ConfigError                 a setting or argument is out of its range
├── DataError                   a log or catalogue cannot be used
│   ├── SchemaError             a column is missing or of the wrong type
│   └── EmptyWindowError        a time window holds nothing to learn from
└── BundleError                 an artefact cannot be served
    ├── BundleNotFoundError     nothing is published there
    └── BundleMismatchError     published by other code, or damaged

A message states subject, actual value, expectation and remedy.
"""

from __future__ import annotations


class RecsysError(Exception):
    """Base of all deliberate errors."""


class ConfigError(RecsysError):
    """A setting or argument is out of its range."""


class DataError(RecsysError):
    """A log or catalogue cannot be used."""


class SchemaError(DataError):
    """A column is missing or has the wrong type."""


class EmptyWindowError(DataError):
    """A time window holds nothing to learn from."""


class BundleError(RecsysError):
    """An artefact cannot be served."""


class BundleNotFoundError(BundleError):
    """Nothing is published at that place."""


class BundleMismatchError(BundleError):
    """The bundle was written by other code, or is damaged."""
