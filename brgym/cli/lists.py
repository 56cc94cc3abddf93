"""`brgym workloads`, `brgym policies`, `brgym clusters`: what the other commands can be given."""


def workloads() -> None:
    """List the workloads: built-in ones, then public traces."""
    from brgym.workload.catalogue import CATALOGUE
    from brgym.workload.synthetic import BUILT_IN

    public = {name: f"{trace.attribution}; {trace.licence}" for name, trace in CATALOGUE.items()}
    _print_list({name: _first_line(recipe) for name, recipe in BUILT_IN.items()} | public)


def policies() -> None:
    """List the routing policies."""
    import baselines

    _print_list({name: baselines.about(name) for name in baselines.names()})


def clusters() -> None:
    """List the hardware presets, each figure with its source, and the engine styles."""
    from brgym.cluster import ENGINES, PRESETS

    for name, chosen in PRESETS.items():
        print(f"{name}: {chosen.model}")
        for figure in ("base_s", "per_token_s", "kv_capacity", "slots"):
            constant = getattr(chosen, figure)
            value = "none" if constant.value is None else f"{constant.value:g}"
            print(f"  {figure:12} {value:>10}  {'derived: ' if constant.derived else ''}{constant.source}")
        print(f"  {'power':12} {'':>10}  {chosen.power_source}")
    for name, style in ENGINES.items():
        print(f"--engine {name}: {', '.join(f'{key}={value}' for key, value in style.parameters.items())}")
        print(f"  {style.source}")


def _print_list(lines: dict[str, str]) -> None:
    width = max(map(len, lines))
    for name, line in lines.items():
        print(f"{name:{width}}  {line}")


def _first_line(documented: object) -> str:
    return (documented.__doc__ or "").strip().partition("\n")[0]
