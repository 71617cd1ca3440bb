# SPDX-License-Identifier: Apache-2.0
"""A witness's opened keys, and the lines that they write under a checkpoint. Judges no checkpoint."""

from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from rempart.adapters.mldsa_key import MldsaKey
from rempart.adapters.person_key import public_bytes
from rempart.audit.cosignature import cosign, cosign_mldsa
from rempart.records.signature import sign_text
from rempart.records.vkey import ED25519_COSIGNER, MLDSA44_COSIGNER, VerifierKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Cosigner:
    """``name``: of the key in signature lines; ``second``: an ML-DSA-44 key, None = Ed25519 alone."""

    name: str
    private: Ed25519PrivateKey
    second: MldsaKey | None = None

    @property
    def keys(self) -> tuple[str, ...]:
        """The public keys, a line each as a policy takes them."""
        first = VerifierKey(name=self.name, kind=ED25519_COSIGNER, public=public_bytes(self.private))
        if self.second is None:
            return (first.line,)
        return first.line, VerifierKey(name=self.name, kind=MLDSA44_COSIGNER, public=self.second.public).line

    def cosign(self, note: str, *, time: int) -> str:
        """The note with a line of each key, in place of older ones by them."""
        public = public_bytes(self.private)
        signed = cosign(note, name=self.name, public=public, time=time, sign=lambda text: sign_text(self.private, text))
        if self.second is None:
            return signed
        second = self.second
        return cosign_mldsa(signed, name=self.name, public=second.public, time=time, sign=second.sign)

    def lines(self, note: str, *, time: int) -> str:
        """Only the lines of these keys, as C2SP tlog-witness answers them."""
        body, _, _ = note.partition("\n\n")
        return self.cosign(body + "\n\n", time=time).partition("\n\n")[2]
