"""Petal's speed, measured beside the official client and beside the machine's own limits.

`python -m bench` from a checkout; docs/performance.md says what the rows mean.
"""
