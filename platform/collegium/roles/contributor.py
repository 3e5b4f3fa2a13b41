"""The contributor: quantise, sign, commit, and deliver to the committee.

The committed update is in the journal before anyone else sees it. If the node is asked again, it
replies with the same one, so a crash or a repeated message cannot make it commit to two updates.
"""

import io
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from collegium.errors import RoundFailed
from collegium.protocol import codec, signing, state
from collegium.protocol.container import Update, decode_update, encode_update
from collegium.protocol.manifest import Manifest
from collegium.roles.node import Node
from collegium.roles.view import RoundView
from collegium.store.sealed import seal
from collegium.workspace.home import UPDATE

Vector = npt.NDArray[np.float32]
_RESIDUAL = "residual.npy"


@dataclass(frozen=True)
class Attestation:
    """A signed commitment, as a node sends it to the relay.

    Attributes:
        node: account of the node.
        digest: update digest (32 bytes).
        signature: EIP-712 signature over ``Update`` (65 bytes).
        bits: code width of the update.
        size: bytes of the update file.
    """

    node: str
    digest: bytes
    signature: bytes
    bits: int
    size: int


def prepared(node: Node, view: RoundView) -> Attestation | None:
    """The attestation of the round's update if it is in the journal already, else None."""
    data = node.home.journal(view.id).read(UPDATE)
    if data is None:
        return None
    update = decode_update(data, node.layout)
    if update.manifest.base != view.base.hex():
        return None  # the chain was reorganised: this was for a round that no longer exists
    return _attestation(update, len(data))


def prepare(
    node: Node, view: RoundView, trained: Vector, start: Vector, samples: int
) -> Attestation:
    """Turn what training changed into a signed update, and keep it.

    Args:
        trained: adapter after training, float32 ``[padded]``.
        start: adapter before it, float32 ``[padded]``.
        samples: examples trained on; declared only.

    Raises:
        RoundFailed: the round accepts no more commitments.
        BadCodes: training ended with values that are NaN or infinite.
    """
    # Under the lock, a repeated message cannot make a second update beside the first.
    with node.home.journal(view.id).locked():
        return prepared(node, view) or _make(node, view, trained, start, samples)


def commit(node: Node, view: RoundView, attestation: Attestation) -> None:
    """Post the commitment in the node's own transaction, unless it is on the chain already."""
    if view.committed(node.id) is None:
        node.federation.commit_update(view.id, attestation.digest)


def deliver(node: Node, view: RoundView) -> bytes:
    """The update, sealed to the committee and the aggregator.

    Raises:
        RoundFailed: the committee is not drawn yet, or this node did not commit.
    """
    view.expect("Score", "Reveal", "Settle", "Merge", "Proposed")
    committed, made = view.committed(node.id), prepared(node, view)
    data = node.home.journal(view.id).read(UPDATE)
    if committed is None or made is None or made.digest != committed.digest or data is None:
        raise RoundFailed(
            expected=f"an update of node {node.id} committed in round {view.id} and in its journal",
            found="none",
            action="Nothing to deliver: take part in the next round.",
        )
    keys = {number: view.nodes[number].encryption_key for number in view.readers()}
    return seal(data, keys, node.domain.envelope_context(view.id, committed.digest))


def _make(node: Node, view: RoundView, trained: Vector, start: Vector, samples: int) -> Attestation:
    view.expect("Commit")
    wanted = state.to_units(trained) - state.to_units(start) + _carried(node, view.id)
    sent = codec.quantise(wanted, node.settings.bits)
    manifest = Manifest(
        federation=node.domain.federation,
        chain_id=node.domain.chain_id,
        round=view.id,
        node=node.keys.account.address,
        base=view.base.hex(),
        layout=node.layout.digest.hex(),
        bits=node.settings.bits,
        lane_root=codec.lane_root(sent).hex(),
        samples=samples,
    )
    message = node.domain.update_digest(view.id, manifest.node, view.base, manifest.update_digest)
    update = Update(manifest, signing.sign(message, node.keys.signer.key), sent)
    data, journal = encode_update(update), node.home.journal(view.id)
    journal.write(_RESIDUAL, _to_npy(codec.residual(wanted, sent)))
    # Last: from here on this is the round's update. A crash before leaves a residual only, which is
    # overwritten when the node trains again.
    journal.write(UPDATE, data)
    return _attestation(update, len(data))


def _attestation(update: Update, size: int) -> Attestation:
    manifest = update.manifest
    return Attestation(manifest.node, manifest.update_digest, update.signature, manifest.bits, size)


def _carried(node: Node, round_id: int) -> npt.NDArray[np.float64]:
    """What rounding left out in the newest earlier round (error feedback), float64 ``[padded]``."""
    for earlier in range(round_id - 1, 0, -1):
        if (data := node.home.journal(earlier).read(_RESIDUAL)) is not None:
            kept: npt.NDArray[np.float64] = np.load(io.BytesIO(data), allow_pickle=False)
            return kept
    return np.zeros(node.layout.padded)


def _to_npy(values: npt.NDArray[np.float64]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, values, allow_pickle=False)
    return buffer.getvalue()
