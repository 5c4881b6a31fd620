import subprocess
import sys
from pathlib import Path

import pytest

import app

ROOT = Path(__file__).parent.parent.parent


def test_the_page_is_built_before_pytorch_is_imported():
    code = ("import sys, app; from pathlib import Path; from studio.page import build_page; from studio.service import "
            "Service; build_page(Service(lambda: None), Path('none.md')); sys.exit('torch' in sys.modules)")
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_the_studio_is_private_unless_asked_otherwise():
    flags = app.read_flags([])
    assert flags.share is False and flags.host is None
    assert flags.weights == ROOT / "assets" / "weights"


def test_an_unknown_flag_is_refused(capsys):
    with pytest.raises(SystemExit):
        app.read_flags(["--unheard-of"])
    assert "unrecognized arguments: --unheard-of" in capsys.readouterr().err
