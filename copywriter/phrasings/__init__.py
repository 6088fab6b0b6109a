"""Template wording as data, one module a language.

A phrasing is a sentence with slots: `{body}` the item's name with details (`{body,}` takes a comma
before more words follow), `{noun}` what the trait or the item's category is about, `{brand}` the
brand the trait names. A capital slot (`{Noun}`) begins a sentence. A language module holds `POOLS`,
`DETAILS`, `FALLBACKS` and `BARE`; add one and list it in `engines/template.py`.
"""

from __future__ import annotations

import re


def language_of(locale: str) -> str:
    """The language of a locale: "en" for "en", "EN-us", "en_GB" and for none."""
    return re.split(r"[-_]", locale.strip().lower())[0] or "en"
