"""Bounds on what strangers can use up: connections, requests, memory, time."""

from petal_server.limits.bodies import BodyMemory
from petal_server.limits.connections import GuardedConnection
from petal_server.limits.gate import Gate, Refusal
from petal_server.limits.handshakes import Handshake
from petal_server.limits.requests import LimitedRequests

__all__ = ["BodyMemory", "Gate", "GuardedConnection", "Handshake", "LimitedRequests", "Refusal"]
