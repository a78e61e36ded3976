"""The process's descriptors: as many as it may have, and never all of them for links.

Rule 1: a peer that opens sockets until none is left must not keep journal and store from opening
their files: a sync that fails ends the service.
"""

import resource

KEPT = 512
"""For the journal, the engine's parts and merges, the endpoint and the control socket."""


def raised() -> int:
    """Lifts the soft limit to the hard one; returns it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def links_within(descriptors: int) -> int:
    """How many of `descriptors` links may take; the half at most where there are few."""
    if descriptors == resource.RLIM_INFINITY:
        return UNBOUNDED
    return max(1, descriptors - min(KEPT, descriptors // 2))


UNBOUNDED = 1 << 30
