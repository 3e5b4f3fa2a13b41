"""Update and state files: safetensors, bounded by the layout before anything is parsed.

An update file holds the exponents and packed codes of one delta, and in its metadata the
manifest and the node's signature over the update digest. Reading checks the form only; ``checks``
tells whether the update is the committed one, for this round and from an active node.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from collegium.errors import BadCodes, BadContainer
from collegium.protocol import codec, safetensor
from collegium.protocol.codec import Encoded
from collegium.protocol.layout import Layout
from collegium.protocol.manifest import Manifest
from collegium.protocol.safetensor import Spec
from collegium.protocol.signing import SIGNATURE
from collegium.protocol.state import State


@dataclass(frozen=True, eq=False)
class Update:
    """An update as delivered: what was declared, who signed it, and the lanes."""

    manifest: Manifest
    signature: bytes
    encoded: Encoded

    @cached_property
    def lane_root(self) -> bytes:
        """Root of the delivered lanes, 32 bytes; the manifest declares what it must be."""
        return codec.lane_root(self.encoded)


def encode_update(update: Update) -> bytes:
    """The update as one file; equal updates give equal bytes."""
    return safetensor.write(
        {"codes": codec.pack(update.encoded), "exponents": update.encoded.exponents},
        {
            "manifest": update.manifest.encode().decode(),
            "signature": "0x" + update.signature.hex(),
        },
    )


def decode_update(data: bytes, layout: Layout) -> Update:
    """Read an untrusted update file.

    Raises:
        Oversized: larger than any update of this layout.
        BadContainer: not the form of an update file.
        NotCanonical, BadManifest: the manifest in it is not well-formed.
        BadCodes: an exponent, code or padding lane is outside the format.
    """
    # The number of bytes tells the width of the codes.
    widths = {layout.padded * bits // 8: bits for bits in codec.BITS}
    vectors, metadata = safetensor.read(
        data,
        {"exponents": Spec("U8", (layout.blocks,)), "codes": Spec("U8", tuple(widths))},
        ("manifest", "signature"),
    )
    # Lone surrogates pass here, so that the strict reader is the one that rejects them.
    manifest = Manifest.decode(metadata["manifest"].encode("utf-8", "surrogatepass"))
    codes = codec.unpack(vectors["codes"], widths[vectors["codes"].size])
    encoded = Encoded(widths[vectors["codes"].size], vectors["exponents"], codes)
    if encoded.codes[layout.lanes :].any():
        raise BadCodes(
            expected="zero codes in the padding lanes",
            found="other values, which no tensor contains but every merge would keep",
            action="Reject the update.",
        )
    return Update(manifest, _signature(metadata["signature"]), encoded)


def encode_state(state: State) -> bytes:
    """A state as one file with the int32 tensor ``state``."""
    return safetensor.write({"state": np.asarray(state, "<i4")}, {})


def decode_state(data: bytes, layout: Layout) -> State:
    """Read a state file, int32 ``[padded]``; raises Oversized or BadContainer.

    The caller must compare ``state.root`` with the expected root.
    """
    vectors, _ = safetensor.read(data, {"state": Spec("I32", (layout.padded,))}, ())
    return vectors["state"].astype(np.int32)


def _signature(text: str) -> bytes:
    try:
        signature = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        signature = b""
    # fromhex also accepts spaces and capitals: only one spelling is valid.
    if len(signature) != SIGNATURE or text != "0x" + signature.hex():
        raise BadContainer(
            expected="a signature as 0x and 130 lowercase hexadecimal digits",
            found=repr(text[:80]),
            action="Have the node sign and write the update again.",
        )
    return signature
