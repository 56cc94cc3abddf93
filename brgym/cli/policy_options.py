"""Policies as the command line names them, with what they look ahead with."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from brgym.study import NamedWorkload, PolicyChoice


def named_policies(listed: str, predictor: str | None, source: "NamedWorkload") -> "dict[str, PolicyChoice]":
    """The policies by their specifications; each has been made once, so that mistakes show at once.

    Args:
        listed: Specifications by commas, see `baselines.specifications`.
        predictor: What those look ahead with that do, see `brgym.study.PredictorChoice`.
        source: What they are to serve.

    Raises:
        ValueError: If one is unknown, cannot be made or comes twice, or a predictor is missing or is not needed.
    """
    from baselines import specifications
    from brgym.study import PolicyChoice, PredictorChoice, policy_choices

    found = specifications(listed)
    for specification in found:  # a parameter that cannot be is said before a predictor that is missing
        stand_in = PredictorChoice("oracle") if specification.looks_ahead else None
        PolicyChoice(specification, stand_in, str(specification)).check(source)
    if any(specification.looks_ahead for specification in found) != (predictor is not None):
        raise ValueError(
            "br-h and --predictor (a folder, or oracle) go together, and bf-io with a horizon: they look ahead with "
            "it, the other policies do not"
        )
    choices = policy_choices(found, [] if predictor is None else [PredictorChoice(predictor)])
    for choice in choices:
        choice.check(source)
    return {choice.label: choice for choice in choices}


def named_policy(written: str, predictor: str | None, source: "NamedWorkload") -> "PolicyChoice":
    """One policy; arguments and errors as `named_policies`."""
    chosen, *others = named_policies(written, predictor, source).values()
    if others:
        raise ValueError(f"policy must be one, got {1 + len(others)}: {written}")
    return chosen
