"""The page of a run in a process of its own: uploads that break off, and signals, leave nothing behind."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.run_folders import make_run

ROOT = Path(__file__).parents[2]
SECONDS = 60  # by when the page is there, and by when it is gone
BOUND = "----between"


@pytest.fixture
def page(store, tmp_path):
    """A process that serves a run, its port, and the folder of its temporary files."""
    pytest.importorskip("gradio", reason="the extra [app] is not installed")
    run, temporary = make_run(tmp_path / "run", store).path, tmp_path / "temporary"
    temporary.mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "cli.py", "serve", str(run), "--port", str(port)],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    try:
        _until(lambda: process.poll() is not None or _answers(port))
        assert process.poll() is None, process.communicate()
        yield process, port, temporary
    finally:
        process.kill()
        process.communicate()


def _until(happens):
    deadline = time.monotonic() + SECONDS
    while not happens():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _answers(port):
    try:
        with socket.create_connection(("127.0.0.1", port), 1):
            return True
    except OSError:
        return False


def body_of(content):
    head = f'--{BOUND}\r\nContent-Disposition: form-data; name="files"; filename="loud.wav"\r\n'
    return f"{head}Content-Type: audio/wav\r\n\r\n".encode() + content + f"\r\n--{BOUND}--\r\n".encode()


def begin_upload(port, body, send):
    """Announce a body, and send as much of it."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    connection.putrequest("POST", "/gradio_api/upload")
    connection.putheader("Content-Type", f"multipart/form-data; boundary={BOUND}")
    connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body[:send])
    return connection


def files(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_whole_and_broken_uploads_are_gone_when_the_page_is(page, number):
    process, port, temporary = page
    before = files(temporary)
    body = body_of(bytes(3_000_000))
    broken = begin_upload(port, body, send=2_000_000)
    time.sleep(0.5)
    broken.sock.shutdown(socket.SHUT_RDWR)
    broken.close()
    _until(lambda: files(temporary) == before)  # as soon as it breaks off
    whole = begin_upload(port, body, send=len(body)).getresponse()
    assert whole.status == 200
    [stored] = json.loads(whole.read())
    assert Path(stored).stat().st_size == 3_000_000 and temporary in Path(stored).parents
    process.send_signal(number)
    _, said = process.communicate(timeout=SECONDS)
    assert process.returncode in (0, 128 + number)
    assert "Traceback" not in said
    assert files(temporary) == []
