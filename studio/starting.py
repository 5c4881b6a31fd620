"""Checks before the studio starts: its address, its folders, and the proxies of its environment."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from studio.errors import StartError

LOCAL = "127.0.0.1"
PROXIES = ("http_proxy", "https_proxy", "all_proxy")


def check_address(host: str | None, port: int | None) -> None:
    """Check that the studio can listen there.

    Args:
        host: a name or an address; None for the one that Gradio takes.
        port: None for the first free one.

    Raises:
        StartError: The port is taken, or the address is not this machine's.
    """
    for number in ("GRADIO_SERVER_PORT", "GRADIO_NUM_PORTS"):
        if not os.environ.get(number, "0").isdecimal():
            raise StartError(f"{number} must be a whole number, not {os.environ[number]!r}.")
    name = (host or os.environ.get("GRADIO_SERVER_NAME") or LOCAL).strip("[]")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(name, port or 0, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as held:
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            held.bind(address)
    except (OSError, UnicodeError) as error:
        raise StartError(_why_not(name, port, getattr(error, "errno", None), str(error))) from error


def _why_not(host: str, port: int | None, code: int | None, said: str) -> str:
    if code == errno.EADDRINUSE:
        return (f"Port {port} is taken: another program listens there. Choose another one with --port, or leave --port "
                "out for the first free one.")
    if code in (errno.EACCES, errno.EPERM):
        return f"This account may not listen on port {port}. Choose one from 1024 up with --port."
    if code == errno.EADDRNOTAVAIL or code is None or code < 0:  # getaddrinfo has numbers of its own, below 0
        return (f"{host!r} is not an address of this machine. Use --host 127.0.0.1 for this machine alone, or "
                "--host 0.0.0.0 for every address that it has.")
    return f"The studio cannot listen on {host}, port {port or 'any'}: {said}."


def why_not_writable(folder: Path) -> str:
    """Make a folder where it is missing. Returns why nothing can be written there, or an empty text."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return ""
    except (FileExistsError, NotADirectoryError):
        return "it is a file, or lies in one"
    except OSError as error:
        return (error.strerror or str(error)).lower()


def choose_temp_folder() -> None:
    """Set GRADIO_TEMP_DIR to a folder that can be written, before Gradio is imported, which reads it then.

    Without that variable Gradio uses one folder for everybody on the machine, which belongs to whoever came first.

    Raises:
        StartError: The folder that GRADIO_TEMP_DIR names cannot be written, or no folder can.
    """
    named = os.environ.get("GRADIO_TEMP_DIR")
    if named:
        why = why_not_writable(Path(named))
        if why:
            raise StartError(f"GRADIO_TEMP_DIR names {named}, where nothing can be written: {why}. Name another one.")
        return
    shared = Path(tempfile.gettempdir()).resolve() / "gradio"
    for folder in (shared, shared.with_name(f"gradio-{os.getuid()}")):
        if not why_not_writable(folder) and folder.stat().st_uid == os.getuid():
            os.environ["GRADIO_TEMP_DIR"] = str(folder)
            return
    raise StartError(f"Nothing can be written to {shared} and {folder}. Name another folder with GRADIO_TEMP_DIR.")


def network_of(host: str | None, share: bool, trusted_proxies: tuple[str, ...]) -> dict[str, str | None]:
    """Environment variables to import Gradio and to launch with.

    Gradio calls the studio that it has started; that call must not go through a proxy. uvicorn trusts 127.0.0.1 by
    itself; with these it believes the X-Forwarded-For of the trusted proxies alone.

    Args:
        host: where the studio listens.
        share: whether Gradio also calls another host, which it may reach only through the proxy.
        trusted_proxies: addresses and networks.
    """
    proxies = {name: value for name, value in os.environ.items() if name.lower() in PROXIES}
    found: dict[str, str | None] = {"FORWARDED_ALLOW_IPS": ",".join(trusted_proxies)}
    if not share:
        return {**found, **dict.fromkeys(proxies)}
    direct = [value for name, value in os.environ.items() if name.lower() == "no_proxy" and value]
    direct += ["localhost", LOCAL, "::1", *([host] if host else [])]
    # httpx cannot read a SOCKS proxy without another package.
    unread = [name for name, value in proxies.items() if value.startswith("socks")]
    return {**found, **dict.fromkeys(unread), "no_proxy": ",".join(direct)}


@contextlib.contextmanager
def environment(changes: Mapping[str, str | None]) -> Iterator[None]:
    """Environment variables with other values, None for no value, until this is left."""
    before = {name: os.environ.get(name) for name in changes}
    _set(changes)
    try:
        yield
    finally:
        _set(before)


def _set(values: Mapping[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
