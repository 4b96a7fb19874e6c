"""Other libraries' calls, run by this one: a program changes its import, and no other line.

    from distilbert.compat import pipeline                          # for: from transformers import pipeline
    from distilbert.compat import SentenceTransformer, CrossEncoder, util # for: from sentence_transformers import …
    from distilbert.compat import TextEmbedding                     # for: from fastembed import TextEmbedding

Arguments that say how the other library batches, pads or shows its progress are taken and have no effect; those that
would change results and cannot be followed are an InputError.
"""

from . import util
from .cross_encoder import CrossEncoder
from .pipelines import Pipeline
from .sentence_transformer import SentenceTransformer
from .text_embedding import TextEmbedding
from .transformers import pipeline

__all__ = ["CrossEncoder", "Pipeline", "SentenceTransformer", "TextEmbedding", "pipeline", "util"]
