"""Where bytes live: content-addressed blobs, and envelopes sealed to a committee."""

from collegium.store.blobs import BlobStore

__all__ = ["BlobStore"]
