"""Rounds on a virtual clock, with faults and attackers, each a function of one integer seed.

The participants are `petal.participant.Machine` under `petal.client.drive`, the coordinator is
the one that `petal_server.app` puts together; only clock, network, randomness and training are
made up. docs/testing.md explains it; `python -m tests.simulation --help` runs it.
"""
