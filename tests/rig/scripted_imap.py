"""An IMAP server that says what a test wants it to say, for what no real one says on demand."""

from __future__ import annotations

import socketserver
import threading
from dataclasses import dataclass, field


@dataclass
class ScriptedImap:
    """Runs on a thread of its own inside ``with``."""

    #: What is answered to each command: lines, "{tag}" for its tag; a line of None hangs up.
    answers: dict[str, list[str | None]] = field(default_factory=dict)
    greeting: str = "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready"
    commands: list[str] = field(default_factory=list)

    def __enter__(self) -> ScriptedImap:
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def lines(self, command: str) -> list[str | None]:
        usual: dict[str, list[str | None]] = {
            "CAPABILITY": ["* CAPABILITY IMAP4rev1 AUTH=PLAIN", "{tag} OK done"],
            "LOGOUT": ["* BYE", "{tag} OK done", None],
        }
        return self.answers.get(command) or usual.get(command) or ["{tag} OK done"]


def _handler(script: ScriptedImap) -> type[socketserver.StreamRequestHandler]:
    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(f"{script.greeting}\r\n".encode())
            while line := self.rfile.readline().decode():
                script.commands.append(line.strip())
                tag, command, *_ = [*line.split(), ""]
                for answer in script.lines(command.upper()):
                    if answer is None:
                        return
                    self.wfile.write(f"{answer.replace('{tag}', tag)}\r\n".encode())

    return Handler
