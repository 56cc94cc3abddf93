"""Studies: policies compared under paired seeds, with honest statistics."""

from brgym.plumbing.files import check_writable, write_atomically
from brgym.plumbing.tables import write_table
from brgym.study.cluster_by_name import cluster_of
from brgym.study.cluster_settings import ClusterSetting, cluster_settings, with_settings
from brgym.study.compare import compare
from brgym.study.comparison import Comparison
from brgym.study.engine import Failure, Progress
from brgym.study.export import as_document, write_csv, write_json
from brgym.study.multiplicity import holm, paired_p_values
from brgym.study.named_workload import WORKLOAD_OPTIONS, NamedWorkload
from brgym.study.policy_choice import PolicyChoice, policy_choices
from brgym.study.power import detectable_effect, power_of, seeds_needed, seeds_note
from brgym.study.predictor_choice import PredictorChoice
from brgym.study.results import Results
from brgym.study.slo_text import slo_of
from brgym.study.statistics import (
    Estimate,
    Estimates,
    mean_interval,
    mean_intervals,
    paired_difference,
    paired_differences,
    paired_ratio,
    paired_ratios,
    recovered_share,
)
from brgym.study.stays import record_stays, slots_of, stays_of
from brgym.study.stepped_run import SteppedRun
from brgym.study.study import Study, read_results
from brgym.study.study_file import StudyError
from brgym.study.summary import PolicySummary, summarise
from brgym.study.trial import ImbalanceOverTime, PolicyFactory, Trial
from brgym.study.worker_loads import WorkerLoads
from brgym.study.workload_source import Drawn, Fixed, WorkloadSource, source_of

__all__ = [
    "WORKLOAD_OPTIONS",
    "ClusterSetting",
    "Comparison",
    "Drawn",
    "Estimate",
    "Estimates",
    "Failure",
    "Fixed",
    "ImbalanceOverTime",
    "NamedWorkload",
    "PolicyChoice",
    "PolicyFactory",
    "PolicySummary",
    "PredictorChoice",
    "Progress",
    "Results",
    "SteppedRun",
    "Study",
    "StudyError",
    "Trial",
    "WorkerLoads",
    "WorkloadSource",
    "as_document",
    "check_writable",
    "cluster_of",
    "cluster_settings",
    "compare",
    "detectable_effect",
    "holm",
    "mean_interval",
    "mean_intervals",
    "paired_difference",
    "paired_differences",
    "paired_p_values",
    "paired_ratio",
    "paired_ratios",
    "policy_choices",
    "power_of",
    "read_results",
    "record_stays",
    "recovered_share",
    "seeds_needed",
    "seeds_note",
    "slo_of",
    "slots_of",
    "source_of",
    "stays_of",
    "summarise",
    "with_settings",
    "write_atomically",
    "write_csv",
    "write_json",
    "write_table",
]
