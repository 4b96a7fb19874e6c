"""The names of the files of a model folder. No other file knows one, and what the hub is asked for follows from them.

A Transformers folder holds all of it at its root. A sentence-transformers folder has `modules.json` there, which names
the folders of its parts: the encoder's is the root itself, or in the first versions a folder of its own (0_BERT/).
"""

CONFIG = "config.json"

# weights: in one file, or in shards that an index names
WEIGHTS = "model.safetensors"
SHARDS_INDEX = ".index.json"
INDEX = f"{WEIGHTS}{SHARDS_INDEX}"
VARIANT_INDEX = f"{WEIGHTS}.index.*.json"  # of weights that Transformers saved with variant="fp16", not looked for
SHARDS = "model-*.safetensors"
ANY_SHARD = "*-[0-9]*-of-[0-9]*.*"
# of other programs, which `distilbert convert` reads
PYTORCH, RUST, NUMPY = "pytorch_model.bin", "rust_model.ot", "model.npz"
PYTORCH_SUFFIXES = (".bin", ".pt", ".pth", ".ckpt", ".pth.tar", ".pt.tar")
BESIDE_WEIGHTS = (  # how names of files that hold no model's weights begin
    *("adapter_", "optimizer", "scheduler", "scaler", "rng_state", "random_states", "training_args", "openvino_"),
)
KERAS, FLAX = "tf_model.h5", "flax_model.msgpack"
FOREIGN = (PYTORCH, RUST, NUMPY, KERAS, FLAX)
ONNX = ("model.onnx", "onnx/model.onnx")  # an export lies beside the config, or a folder below (transformers.js)
CHECKPOINT_INDEX = ".index"  # of a TensorFlow checkpoint: bert_model.ckpt.index, beside its .data files
GOOGLE_CONFIG = "bert_config.json"  # of a BERT as Google published it

# of a training: written last, so that a folder with it is whole; and a folder, while it runs
TRAINING, CHECKPOINTS = "training.json", "checkpoints"

SETFIT_HEAD = "model_head.pkl"  # a pickle, never read
ADAPTER_CONFIG = "adapter_config.json"  # of LoRA and its like, beside files whose names begin as this one's

TOKENIZER = "tokenizer.json"
VOCABULARY = "vocab.txt"
TOKENIZER_CONFIG = "tokenizer_config.json"
ADDED_TOKENS = "added_tokens.json"
SPECIAL_TOKENS = "special_tokens_map.json"
# not read: of SentencePiece, and of byte pairs
SENTENCE_PIECE = ("spiece.model", "sentencepiece.bpe.model", "tokenizer.model")
BYTE_PAIRS = ("vocab.json", "merges.txt")
TOKENIZER_VERSIONS = "tokenizer.[0-9]*.json"  # tokenizer.json for versions of Transformers
TOKENIZER_FILES = (TOKENIZER, TOKENIZER_CONFIG, VOCABULARY, ADDED_TOKENS, SPECIAL_TOKENS)

# sentence-transformers: the list of parts, what is said of the whole, and, beside the encoder, how it reads text
MODULES = "modules.json"
SENTENCE_CONFIG = "config_sentence_transformers.json"
ROUTER_CONFIG = "router_config.json"
TRANSFORMER_CONFIGS = tuple(
    f"sentence_{kind}_config.json"
    for kind in ("bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")
)  # in the order in which they are looked for
TOKEN_WEIGHTS = "idf.json"  # of a SparseStaticEmbedding, whose config may name another
# of a part
PART_FILES = (CONFIG, WEIGHTS, PYTORCH, *TOKENIZER_FILES)

# a repository in the hub's cache, models--OWNER--NAME: folders of links, one a commit, to the files
HUB_REPOSITORY, HUB_SNAPSHOTS, HUB_BLOBS = "models--", "snapshots", "blobs"

# what inference reads of a repository on the hub: folders of parts are called 0_Transformer, 1_Pooling, …, those of a
# Router query_0_SparseStaticEmbedding, document_1_SpladePooling, …
FIRST_PART, PARTS = "0_*", "[0-9]_*"
PARTS_WITH_WEIGHTS = ("[0-9]_Dense", "[0-9]_LayerNorm")
_ROUTED_PARTS = "*_[0-9]_*"
HUB_FILES = (
    *(CONFIG, WEIGHTS, INDEX, SHARDS, *TOKENIZER_FILES, TOKENIZER_VERSIONS),
    *(MODULES, SENTENCE_CONFIG, ROUTER_CONFIG, "sentence_*_config.json", TOKEN_WEIGHTS),
    *(f"{part}/{name}" for part in (PARTS, _ROUTED_PARTS) for name in ("*.json", "*.safetensors", VOCABULARY)),
)
# and, one format after the other, where it has no weights in safetensors
_HUB_FOREIGN = tuple(
    tuple(f"{folder}{file}" for folder in ("", f"{PARTS}/") for file in (name, f"{name}{SHARDS_INDEX}", *shards))
    for name, shards in (
        (PYTORCH, ["pytorch_model-*.bin"]),
        (KERAS, ["tf_model-*.h5"]),
        (FLAX, ["flax_model-*.msgpack"]),
        (RUST, []),
        (NUMPY, []),
    )
)
HUB_FOREIGN_FILES = (*_HUB_FOREIGN, tuple(f"{name}{data}" for name in ONNX for data in ("", "[._]data")))
