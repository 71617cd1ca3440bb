# SPDX-License-Identifier: Apache-2.0
"""A key store in a PKCS#11 token: the root key is made in it and never leaves; table keys are wrapped there, AES-256-GCM.

A wrapped key is ``version (4 bytes) ‖ nonce ‖ ciphertext ‖ tag``; version N of the root key is the token's object of label
``NAME/vN``. One process, one login: the token lets a second session in without asking for a PIN.
"""

import os
import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from rempart.adapters.key_retry import Patience
from rempart.adapters.key_store_settings import KeyStoreSettings
from rempart.errors import Missing, NotTrusted, Refused, RempartError, Unavailable
from rempart.ports.surroundings import Randomness

KEY_BITS = 256
_VERSION_BYTES, _NONCE_BYTES, _TAG_BYTES = 4, 12, 16
Items = Sequence[tuple[bytes, bytes]]
T = TypeVar("T")


class Pkcs11Store:
    """Implements ports.key_store.KeyStore. ``calls`` counts the operations asked of the token: one an item, none a part."""

    kind = "pkcs11"

    def __init__(
        self, settings: KeyStoreSettings, pin: str, *, randomness: Randomness, patience: Patience | None = None
    ) -> None:
        self._settings, self._pin, self._randomness = settings, pin, randomness
        self._patience = patience or Patience()
        self._library, self._p11 = _library(settings)
        self._session: Any = None
        self._roots: dict[int, Any] = {}
        self.calls = 0

    @classmethod
    def create(
        cls, settings: KeyStoreSettings, pin: str, *, randomness: Randomness, patience: Patience | None = None
    ) -> "Pkcs11Store":
        """A store around a fresh root key made in the token; raises Refused ``key-store-exists``, and as ``open``."""
        store = cls(settings, pin, randomness=randomness, patience=patience)
        store._asked(store._connected)
        if store._roots:
            raise Refused("key-store-exists", key=settings.key)
        store.new_version()
        return store

    @classmethod
    def open(
        cls, settings: KeyStoreSettings, pin: str, *, randomness: Randomness, patience: Patience | None = None
    ) -> "Pkcs11Store":
        """The store around the root key that is there.

        Raises Refused ``key-store-pin``, ``key-store-pin-locked``, ``key-store-exportable``; Missing ``key-store-key``,
        ``key-store-token``; Unavailable ``key-store-unreachable``, ``key-store-failed``, ``key-store-library``.
        """
        store = cls(settings, pin, randomness=randomness, patience=patience)
        store._asked(store._connected)
        if not store._roots:
            raise Missing("key-store-key", key=settings.key, store=settings.token)
        return store

    @staticmethod
    def fault(settings: KeyStoreSettings) -> RempartError | None:
        """Why the token would not answer just now, asked without a PIN; None when it would."""
        try:
            library, p11 = _library(settings)
            library.get_token(token_label=settings.token)
        except Unavailable as error:
            return error
        except p11.exceptions.PKCS11Error:
            return Missing("key-store-token", token=settings.token)
        return None

    def wrap(self, items: Items) -> list[bytes]:
        """See the port."""
        return self._asked(lambda: [self._wrap_one(context, key) for context, key in items])

    def unwrap(self, items: Items) -> list[bytes]:
        """See the port."""
        return self._asked(lambda: [self._unwrap_one(context, wrapped) for context, wrapped in items])

    def rewrap(self, items: Items) -> list[bytes]:
        """See the port. A token has no such operation: each key is in this process's memory for a moment."""
        return self.wrap([(context, key) for (context, _), key in zip(items, self.unwrap(items), strict=True)])

    def new_version(self) -> None:
        """A new version of the root key, made in the token, the newest from now on; older ones still unwrap."""
        self._asked(self._generate)

    def close(self) -> None:
        """Leave the token; asked again, it logs in again."""
        session, self._session, self._roots = self._session, None, {}
        if session is not None:
            session.close()

    def _abandon(self) -> None:
        try:
            self.close()
        except self._p11.exceptions.PKCS11Error:
            self._session, self._roots = None, {}

    def _generate(self) -> None:
        self._connected()
        p11, number = self._p11, max(self._roots, default=0) + 1
        label = f"{self._settings.key}/v{number}"
        about = p11.Attribute
        template = {about.SENSITIVE: True, about.PRIVATE: True}
        template |= dict.fromkeys((about.EXTRACTABLE, about.MODIFIABLE, about.WRAP, about.UNWRAP), False)
        with self._token().open(rw=True) as session:  # the login of the first session holds for this one
            use = p11.MechanismFlag.ENCRYPT | p11.MechanismFlag.DECRYPT
            session.generate_key(
                p11.KeyType.AES, KEY_BITS, label=label, store=True, capabilities=use, template=template
            )
        self._roots = self._found()

    def _connected(self) -> None:
        if self._session is None:
            self._session = self._login()
            self._roots = self._found()

    def _login(self) -> Any:
        token = self._token()
        if token.flags & self._p11.TokenFlag.USER_PIN_LOCKED:
            raise Refused("key-store-pin-locked", token=self._settings.token)
        errors = self._p11.exceptions
        try:
            return token.open(user_pin=self._pin)
        except errors.UserAlreadyLoggedIn:
            return token.open()
        except errors.PinLocked as error:
            raise Refused("key-store-pin-locked", token=self._settings.token) from error
        except (errors.PinIncorrect, errors.PinInvalid, errors.PinLenRange, errors.PinExpired) as error:
            raise Refused("key-store-pin", token=self._settings.token) from error

    def _token(self) -> Any:
        try:
            return self._library.get_token(token_label=self._settings.token)
        except self._p11.exceptions.NoSuchToken as error:
            raise Missing("key-store-token", token=self._settings.token) from error

    def _found(self) -> dict[int, Any]:
        """The versions of the root key that the token holds, none of which it would give out."""
        p11, pattern = self._p11, re.compile(re.escape(self._settings.key) + r"/v([1-9][0-9]{0,8})")
        found: dict[int, Any] = {}
        for key in self._session.get_objects({p11.Attribute.CLASS: p11.ObjectClass.SECRET_KEY}):
            told = pattern.fullmatch(key.label or "")
            if told:
                if key[p11.Attribute.EXTRACTABLE] or not key[p11.Attribute.SENSITIVE]:
                    raise Refused("key-store-exportable", key=key.label)
                found[int(told[1])] = key
        return found

    def _wrap_one(self, context: bytes, key: bytes) -> bytes:
        self._connected()
        newest, nonce = max(self._roots), self._randomness.bytes(_NONCE_BYTES)
        sealed = self._use(self._roots[newest].encrypt, key, nonce, context)
        return newest.to_bytes(_VERSION_BYTES, "big") + nonce + sealed

    def _unwrap_one(self, context: bytes, wrapped: bytes) -> bytes:
        self._connected()
        head, sealed = wrapped[: _VERSION_BYTES + _NONCE_BYTES], wrapped[_VERSION_BYTES + _NONCE_BYTES :]
        root = self._roots.get(int.from_bytes(head[:_VERSION_BYTES], "big"))
        if root is None or len(sealed) < _TAG_BYTES:
            raise NotTrusted("wrapped-key")
        errors = self._p11.exceptions
        try:
            return self._use(root.decrypt, sealed, head[_VERSION_BYTES:], context)
        except (errors.EncryptedDataInvalid, errors.EncryptedDataLenRange) as error:
            raise NotTrusted("wrapped-key") from error
        except errors.GeneralError as error:  # what SoftHSM says of a wrong tag, and any token of its own trouble
            self._probe(root)
            raise NotTrusted("wrapped-key") from error

    def _probe(self, root: Any) -> None:
        """Whether the token itself still works with this key; raises what it raises."""
        nonce = self._randomness.bytes(_NONCE_BYTES)
        self._use(root.decrypt, self._use(root.encrypt, nonce, nonce, b"probe"), nonce, b"probe")

    def _use(self, act: Callable[..., Any], data: bytes, nonce: bytes, context: bytes) -> bytes:
        self.calls += 1
        from pkcs11.mechanisms import GCMParams

        mechanism = self._p11.Mechanism.AES_GCM
        return bytes(act(data, mechanism=mechanism, mechanism_param=GCMParams(nonce, context, 8 * _TAG_BYTES)))

    def _asked(self, act: Callable[[], T]) -> T:
        return self._patience.ask(lambda: self._once(act))

    def _once(self, act: Callable[[], T]) -> T:
        """One try; a token that fails is left, so that the next try logs in anew."""
        try:
            return act()
        except self._p11.exceptions.PKCS11Error as error:
            self._abandon()
            reason = type(error).__name__
            raise Unavailable("key-store-failed", store=self._settings.token, reason=reason) from error


def _library(settings: KeyStoreSettings) -> tuple[Any, Any]:
    """The token's library, loaded once a process, and python-pkcs11; what the library reads of its environment is set first."""
    try:
        import pkcs11
    except ImportError as error:
        raise Unavailable("key-store-library", library="python-pkcs11", extra="pkcs11") from error
    name, _, value = settings.environment.partition("=")
    if name:
        os.environ[name] = value
    try:
        return pkcs11.lib(settings.module), pkcs11
    except (pkcs11.exceptions.PKCS11Error, RuntimeError, OSError) as error:
        raise Unavailable("key-store-library", library=settings.module, extra="pkcs11") from error
