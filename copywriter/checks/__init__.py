"""The checks of the gate: each module has `check(text, sheet, context) -> list[Finding]`."""
