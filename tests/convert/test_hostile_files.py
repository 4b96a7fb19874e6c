"""Files made to harm: each is an error that names what is not allowed, and nothing in them ever runs."""

import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from conftest import DATA
from distilbert.convert.formats import read_file
from helpers.pickles import Raw, call, code, module, name, refused, storage, tensor, write_zip

PYTORCH = DATA / "pytorch"


def test_the_assembler_makes_good_files(tmp_path: Path) -> None:
    numbers = np.arange(6, dtype=np.float32)
    found = read_file(write_zip(tmp_path / "x.bin", {"w": tensor()}, {"0": numbers.tobytes()}))
    np.testing.assert_array_equal(found["w"].read(), numbers.reshape(2, 3))


# names and opcodes -----------------------------------------------------------------------------------------


class Harm:
    """Makes a file when unpickled."""

    def __init__(self, mark: Path, function: Callable[[str], object]) -> None:
        self.mark, self.function = mark, function

    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        if self.function is eval:
            return eval, (f"__import__('pathlib').Path({str(self.mark)!r}).touch()",)
        return self.function, (f"touch {self.mark}",)


@pytest.mark.parametrize(
    ("function", "named"), [(os.system, r"posix\.system"), (eval, r"(__builtin__|builtins)\.eval")]
)
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("suffix", ["bin", "ot", "pt", "ckpt", "pth.tar"])
def test_function_that_python_would_call(
    function: Callable[[str], object], named: str, suffix: str, protocol: int, tmp_path: Path
) -> None:
    mark = tmp_path / "harmed"
    data = pickle.dumps({"w": Harm(mark, function)}, protocol)
    with zipfile.ZipFile(tmp_path / f"x.{suffix}", "w") as archive:
        archive.writestr("archive/data.pkl", data)
    refused(tmp_path / f"x.{suffix}", f"names the global '{named}', which is not allowed")
    assert not mark.exists()
    pickle.loads(data)  # it would have harmed
    assert mark.exists()


def test_function_in_the_older_form(tmp_path: Path) -> None:
    path = tmp_path / "x.bin"
    path.write_bytes(pickle.dumps(Harm(tmp_path / "harmed", os.system), protocol=2))
    refused(path, r"names the global 'posix\.system'")
    first = pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2) + pickle.dumps({}, 2)
    path.write_bytes(first + pickle.dumps(Harm(tmp_path / "harmed", os.system), protocol=2))
    refused(path, r"names the global 'posix\.system'")
    assert not (tmp_path / "harmed").exists()


_SYSTEM = name("os", "system")


