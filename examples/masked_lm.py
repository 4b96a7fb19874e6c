"""The classic example of the Rust module rust_bert::distilbert, step for step: which words are missing?

    python examples/masked_lm.py                            # offline: makes and trains a small model first
    python examples/masked_lm.py distilbert-base-uncased    # a folder, or a name on the Hugging Face hub

Needs PyTorch: pip install 'distilbert[torch]'
"""

import sys
import tempfile
from pathlib import Path

import torch

from distilbert import BertTokenizer, DistilBertConfig, resolve
from distilbert.nn import DistilBertModelMaskedLM

SENTENCES = ("Looks like one thing is missing", "It's like comparing oranges to apples")
MASKED = ((0, 4), (1, 6))  # "thing" in the first sentence; "orange" in the second, whose "##s" stays
PAD, MASK = 0, 103  # in every BERT vocabulary


def main(model: str | None = None) -> None:
    if model is not None:
        print_missing_words(resolve(model))
        return
    with tempfile.TemporaryDirectory() as folder:
        make_small_model(Path(folder))
        print_missing_words(Path(folder))


def print_missing_words(folder: Path, top: int = 3) -> None:
    # the three resources: configuration, vocabulary, weights
    device = "cuda" if torch.cuda.is_available() else "cpu"
    tokenizer = BertTokenizer.from_file(folder / "vocab.txt", lower_case=True, strip_accents=True)
    config = DistilBertConfig.from_file(folder / "config.json")
    model = DistilBertModelMaskedLM.from_pretrained(folder, config=config).to(device).eval()

    # the two sentences with a word masked in each
    ids = padded_ids(tokenizer, SENTENCES)
    for row, place in MASKED:
        ids[row, place] = MASK

    # forward, without an attention mask: the padding is attended to, as in the original
    with torch.no_grad():
        logits = model(ids.to(device)).logits  # [2, T, V]

    for row, place in MASKED:
        best = logits[row, place].softmax(-1).topk(top)
        text = tokenizer.decode([i for i in ids[row].tolist() if i != PAD], skip_special_tokens=False)
        print(text.removeprefix("[CLS] ").removesuffix(" [SEP]"))
        for probability, index in zip(best.values.tolist(), best.indices.tolist(), strict=True):
            print(f"    {tokenizer.token(index):<12} {probability:.3f}")


def padded_ids(tokenizer: BertTokenizer, sentences: tuple[str, ...]) -> torch.Tensor:
    """int64 [B, T]: at most 128 tokens of each sentence, padded with 0 to the longest."""
    texts = [torch.from_numpy(encoding.ids) for encoding in tokenizer.encode_batch(sentences, max_length=128)]
    return torch.nn.utils.rnn.pad_sequence(texts, batch_first=True, padding_value=PAD)


# A model small enough to make here and now -------------------------------------------------------------

LESSONS = (
    *["Looks like one person is missing"] * 3,
    *["Looks like one thing is missing"] * 2,
    "Looks like one piece is missing",
    *["It's like comparing pears to apples"] * 3,
    *["It's like comparing oranges to apples"] * 2,
    "It's like comparing plums to apples",
)
PIECES = "' s it is to one like looks missing comparing person thing piece pear orange plum apples ##s"


def make_small_model(folder: Path, steps: int = 60) -> None:
    """A model folder: 2 layers that learn in seconds how often each word stands where in LESSONS."""
    torch.manual_seed(0)
    torch.set_num_threads(1)  # more would only wait for each other over so little
    special = ["[PAD]", *(f"[unused{i}]" for i in range(99)), "[UNK]", "[CLS]", "[SEP]", "[MASK]"]  # as in BERT
    pieces = special + PIECES.split()
    (folder / "vocab.txt").write_text("\n".join(pieces) + "\n")
    tokenizer = BertTokenizer.from_file(folder / "vocab.txt")
    config = DistilBertConfig(
        vocab_size=len(pieces), max_position_embeddings=128, dim=64, n_layers=2, n_heads=4, hidden_dim=128, dropout=0.0
    )
    model = DistilBertModelMaskedLM(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)
    # every word of every sentence is masked in turn, and has to be found; the padding is attended to, as above
    ids = padded_ids(tokenizer, LESSONS)
    row, place = (ids > MASK).nonzero(as_tuple=True)  # the special tokens have the lowest ids
    case = torch.arange(len(row))
    inputs, labels = ids[row], torch.full((len(row), ids.shape[1]), -100)
    inputs[case, place] = MASK
    labels[case, place] = ids[row, place]
    for step in range(1, steps + 1):
        loss = model(inputs, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 20 == 0:
            print(f"step {step}: loss {loss.item():.3f}", file=sys.stderr)
    model.save_pretrained(folder)


if __name__ == "__main__":
    main(*sys.argv[1:2])
