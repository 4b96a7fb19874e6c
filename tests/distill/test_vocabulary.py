"""A vocabulary that was cut reads the corpus as before where it can, and spells the rest."""

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from conftest import Maker  # noqa: E402
from distilbert.distill.vocabulary import cut_vocabulary, same_pieces  # noqa: E402
from distilbert.errors import InputError  # noqa: E402
from distilbert.tokenizer import BertTokenizer  # noqa: E402


@pytest.fixture(params=["vocab.txt", "tokenizer.json"])
def folder(request: pytest.FixtureRequest, make_checkpoint: Maker, minilm: Path) -> Path:
    """A folder with the one kind of file or the other."""
    return make_checkpoint() if request.param == "vocab.txt" else minilm


def test_pieces_keep_their_meaning(folder: Path, sentences: list[str], tmp_path: Path) -> None:
    tokenizer = BertTokenizer.from_folder(folder)
    cut = cut_vocabulary(folder, tokenizer, sentences, 100_000)  # room for all that the corpus uses
    assert len(cut.pieces) < tokenizer.vocab_size
    assert (np.diff(cut.pieces) > 0).all()
    assert cut.longer == 1
    for text in sentences[:50]:
        read = cut.tokenizer.encode(text)
        np.testing.assert_array_equal(cut.pieces[read.ids], tokenizer.encode(text).ids)
        assert cut.tokenizer.decode(read.ids.tolist()) == tokenizer.decode(tokenizer.encode(text).ids.tolist())
    np.testing.assert_array_equal(same_pieces(cut.tokenizer, tokenizer, len(cut.pieces)), cut.pieces)
    # what is written is what Transformers reads too
    cut.write(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "distilbert"}))
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path)
    pair = "how long is it ?", "the film is long ."
    np.testing.assert_array_equal(theirs(*pair)["input_ids"], cut.tokenizer.encode(*pair).ids)
    special = {token: theirs.convert_tokens_to_ids(token) for token in ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")}
    assert {token: cut.pieces[index] for token, index in special.items()} == {
        token: tokenizer.token_id(token) for token in special
    }


def test_what_is_cut_is_spelled_with_what_is_kept(folder: Path, sentences: list[str]) -> None:
    tokenizer = BertTokenizer.from_folder(folder)
    cut = cut_vocabulary(folder, tokenizer, sentences, 600)
    assert len(cut.pieces) == cut.tokenizer.vocab_size == 600
    assert cut.unknown == pytest.approx(0, abs=0.002)
    assert 1 < cut.longer < 2
    both = tokenizer.encode_batch(sentences), cut.tokenizer.encode_batch(sentences)
    for whole, read in zip(*both, strict=True):
        if not (read.ids == cut.tokenizer.unk_token_id).any():
            assert cut.tokenizer.decode(read.ids.tolist()) == tokenizer.decode(whole.ids.tolist())


def test_too_small_a_size_is_refused(folder: Path, sentences: list[str]) -> None:
    tokenizer = BertTokenizer.from_folder(folder)
    with pytest.raises(InputError, match=r"vocab_size=20 has no room for the \d+ special tokens and single characters"):
        cut_vocabulary(folder, tokenizer, sentences, 20)


def test_auto_keeps_the_pieces_of_nearly_all_tokens(make_checkpoint: Maker, sentences: list[str]) -> None:
    folder = make_checkpoint()
    tokenizer = BertTokenizer.from_folder(folder)
    whole = cut_vocabulary(folder, tokenizer, sentences, 100_000)
    cut = cut_vocabulary(folder, tokenizer, sentences, "auto")
    assert len(cut.pieces) < 0.95 * len(whole.pieces)
    assert cut.longer < 1.1
    assert cut.unknown == whole.unknown
