"""`SentenceTransformer`, in the form of sentence-transformers 6."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from ..errors import InputError, check_one_of
from ..hints import hinting
from ..search.exact import Measure
from ..similarity import similarity
from ..tasks.embedding import Embedder
from .opening import open_task, with_longest
from .tensors import rows, tensor, tensor_where_there_is_torch

OutputValue = Literal["sentence_embedding", "token_embeddings"]
Precision = Literal["float32", "int8", "uint8", "binary", "ubinary"]


class SentenceTransformer:
    """Turns texts into vectors.

    Args:
        model_name_or_path: a folder or a name on the hub.
        device: None, "cpu", "cuda" or "mps".
        prompts: names and texts of prompts, over those of the folder.
        similarity_fn_name: "cosine", "dot", "euclidean" or "manhattan"; by default as the folder says.
        default_prompt_name: of the prompt where a call names none; by default the folder's.
        truncate_dim: keep the first so many numbers of a vector.
        cache_folder, revision, local_files_only, token: as `distilbert.load`'s cache_dir and the others.
        backend: taken; the engine is the same.
    """

    @hinting
    def __init__(
        self,
        model_name_or_path: str | Path,
        *,
        device: object = None,
        prompts: Mapping[str, str] | None = None,
        default_prompt_name: str | None = None,
        similarity_fn_name: Any = None,
        cache_folder: str | Path | None = None,
        trust_remote_code: bool = False,
        revision: str | None = None,
        local_files_only: bool = False,
        token: str | bool | None = None,
        truncate_dim: int | None = None,
        backend: Literal["torch", "onnx", "openvino"] = "torch",
    ) -> None:
        self.task: Embedder = open_task(
            model_name_or_path,
            "feature-extraction",
            device=device,
            revision=revision,
            token=token,
            cache_dir=cache_folder,
            local_files_only=local_files_only,
            trust_remote_code=trust_remote_code,
        )
        said = self.task.sentence.prompts
        self.prompts = {"query": "", "document": "", **said.by_name, **(prompts or {})}
        self.default_prompt_name = said.default if default_prompt_name is None else default_prompt_name
        self.truncate_dim = truncate_dim
        self.similarity_fn_name = similarity_fn_name or self.task.sentence.similarity

    @property
    def similarity_fn_name(self) -> Measure:
        """The measure of `similarity`; it can be set, by its name or by sentence-transformers' SimilarityFunction."""
        return self._measure

    @similarity_fn_name.setter
    def similarity_fn_name(self, measure: Any) -> None:
        name = getattr(measure, "value", measure)
        check_one_of("similarity_fn_name", name, get_args(Measure))
        self._measure: Measure = name

    @property
    def tokenizer(self) -> Any:
        return self.task.tokenizer

    @property
    def max_seq_length(self) -> int:
        """The longest text in tokens; it can be set."""
        return self.task.model.max_length

    @max_seq_length.setter
    def max_seq_length(self, tokens: int) -> None:
        self.task = with_longest(self.task, tokens)

    def get_max_seq_length(self) -> int:
        return self.max_seq_length

    def get_embedding_dimension(self) -> int:
        """Numbers of a vector."""
        return min(self.task.dim, self.truncate_dim or self.task.sentence.truncate_dim or self.task.dim)

    def get_sentence_embedding_dimension(self) -> int:
        return self.get_embedding_dimension()

    @hinting
    def encode(
        self,
        inputs: str | Iterable[str],
        prompt_name: str | None = None,
        prompt: str | None = None,
        batch_size: int = 32,
        show_progress_bar: bool | None = None,
        output_value: OutputValue = "sentence_embedding",
        precision: Precision = "float32",
        convert_to_numpy: bool = True,
        convert_to_tensor: bool = False,
        device: object = None,
        normalize_embeddings: bool = False,
        truncate_dim: int | None = None,
        pool: object = None,
        chunk_size: int | None = None,
        task: Literal["query", "document"] | None = None,
    ) -> Any:
        """One text -> [D]; several -> [B, D]: NumPy, a tensor with `convert_to_tensor`, a list of tensors without both.

        int8 and uint8 scale each vector by itself, not each dimension over the batch, so that a text's vector does
        not depend on the others. A text longer than the model reads is cut, with a LongTextWarning.
        "token_embeddings" are tensors [T, D] of the last layer, special tokens included. `task` is for a Router.
        """
        if prompt is None and prompt_name is None:
            prompt_name = self.default_prompt_name
        if prompt is None:
            prompt = "" if prompt_name is None else self.prompts.get(prompt_name)
        check_one_of("task", task or "query", ("query", "document"))
        texts = inputs if isinstance(inputs, str) else list(inputs)
        if output_value != "sentence_embedding":
            return self._token_embeddings(texts, prompt, output_value)
        vectors = (self.task if task is None else getattr(self.task, f"encode_{task}"))(
            texts,
            prompt=prompt,
            prompt_name=None if prompt is not None else prompt_name,
            normalize=True if normalize_embeddings else None,
            truncate_dim=truncate_dim or self.truncate_dim,
            output=precision,
        )
        if convert_to_tensor or not convert_to_numpy:
            found = tensor(vectors)
            return found if convert_to_tensor or isinstance(texts, str) else list(found)
        return vectors

    def _token_embeddings(self, texts: str | list[str], prompt: str | None, output_value: str) -> Any:
        check_one_of("output_value", output_value, get_args(OutputValue))
        if self.task.sentence.first_only:
            raise InputError(
                "token_embeddings: this model is run for [CLS] alone; pipeline('feature-extraction') has all"
            )
        before = self.task.sentence.prompts.text(prompt)
        given = [texts] if isinstance(texts, str) else texts
        found = [tensor(states) for states in self.task.logits([before + text for text in given])]
        return found[0] if isinstance(texts, str) else found

    def encode_query(self, inputs: str | Iterable[str], prompt_name: str | None = None, **options: Any) -> Any:
        """`encode` with the prompt named "query", and the Router's modules for queries, where the folder has them."""
        return self._encode_for("query", inputs, prompt_name, options)

    def encode_document(self, inputs: str | Iterable[str], prompt_name: str | None = None, **options: Any) -> Any:
        """The same for documents."""
        return self._encode_for("document", inputs, prompt_name, options)

    def _encode_for(
        self, task: Any, inputs: str | Iterable[str], prompt_name: str | None, options: dict[str, Any]
    ) -> Any:
        if prompt_name is None and options.get("prompt") is None:
            prompt_name = task
        return self.encode(inputs, prompt_name=prompt_name, **options, task=task)

    def similarity(self, embeddings1: Any, embeddings2: Any) -> Any:
        """How alike vectors are, [A, B], by `similarity_fn_name`: a tensor where torch is there, as the peer's."""
        return tensor_where_there_is_torch(similarity(self._measure, rows(embeddings1), rows(embeddings2)))

    def similarity_pairwise(self, embeddings1: Any, embeddings2: Any) -> Any:
        """The same of each vector with its partner, [B]."""
        pairs = zip(rows(embeddings1), rows(embeddings2), strict=True)
        scores = [similarity(self._measure, a[None], b[None])[0, 0] for a, b in pairs]
        return tensor_where_there_is_torch(np.array(scores, np.float32))
