"""How fast the central system is, in ratios to a hand-written ceiling: ``make bench``, see docs/performance.md."""
