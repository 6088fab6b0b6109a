"""Every error the copywriter raises on purpose.

CopyError
├── CopyTimeoutError          copy was not ready inside its deadline
├── CopyRejectedError         no candidate passed the gate
├── EngineUnavailableError    the language model cannot be loaded or has died
├── PolicyError               a claims-law pack is missing or cannot be read
└── AuditError                a line of copy to be checked cannot be read

A message states subject, actual value, expectation and remedy. None of them ever fails a slate:
the caller shows the template pitch instead.
"""

from __future__ import annotations


class CopyError(Exception):
    """Base of all deliberate errors of the copywriter."""


class CopyTimeoutError(CopyError):
    """Copy was not ready inside its deadline."""


class CopyRejectedError(CopyError):
    """No candidate passed the gate."""


class EngineUnavailableError(CopyError):
    """The language model cannot be loaded or has died."""


class PolicyError(CopyError):
    """A claims-law pack is missing or cannot be read."""


class AuditError(CopyError):
    """A line of copy to be checked cannot be read."""
