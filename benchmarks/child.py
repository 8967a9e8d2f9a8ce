"""One measurement in a process of its own: `python -m benchmarks.child W1 ppe --output FILE`."""

import argparse
import json
from pathlib import Path

from benchmarks import contenders
from benchmarks.workloads import WORKLOADS


def main() -> None:
    """Measure, and write the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workload", choices=WORKLOADS)
    parser.add_argument("contender")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--output", type=Path, required=True)
    chosen = parser.parse_args()
    with contenders.create(chosen.contender) as contender:
        figures = WORKLOADS[chosen.workload].run(contender, chosen.scale)
    chosen.output.write_text(json.dumps(figures))


if __name__ == "__main__":
    main()
