"""What workers prefill in a step, in chunks, and which prompts that completes (DESIGN 2.14)."""

from brgym._compile import compiled
from brgym.cluster.admission import begin_decoding
from brgym.cluster.chunks import leave_prompts, take_out
from brgym.cluster.records import NOTHING
from brgym.cluster.state import State, borrowed


@compiled
def prefill_chunks(state: State) -> None:
    """Says what each worker prefills in the coming step, in order of admission, and which prompts that completes."""
    state = borrowed(state)
    clock, constants, progress = state.clock[0], state.constants[0], state.progress[0]
    progress.completed = 0
    if clock.step % constants.chunk_interval != 0 and clock.active > progress.prefilling:
        return
    for worker in range(len(state.load_tokens)):
        decoding = state.active[worker] - state.prefilling[worker]
        budget = max(0, constants.chunk_tokens - constants.gained_tokens * decoding)
        prefilled = 0
        while state.links[worker].prompt_first != NOTHING and prefilled < budget:
            request = state.links[worker].prompt_first
            tokens = min(state.lives[request].to_prefill_tokens, budget - prefilled)
            state.lives[request].to_prefill_tokens -= tokens
            prefilled += tokens
            if state.lives[request].to_prefill_tokens == 0:
                take_out(state, worker, NOTHING, request)
                state.completed[progress.completed] = request
                progress.completed += 1
        state.prefill_tokens[worker] = prefilled
        state.to_prefill_tokens[worker] -= prefilled
        progress.prefill_tokens += prefilled


@compiled
def complete_prompts(state: State) -> None:
    """Part 6: prompts that are complete generate a token in this step, the others none."""
    state = borrowed(state)
    progress = state.progress[0]
    for place in range(progress.completed):
        request = state.completed[place]
        leave_prompts(state, request)
        begin_decoding(state, request)
    state.steps[state.clock[0].step].tokens -= progress.prefilling
    for worker in range(len(state.load_tokens)):
        request = state.links[worker].prompt_first
        while request != NOTHING:
            state.requests[request].birth_step += 1
            state.running[state.requests[request].running_index].birth_step += 1
            request = state.requests[request].queue_next
