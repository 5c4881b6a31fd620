"""How the studio starts where the machine refuses it something: real processes, real ports, real folders."""

import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from studio import starting
from studio.bench import free_port, served
from studio.errors import StartError
from studio.starting import check_address, choose_temp_folder, environment, network_of
from studio.teaching.jobs import Jobs
from studio.teaching.orders import Places

ROOT = Path(__file__).parent.parent.parent
FAKE_APP = Path(__file__).parent / "fake_app.py"


def ended(*flags, **variables):
    """(exit code, standard error) of a studio that cannot start."""
    found = subprocess.run([sys.executable, str(ROOT / "app.py"), *flags], env={**os.environ, **variables}, timeout=300,
                           capture_output=True, text=True, check=False)
    return found.returncode, found.stderr


@pytest.fixture
def refusing(monkeypatch):
    """refusing(folder): nothing can be written there, as in a folder of somebody else's, for root as well."""
    refused = []
    plain = tempfile.TemporaryFile

    def opened(*values, dir=None, **named):
        if Path(dir) in refused:
            raise PermissionError(13, "Permission denied", str(dir))
        return plain(*values, dir=dir, **named)

    monkeypatch.setattr(starting.tempfile, "TemporaryFile", opened)
    return refused.append


def test_a_port_that_is_taken_ends_with_a_sentence():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        port = held.getsockname()[1]
        assert ended("--port", str(port)) == (2, (
            f"app.py: error: Port {port} is taken: another program listens there. Choose another one with --port, or "
            "leave --port out for the first free one.\n"))


@pytest.mark.parametrize("host", ["10.255.255.1", "no.such.host.invalid", "x" * 80])
def test_an_address_of_another_machine_is_named(host):
    with pytest.raises(StartError, match=f"^'{host}' is not an address of this machine. Use --host 127.0.0.1 for this"):
        check_address(host, None)


def test_gradio_is_not_imported_before_its_folder_is_chosen():
    code = "import sys, app; sys.exit('gradio' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_addresses_of_this_machine_are_taken():
    for host in (None, "127.0.0.1", "localhost", "0.0.0.0"):
        check_address(host, free_port())


def test_a_number_of_gradio_that_is_none_is_named(monkeypatch):
    monkeypatch.setenv("GRADIO_SERVER_PORT", "many")
    with pytest.raises(StartError, match="GRADIO_SERVER_PORT must be a whole number, not 'many'"):
        check_address(None, None)


def test_runs_on_a_file_end_with_a_sentence(tmp_path):
    file = tmp_path / "runs.txt"
    file.write_text("x")
    sentence = "The runs cannot be kept in {}: it is a file, or lies in one. Name another folder with --runs."
    assert ended("--runs", str(file)) == (2, f"app.py: error: {sentence.format(file)}\n")
    with pytest.raises(StartError) as refused:
        Jobs(Places(file / "inside", tmp_path))
    assert str(refused.value) == sentence.format(file / "inside")


def test_runs_in_a_folder_that_may_not_be_written_are_refused(tmp_path, refusing):
    refusing(tmp_path / "runs")
    with pytest.raises(StartError, match=r"The runs cannot be kept in .*runs: permission denied\. Name another"):
        Jobs(Places(tmp_path / "runs", tmp_path))


def test_the_folder_of_uploads_is_our_own_where_the_common_one_is_somebody_elses(tmp_path, monkeypatch, refusing):
    monkeypatch.setattr(starting.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setenv("GRADIO_TEMP_DIR", "")  # so that it is put back afterwards
    refusing(tmp_path / "gradio")
    choose_temp_folder()
    assert os.environ["GRADIO_TEMP_DIR"] == str(tmp_path / f"gradio-{os.getuid()}")
    monkeypatch.setenv("GRADIO_TEMP_DIR", "")
    refusing(tmp_path / f"gradio-{os.getuid()}")
    with pytest.raises(StartError, match="Name another folder with GRADIO_TEMP_DIR"):
        choose_temp_folder()


def test_a_folder_of_uploads_that_is_named_but_cannot_be_written_ends_with_a_sentence(tmp_path):
    file = tmp_path / "file"
    file.write_text("x")
    assert ended(GRADIO_TEMP_DIR=str(file)) == (2, (
        f"app.py: error: GRADIO_TEMP_DIR names {file}, where nothing can be written: it is a file, or lies in one. "
        "Name another one.\n"))


@pytest.mark.parametrize("proxies", [
    {"http_proxy": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9"},
    {"all_proxy": "socks5://127.0.0.1:9"},  # which httpx cannot even read without another package
])
def test_a_proxy_in_the_environment_does_not_stop_the_studio(proxies):
    code = ("import os, sys, app;"  # the model is loaded once the page is served
            "app.Service.start = lambda service: sys.exit(print({n: os.environ.get(n) for n in sys.argv[1:]}));"
            f"app.main(['--port', '{free_port()}', '--no-training'])")
    found = subprocess.run([sys.executable, "-c", code, *proxies], cwd=ROOT, capture_output=True, text=True,
                           timeout=300, check=False, env={n: v for n, v in os.environ.items()
                                                          if not n.lower().endswith("_proxy")} | proxies)
    assert found.returncode == 0, found.stderr
    assert str(proxies) in found.stdout  # the children of the studio find them unchanged


def test_for_a_shared_page_the_proxy_stays_for_other_hosts(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://proxy:3128")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("NO_PROXY", "intranet")
    with environment(network_of("::1", share=True, trusted_proxies=())):
        assert os.environ["http_proxy"] == "http://proxy:3128"
        assert os.environ["no_proxy"] == "intranet,localhost,127.0.0.1,::1,::1"
    assert "no_proxy" not in os.environ and os.environ["NO_PROXY"] == "intranet"


def test_an_upload_works_where_the_common_folder_is_somebody_elses(tmp_path, monkeypatch):
    (tmp_path / "gradio").write_text("somebody else's")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("GRADIO_TEMP_DIR", "")
    from gradio_client import Client, handle_file

    with served("--no-training", app=FAKE_APP) as (url, _):
        photo = ROOT / "assets" / "examples" / "dog.jpg"
        said = Client(url, verbose=False).predict(photo=handle_file(str(photo)), caption="a dog", hidden_words=[1],
                                                  hidden_regions=[], api_name="/predict")
    assert [word["truth"] for word in said["words"]] == ["dog"]
    assert any((tmp_path / f"gradio-{os.getuid()}").iterdir())
