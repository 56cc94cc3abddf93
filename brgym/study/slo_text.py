"""A service-level objective of single requests as text, `ttft_s=2,tpot_s=0.1`."""

from brgym._specification import hints_of, read_parameters, split_parameters
from brgym.cluster import Slo


def slo_of(text: str) -> Slo:
    """Reads an objective.

    Raises:
        ValueError: If a bound is unknown, missing, unreadable or outside its range.
    """
    try:
        read = read_parameters(split_parameters(text), hints_of(Slo))
        if missing := [name for name in hints_of(Slo) if name not in read]:
            raise ValueError(f"{', '.join(missing)} missing, as in ttft_s=2,tpot_s=0.1")
        return Slo(**read)
    except ValueError as error:
        raise ValueError(f"slo: {error}") from None
