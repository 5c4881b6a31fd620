"""The direction of imports, read from the source."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FORBIDDEN = {
    "engine": ("studio", "gradio", "matplotlib", "app"),
    "engine/structures": ("engine.model", "engine.data", "engine.detector", "engine.tasks", "engine.training"),
    "engine/model": ("engine.data", "engine.detector", "engine.tasks", "engine.training", "engine.weights"),
    "engine/data": ("engine.tasks", "engine.training", "engine.model", "engine.weights"),
    "engine/detector": ("engine.data", "engine.tasks", "engine.training", "engine.model"),
    "studio/views": ("gradio", "torch"),
}


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(a.name for a in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
    return found


@pytest.mark.parametrize("folder", FORBIDDEN)
def test_no_module_imports_what_stands_above_it(folder: str) -> None:
    files = list((ROOT / folder).rglob("*.py"))
    assert files
    wrong = [f"{f.relative_to(ROOT)} imports {name}" for f in files for name in imports(f)
             for forbidden in FORBIDDEN[folder] if name == forbidden or name.startswith(forbidden + ".")]
    assert not wrong


def test_files_and_functions_stay_readable() -> None:
    for path in [*ROOT.glob("engine/**/*.py"), *ROOT.glob("studio/**/*.py")]:
        text = path.read_text(encoding="utf-8")
        assert len(text.splitlines()) <= 300, path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                lines = (node.end_lineno or 0) - node.lineno + 1
                assert lines <= 60, f"{path.relative_to(ROOT)}: {node.name} has {lines} lines"
