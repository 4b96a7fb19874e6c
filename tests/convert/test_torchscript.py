"""What we write as `.ot` is what the Rust crate tch reads: the same libtorch calls, made here in C++."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from conftest import Maker
from distilbert.convert import convert
from distilbert.convert.formats import read_file
from distilbert.folder.checkpoint import Head


@pytest.mark.filterwarnings("ignore")  # TorchScript is deprecated
def test_torch_jit_load_reads_what_we_write(make_checkpoint: Maker, tmp_path: Path) -> None:
    """The call that tch makes, by way of Python."""
    torch = pytest.importorskip("torch")
    convert(make_checkpoint(Head.MASKED_LM), tmp_path / "out", to="ot")
    path = tmp_path / "out" / "rust_model.ot"
    found = dict(torch.jit.load(str(path)).named_parameters())
    expected = read_file(path)
    assert [name.replace("|", ".") for name in found] == list(expected)
    for name, tensor in found.items():
        np.testing.assert_array_equal(tensor.detach().numpy(), expected[name.replace("|", ".")].read())


# tch's C side loads a file by torch::jit::load and walks named_parameters(), and saves one by
# OutputArchive::write(name, tensor, is_buffer=false) and save_to; in names it writes "|" for "."
PROGRAM = r"""
#include <torch/csrc/jit/serialization/import.h>
#include <torch/serialize/output-archive.h>
#include <iostream>
int main(int, char** argv) {
  torch::serialize::OutputArchive archive;
  for (const auto& parameter : torch::jit::load(argv[1]).named_parameters()) {
    double sum = parameter.value.to(at::kDouble).sum().item<double>();
    std::cout << parameter.name << '\t' << parameter.value.sizes() << '\t' << sum << '\n';
    archive.write(parameter.name, parameter.value, /*is_buffer=*/false);
  }
  archive.save_to(argv[2]);
}
"""


@pytest.fixture(scope="module")
def libtorch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program above, compiled against the libtorch that comes with PyTorch."""
    torch = pytest.importorskip("torch")
    compiler = shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        pytest.skip("no C++ compiler")
    folder = tmp_path_factory.mktemp("libtorch")
    (folder / "program.cpp").write_text(PROGRAM)
    root = Path(torch.__file__).parent
    include = root / "include"
    options = ["-O0", "-std=c++20", f"-I{include}", f"-I{include / 'torch' / 'csrc' / 'api' / 'include'}"]
    libraries = [f"-L{root / 'lib'}", "-ltorch_cpu", "-lc10", f"-Wl,-rpath,{root / 'lib'}"]
    program = folder / "program"
    subprocess.run([compiler, *options, folder / "program.cpp", "-o", program, *libraries], check=True)
    return program


@pytest.mark.slow  # the compiler takes half a minute
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_tch_reads_what_we_write_and_we_what_it_writes(
    dtype: str, libtorch: Path, make_checkpoint: Maker, tmp_path: Path
) -> None:
    convert(make_checkpoint(Head.MASKED_LM), tmp_path / "out", to="ot", dtype=dtype)  # type: ignore[arg-type]
    ours = tmp_path / "out" / "rust_model.ot"
    theirs = tmp_path / "again.ot"
    done = subprocess.run([libtorch, ours, theirs], check=True, capture_output=True, text=True)
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    expected = read_file(ours)
    assert [name.replace("|", ".") for name, _, _ in lines] == list(expected)
    for name, shape, total in lines:
        weight = expected[name.replace("|", ".")]
        assert shape == f"[{', '.join(map(str, weight.shape))}]"
        np.testing.assert_allclose(float(total), weight.read().sum(dtype=np.float64), rtol=1e-5, atol=1e-4)

    again = read_file(theirs)
    assert list(again) == list(expected)
    for key, weight in expected.items():
        assert again[key].dtype == weight.dtype
        np.testing.assert_array_equal(again[key].read(), weight.read())
