"""An environment in a line of text for each worker; as an image it is `brgym.plumbing.cluster_picture`."""

from brgym.cluster import RouterView, imbalance

_TEXT_COLUMNS = 50


def as_text(view: RouterView) -> str:
    """One line of figures, a bar for each worker, one line on the pool."""
    envelope = int(view.load_tokens.max())
    short = imbalance(view.workers, envelope, int(view.load_tokens.sum()))
    lines = [f"t = {view.now_s:.2f} s   envelope {envelope} tokens   imbalance {short} tokens"]
    for worker, (load, active, queued) in enumerate(zip(view.load_tokens, view.active, view.queued, strict=True)):
        bar = "#" * round(_TEXT_COLUMNS * load / max(envelope, 1))
        lines.append(f"{worker:4d} |{bar:<{_TEXT_COLUMNS}}| {load:9d} tokens {active:4d} active {queued:4d} queued")
    contexts = view.candidate_context_tokens
    shown = ", ".join(map(str, contexts[:8])) + (", ..." if len(contexts) > 8 else "")
    lines.append(f"pool: {len(contexts)} candidates" + (f" of {shown} tokens" if len(contexts) else ""))
    return "\n".join(lines)
