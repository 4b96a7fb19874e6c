"""Writes peer_names.json: the names of the arguments and attributes that people of other libraries know.

Run in an environment with one or more of the peers: `python make_peer_names.py`; entries of versions that are not
there are kept. Those of rust-bert and text-embeddings-inference were read from their sources by hand: the fields of
the pipelines' configs and the arguments of `predict`, and `struct Args` of router/src/main.rs.
"""

import dataclasses
import inspect
import json
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

OUT = Path(__file__).with_name("peer_names.json")
Names = tuple[set[str], set[str]]  # of arguments, of methods and attributes


def parameters(functions: Iterable[Callable[..., Any]]) -> Iterator[str]:
    for function in functions:
        for each in inspect.signature(inspect.unwrap(function)).parameters.values():
            if each.kind not in (each.VAR_KEYWORD, each.VAR_POSITIONAL) and each.name != "self":
                yield each.name


def attributes(classes: Iterable[type]) -> set[str]:
    return {name for each in classes for name in dir(each) if not name.startswith("_")}


def transformers() -> Names:
    from transformers import pipelines

    names = ("TextClassification", "TokenClassification", "FillMask", "ZeroShotClassification", "FeatureExtraction")
    found = [f"{name}Pipeline" for name in (*names, "QuestionAnswering") if hasattr(pipelines, f"{name}Pipeline")]
    classes = [getattr(pipelines, name) for name in found]
    functions = [pipelines.pipeline, pipelines.Pipeline.__init__]
    for each in classes:
        functions += [each.__init__, each.__call__, each._sanitize_parameters, each.preprocess, each.postprocess]
    # read off **kwargs, or passed on to the tokenizer
    read = {"return_all_scores", "batch_size", "num_workers", "truncation", "padding", "max_length", "torch_dtype"}
    read |= {"candidate_labels", "use_auth_token", "grouped_entities", "ignore_subwords", "delimiter", "multi_class"}
    read |= {"topk", "cache_dir", "local_files_only", "handle_impossible_answer"}
    return {*parameters(functions)} | read, attributes(classes) | {"device", "tokenizer", "feature_extractor"}


def sentence_transformers() -> Names:
    from sentence_transformers import CrossEncoder, SentenceTransformer, SparseEncoder

    functions = []
    for each in (SentenceTransformer, CrossEncoder, SparseEncoder):
        calls = ("__init__", "encode", "encode_query", "encode_document", "predict", "rank", "similarity")
        functions += [getattr(each, name) for name in calls if hasattr(each, name)]
    deprecated = {"sentences", "use_auth_token"}  # still read, by decorators
    found = attributes([SentenceTransformer, CrossEncoder, SparseEncoder])
    return {*parameters(functions)} | deprecated, found | {"max_seq_length", "truncate_dim", "similarity_fn_name"}


def fastembed() -> Names:
    from fastembed import SparseTextEmbedding, TextEmbedding
    from fastembed.rerank.cross_encoder import TextCrossEncoder

    functions = []
    for each in (TextEmbedding, SparseTextEmbedding, TextCrossEncoder):
        calls = ("__init__", "embed", "query_embed", "passage_embed", "rerank", "rerank_pairs")
        functions += [getattr(each, name) for name in calls if hasattr(each, name)]
    read = {"specific_model_path", "local_files_only"}  # read off **kwargs
    return {*parameters(functions)} | read, attributes([TextEmbedding, SparseTextEmbedding, TextCrossEncoder])


def setfit() -> Names:
    from setfit import SetFitModel

    own = {name for name in vars(SetFitModel) if not name.startswith("_")}  # not PyTorch's
    made = {"labels", "model_body", "model_head", "multi_target_strategy"}  # by __init__
    return {*parameters([SetFitModel.encode, SetFitModel.predict, SetFitModel.predict_proba])}, own | made


def setfit_options() -> set[str]:
    """Of its training."""
    from setfit import SetFitModel, SetFitTrainer, Trainer, TrainingArguments

    fields = {field.name for field in dataclasses.fields(TrainingArguments)}
    read = {"pretrained_model_name_or_path", "head_params"}  # by the hub's from_pretrained, and off **kwargs
    calls = (Trainer.__init__, Trainer.train, SetFitTrainer.__init__, SetFitModel._from_pretrained)
    return {*parameters(calls)} - {"cls", "model_id"} | fields | read


def installed() -> dict[str, dict[str, list[str]]]:
    """Of each peer that is here, by name and version."""
    found = {}
    for name, read in (
        ("transformers", transformers),
        ("sentence-transformers", sentence_transformers),
        ("fastembed", fastembed),
        ("setfit", setfit),
    ):
        try:
            arguments, names = read()
        except ImportError:
            continue
        found[f"{name} {version(name)}"] = {"arguments": sorted(arguments), "attributes": sorted(names)}
        if name == "setfit":
            found[f"{name} {version(name)}"]["options"] = sorted(setfit_options())
    return found


if __name__ == "__main__":
    known = json.loads(OUT.read_text()) if OUT.exists() else {}
    OUT.write_text(json.dumps(dict(sorted((known | installed()).items())), indent=1) + "\n")
