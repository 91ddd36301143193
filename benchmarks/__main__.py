"""Run every benchmark, one after the other: ``python -m benchmarks``."""

from benchmarks import scores, turn

turn.main()
scores.main()
