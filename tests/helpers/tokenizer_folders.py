"""Small folders that say the same things of a tokenizer in every way in which published folders say them.

Only the standard library is used: `tests/golden/record_tokenizers.py` writes these folders for another Transformers.
"""

import itertools
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Files = dict[str, Any]  # name -> a JSON value, or the text of vocab.txt
Change = Callable[[Files], None]

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_MARKERS = ("[unused0]", "[unused1]", "[E1]", "[/E1]", "<url>", "new york")
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCFMNéÉüñ0123456789.,!?-'@#<>/[]()東京映画"
_WORDS = ("film", "Film", "good", "the", "york", "new", "naïve", "naive", "mask", "url", "##ask", "##ing", "##s", "un")
PIECES = tuple(
    dict.fromkeys((*SPECIAL, *_MARKERS[:4], *_LETTERS, *(f"##{letter}" for letter in _LETTERS[:44]), *_WORDS))
)

TEXTS = (
    "A good Film", "a naïve FILM in 東京映画", "x[MASK]y [MASK] . [mask]", "  [MASK]  film ",
    "the [unused1]film[unused1]s", "[E1] new york [/E1] New York newyork", "[E1]film[/E1]",
    "see <url>, <URL>s <url><url>", "@user @user's at@user", "[CLS] a [SEP] b [PAD] [UNK]",
    "résumé re\u0301sume\u0301 É", "\t[E1]\n [E1] \u3000[E1]", "unfilming don't", "♞ a ♞", "<s> film </s> <mask>",
    "(film)[SEP](film)", "ma[MASK]sk", "film<e1>film", "@USER <e1> new  york", "",
)  # fmt: skip


def base(form: str) -> Files:
    """`vocab`, `json` (a tokenizer.json under BERT's class) or `file` (one under a class that leaves all to it)."""
    files: Files = {"config.json": {"model_type": "distilbert"}, "tokenizer_config.json": {}}
    if form == "vocab":
        files["vocab.txt"] = "".join(f"{piece}\n" for piece in PIECES)
        return files
    files["tokenizer_config.json"]["tokenizer_class"] = (
        "DistilBertTokenizer" if form == "json" else "PreTrainedTokenizerFast"
    )
    ids = {piece: index for index, piece in enumerate(PIECES)}
    files["tokenizer.json"] = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [_listed(token, ids[token]) for token in SPECIAL],
        "normalizer": {
            "type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None,
            "lowercase": True,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [_at("[CLS]", 0), {"Sequence": {"id": "A", "type_id": 0}}, _at("[SEP]", 0)],
            "pair": [
                _at("[CLS]", 0), {"Sequence": {"id": "A", "type_id": 0}}, _at("[SEP]", 0),
                {"Sequence": {"id": "B", "type_id": 1}}, _at("[SEP]", 1),
            ],
            "special_tokens": {token: {"id": token, "ids": [ids[token]], "tokens": [token]} for token in SPECIAL[2:4]},
        },
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {
            "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100, "vocab": ids,
        },
    }  # fmt: skip
    return files


def _at(token: str, sequence: int) -> dict[str, Any]:
    return {"SpecialToken": {"id": token, "type_id": sequence}}


