"""A mail server as senders have it: Postfix and Dovecot on this machine alone, in a folder of their own.

Users ``sender0`` … at sender.test and ``c0`` … at customer.test, password ``pw``; ``+tag`` reaches the same mailbox.
Like Gmail and Microsoft 365, the server itself files what is submitted under ``Sent``. Mails to ``…@fault.test`` are
relayed to a :class:`FaultServer`, which answers as the local part says; mails to ``…@refused.test`` find nobody.
Postfix tries again every second and gives up after ``queue_seconds``. Nothing outside of the folder is touched.
"""

from __future__ import annotations

import imaplib
import os
import shutil
import smtplib
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from fault_server import FaultServer

MASTER = Path("/usr/lib/postfix/sbin/master")
#: Who owns the mailboxes: a number that no account has.
OWNER = 5_000


def missing() -> str | None:
    """Why the rig cannot run here; None: it can."""
    absent = [name for name in ("postfix", "dovecot", "openssl") if not shutil.which(name, path="/usr/sbin:/usr/bin")]
    if absent:
        return f"no real mail server: {', '.join(absent)} not installed (.ci/run says how)"
    if os.geteuid() != 0:
        return "no real mail server: Postfix starts as root only"
    return None


@dataclass
class MailRig:
    """Runs inside ``with``."""

    senders: int = 10
    customers: int = 50
    #: How long Postfix keeps trying before it returns a mail.
    queue_seconds: int = 6
    host: str = "127.0.0.1"
    password: str = "pw"
    #: Takes mails for its own domains from everybody; takes mails for everybody after a login; the same by TLS.
    smtp_port: int = 0
    submission_port: int = 0
    smtps_port: int = 0
    imap_port: int = 0
    imaps_port: int = 0
    fault: FaultServer = field(default_factory=FaultServer)
    #: Where Postfix keeps what it has accepted and not yet delivered; None: beside everything else.
    spool: Path | None = None

    def __enter__(self) -> MailRig:
        self.folder = Path(tempfile.mkdtemp(prefix="cadenza-mail-"))
        self.folder.chmod(0o755)
        self.spool = self.spool or self.folder / "spool"
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self.fault.__enter__()
        ports = _free_ports(5)
        self.smtp_port, self.submission_port, self.smtps_port, self.imap_port, self.imaps_port = ports
        try:
            self._certificate()
            self._write()
            subprocess.run(["postfix", "-c", self.folder / "postfix", "check"], check=True, capture_output=True)
            self.start_imap()
            self.start_smtp()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for name in list(self._children):
            self._stop(name)
        self.fault.__exit__()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def ca_file(self) -> Path:
        """What signs the certificate of every TLS port: SSL_CERT_FILE of a client."""
        return self.folder / "tls" / "cert.pem"

    def start_smtp(self) -> None:
        """Start Postfix."""
        self._start("postfix", [MASTER, "-c", self.folder / "postfix", "-s"], self.smtp_port, b"220")

    def stop_smtp(self) -> None:
        """Stop Postfix: nobody listens until it is started again."""
        self._stop("postfix")

    def start_imap(self) -> None:
        """Start Dovecot."""
        self._start("dovecot", ["dovecot", "-F", "-c", self.folder / "dovecot.conf"], self.imap_port, b"* OK")

    def stop_imap(self) -> None:
        """Stop Dovecot: nobody listens until it is started again."""
        self._stop("dovecot")

    def maildir(self, user: str, folder: str = "INBOX") -> Path:
        """Where a mailbox's folder lies on the disk."""
        name, _, domain = user.partition("@")
        home = self.folder / "mail" / domain / name
        return home if folder == "INBOX" else home / f".{folder}"

    def paths(self, user: str, folder: str = "INBOX") -> list[Path]:
        """The mails that the folder really holds, oldest first."""
        maildir = self.maildir(user, folder)
        found = [path for name in ("new", "cur") for path in (maildir / name).glob("*") if path.is_file()]
        return sorted(found, key=lambda path: (path.stat().st_mtime_ns, path.name))

    def messages(self, user: str, folder: str = "INBOX") -> list[bytes]:
        """The mails that the folder really holds, oldest first."""
        return [path.read_bytes() for path in self.paths(user, folder)]

    def wait_for(
        self, user: str, folder: str = "INBOX", *, count: int = 1, seconds: float = 30, containing: bytes = b""
    ) -> list[bytes]:
        """The mails of a folder that contain some bytes, as soon as there are so many of them."""
        until = time.monotonic() + seconds
        while True:
            found = [message for message in self.messages(user, folder) if containing in message]
            if len(found) >= count:
                return found
            if time.monotonic() > until:
                raise AssertionError(f"{len(found)} of {count} mails in {folder} of {user} after {seconds} s")
            time.sleep(0.05)

    def deliver(self, sender: str, recipient: str, message: bytes) -> None:
        """Let a mail come in from outside."""
        with smtplib.SMTP(self.host, self.smtp_port) as connection:
            connection.sendmail(sender, [recipient], message)

    def append(self, user: str, message: bytes, folder: str = "INBOX", flags: str = "") -> None:
        """File a mail by IMAP, as a mail program does."""
        with self.imap(user) as connection:
            connection.create(folder)
            status, answer = connection.append(folder, flags, "", message)
            assert status == "OK", answer

    def clear(self, *users: str) -> None:
        """Empty every folder of some users, or of all."""
        for home in map(self.maildir, users) if users else (self.folder / "mail").glob("*/*"):
            shutil.rmtree(home, ignore_errors=True)

    def change_uid_validity(self, user: str, folder: str = "INBOX") -> None:
        """Give every mail of a folder a new UID under a new UIDVALIDITY, as after a restored backup."""
        config = self.folder / "dovecot.conf"
        was = subprocess.run(
            ["doveadm", "-c", config, "mailbox", "status", "-u", user, "uidvalidity", folder],
            check=True, capture_output=True, text=True,
        ).stdout  # fmt: skip
        number = int(was.rpartition("=")[2])
        (self.maildir(user, folder) / "dovecot-uidlist").unlink(missing_ok=True)
        subprocess.run(
            ["doveadm", "-c", config, "mailbox", "update", "-u", user, "--uid-validity", str(number + 1), folder],
            check=True, capture_output=True,
        )  # fmt: skip

    @contextmanager
    def imap(self, user: str) -> Iterator[imaplib.IMAP4]:
        """A logged-in IMAP connection."""
        connection = imaplib.IMAP4(self.host, self.imap_port)
        connection.login(user, self.password)
        try:
            yield connection
        finally:
            with suppress(OSError, imaplib.IMAP4.error):
                connection.logout()

    def is_queue_empty(self) -> bool:
        """Whether Postfix has nothing left to deliver; what it never answered 250 to is not executable, and stays."""
        found = [
            path for name in ("maildrop", "incoming", "active", "deferred") for path in (self.spool / name).rglob("*")
        ]
        return not any(_is_complete(path) for path in found)

    def held_by_customers(self) -> Iterator[bytes]:
        """Every mail that customers hold, when all that was accepted is delivered."""
        until = time.monotonic() + 60
        while not self.is_queue_empty():
            assert time.monotonic() < until, self.log()
            time.sleep(0.05)
        for number in range(self.customers):
            yield from self.messages(f"c{number}@customer.test")

    def log(self) -> str:
        """What the servers said last, for failures."""
        return "\n".join(path.read_text(errors="replace")[-4_000:] for path in (self.folder / "log").glob("*.log"))

    def _start(self, name: str, command: list[str | Path], port: int, greeting: bytes) -> None:
        with (self.folder / "log" / "start.log").open("ab") as log:
            self._children[name] = subprocess.Popen(
                [sys.executable, "-S", "-E", Path(__file__).with_name("keeper.py"), *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "PATH": f"/usr/sbin:/sbin:{os.environ.get('PATH', '/usr/bin:/bin')}"},
            )
        until = time.monotonic() + 20
        while not _greets(self.host, port, greeting):
            if time.monotonic() > until or self._children[name].poll() is not None:
                raise AssertionError(f"{name} does not start: {self.log()}")
            time.sleep(0.02)

    def _stop(self, name: str) -> None:
        child = self._children.pop(name)
        child.terminate()
        child.wait(15)

    def _certificate(self) -> None:
        folder = self.folder / "tls"
        folder.mkdir()
        subprocess.run(
            [
                "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                "-keyout", folder / "key.pem", "-out", folder / "cert.pem", "-days", "2", "-subj", "/CN=localhost",
                "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
            ],
            check=True,
            capture_output=True,
        )  # fmt: skip

    def _write(self) -> None:
        for name in ("postfix", "log", "mail", "data", "run"):
            (self.folder / name).mkdir()
        self.spool.mkdir(exist_ok=True)
        os.chown(self.folder / "mail", OWNER, OWNER)
        shutil.chown(self.folder / "data", "postfix")
        users = [f"sender{n}@sender.test" for n in range(self.senders)]
        users += [f"c{n}@customer.test" for n in range(self.customers)]
        (self.folder / "users").write_text("".join(f"{user}:{{PLAIN}}{self.password}\n" for user in users))
        homes = {user: f"{user.partition('@')[2]}/{user.partition('@')[0]}/" for user in users}
        homes |= {_sent_of(user): f"{homes[user]}.Sent/" for user in users if user.endswith("@sender.test")}
        lines = "".join(f"{address} {home}\n" for address, home in homes.items())
        (self.folder / "postfix" / "mailboxes").write_text(lines)
        copies = "".join(f"{user} {_sent_of(user)}\n" for user in users if user.endswith("@sender.test"))
        (self.folder / "postfix" / "copies").write_text(copies)
        values = {
            **{name: getattr(self, name) for name in ("smtp_port", "submission_port", "smtps_port")},
            **{name: getattr(self, name) for name in ("imap_port", "imaps_port", "queue_seconds")},
            "folder": self.folder,
            "spool": self.spool,
            "owner": OWNER,
            "fault_port": self.fault.port,
        }
        here = Path(__file__).parent
        for name, path in {"main.cf": "postfix/main.cf", "master.cf": "postfix/master.cf"}.items():
            (self.folder / path).write_text((here / name).read_text().format_map(values))
        # Dovecot's syntax is made of braces.
        dovecot = (here / "dovecot.conf").read_text()
        for name, value in values.items():
            dovecot = dovecot.replace(f"%({name})", str(value))
        (self.folder / "dovecot.conf").write_text(dovecot)


def _is_complete(path: Path) -> bool:
    with suppress(FileNotFoundError):
        mode = path.stat().st_mode
        return stat.S_ISREG(mode) and bool(mode & stat.S_IXUSR)
    return False


def _sent_of(user: str) -> str:
    name, _, domain = user.partition("@")
    return f"{name}-sent@{domain}"


def _free_ports(number: int) -> list[int]:
    with _listening(number) as listeners:
        return [listener.getsockname()[1] for listener in listeners]


@contextmanager
def _listening(number: int) -> Iterator[list[socket.socket]]:
    listeners = [socket.socket() for _ in range(number)]
    try:
        for listener in listeners:
            listener.bind(("127.0.0.1", 0))
        yield listeners
    finally:
        for listener in listeners:
            listener.close()


def _greets(host: str, port: int, greeting: bytes) -> bool:
    try:
        with socket.create_connection((host, port), timeout=5) as connection:
            return connection.recv(100).startswith(greeting)
    except OSError:
        return False
