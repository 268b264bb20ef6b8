"""Coverage-guided fuzzing of everything that reads bytes of the network: `python -m tests.fuzz`."""
