"""Serves the public pages and the API: ``python -m cadenza.web``."""

from __future__ import annotations

import threading

import uvicorn

from cadenza.runtime import current
from cadenza.web.app import build_app

#: Beyond so many requests at once, further ones are told to come later.
MOST_AT_ONCE = 200


def main() -> None:
    """Serve until SIGINT or SIGTERM. Paths hold tokens, so no request is logged."""
    runtime = current()
    threading.Thread(target=_prepare, daemon=True).start()
    uvicorn.run(
        build_app(runtime),
        host=runtime.settings.web_host,
        port=runtime.settings.web_port,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # Door reads them, from trusted proxies only
        ws="none",
        limit_concurrency=MOST_AT_ONCE,
        timeout_graceful_shutdown=5,
    )


def _prepare() -> None:
    """Load in the background what the first enrollment would wait seconds for."""
    from flows.enroll_now import prepare

    prepare()


if __name__ == "__main__":
    main()
