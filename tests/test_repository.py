"""The site, its pages and the files that hosts read: nothing is missing, and nothing says what is not so."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import distilbert
from distilbert.folder.starters import starters
from test_layers import FACES

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
SOURCE = Path(distilbert.__file__).parent
GITHUB = ROOT / ".github"


def run(*command: str | Path, folder: Path = ROOT) -> str:
    done = subprocess.run([sys.executable, "-m", *command], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def pages(nav: list[dict[str, Any]]) -> Iterator[str]:
    for entry in nav:
        for where in entry.values():
            if isinstance(where, str):
                yield where
            else:
                yield from pages(where)


def test_the_site_lists_every_page() -> None:
    nav = tomllib.loads((ROOT / "zensical.toml").read_text())["project"]["nav"]
    assert sorted(pages(nav)) == sorted(str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md"))


def test_lists_and_headings_have_a_blank_line_before_them() -> None:
    """Without it the site takes them for a part of the paragraph or table above; code hosts do not."""
    glued = re.compile(r"^(?!- |\s|#|<).*\S\n(?=- |#)|^\|.*\n(?=[^|\n])", re.MULTILINE)
    for path in DOCS.rglob("*.md"):
        text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
        assert not (found := glued.search(text)), f"{path.name}: {found[0]}"


def test_every_image_of_a_page_is_there_and_every_image_is_of_a_page() -> None:
    pages = [ROOT / "README.md", *DOCS.rglob("*.md")]
    shown = {
        (page.parent / place).resolve()
        for page in pages
        for place in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", page.read_text(encoding="utf-8"))
    }
    assert shown == {path.resolve() for path in (DOCS / "images").iterdir() if path.suffix != ".json"}


def test_the_reference_has_every_public_module() -> None:
    named = {
        path: re.findall("^::: (.+)$", path.read_text(), re.MULTILINE) for path in (DOCS / "reference").glob("*.md")
    }
    assert sorted(name for names in named.values() for name in names) == sorted(FACES)


def public_names(face: str) -> list[str]:
    """`__all__` of a module, which may need what is not installed."""
    path = SOURCE.parent / face.replace(".", "/")
    code = (path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text(encoding="utf-8")
    (value,) = (
        node.value
        for node in ast.parse(code).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    )
    names: list[str] = ast.literal_eval(value)
    return names


def test_the_site_is_built_strictly_and_fetches_nothing(tmp_path: Path) -> None:
    pytest.importorskip("zensical")
    shutil.copy(ROOT / "zensical.toml", tmp_path)  # the site is built beside it
    shutil.copytree(DOCS, tmp_path / "docs")
    (tmp_path / "src").symlink_to(ROOT / "src")
    run("zensical", "build", "--clean", "--strict", folder=tmp_path)
    built = {path: path.read_text() for path in (tmp_path / "site").rglob("*.html")}
    fetched = re.compile(
        r'<(?:script|img|iframe|source)[^>]*\bsrc="(?:https?:)?//|<link[^>]*rel="stylesheet"[^>]*href="(?:https?:)?//'
    )
    assert len(built) > len(list(DOCS.rglob("*.md")))
    assert not [path for path, text in built.items() if fetched.search(text)]
    listed = {f"{face}.{name}" for face in FACES for name in public_names(face)}
    assert len(listed) > 150
    reference = "".join(text for path, text in built.items() if "reference" in path.parts)
    assert {name for name in listed if f'id="{name}"' not in reference} == set()


def messages() -> set[str]:
    """The texts of the source, with … for what is put in."""
    found = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = (str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
                found.add("".join(parts))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    return found


def test_messages_that_are_explained_are_those_of_the_source() -> None:
    explained = re.findall("^\\| `(.+?)` \\|", (DOCS / "troubleshooting.md").read_text(encoding="utf-8"), re.MULTILINE)
    written = [message.replace("`", "'") for message in messages()]
    assert len(explained) >= 40
    assert [message for message in explained if not any(message in text for text in written)] == []
    classes = {name for name, value in vars(distilbert.errors).items() if isinstance(value, type)}
    lines = (DOCS / "troubleshooting.md").read_text(encoding="utf-8").splitlines()
    headings, rows = {line.split(":")[0] for line in lines}, {line.split(" | ")[0] for line in lines}
    assert {f"## {name}" for name in classes if name.endswith("Error")} - headings == {"## DistilBertError"}
    assert {f"| `{name}`" for name in classes if name.endswith("Warning")} <= rows
    assert len(classes) >= 12


def test_the_quick_start_gives_what_it_says(tmp_path: Path) -> None:
    (block,) = re.findall("```python\n(.*?)```", (DOCS / "quick_start.md").read_text(encoding="utf-8"), re.DOTALL)
    path = f"{ROOT / 'starter' / 'src'}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    environment = os.environ | {"PYTHONPATH": path}
    done = subprocess.run(
        [sys.executable, "-c", block], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "".join(f"{line}\n" for line in re.findall("^# (.+)$", block, re.MULTILINE))


@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("vendor.github-workflows", sorted((GITHUB / "workflows").iterdir())),
        ("vendor.github-issue-forms", [GITHUB / "ISSUE_TEMPLATE/bug.yml", GITHUB / "ISSUE_TEMPLATE/idea.yml"]),
        ("vendor.github-issue-config", [GITHUB / "ISSUE_TEMPLATE/config.yml"]),
        ("vendor.citation-file-format", [ROOT / "CITATION.cff"]),
    ],
)
def test_files_for_hosts_follow_their_schema(schema: str, files: list[Path]) -> None:
    pytest.importorskip("check_jsonschema")
    assert files
    run("check_jsonschema", "--builtin-schema", schema, *files)


def test_no_starter_model_is_named_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """In help, docstrings, pages and recipes; a file of starter/ is none."""
    monkeypatch.syspath_prepend(ROOT / "starter" / "src")
    texts = [*DOCS.glob("*.md"), ROOT / "README.md", *SOURCE.rglob("*.py"), *(ROOT / "recipes").glob("*.py")]
    name = re.compile(r"(?<![\w./-])starter/[a-z-]+(?![\w/]|\.\w)")
    named = {found for path in texts for found in name.findall(path.read_text(encoding="utf-8"))}
    assert "starter/embed" in named
    assert named <= set(starters())


def test_every_extra_for_users_is_in_the_table() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"].keys()
    listed = re.findall(r"^\| `(\w+)` \|", (DOCS / "installation.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(listed) == sorted(extras - {"test", "dev", "clients", "slow"})


def test_a_release_names_the_repository_that_it_is_built_in(tmp_path: Path) -> None:
    """Nothing else names an address: nobody has said one yet."""
    yaml = pytest.importorskip("yaml")
    steps = yaml.safe_load((GITHUB / "workflows/release.yaml").read_text())["jobs"]["build"]["steps"]
    (script,) = (step["run"] for step in steps if "[project.urls]" in step.get("run", ""))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    of_host = {"GITHUB_SERVER_URL": "https://host", "GITHUB_REPOSITORY": "owner/name", "GITHUB_REF_NAME": "v1.0"}
    subprocess.run(["bash", "-e", "-c", script], cwd=tmp_path, env=os.environ | of_host, check=True)
    assert tomllib.loads((tmp_path / "pyproject.toml").read_text())["project"]["urls"] == {
        "Source": "https://host/owner/name",
        "Issues": "https://host/owner/name/issues",
        "Changelog": "https://host/owner/name/blob/v1.0/CHANGELOG.md",
    }


def test_versions_agree() -> None:
    assert f"\nversion: {distilbert.__version__}\n" in (ROOT / "CITATION.cff").read_text()
    assert f"\n## {distilbert.__version__}" in (ROOT / "CHANGELOG.md").read_text()
    supported = re.findall(r"Python :: (3\.\d+)", (ROOT / "pyproject.toml").read_text())
    tried = re.search(r"python: \[(.+)\]", (GITHUB / "workflows/test.yaml").read_text())
    assert tried is not None
    assert supported == re.findall(r"3\.\d+", tried[1])
