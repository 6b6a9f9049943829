"""``python -m cadenza.web`` as ``cadenza up`` starts it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest

from cadenza.mail.links import unsubscribe_token

KEY = "the key of this installation"


@pytest.fixture
def process(database_url, tmp_path):
    """The process, its port and the file of its output."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CADENZA_")} | {
        "CADENZA_HOME": str(tmp_path / "home"),
        "CADENZA_DATABASE_URL": database_url,
        "CADENZA_WEB_PORT": str(port),
        "CADENZA_SECRET_KEY": KEY,
    }
    log = tmp_path / "web.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "cadenza.web"], env=environment, cwd=tmp_path, stdout=output, stderr=output
        )
    deadline = time.monotonic() + 60
    while True:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/health").status_code == 200:
                break
        except httpx.TransportError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.1)
    yield process, port, log
    process.kill()
    process.wait()


def test_it_serves_ends_on_sigterm_and_its_log_holds_no_token(process, world, kim):
    running, port, log = process
    token = unsubscribe_token(KEY.encode(), kim)
    url = f"http://127.0.0.1:{port}/unsubscribe/{token}"
    assert httpx.get(url).status_code == 200
    assert httpx.post(url, data={"List-Unsubscribe": "One-Click"}).status_code == 200
    assert httpx.get(url + "x").status_code == 404
    assert world.one("SELECT count(*) FROM suppressions") == 1
    world.rows("ALTER TABLE sender_opt_outs RENAME TO elsewhere")
    assert httpx.get(url).status_code == 500

    running.send_signal(signal.SIGTERM)
    assert running.wait(10) in (0, -signal.SIGTERM)
    written = log.read_text()
    assert "elsewhere" not in written
    assert "sender_opt_outs" in written, "a failure of ours is logged"
    assert token not in written
    assert "customer.example" not in written
