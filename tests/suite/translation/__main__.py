"""`python -m tests.suite.translation`: many layers by chance, translated to every installed framework and run there."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from itertools import islice

from convt.commands.parts import say

from .truth import ENGINES, Job, answers, jobs, layers, missing, wrong

TOGETHER = 2000
"""Layers whose programs one process runs: JAX keeps what it has compiled."""


def main() -> int:
    """Print, for each engine, how many programs were run and how many are wrong; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.suite.translation", description=__doc__)
    parser.add_argument("engines", nargs="*", default=[], help=f"of {', '.join(ENGINES)} (default: those installed)")
    parser.add_argument("--layers", type=int, default=10_000, help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=1, help="default: %(default)s")
    parser.add_argument("--show", type=int, default=3, help="wrong ones that are shown of each engine")
    options = parser.parse_args()
    engines = options.engines or [engine for engine in ENGINES if not missing(engine)]
    run, bad, direct = Counter[str](), Counter[str](), Counter[str]()
    started = time.monotonic()
    chance = layers(options.seed, options.layers)
    while some := list(islice(chance, TOGETHER)):
        asked: dict[str, list[Job]] = {engine: [] for engine in engines}
        for it in some:
            for engine, job in jobs(it, engines):
                asked[engine].append(job)
        for engine, each in asked.items():
            problems = wrong(each, answers(engine, each))
            for problem in problems[: max(options.show - bad[engine], 0)]:
                say(f"{engine}: {problem}\n")
            run[engine] += len(each)
            bad[engine] += len(problems)
            direct[engine] += sum(job.translation.direct for job in each)
    for engine in engines:
        say(f"{engine:16} {run[engine]:7,} programs, {direct[engine]:7,} of one call, {bad[engine]} wrong")
    say(f"{options.layers:,} layers of seed {options.seed}, {time.monotonic() - started:.0f} s")
    return 1 if sum(bad.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
