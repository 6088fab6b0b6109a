"""A report as one self-contained HTML page: text, tables and inline plots, and nothing fetched from anywhere.

Knows nothing of what it reports: ranking, copy and experiments hand it sections. Every text is escaped here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

STYLE = """
:root { --ink: #1d2330; --soft: #5b6475; --line: #dfe3ea; --accent: #0b5fa5; --band: #f5f7fa; }
* { box-sizing: border-box; }
body { margin: 0; background: #fff; color: var(--ink); font: 16px/1.55 "Segoe UI", system-ui, "Helvetica Neue", Arial,
  "DejaVu Sans", sans-serif; }
main { max-width: 1040px; margin: 0 auto; padding: 40px 30px 80px; }
h1 { font-size: 30px; line-height: 1.2; margin: 0 0 8px; letter-spacing: -0.01em; }
h2 { font-size: 21px; margin: 48px 0 6px; padding-top: 14px; border-top: 1px solid var(--line); }
h3 { font-size: 16px; margin: 26px 0 4px; }
p { margin: 8px 0; max-width: 78ch; }
.lead { font-size: 18px; color: var(--soft); }
nav { margin: 18px 0 0; font-size: 14px; }
nav a { color: var(--accent); text-decoration: none; margin-right: 16px; white-space: nowrap; }
.scroll { overflow-x: auto; margin: 12px 0 4px; }
table { border-collapse: collapse; font-size: 14px; font-variant-numeric: tabular-nums; width: 100%; }
caption { text-align: left; color: var(--soft); font-size: 14px; padding: 0 0 6px; }
th { font-weight: 600; text-align: right; border-bottom: 2px solid var(--ink); padding: 5px 8px;
  vertical-align: bottom; white-space: nowrap; }
td { text-align: right; padding: 5px 8px; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
tr.strong td { font-weight: 650; background: var(--band); }
figure { margin: 16px 0 8px; }
figure svg { display: block; max-width: 100%; height: auto; }
figcaption { color: var(--soft); font-size: 14px; max-width: 84ch; }
dl { display: grid; grid-template-columns: minmax(180px, max-content) 1fr; gap: 4px 20px; font-size: 14px; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
ul { margin: 8px 0; padding-left: 22px; max-width: 84ch; }
li { margin: 4px 0; }
@media print { h2 { break-after: avoid; } figure, table { break-inside: avoid; } }
""".strip()


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and finished HTML parts, made by the functions below."""

    title: str
    parts: Sequence[str]


def paragraph(text: str) -> str:
    """Plain text."""
    return f"<p>{escape(text)}</p>"


def heading(text: str) -> str:
    """A heading inside a section."""
    return f"<h3>{escape(text)}</h3>"


def bullets(lines: Iterable[str]) -> str:
    """A list of sentences."""
    return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """Names and their values."""
    return "<dl>" + "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in pairs) + "</dl>"


def table(header: Sequence[str], rows: Sequence[Sequence[str]], *, caption: str, strong: Sequence[str] = ()) -> str:
    """A table whose first column names the row; rows named in `strong` stand out."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in header)
    body = ""
    for row in rows:
        kind = ' class="strong"' if row[0] in strong else ""
        body += f"<tr{kind}>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
    return (
        f'<div class="scroll"><table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def figure(svg: str, *, alt: str, caption: str) -> str:
    """A plot, as `plots` returns it; `alt` says in words what it shows, for those who cannot see it."""
    labelled = svg.replace("<svg ", f'<svg role="img" aria-label="{escape(alt)}" ', 1)
    return f"<figure>{labelled}<figcaption>{escape(caption)}</figcaption></figure>"


def page(title: str, *, lead: str, sections: Sequence[Section]) -> str:
    """The whole page."""
    links = "".join(f'<a href="#s{i}">{escape(section.title)}</a>' for i, section in enumerate(sections))
    body = "".join(
        f'<section id="s{i}"><h2>{escape(section.title)}</h2>{"".join(section.parts)}</section>'
        for i, section in enumerate(sections)
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><main><h1>{escape(title)}</h1>"
        f'<p class="lead">{escape(lead)}</p><nav>{links}</nav>{body}</main></body></html>\n'
    )
