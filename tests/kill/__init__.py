"""Kills a real `petal serve` again and again under load, and holds the outcome against the load.

`python -m tests.kill --kills 500`; docs/durability.md tells what is checked.
"""