@pytest.mark.parametrize(
    ("root", "match"),
    [
        ({"w": call(name("torch._utils", "_rebuild_tensor_v3"))}, r"'torch\._utils\._rebuild_tensor_v3'"),
        ({"w": name("torch.nn.modules.linear", "Linear")}, r"'torch\.nn\.modules\.linear\.Linear'"),
        ({"w": name("torch", "load")}, r"'torch\.load'"),
        ({"w": name("collections", "OrderedDict.__init__")}, r"'collections\.OrderedDict\.__init__'"),
        ({"w": name("__torch__x", "Module")}, r"'__torch__x\.Module'"),
        # reduce within reduce: the function, or its argument, is what another call gives
        (call(call(name("collections", "OrderedDict"))), "calls a dict"),
        (call(tensor()), "calls a TensorRef"),
        (call(name("torch._utils", "_rebuild_parameter"), call(_SYSTEM, "true"), True, {}), r"'os\.system'"),
        (call(name("collections", "OrderedDict"), (("w", 1),)), "calls 'collections.OrderedDict' with arguments"),
        (call(name("torch", "FloatStorage"), 6), "calls 'torch.FloatStorage' with arguments"),
        (call(name("__torch__", "Module")), "calls '__torch__.Module' with arguments"),
        (call(name("torch._utils", "_rebuild_parameter"), 1, True, {}), "_rebuild_parameter' with arguments"),
        (Raw(name("torch", "FloatStorage") + pickle.EMPTY_TUPLE + pickle.NEWOBJ), "makes an object of 'torch.Float"),
        (Raw(name("__torch__", "M") + code((1,)) + pickle.NEWOBJ), "makes an object of '__torch__.M'"),
        (Raw(code({}) + code({"__class__": 1}) + pickle.BUILD), "sets the state of a dict"),
        (Raw(tensor() + code({"a": 1}) + pickle.BUILD), "sets the state of a TensorRef"),
        # the memo
        (Raw(pickle.BINGET + b"\7"), "recalls memo 7, which was not kept"),
        (Raw(pickle.LONG_BINGET + b"\xff" * 4), "recalls memo 4294967295"),
        (Raw(pickle.BINPUT + b"\0"), "takes from an empty stack"),
        (Raw(pickle.MARK + pickle.BINPUT + b"\0" + pickle.TUPLE), "takes from an empty stack"),
        # a dict that holds itself, a list that holds itself
        (Raw(pickle.EMPTY_DICT + b"q\0" + code("w") + b"h\0" + pickle.SETITEM), "entry 'w' is a dict, not a tensor"),
        (Raw(pickle.EMPTY_LIST + b"q\0h\0" + pickle.APPEND), "holds a list, not a state dict"),
        # the stack
        (Raw(pickle.REDUCE), "takes from an empty stack"),
        (Raw(pickle.SETITEMS), "looks for a mark that is not there"),
        (Raw(pickle.MARK + pickle.REDUCE), "takes from an empty stack"),
        (Raw(code(1) + pickle.MARK + pickle.APPENDS), "appends to a int"),
        (Raw(pickle.EMPTY_DICT + pickle.MARK + code("w") + pickle.SETITEMS), "sets items of a dict"),
        (Raw(pickle.EMPTY_DICT + code(1) + code(2) + pickle.SETITEM), "entry 1 is a int, not a tensor"),
        (Raw(code({"w": 1})[:-1] + code("w") + code(2) + pickle.SETITEMS), "sets 'w' twice"),
        # opcodes that no weights need
        (Raw(b"(ios\nsystem\n"), "uses the opcode INST"),
        (Raw(b"(" + pickle.OBJ), "uses the opcode OBJ"),
        (Raw(pickle.EXT1 + b"\1"), "uses the opcode EXT1"),
        (
            Raw(code("os") + code("system") + pickle.STACK_GLOBAL),
            r"names the global 'os\.system', which is not allowed",
        ),
        (Raw(code("os") + code(1) + pickle.STACK_GLOBAL), "by something else than two strings"),
        (Raw(code("os system") + code("x") + pickle.STACK_GLOBAL), "by something else than two strings"),
        (Raw(code("system") + pickle.STACK_GLOBAL), "takes from an empty stack"),
        (Raw(b"P0\n"), "uses the opcode PERSID"),
        (Raw(pickle.NEWOBJ_EX), "takes from an empty stack"),
        (
            Raw(name("__torch__", "M") + code(()) + code({"a": 1}) + pickle.NEWOBJ_EX),
            "makes an object of '__torch__.M'",
        ),
        (
            Raw(name("torch", "FloatStorage") + code(()) + code({}) + pickle.NEWOBJ_EX),
            "makes an object of 'torch.Float",
        ),
        (Raw(pickle.MEMOIZE), "takes from an empty stack"),
        (Raw(pickle.ADDITEMS), "looks for a mark that is not there"),
        (Raw(code({}) + pickle.MARK + pickle.ADDITEMS), "appends to a dict"),
        (Raw(pickle.BINBYTES8 + struct.pack("<Q", 2**63 - 1)), "is not a whole pickle"),
        (Raw(pickle.BYTEARRAY8 + struct.pack("<Q", 2) + b"xx"), "uses the opcode BYTEARRAY8"),
        (Raw(pickle.NEXT_BUFFER), "uses the opcode NEXT_BUFFER"),
        (Raw(code(1) + pickle.DUP), "uses the opcode DUP"),
        (Raw(b"I" + b"9" * 50_000 + b"\n"), "uses the opcode INT"),
        (Raw(pickle.LONG4 + struct.pack("<i", 2**31 - 1)), "uses the opcode LONG4"),
        (Raw(pickle.BINUNICODE + struct.pack("<I", 2**32 - 1)), "is not a whole pickle"),
        (Raw(pickle.BINUNICODE8 + struct.pack("<Q", 2**63 - 1)), "is not a whole pickle"),
        (Raw(b"\xff"), "is not a whole pickle"),
        (Raw(pickle.PROTO + b"\6"), "is a pickle of protocol 6; 2 to 5 are read"),
    ],
)
def test_pickle_that_is_not_a_state_dict(root: object, match: str, tmp_path: Path) -> None:
    refused(write_zip(tmp_path / "x.bin", root), match)


