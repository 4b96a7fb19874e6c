"""An explanation as HTML: words on a colour, green for and red against, and a table of them. All text is escaped."""

from collections.abc import Iterable, Sequence
from html import escape

Marked = Sequence[tuple[str, Sequence[tuple[int, int, float]]]]  # each text, and (start, end, share) of its words

_FOR, _AGAINST, _ATTENTION = "22,163,74", "220,38,38", "37,99,235"  # seen on white and on black
_MOST_OPAQUE = 0.6
_ROWS = 20  # of the table

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 1rem/1.6 system-ui, sans-serif; max-width: 48rem; margin: 2rem auto; padding: 0 1rem; }}
</style>
</head>
<body>
{body}
</body>
</html>
"""


def html_page(title: str, body: str) -> str:
    """A whole page; `body` is HTML already."""
    return _PAGE.format(title=escape(title), body=body)


def html_fragment(
    title: str, texts: Marked, words: Sequence[tuple[str, float]], attention: Marked | None, warning: str
) -> str:
    """For a page or a notebook: the marked texts, the words with the largest values, and the attention beside them.

    `words` are (text, value), those with the largest first.
    """
    parts = [f"<p><b>{escape(title)}</b></p>", *_paragraphs(texts, _FOR)]
    if attention is not None:
        parts += [f"<p><b>attention</b> <i>{escape(warning)}</i></p>", *_paragraphs(attention, _ATTENTION)]
    rows = (f"<tr><td>{escape(text)}</td><td>{value:+.4f}</td></tr>" for text, value in words[:_ROWS])
    return "\n".join([*parts, f"<table><tr><th>word</th><th>value</th></tr>{''.join(rows)}</table>"])


def _paragraphs(texts: Marked, colour: str) -> Iterable[str]:
    for text, words in texts:
        parts, after = [], 0
        for start, end, share in words:
            of_word = colour if share >= 0 else _AGAINST
            style = f"background:rgba({of_word},{_MOST_OPAQUE * abs(share):.2f});border-radius:.2em"
            parts.append(f'{escape(text[after:start])}<span style="{style}">{escape(text[start:end])}</span>')
            after = end
        yield f'<p style="white-space:pre-wrap">{"".join(parts)}{escape(text[after:])}</p>'
