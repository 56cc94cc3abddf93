"""Routers of real serving systems, with what they know and how stale it is."""

from baselines.production.vllm import VLLM, VLLMLegacy

__all__ = ["VLLM", "VLLMLegacy"]
