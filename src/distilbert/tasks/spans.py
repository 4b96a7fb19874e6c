"""Spans of characters: what a tokenizer leaves out at their end."""

import unicodedata


def with_marks(text: str, end: int, most: int) -> int:
    """`end` moved behind the combining marks there, up to `most`: tokenizers that strip them leave them out."""
    while end < most and unicodedata.category(text[end]) == "Mn":
        end += 1
    return end
