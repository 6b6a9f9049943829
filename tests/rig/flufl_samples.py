"""Real reports: the sample mails that flufl.bounce tests itself with, fetched from its source distribution.

They are not ours to copy: pip fetches them once into a folder for caches. What each must come to was judged by reading
it and stands by its file's name in ``bounce_labels.csv``; an empty cell says that the mail does not tell. Half of them,
chosen by a hash of the file's name, was held back while the rules were written.
"""

from __future__ import annotations

import csv
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

HALVES = ("developed on", "held back")


class NotFetched(Exception):
    """The samples are not here and cannot be fetched."""


@dataclass(frozen=True)
class Sample:
    """A real mail and what it is by our judgement."""

    name: str
    raw: bytes
    kind: str
    #: None: the mail does not tell.
    hard_or_soft: str | None
    status: str | None
    is_delay: bool

    @property
    def half(self) -> str:
        """Which half it belongs to."""
        return HALVES[sha256(self.name.encode()).digest()[0] % 2]


def flufl_samples(cache: Path) -> list[Sample]:
    """The samples with their labels, from the cache or fetched into it.

    Raises:
        NotFetched: says why.
    """
    release = version("flufl.bounce")
    found = list(cache.glob(f"flufl?bounce-{release}.tar.gz"))
    archive = found[0] if found else _fetched(cache, release)
    with Path(__file__).with_name("bounce_labels.csv").open(encoding="utf-8") as lines:
        labels = {row["file"]: row for row in csv.DictReader(lines)}
    samples = []
    with tarfile.open(archive) as members:
        for member in members:
            label = labels.get(Path(member.name).name) if "/tests/data/" in member.name else None
            content = members.extractfile(member) if label else None
            if label and content:
                samples.append(
                    Sample(
                        label["file"],
                        content.read(),
                        label["kind"],
                        label["hard_or_soft"] or None,
                        label["status"] or None,
                        label["is_delay"] == "yes",
                    )
                )
    if len(samples) != len(labels):
        raise NotFetched(f"{archive.name} has {len(samples)} of the {len(labels)} samples that have labels")
    return sorted(samples, key=lambda sample: sample.name)


def _fetched(cache: Path, release: str) -> Path:
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        what = ["--no-binary", ":all:", "--no-deps", "--dest", folder, f"flufl.bounce=={release}"]
        try:
            done = subprocess.run([*command, *what], capture_output=True, text=True, timeout=180, check=False)
        except subprocess.TimeoutExpired as error:
            raise NotFetched("pip did not fetch the source of flufl.bounce within three minutes") from error
        archives = list(Path(folder).glob("*.tar.gz"))
        if done.returncode or not archives:
            said = (done.stderr.strip() or "nothing").splitlines()[-1]
            raise NotFetched(f"pip cannot fetch the source of flufl.bounce {release}: {said}")
        return archives[0].rename(cache / archives[0].name)
