"""Run benchmarks: ``python -m benchmarks [NAME …] [--size N]``; each prints ratios against a baseline of its run."""

from __future__ import annotations

import argparse
import importlib
import sys

#: The benchmarks with the sizes at which their figures in docs/performance.md were taken.
SIZES = {
    "judge": 1_000_000,
    "import_rows": 1_000_000,
    "plan": 1_000_000,
    "render": 20_000,
    "dispatch": 20_000,
    "quality": 100_000,
    "classify": 10_000,
    "events": 10_000,
}


def main() -> int:
    """Run those that are named, or all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(SIZES)}; none: all")
    parser.add_argument("--size", type=int, help="rows or steps; default: as in docs/performance.md")
    arguments = parser.parse_args()
    if unknown := sorted(set(arguments.names) - set(SIZES)):
        parser.error(f"there is no benchmark {', '.join(unknown)}; there are {', '.join(SIZES)}")
    for name in arguments.names or SIZES:
        print(f"\n== {name}", flush=True)
        importlib.import_module(f"benchmarks.{name}").main(arguments.size or SIZES[name])
    return 0


if __name__ == "__main__":
    sys.exit(main())
