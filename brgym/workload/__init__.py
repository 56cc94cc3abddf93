"""Workloads: requests with their arrivals and lengths, from public traces, from files, or drawn from a distribution."""

from brgym.workload._validation import WorkloadError
from brgym.workload.arrivals import ArrivalProcess, Backlog, Bursts, Diurnal, Gamma, OnOff, Poisson, Ramp
from brgym.workload.catalogue import CATALOGUE, TraceSource
from brgym.workload.lengths import (
    GaussianCopula,
    Geometric,
    JointLengths,
    LengthDistribution,
    LogNormal,
    QuantileTable,
    TruncatedNormalPair,
)
from brgym.workload.load import FORMATS, load_workload, workload_names
from brgym.workload.offered_load import OfferedLoad
from brgym.workload.resampling import repeated, resampled
from brgym.workload.summary import LengthSummary, WorkloadSummary
from brgym.workload.synthetic import generate
from brgym.workload.trace import ReadingNotice, TraceReading, read_trace
from brgym.workload.workload import Workload, concatenate

__all__ = [
    "CATALOGUE",
    "FORMATS",
    "ArrivalProcess",
    "Backlog",
    "Bursts",
    "Diurnal",
    "Gamma",
    "GaussianCopula",
    "Geometric",
    "JointLengths",
    "LengthDistribution",
    "LengthSummary",
    "LogNormal",
    "OfferedLoad",
    "OnOff",
    "Poisson",
    "QuantileTable",
    "Ramp",
    "ReadingNotice",
    "TraceReading",
    "TraceSource",
    "TruncatedNormalPair",
    "Workload",
    "WorkloadError",
    "WorkloadSummary",
    "concatenate",
    "generate",
    "load_workload",
    "read_trace",
    "repeated",
    "resampled",
    "workload_names",
]
