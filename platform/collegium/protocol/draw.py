"""Drawing the committee: a Fisher–Yates shuffle that stores only the seats that it moves.

Seats are shuffled by the hash of a seed that no one knows while updates are still being
committed, and the first active ones form the committee. Inactive seats are skipped, so all active
seats are equally likely, without replacement.
"""

from collections.abc import Collection

from collegium.protocol.digest import keccak


def seed(prevrandao: int, federation: str, round_id: int) -> bytes:
    """``keccak256(abi.encode(block.prevrandao, federation, round))``.

    Args:
        prevrandao: of the block that closes the commit phase (EIP-4399).
        federation: address of the contract.
        round_id: uint64.
    """
    address = int(federation, 16)
    return keccak(b"".join(value.to_bytes(32, "big") for value in (prevrandao, address, round_id)))


def scoring_seed(seed: bytes, round_id: int) -> int:
    """Seed of an estimator's random choices: the same for the whole committee.

    It is known only after the draw, so that no update can be tailored to its coalitions.

    Args:
        seed: of the draw, 32 bytes.

    Returns:
        An integer of 256 bits.
    """
    return int.from_bytes(keccak(b"collegium scoring" + seed + round_id.to_bytes(32, "big")), "big")


def committee(seed: bytes, active: Collection[int], size: int) -> list[int]:
    """Seats of the committee, in the order of their slots.

    Args:
        seed: 32 bytes.
        active: seats whose node takes part in this round, not empty. Seats from 0 to the
            greatest of them are shuffled.
        size: number of members; fewer are returned only if fewer are active.
    """
    top = max(active) + 1
    moved: dict[int, int] = {}
    chosen: list[int] = []
    for step in range(top):
        if len(chosen) == size:
            break
        # The bias of the modulo is below 2^-247 for 256 seats.
        other = step + _number(seed, step) % (top - step)
        seat = moved.get(other, other)
        moved[other] = moved.get(step, step)
        if seat in active:
            chosen.append(seat)
    return chosen


def aggregator(round_id: int, active: Collection[int]) -> int:
    """Seat that merges in this round: the first active one at or after ``round_id``, cyclically.

    ``active`` must not be empty; as in the draw, seats from 0 to the greatest active one count.
    """
    top = max(active) + 1
    return min(active, key=lambda seat: (seat - round_id) % top)


def _number(seed: bytes, step: int) -> int:
    return int.from_bytes(keccak(seed + step.to_bytes(32, "big")), "big")
