"""The globals that a pickle of weights may name. None is imported or called: each stands for a step of our own.

Those of data only (INERT) stand for nothing: what a file makes of them is skipped.
"""

STORAGES = {
    "torch FloatStorage": "F32",
    "torch HalfStorage": "F16",
    "torch BFloat16Storage": "BF16",
    "torch DoubleStorage": "F64",
    "torch LongStorage": "I64",
    "torch IntStorage": "I32",
    "torch ShortStorage": "I16",
    "torch CharStorage": "I8",
    "torch ByteStorage": "U8",
    "torch BoolStorage": "BOOL",
}
_FUNCTIONS = (
    "collections OrderedDict",
    "torch._utils _rebuild_parameter",
    "torch._utils _rebuild_tensor",
    "torch._utils _rebuild_tensor_v2",
)
TORCHSCRIPT = "__torch__"  # the package of TorchScript's own classes

# what training checkpoints hold beside weights: settings, counters, dates, places, states of random numbers.
# Protocol 2 writes Python 2's names of modules.
_BUILTINS = ("bool", "bytearray", "bytes", "complex", "dict", "float", "frozenset", "int", "list", "long", "object",
             "range", "set", "slice", "str", "tuple", "unicode", "xrange")  # fmt: skip
_DTYPES = ("bfloat16", "bool", "float16", "float32", "float64", "int16", "int32", "int64", "int8", "uint8")
_INERT = frozenset({
    *(f"{module} {name}" for module in ("builtins", "__builtin__") for name in _BUILTINS),
    *(f"torch {name}" for name in ("device", "Size", *_DTYPES)),
    *(f"numpy {name}" for name in ("dtype", "ndarray", *_DTYPES, "float64", "str_", "bool_")),
    *(
        f"{module}.multiarray {name}"
        for module in ("numpy.core", "numpy._core")
        for name in ("scalar", "_reconstruct")
    ),
    "_codecs encode",  # how protocol 2 writes bytes
    "argparse Namespace",
    "collections Counter",
    "collections defaultdict",
    "collections deque",
    "copy_reg _reconstructor",
    "copyreg _reconstructor",
    "datetime date",
    "datetime datetime",
    "datetime time",
    "datetime timedelta",
    "datetime timezone",
    "decimal Decimal",
    "fractions Fraction",
    "torch.torch_version TorchVersion",
    "types SimpleNamespace",
    "typing Any",
    "uuid UUID",
})  # fmt: skip
# packages of which every class is one of settings or counters
_INERT_PACKAGES = (
    "lightning",
    "lightning_fabric",
    "lightning_utilities",
    "numpy.random",
    "omegaconf",
    "pathlib",
    "pytorch_lightning",
    "torch.optim",
    "transformers.trainer_callback",
    "transformers.trainer_utils",
    "transformers.training_args",
)
_QUANTISED = ("_rebuild_qtensor", "qint8", "quint8", "qint32", "per_tensor_affine", "per_channel_affine")
_WHOLE_MODELS = ("torch.nn", "transformers.models", "sentence_transformers", "setfit")


def is_known(name: str) -> bool:
    """Whether weights are made with the global `name` ("module name")."""
    return name in _FUNCTIONS or name in STORAGES or _package(name, TORCHSCRIPT)


def is_inert(name: str) -> bool:
    """Whether it stands for nothing but data, which is skipped."""
    return name in _INERT or any(_package(name, package) for package in _INERT_PACKAGES)


def way_out(name: str) -> str:
    """What to do about a file that names a global which is not allowed."""
    if any(_package(name, package) for package in _WHOLE_MODELS):
        return "; the model's object was saved, which takes its code to read: save its state_dict() instead"
    if name.partition(" ")[2] in _QUANTISED:
        return "; it holds quantised tensors: save the state_dict() of the model that they were made from"
    if name.endswith("_rebuild_meta_tensor_no_storage"):
        return '; it holds names and shapes without numbers (device "meta"): load the model whole, and save it again'
    return ""


def _package(name: str, package: str) -> bool:
    return name.replace(" ", ".").startswith(f"{package}.")
