"""Petal: federated learning in which the server learns the average and nothing else."""

__version__ = "0.1.0"
