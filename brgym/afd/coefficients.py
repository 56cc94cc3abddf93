"""What one phase of an AFD cycle takes: attention, communication and FFN, each affine in its load."""

from dataclasses import dataclass
from typing import Literal, Self, get_args

from brgym._checks import check_choice, check_type, keep_reals
from brgym.afd.ranges import MAX_TIME

CommunicationPer = Literal["worker", "bundle"]


@dataclass(frozen=True)
class Coefficients:
    """Latency coefficients of a bundle of r attention workers and one FFN server (arXiv 2601.21351).

    `t_A = alpha_a T + beta_a` with T the tokens of KV cache on a worker, `t_F = alpha_f r B + beta_f` with B the
    requests of a worker's microbatch, and `t_C = alpha_c B + beta_c`, or `alpha_c r B + beta_c` where the FFN server's
    link is what the traffic waits for (`comm_per="bundle"`; our extension). `t_C` is there and back. All times are in
    one unit, the user's choice: throughputs are tokens per that unit.

    Attributes:
        alpha_a: Attention time per token of KV cache.
        beta_a: Attention time that does not depend on the load.
        alpha_c: Communication time per request.
        beta_c: Communication time that does not depend on the load.
        alpha_f: FFN time per request.
        beta_f: FFN time that does not depend on the load.
        comm_per: Whether communication grows with a worker's requests or with the bundle's.
        time_unit: Name of the unit of time, for reports.
        label: Where the coefficients come from, for reports.

    Raises:
        TypeError: If a coefficient is not a real number, or `time_unit` or `label` not a text.
        ValueError: If a coefficient is not in 0..1e15, or attention or FFN would take no time at all.
    """

    alpha_a: float
    beta_a: float
    alpha_c: float
    beta_c: float
    alpha_f: float
    beta_f: float
    comm_per: CommunicationPer = "worker"
    time_unit: str = "time unit"
    label: str = ""

    def __post_init__(self) -> None:
        times = ("alpha_a", "beta_a", "alpha_c", "beta_c", "alpha_f", "beta_f")
        keep_reals(self, *times, minimum=0.0, maximum=MAX_TIME)
        check_choice("comm_per", self.comm_per, get_args(CommunicationPer))
        check_type("time_unit", self.time_unit, str)
        check_type("label", self.label, str)
        if self.alpha_a + self.beta_a == 0.0:
            raise ValueError("attention must take some time: alpha_a and beta_a are both zero")
        if self.alpha_f + self.beta_f == 0.0:
            raise ValueError("the FFN must take some time: alpha_f and beta_f are both zero")

    @classmethod
    def illustrative(cls) -> Self:
        """Coefficients in microseconds that illustrate v1's example; they were not verified against the paper.

        With a batch of 256, geometric outputs of mean 500 and prompts of mean 100 they give v1's ratio of 9.3. They
        describe no measured hardware.
        """
        return cls(
            alpha_a=0.00165,
            beta_a=50.0,
            alpha_c=0.022,
            beta_c=20.0,
            alpha_f=0.083,
            beta_f=100.0,
            time_unit="us",
            label="illustrative, not verified against the paper",
        )

    def attention_time(self, load_tokens: float) -> float:
        """Attention time of a worker that holds `load_tokens` tokens of KV cache."""
        return self.alpha_a * load_tokens + self.beta_a

    def communication_time(self, ratio: float, batch: int) -> float:
        """Communication time, there and back, of a microbatch of `ratio` workers with `batch` requests each."""
        requests = batch if self.comm_per == "worker" else ratio * batch
        return self.alpha_c * requests + self.beta_c

    def ffn_time(self, ratio: float, batch: int) -> float:
        """FFN time of a microbatch of `ratio` workers with `batch` requests each."""
        return self.alpha_f * ratio * batch + self.beta_f
