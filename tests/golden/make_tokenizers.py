"""Writes tokenizers.json: the ids that the tokenizers of Transformers 4 give from the folders of `single_folders`.

Transformers 4 does not go with this package's huggingface-hub, so this runs in an environment of its own, from the top
of the repository (neither PyTorch nor this package is needed):

    python -m venv /tmp/golden
    /tmp/golden/bin/pip install transformers==4.57.6
    PYTHONPATH=tests /tmp/golden/bin/python tests/golden/make_tokenizers.py

The file holds the version, the texts, and for each folder the ids of each text, or the name of the exception.
"""

import json
import tempfile
from pathlib import Path

import transformers

from helpers.tokenizer_folders import TEXTS, single_folders, write_folder


def main() -> None:
    transformers.logging.set_verbosity_error()
    folders: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as temporary:
        for number, (label, files) in enumerate(single_folders()):
            folder = write_folder(Path(temporary) / str(number), files)
            try:
                tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
                folders[label] = tokenizer(list(TEXTS))["input_ids"]
            except Exception as error:  # whatever it raises is what is recorded
                folders[label] = type(error).__name__
    lines = ",\n".join(f"  {json.dumps(label)}: {json.dumps(ids)}" for label, ids in folders.items())
    head = f'"version": {json.dumps(transformers.__version__)},\n"texts": {json.dumps(TEXTS)},\n"folders"'
    text = f"{{{head}: {{\n{lines}\n}}}}\n"
    Path(__file__).with_name("tokenizers.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
