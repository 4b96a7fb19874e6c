"""What each key of a folder's tokenizer files does: the ids of Transformers, key by key and in pairs."""

import json
from pathlib import Path
from typing import Any

import pytest
import tokenizers
from tokenizers import normalizers

from conftest import DATA
from distilbert import BertTokenizer, InputError, TokenizerError, TokenizerWarning
from helpers.tokenizer_folders import PIECES, TEXTS, Files, base, mixed_folders, single_folders, write_folder
from helpers.tokenizer_rows import opened, rows, their_rows

GOLDEN = Path(__file__).parents[1] / "golden" / "tokenizers.json"
CONTRADICTION = "do not follow the vocabulary with their index"  # the one thing that only we refuse


@pytest.mark.parametrize("mixed", [20, pytest.param(200, marks=pytest.mark.slow)])
def test_every_key_and_pairs_of_them_as_in_transformers(tmp_path: Path, mixed: int) -> None:
    """More than 220 folders, or 400: ids, offsets and word ids, whole and cut to 5 tokens."""
    transformers = pytest.importorskip("transformers")
    folders = [*single_folders(), *mixed_folders(mixed)]
    assert len(folders) > 200 + mixed
    wrong, refused = [], []
    for number, (label, files) in enumerate(folders):
        folder = write_folder(tmp_path / str(number), files)
        try:
            theirs = transformers.AutoTokenizer.from_pretrained(folder)
            expected = [*their_rows(theirs), *their_rows(theirs, truncation=True, max_length=5)]
        except ValueError:  # a class that is not there beside a vocab.txt
            with pytest.raises(TokenizerError, match="tokenizer_class 'KoBertTokenizer'"):
                BertTokenizer.from_folder(folder)
            continue
        try:
            tokenizer = opened(folder)
        except TokenizerError as error:
            refused.append((label, str(error)))
            continue
        ours = rows([*tokenizer.encode_batch(TEXTS), *tokenizer.encode_batch(TEXTS, max_length=5)])
        for text, got, wanted in zip(TEXTS * 2, ours, expected, strict=True):
            if got != wanted and wanted[0]:  # a model cannot read the nothing that Transformers gives for ""
                wrong.append((label, text, got[0], wanted[0]))
    assert wrong == []
    assert len(refused) < 5
    assert all(CONTRADICTION in error for _, error in refused), refused


