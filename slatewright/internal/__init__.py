"""Contracts between Slatewright's own processes; not for callers."""