@pytest.mark.parametrize(
    ("root", "match"),
    [
        ({}, "holds a dict, not a state dict"),
        (7, "holds a int, not a state dict"),
        (tensor(), "holds a TensorRef, not a state dict"),
        ({"model": {"w": 1}}, "entry 'model' is a dict, not a tensor, .* save its own state_dict"),
        ({"epoch": 3}, "entry 'epoch' is a int, not a tensor"),
        ({"w": storage()}, "entry 'w' is a StorageRef, not a tensor"),
        ({"w": name("torch", "FloatStorage")}, r"entry 'w' is 'torch\.FloatStorage', not a tensor"),
    ],
)
def test_pickle_of_something_else(root: object, match: str, tmp_path: Path) -> None:
    refused(write_zip(tmp_path / "x.bin", root), match)


def test_settings_beside_the_weights_are_never_made(tmp_path: Path) -> None:
    """What makes settings makes nothing here, whatever it is given; and no weight comes out of it."""
    namespace, path_class = name("argparse", "Namespace"), name("pathlib", "PosixPath")
    settings = {
        "args": Raw(namespace + pickle.EMPTY_TUPLE + pickle.NEWOBJ + code({"lr": 1}) + pickle.BUILD),
        "more": Raw(namespace + code((1,)) + code({"a": 1}) + pickle.NEWOBJ_EX),
        "folder": call(path_class, "/", "etc", "passwd"),
        "nested": call(call(path_class, "x"), "y"),
        "counts": Raw(call(name("collections", "defaultdict")) + code("a") + code(1) + pickle.SETITEM),
        "last": Raw(call(name("collections", "deque")) + code(1) + pickle.APPEND),
        "set": Raw(pickle.EMPTY_SET + pickle.MARK + code(1) + pickle.ADDITEMS),
        "frozen": Raw(pickle.MARK + code(1) + pickle.FROZENSET),
        "bytes": Raw(pickle.SHORT_BINBYTES + b"\2ab"),
    }
    found = read_file(write_zip(tmp_path / "x.ckpt", {**settings, "state_dict": {"w": tensor()}}))
    assert list(found) == ["w"]
    hidden = {"w": Raw(code(settings["counts"]) + code("w") + tensor() + pickle.SETITEM)}
    refused(write_zip(tmp_path / "y.ckpt", hidden), "entry 'w' is an object of settings, not a tensor")
    inside = call(path_class, call(name("os", "system"), "true"))
    refused(write_zip(tmp_path / "z.ckpt", {"w": tensor(), "folder": inside}), r"names the global 'os\.system'")


@pytest.mark.parametrize(
    ("module", "named", "way"),
    [
        ("torch._utils", "_rebuild_qtensor", "; it holds quantised tensors: save the state_dict() of the model that"),
        ("torch", "qint8", "; it holds quantised tensors"),
        ("torch._utils", "_rebuild_meta_tensor_no_storage", "; it holds names and shapes without numbers"),
    ],
)
def test_tensors_of_other_kinds_name_the_way_out(module: str, named: str, way: str, tmp_path: Path) -> None:
    refused(
        write_zip(tmp_path / "x.bin", {"w": call(name(module, named))}),
        f"{module}.{named}', which is not allowed{way}".replace("(", r"\(").replace(")", r"\)"),
    )


def test_object_of_a_whole_model(tmp_path: Path) -> None:
    root = Raw(name("transformers.models.distilbert.modeling_distilbert", "DistilBertModel") + b")\x81}b")
    refused(write_zip(tmp_path / "x.pt", root), r"the model's object was saved, .*: save its state_dict\(\) instead")


