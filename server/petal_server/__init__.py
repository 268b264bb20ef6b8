"""The coordinator: HTTP routes in front of a phase machine in front of a store."""
