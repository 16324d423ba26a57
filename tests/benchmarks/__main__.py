"""`python -m tests.benchmarks [single] [fusion] [overhead]`: prints each ratio with the two times behind it."""

from __future__ import annotations

import argparse
import sys

from tests.benchmarks import fusion, overhead, single

PARTS = {"single": single.report, "fusion": fusion.report, "overhead": overhead.report}


def main() -> int:
    """Run the parts that were asked for, in their order."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("part", nargs="*", choices=[*PARTS, []], help=f"{', '.join(PARTS)} (default: all)")
    for name in parser.parse_args().part or PARTS:
        for line in PARTS[name]():
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