def test_laughs_are_not_repeated(tmp_path: Path) -> None:
    """Tuples of the same tuple, sixty deep: 2^60 leaves, which nothing here walks."""
    opcodes = code(("ha",)) + b"".join(b"q\0h\0" + pickle.TUPLE2 for _ in range(60))
    refused(write_zip(tmp_path / "x.bin", {"w": Raw(opcodes)}), "entry 'w' is a tuple, not a tensor")


def test_endless_pickle(tmp_path: Path) -> None:
    refused(write_zip(tmp_path / "x.bin", Raw(pickle.EMPTY_DICT * 1_000_001)), "more than 1000000 opcodes")


# TorchScript ---------------------------------------------------------------------------------------------


def test_submodules_are_joined_by_dots(tmp_path: Path) -> None:
    root = module({"training": False, "a|b": tensor(), "inner": module({"bias": tensor(shape=(6,), strides=(1,))})})
    found = read_file(write_zip(tmp_path / "x.ot", root))
    assert {key: weight.shape for key, weight in found.items()} == {"a.b": (2, 3), "inner.bias": (6,)}


# a module whose attribute "m" is what stands between
_OPEN, _CLOSE = name("__torch__", "M") + b")\x81}" + code("m"), pickle.SETITEM + pickle.BUILD


def test_code_is_never_run(tmp_path: Path) -> None:
    torch_code = b"class Module(Module):\n  def __setstate__(self, state: Tensor) -> NoneType:\n    return None\n"
    path = write_zip(tmp_path / "x.ot", module({"w": tensor()}), **{"code/__torch__.py": torch_code})
    refused(path, "restores its module by code .__setstate__., never run here")
    path = write_zip(tmp_path / "y.ot", module(tensor()))  # what such a module leaves in the pickle
    refused(path, "sets the state of a Module from a TensorRef")
    path = write_zip(tmp_path / "z.ot", module({"w": tensor()}), **{"code/__torch__.py": b"import os\nos.abort()\n"})
    assert list(read_file(path)) == ["w"]  # methods of other names restore nothing: they are not looked at


