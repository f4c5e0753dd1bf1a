"""Run every benchmark and print one table each: ``python -m benchmarks [NAME...]``."""

from __future__ import annotations

import os
import platform
import sys
from importlib import import_module

NAMES = ("adding", "decoding", "runtimes", "searching", "judging", "matching", "explaining", "stepping")


def main() -> None:
    """Run the benchmarks that are named, or all."""
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}\n")
    for name in sys.argv[1:] or NAMES:
        benchmark = import_module(f"benchmarks.{name}")
        print(f"## {benchmark.TITLE}\n")
        headers, rows = benchmark.run()
        print("| " + " | ".join(headers) + " |")
        print("|" + "---|" * len(headers))
        for row in rows:
            print("| " + " | ".join(row) + " |")
        print(flush=True)


main()