def token(content: str, **flags: bool) -> dict[str, Any]:
    """A token with its flags, as tokenizer_config.json writes one."""
    flags = {"lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True} | flags
    return {"__type": "AddedToken", "content": content, **flags}


def _listed(content: str, index: int, **flags: bool) -> dict[str, Any]:
    fields = token(content, **flags)
    del fields["__type"]
    return {"id": index, **fields}


def _plain(content: str, **flags: bool) -> dict[str, Any]:
    fields = token(content, **flags)
    del fields["__type"]
    return fields


def setting(**values: Any) -> Change:
    return lambda files: files["tokenizer_config.json"].update(values)


def in_map(**values: Any) -> Change:
    return lambda files: files.setdefault("special_tokens_map.json", {}).update(values)


def added(**ids: int) -> Change:
    return lambda files: files.setdefault("added_tokens.json", {}).update(ids)


def decoder(tokens: dict[int, dict[str, Any]]) -> Change:
    """added_tokens_decoder, with the special tokens that published folders list there too."""
    usual = {str(index): _plain(content) for index, content in enumerate(SPECIAL)}
    return setting(added_tokens_decoder=usual | {str(index): fields for index, fields in tokens.items()})


def in_json(**values: Any) -> Change:
    """Change top-level keys of tokenizer.json, where there is one."""

    def change(files: Files) -> None:
        if "tokenizer.json" in files:
            files["tokenizer.json"].update(values)

    return change


def in_part(part: str, **values: Any) -> Change:
    def change(files: Files) -> None:
        if files.get("tokenizer.json", {}).get(part):
            files["tokenizer.json"][part] = {**files["tokenizer.json"][part], **values}

    return change


def more_added(*tokens: dict[str, Any]) -> Change:
    def change(files: Files) -> None:
        if "tokenizer.json" in files:
            files["tokenizer.json"]["added_tokens"] = [*files["tokenizer.json"]["added_tokens"], *tokens]

    return change


NEXT = len(PIECES)  # the first id behind the vocabulary
U1, E1, E2 = (PIECES.index(piece) for piece in ("[unused1]", "[E1]", "[/E1]"))

# what is said of special and added tokens
TOKENS: dict[str, Change] = {
    "additional": setting(additional_special_tokens=["[unused1]", "[E1]"]),
    "additional new": setting(additional_special_tokens=["<url>", "<e1>"]),
    "additional flags": setting(additional_special_tokens=[token("[E1]", rstrip=True), token("<url>", lstrip=True)]),
    "additional none": setting(additional_special_tokens=[]),
    "extra list": setting(extra_special_tokens=["[unused1]", "<url>"]),
    "extra dict": setting(extra_special_tokens={"user_token": "@user", "e": "[E1]"}),
    "extra flags": setting(extra_special_tokens=[token("[E1]", lstrip=True, rstrip=True)]),
    "extra null": setting(extra_special_tokens=None),
    "model specific": setting(model_specific_special_tokens={"e": "[E1]"}),
    "a token by another name": setting(image_token="<url>"),
    "eos and bos": setting(bos_token="<s>", eos_token="</s>", add_bos_token=True, add_eos_token=True),
    "eos with flags": setting(eos_token=token("</s>", lstrip=True)),
    "mask with flags": setting(mask_token=token("[MASK]", lstrip=True)),
    "mask both sides": setting(mask_token=token("[MASK]", lstrip=True, rstrip=True, normalized=True)),
    "mask by another name": setting(mask_token="[unused0]"),
    "mask that is new": setting(mask_token="<mask>"),
    "no mask": setting(mask_token=None),
    "no pad": setting(pad_token=None),
    "usual names": setting(**{f"{name}_token": f"[{name.upper()}]" for name in ("unk", "sep", "pad", "cls", "mask")}),
    "pad by another name": setting(pad_token="[unused0]"),
    "unknown by another name": setting(unk_token="[unused0]"),
    "cls and sep by other names": setting(cls_token="[E1]", sep_token="[/E1]"),
    "map usual": in_map(**{f"{name}_token": f"[{name.upper()}]" for name in ("unk", "sep", "pad", "cls", "mask")}),
    "map flags": in_map(mask_token=_plain("[MASK]", lstrip=True), cls_token=_plain("[CLS]", normalized=True)),
    "map additional": in_map(additional_special_tokens=["[unused1]", "@user"]),
    "map additional new": in_map(additional_special_tokens=["<e1>", "new york"]),
    "map extra": in_map(extra_special_tokens=["[E1]", "<url>"]),
    "map extra dict": in_map(extra_special_tokens={"e": "[E1]"}),
    "map mask": in_map(mask_token="[E1]"),
    "map no mask": in_map(mask_token=None),
    "map cls and sep": in_map(cls_token="[/E1]", sep_token="[E1]"),
    "added": added(**{"@user": NEXT, "<url>": NEXT + 1}),
    "added in the vocabulary": added(**{"[unused1]": U1, "[E1]": E1}),
    "added words": added(**{"new york": NEXT}),
    "decoder": decoder({U1: _plain("[unused1]")}),
    "decoder new": decoder({NEXT: _plain("@user", special=False), NEXT + 1: _plain("<url>")}),
    "decoder words": decoder({NEXT: _plain("New York", special=False, normalized=True, single_word=True)}),
    "decoder strips": decoder({E1: _plain("[E1]", lstrip=True), E2: _plain("[/E1]", rstrip=True)}),
    "decoder single word": decoder({NEXT: _plain("@user", single_word=True, normalized=True, special=False)}),
    "decoder mask": decoder({4: _plain("[MASK]", lstrip=True, normalized=True)}),
    "decoder short": decoder({U1: {"content": "[unused1]"}}),
    "decoder of another id": decoder({3000: _plain("[unused1]")}),
    "decoder alone": setting(added_tokens_decoder={}),
    "split special": setting(split_special_tokens=True),
    "json none added": in_json(added_tokens=[]),
    "json added": more_added(_listed("[unused1]", U1), _listed("[E1]", E1, special=False, normalized=True)),
    "json new": more_added(_listed("@user", NEXT, special=False, normalized=True), _listed("<url>", NEXT + 1)),
    "json strips": more_added(_listed("[E1]", E1, lstrip=True, rstrip=True, single_word=True)),
    "json mask strips": in_json(
        added_tokens=[_listed(name, index, lstrip=name == "[MASK]") for index, name in enumerate(SPECIAL)]
    ),
}
# what is said of normalizing
NORMALIZING: dict[str, Change] = {
    "cased": setting(do_lower_case=False),
    "uncased": setting(do_lower_case=True),
    "accents kept": setting(strip_accents=False),
    "accents stripped": setting(strip_accents=True),
    "accents null": setting(strip_accents=None),
    "chinese whole": setting(tokenize_chinese_chars=False),
    "basic off": setting(do_basic_tokenize=False),
    "never split": setting(never_split=["film", "[E1]"]),
    "map cased": in_map(do_lower_case=False),
    "json cased": in_part("normalizer", lowercase=False),
    "json accents": in_part("normalizer", strip_accents=False),
    "json accents stripped": in_part("normalizer", strip_accents=True),
    "json chinese": in_part("normalizer", handle_chinese_chars=False),
    "json no cleaning": in_part("normalizer", clean_text=False),
    "json no normalizer": in_json(normalizer=None),
    "json sequence": in_json(normalizer={"type": "Sequence", "normalizers": [{"type": "NFD"}, {"type": "Lowercase"}]}),
    "json spaces": in_json(pre_tokenizer={"type": "WhitespaceSplit"}),
    "json metaspace": in_json(pre_tokenizer={"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always",
                                             "split": True}),
}  # fmt: skip
# what is said of the rest
REST: dict[str, Change] = {
    "nothing": lambda files: None,
    "no settings": lambda files: files.pop("tokenizer_config.json", None) and None,
    "class of BERT": setting(tokenizer_class="BertTokenizerFast"),
    "class of Electra": setting(tokenizer_class="ElectraTokenizer"),
    "class unknown": setting(tokenizer_class="KoBertTokenizer"),
    "class of the config": lambda files: files["config.json"].update(tokenizer_class="BertTokenizer"),
    "class null": setting(tokenizer_class=None),
    "code of its own": setting(auto_map={"AutoTokenizer": ["code.Own", None]}),
    "length": setting(model_max_length=512),
    "endless length": setting(model_max_length=1000000000000000019884624838656),
    "older length": setting(max_len=64),
    "pads left": setting(padding_side="left"),
    "cuts left": setting(truncation_side="left"),
    "cleans up": setting(clean_up_tokenization_spaces=True),
    "prefix space": setting(add_prefix_space=True),
    "prefix": setting(wordpieces_prefix="@@"),
    "inputs": setting(model_input_names=["input_ids", "attention_mask"]),
    "leftovers": setting(
        name_or_path="me/model", backend="tokenizers", init_inputs=[], is_local=True, processor_class=None,
        special_tokens_map_file="/nowhere/map.json", tokenizer_file=None, vocab_file="/nowhere/vocab.txt",
        max_length=512, stride=0, truncation_strategy="longest_first", pad_to_multiple_of=None, pad_token_type_id=0,
    ),
    "json truncates": in_json(
        truncation={"direction": "Right", "max_length": 6, "strategy": "LongestFirst", "stride": 0}
    ),
    "json truncates left": in_json(
        truncation={"direction": "Left", "max_length": 6, "strategy": "LongestFirst", "stride": 0}
    ),
    "json pads": in_json(
        padding={"strategy": {"Fixed": 16}, "direction": "Right", "pad_to_multiple_of": None, "pad_id": 0,
                 "pad_type_id": 0, "pad_token": "[PAD]"}
    ),
    "json no post-processor": in_json(post_processor=None),
    "json other post-processor": in_json(
        post_processor={"type": "BertProcessing", "sep": ["[/E1]", E2], "cls": ["[E1]", E1]}
    ),
    "json roberta post-processor": in_json(
        post_processor={"type": "RobertaProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2], "trim_offsets": False,
                        "add_prefix_space": False}
    ),
    "json short words": in_part("model", max_input_chars_per_word=4),
    "json other unknown": in_part("model", unk_token="[unused0]"),
    "json no decoder": in_json(decoder=None),
    "files of versions": lambda files: (
        files["tokenizer_config.json"].update(fast_tokenizer_files=["tokenizer.4.0.0.json", "tokenizer.json"])
        or files.update({"tokenizer.4.0.0.json": files["tokenizer.json"]} if "tokenizer.json" in files else {})
    ),
}  # fmt: skip
KEYS = TOKENS | NORMALIZING | REST
FORMS = ("vocab", "json", "file")


def _made(form: str, names: tuple[str, ...]) -> tuple[str, Files]:
    files = json.loads(json.dumps(base(form)))
    for name in names:
        files.setdefault("tokenizer_config.json", {})
        KEYS[name](files)
    return f"{form}: {' + '.join(names)}", files


def single_folders() -> Iterator[tuple[str, Files]]:
    """Every key, in every form of a folder."""
    for name, form in itertools.product(KEYS, FORMS):
        if form != "vocab" or not name.startswith("json"):
            yield _made(form, (name,))


def mixed_folders(count: int, seed: int = 0) -> Iterator[tuple[str, Files]]:
    """Pairs of keys that speak of the same thing, and now and then a third of any kind."""
    choose = random.Random(seed)
    seen: set[str] = set()
    while len(seen) < count:
        form = choose.choice(FORMS)
        group = choose.choice((TOKENS, TOKENS, TOKENS, NORMALIZING))
        names = [*choose.sample(sorted(group), 2), *choose.sample(sorted(KEYS), choose.randrange(2))]
        if len(set(names)) < len(names) or (form == "vocab" and any(name.startswith("json") for name in names)):
            continue
        label, files = _made(form, tuple(names))
        if label not in seen:
            seen.add(label)
            yield label, files


def write_folder(folder: Path, files: Files) -> Path:
    folder.mkdir(parents=True)
    for name, value in files.items():
        (folder / name).write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return folder
