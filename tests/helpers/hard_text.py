"""Text that breaks things, and text of any length."""

import json

from hypothesis import strategies as st

from conftest import DATA

NAUGHTY = [
    "",
    " \t\r\n",
    "\0\0",
    "a\0b \ud800 c \udfff",
    "[CLS] [SEP] [MASK] [PAD] [UNK]",
    "Jose\u0301 Zoe\u0308 Å\u030a \u0301",
    "I \u2764\ufe0f 👩\u200d👩\u200d👧 1\ufe0f\u20e3 🇩🇪",
    "東京は日本の首都です。",
    "ก็ดี हिन्दी भाषा עִבְרִית اَلْعَرَبِيَّةُ",
    "\u200b\u200e\ufeff\u00ad",
    "x" * 1000,
    "\u0301" * 300,
    "¡¿…—“”«»" * 30,
    "İstanbul ẞ ﬁne ǅ ½ Ⅷ ㍿",
]

anything = st.text(max_size=120) | st.text(alphabet="aé́ \u200d❤️👩東1.,-\0[SEP]İß", max_size=120)


def words(count: int) -> list[str]:
    """A token each."""
    return [("film", "war", "love", "story")[index % 4] for index in range(count)]


def naughty_and_foreign() -> list[str]:
    """Those above, naughty strings that others have collected, and human rights in 47 languages."""
    collected = json.loads((DATA / "naughty_strings.json").read_text(encoding="utf-8"))
    rights = [line.split("\t")[1] for line in (DATA / "udhr.tsv").read_text(encoding="utf-8").splitlines()]
    assert len(collected) > 150
    assert len(rights) > 90
    return [*NAUGHTY, *collected, *rights]