def test_module_with_setstate_saved_by_torch(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    source = """
import torch
class Restored(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(2))
    @torch.jit.export
    def __getstate__(self):
        return self.weight, self.training
    @torch.jit.export
    def __setstate__(self, state: tuple[torch.Tensor, bool]):
        self.weight = state[0] * 2
        self.training = state[1]
    def forward(self, x):
        return x * self.weight
"""
    (tmp_path / "restored.py").write_text(source)
    import importlib.util
    import warnings

    spec = importlib.util.spec_from_file_location("restored", tmp_path / "restored.py")
    assert spec is not None
    assert spec.loader is not None
    restored = importlib.util.module_from_spec(spec)
    with warnings.catch_warnings(action="ignore"):
        spec.loader.exec_module(restored)
        torch.jit.save(torch.jit.script(restored.Restored()), str(tmp_path / "x.ot"))
    refused(tmp_path / "x.ot", "__setstate__")


@pytest.mark.parametrize(
    ("root", "match"),
    [
        (module({"w": (tensor(),)}), "attribute 'w' is a tuple"),
        (Raw(module({}) + code({"a": 1}) + pickle.BUILD + code({"b": 1}) + pickle.BUILD), "sets the state of a Module"),
        (Raw(name("__torch__", "M") + b")\x81q\0}" + code("m") + b"h\0s" + b"b"), "stands twice"),
        (module({"a.b": tensor(), "a": module({"b": tensor()})}), "'a.b' stands twice"),
        (module({"a|b": tensor(), "a.b": tensor()}), "two parameters have one name"),
        (Raw(_OPEN * 200 + code(1) + _CLOSE * 200), "more than 100 others"),
    ],
)
def test_module_that_is_not_one(root: object, match: str, tmp_path: Path) -> None:
    refused(write_zip(tmp_path / "x.ot", root), match)


# tensors that lie ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lie", "match"),
    [
        (tensor(shape=(3, 3)), r"claims a tensor of shape \[3, 3\] .* storage '0', which has 6 numbers"),
        (tensor(offset=1), "claims a tensor"),
        (tensor(offset=2**62), "claims a tensor"),
        (tensor(offset=2**62, shape=(0, 3)), "claims a tensor"),
        (tensor(strides=(4, 1)), "claims a tensor"),
        (tensor(strides=(2**62, 2**62)), "claims a tensor"),
        (tensor(shape=(30522, 768), strides=(0, 0)), "claims a tensor"),  # one number, repeated
        (tensor(shape=(2**40, 2**40), strides=(0, 0)), "claims a tensor"),
        (tensor(offset=-1), "whole numbers"),
        (tensor(strides=(-3, 1)), "whole numbers"),
        (tensor(shape=(-2, -3)), "whole numbers"),
        (tensor(shape=(2.0, 3)), "whole numbers"),
        (tensor(shape=(True, 3)), "whole numbers"),
        (tensor(shape=({}, 3)), "whole numbers"),
        (tensor(shape=6), "whole numbers"),
        (tensor(strides=(3,)), "whole numbers"),
        (tensor(shape=(1,) * 9, strides=(1,) * 9), "whole numbers"),
        (tensor(of=7), "whole numbers"),
        (tensor(None, 0, (2, 3), (3, 1), 1, 2), "with arguments that PyTorch"),
        (Raw(code(("storage", name("torch", "FloatStorage"), "0", "cpu", -6)) + b"Q"), "not a storage"),
        (Raw(code(("storage", name("collections", "OrderedDict"), "0", "cpu", 6)) + b"Q"), "not a storage"),
        (Raw(code(("storage", "FloatStorage", "0", "cpu", 6)) + b"Q"), "not a storage"),
        (Raw(code(("storage", name("torch", "FloatStorage"), 0, "cpu", 6)) + b"Q"), "not a storage"),
        (Raw(code(("module", name("torch", "FloatStorage"), "0", "cpu", 6)) + b"Q"), "not a storage"),
        (Raw(code(("storage", name("torch", "FloatStorage"), "0", "cpu", 6, ("0", 1, 2))) + b"Q"), "not a storage"),
        (Raw(code("0") + b"Q"), "not a storage"),
        (tensor(storage("1")), r"has no member 'data/1'"),
        (tensor(storage("../0")), r"has no member 'data/\.\./0'"),
        (tensor(storage("0", size=7), shape=(7,), strides=(1,)), "data/0 has 24 bytes, but data.pkl says 28"),
        (tensor(storage("0", size=5), shape=(5,), strides=(1,)), "data/0 has 24 bytes, but data.pkl says 20"),
        (tensor(storage("0", "DoubleStorage", 6)), "data/0 has 24 bytes, but data.pkl says 48"),
        (tensor(storage("0", size=2**62), shape=(2**62,), strides=(1,)), "data/0 has 24 bytes"),
    ],
)
def test_tensor_that_lies(lie: Raw, match: str, tmp_path: Path) -> None:
    refused(write_zip(tmp_path / "x.bin", {"w": lie}), match)


def test_storage_told_twice(tmp_path: Path) -> None:
    root = {"a": tensor(), "b": tensor(storage("0", "HalfStorage", 12), shape=(12,), strides=(1,))}
    refused(write_zip(tmp_path / "x.bin", root), "declares storage '0' twice, and not the same")


def test_views_of_one_storage(tmp_path: Path) -> None:
    """Tied and overlapping weights are good, but a small file does not become a large model by repeating itself."""
    numbers = np.arange(6, dtype=np.float32)
    root = {"a": tensor(), "tied": tensor(), "part": tensor(offset=1, shape=(4,), strides=(1,))}
    found = read_file(write_zip(tmp_path / "x.bin", root, {"0": numbers.tobytes()}))
    np.testing.assert_array_equal(found["part"].read(), [1, 2, 3, 4])
    root = {str(index): tensor() for index in range(1000)}
    path = write_zip(tmp_path / "y.bin", root, {"0": numbers.tobytes()})
    assert len(read_file(path)) == 1000  # its pickle is longer than the weights
    large = tensor(storage(size=60_000), shape=(60_000,), strides=(1,))
    path = write_zip(tmp_path / "z.bin", {str(index): large for index in range(10)}, {"0": bytes(240_000)})
    refused(path, "claims tensors of 2400000 bytes in a file of")
