"""The studio as tools of the Model Context Protocol: the numbers of Gradio's own client; off unless it is asked for."""

import ast
import asyncio
import base64
import importlib.util
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from studio.bench import served
from studio.flags import read_flags
from tests.conftest import ROOT

DOG = ROOT / "assets" / "examples" / "dog.jpg"
ASKS = {"caption": "a dog runs", "hidden_words": [1], "hidden_regions": [2]}


def called(url: str, *calls: tuple[str, dict]) -> list:
    """Each tool's answer as it came, by the protocol's own client."""
    mcp = pytest.importorskip("mcp", reason="requirements-mcp.txt is not installed.")
    from mcp.client.streamable_http import streamablehttp_client

    async def talk() -> list:
        async with (streamablehttp_client(f"{url.rstrip('/')}/gradio_api/mcp/") as (read, write, _),
                    mcp.ClientSession(read, write) as session):
            await session.initialize()
            assert {tool.name for tool in (await session.list_tools()).tools} == {"predict", "explain", "ask"}
            return [await session.call_tool(name, fields) for name, fields in calls]

    with ThreadPoolExecutor(1) as thread:  # this one may have a loop already: playwright's
        return thread.submit(asyncio.run, talk()).result()


def test_the_tools_give_the_numbers_of_the_api():
    pytest.importorskip("mcp", reason="requirements-mcp.txt is not installed.")
    from gradio_client import Client, handle_file

    picture = "data:image/jpeg;base64," + base64.b64encode(DOG.read_bytes()).decode()
    more = {"kind": "word", "index": 1, "method": "leave_one_out"}
    with served("--mcp", "--no-training", app=ROOT / "tests" / "studio" / "fake_app.py") as (url, _):
        client = Client(url, verbose=False)
        while True:
            try:
                said = client.predict(photo=handle_file(str(DOG)), **ASKS, api_name="/predict")
                break
            except Exception as error:  # the model is loading: its message says so
                assert "still loading" in str(error)
        made = client.predict(photo=handle_file(str(DOG)), **ASKS, **more, api_name="/explain")
        predicted, explained, wrong = called(url, ("predict", {"photo": picture, **ASKS}),
                                             ("explain", {"photo": picture, **ASKS, **more}),
                                             ("explain", {"photo": picture, **ASKS, **more, "method": "magic"}))
    # Gradio writes what a tool answers as Python does.
    assert ast.literal_eval(predicted.content[0].text) == said
    assert ast.literal_eval(explained.content[0].text) == made
    assert wrong.isError and "There is no method 'magic'" in wrong.content[0].text


@pytest.mark.parametrize("flags", [["--public"], ["--share"]])
def test_no_public_page_offers_tools(flags, capsys):
    with pytest.raises(SystemExit):
        read_flags(["--mcp", *flags])
    assert "--mcp is for programs on this machine" in capsys.readouterr().err
    assert not read_flags(flags).mcp


def test_without_the_package_it_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.delitem(sys.modules, "mcp", raising=False)
    with pytest.raises(SystemExit):
        read_flags(["--mcp"])
    assert "pip install -r requirements-mcp.txt" in capsys.readouterr().err