def test_pairs_as_in_transformers(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    firsts, seconds = [text for text in TEXTS for _ in TEXTS], list(TEXTS) * len(TEXTS)
    for number, side in enumerate(("left", "right")):
        files = base("vocab")
        files["tokenizer_config.json"]["truncation_side"] = side
        folder = write_folder(tmp_path / str(number), files)
        theirs, ours = transformers.AutoTokenizer.from_pretrained(folder), BertTokenizer.from_folder(folder)
        for limit in (6, 9, 12):
            expected = theirs(firsts, seconds, truncation=True, max_length=limit, return_offsets_mapping=True)
            read = ours.encode_batch(firsts, seconds, max_length=limit)
            assert [e.ids.tolist() for e in read] == expected["input_ids"]
            assert [[tuple(pair) for pair in e.offsets.tolist()] for e in read] == expected["offset_mapping"]


# Transformers 4 ----------------------------------------------------------------------------------------

# where 4.57 gives other ids than 5 and than we do: reason -> key -> forms of the folder
NOT_IN_4 = {
    "tokens that are named by a key of their own are known to 5 alone": {
        "model specific": "vocab json file", "a token by another name": "vocab json file",
    },
    "under a BERT class 5 reads no more of a tokenizer.json than its vocabulary and added tokens": {
        "unknown by another name": "json", "cls and sep by other names": "json", "map cls and sep": "json",
        "json sequence": "json", "json spaces": "json", "json metaspace": "json", "json no post-processor": "json",
        "json other post-processor": "json", "json short words": "json", "json other unknown": "json",
    },
    "flags of a token that the file lists with others win in 5": {"decoder mask": "json file"},
}  # fmt: skip
# what 4.57 cannot open at all (ImportError and ValueError for want of libraries of slow tokenizers)
NOT_OPENED_BY_4 = {
    "extra list": "vocab json file", "extra flags": "vocab json file", "extra null": "vocab json file",
    "map extra": "vocab json file", "map extra dict": "vocab json file", "leftovers": "vocab json file",
    "json no normalizer": "json", "class unknown": "vocab json file",
}  # fmt: skip


def labels(keys: dict[str, str]) -> set[str]:
    return {f"{form}: {key}" for key, forms in keys.items() for form in forms.split()}


def test_differences_from_transformers_4_are_these(tmp_path: Path) -> None:
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert (golden["version"], tuple(golden["texts"])) == ("4.57.6", TEXTS)
    differ, unopened = set(), set()
    for number, (label, files) in enumerate(single_folders()):
        theirs = golden["folders"].pop(label)
        if isinstance(theirs, str):
            unopened.add(label)
            continue
        tokenizer = opened(write_folder(tmp_path / str(number), files))
        ours = [encoding.ids.tolist() for encoding in tokenizer.encode_batch(TEXTS)]
        if any(got != wanted for got, wanted in zip(ours, theirs, strict=True) if wanted):
            differ.add(label)
    assert golden["folders"] == {}
    assert differ == set().union(*map(labels, NOT_IN_4.values()))
    assert unopened == labels(NOT_OPENED_BY_4)


# classes -----------------------------------------------------------------------------------------------


# files that do not go together, or not at all ------------------------------------------------------------


@pytest.mark.parametrize("form", ["vocab", "json", "file"])
@pytest.mark.parametrize("index", [len(PIECES) + 1, 3])
def test_a_new_token_that_would_get_another_id_is_refused(tmp_path: Path, form: str, index: int) -> None:
    """Transformers numbers it anew, so that the model reads a row of the embeddings that is another token's."""
    files = base(form)
    files["tokenizer_config.json"]["added_tokens_decoder"] = {str(index): {"content": "@user"}}
    folder = write_folder(tmp_path / "folder", files)
    with pytest.raises(
        TokenizerError, match=rf"tokenizer_config\.json: added tokens {{'@user': {index}}} do not follow"
    ):
        BertTokenizer.from_folder(folder)


WRONG: dict[str, tuple[Files, str]] = {
    "a null [CLS]": ({"tokenizer_config.json": {"cls_token": None}}, "cls_token is null beside it"),
    "extra tokens that are text": ({"tokenizer_config.json": {"extra_special_tokens": "<e>"}}, "must be a list or"),
    "a number as an extra token": ({"tokenizer_config.json": {"extra_special_tokens": [5]}}, "must be text, not 5"),
    "a side of no text": ({"tokenizer_config.json": {"truncation_side": "up"}}, "must be 'left' or 'right', not 'up'"),
    "a class that is a number": ({"tokenizer_config.json": {"tokenizer_class": 5}}, "tokenizer_class must be text"),
    "ids that are text": ({"added_tokens.json": {"<e>": "x"}}, "each token must have an id of its own"),
    "two tokens of one id": ({"added_tokens.json": {"<e>": 500, "<f>": 500}}, "each token must have an id of its own"),
    "a map whose token is a list": ({"special_tokens_map.json": {"mask_token": ["a"]}}, "mask_token must be text"),
    "a name that is no token": ({"tokenizer_config.json": {"extra_special_tokens": {"e": 5}}}, "e must be text, not 5"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_read_is_said_in_one_line(tmp_path: Path, name: str) -> None:
    files, message = WRONG[name]
    folder = write_folder(tmp_path / "folder", base("vocab") | files)
    with pytest.raises(TokenizerError) as caught:
        BertTokenizer.from_folder(folder)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


PANICS = {"type": "Precompiled", "precompiled_charsmap": "AAAA"}


@pytest.mark.parametrize("form", ["json", "file"])
def test_a_panic_of_the_library_is_an_error_of_ours(
    tmp_path: Path, form: str, capfd: pytest.CaptureFixture[str]
) -> None:
    files = base(form)
    files["tokenizer.json"]["normalizer"] = PANICS
    folder = write_folder(tmp_path / "folder", files)
    with pytest.raises(TokenizerError, match=r"tokenizer\.json: not a tokenizer that can be read"):
        BertTokenizer.from_folder(folder)


class PanicException(BaseException):
    """As the library's own, which cannot be imported."""


def test_a_panic_while_reading_a_text_is_an_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = BertTokenizer.from_file(DATA / "vocab.txt")

    class Backend:
        def encode_batch(self, *args: Any, **options: Any) -> None:
            raise PanicException("index out of bounds")

        decode = encode_batch

    monkeypatch.setattr(tokenizer, "backend", Backend())
    with pytest.raises(TokenizerError, match=r"cannot read this text \(index out of bounds\)"):
        tokenizer.encode("a")
    with pytest.raises(TokenizerError, match="cannot decode"):
        tokenizer.decode([5])
    monkeypatch.setattr(Backend, "encode_batch", lambda *args, **options: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        tokenizer.encode("a")


# no special tokens ---------------------------------------------------------------------------------------


def test_a_tokenizer_without_cls(tmp_path: Path) -> None:
    files = base("file")
    files["tokenizer.json"]["post_processor"] = None
    with pytest.warns(TokenizerWarning, match=r"puts no \[CLS\] before a text.*DistilBertTokenizer"):
        tokenizer = BertTokenizer.from_folder(write_folder(tmp_path / "folder", files))
    film = PIECES.index("film")
    empty, text = tokenizer.encode_batch(["", "film"])
    assert text.ids.tolist() == [film]
    assert empty.ids.tolist() == [tokenizer.pad_token_id]  # a model cannot read nothing
    assert empty.sequence_ids.tolist() == [-1]
    assert [w.encoding.ids.tolist() for w in tokenizer.windows("", 4, 0)] == [[tokenizer.pad_token_id]]
    # and the way out that the warning names
    files["tokenizer_config.json"]["tokenizer_class"] = "DistilBertTokenizer"
    again = BertTokenizer.from_folder(write_folder(tmp_path / "again", files))
    assert again.encode("film").ids.tolist() == [2, film, 3]


# tokenizer.json out of any folder -------------------------------------------------------------------------


@pytest.mark.parametrize("every", [5, pytest.param(1, marks=pytest.mark.slow)])
def test_a_saved_tokenizer_json_says_all_that_the_folder_says(tmp_path: Path, every: int) -> None:
    for number, (label, files) in enumerate([*single_folders()][::every]):
        if "split special" in label or label == "vocab: class unknown":  # the format has no place for the first
            continue
        folder = write_folder(tmp_path / str(number), files)
        tokenizer = opened(folder)
        tokenizer.save(folder / "alone.json")
        alone = tokenizers.Tokenizer.from_file(str(folder / "alone.json"))
        assert [alone.encode(text).ids for text in TEXTS if text] == [
            e.ids.tolist() for e in tokenizer.encode_batch([text for text in TEXTS if text])
        ], label
        tokenizer.save(folder / "tokenizer.json")  # and it changes nothing where the other files stay
        assert rows(opened(folder).encode_batch(TEXTS)) == rows(tokenizer.encode_batch(TEXTS)), label


def test_a_second_text_that_fills_a_pair_is_counted_as_far_as_it_was_read() -> None:
    tokenizer = BertTokenizer.from_file(DATA / "vocab.txt")
    with pytest.raises(InputError, match="the second text has more than 5 tokens, which leaves none of 8"):
        tokenizer.encode_batch(["a"], ["film " * 100_000], max_length=8, cut="first")


def test_a_normalizer_that_is_not_berts_is_read_to_the_end(tmp_path: Path) -> None:
    """There any character may change what stands before it, so that a long text must be read whole."""
    backend = BertTokenizer.from_file(DATA / "vocab.txt").backend
    backend.normalizer = normalizers.Replace(tokenizers.Regex(r"(?m).*stop$"), "film")
    tokenizer = BertTokenizer(backend)
    text = "good " * 20_000 + "stop"
    assert tokenizer.encode(text, max_length=8).ids.tolist() == tokenizer.encode("film").ids.tolist()
