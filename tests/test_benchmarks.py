"""Every benchmark runs, does its work to the end and compares it with something else; how fast it is, no test says."""

from __future__ import annotations

import importlib
import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
#: A size that takes seconds, and what each benchmark compares itself with.
BENCHMARKS = {
    "judge": (300, ["rules and audit: ", "× polars", "× duckdb", "peak"]),
    "import_rows": (300, ["× the CPU of: plain COPY", "× the CPU of: staging table and merge", "peak"]),
    "plan": (300, ["× the time of: plain COPY", "× the time of: zoneinfo", "enrollments/s", "peak"]),
    "render": (300, ["EmailMessage.as_bytes", "× baseline"]),
    "dispatch": (90, ["procrastinate", "huey", "as installed", "× baseline", "ms CPU a step", "peak"]),
    "events": (200, ["× baseline", "forms/s at most", "100 ms promised", "firings/s"]),
}


@pytest.fixture
def benchmarks(monkeypatch):
    """The benchmarks, importable also for the processes that they start."""
    monkeypatch.syspath_prepend(ROOT)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setattr(os, "cpu_count", lambda: 1)  # one worker of each kind is enough to see that it works
    return lambda name: importlib.import_module(f"benchmarks.{name}")


def test_every_benchmark_is_tried_here_or_beside_what_it_measures(benchmarks):
    assert set(benchmarks("__main__").SIZES) - set(BENCHMARKS) == {"quality", "classify"}


@pytest.mark.parametrize("name", BENCHMARKS)
def test_a_benchmark_does_its_work_and_prints_how_it_compares(benchmarks, capfd, name):
    size, words = BENCHMARKS[name]
    benchmarks(name).main(size)
    printed = capfd.readouterr().out
    assert [word for word in words if word not in printed] == [], printed
