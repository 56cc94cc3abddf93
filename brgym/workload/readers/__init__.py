"""Trace files: their formats, and readers that stream them row batch by row batch."""
