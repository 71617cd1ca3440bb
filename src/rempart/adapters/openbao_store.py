# SPDX-License-Identifier: Apache-2.0
"""A key store in an OpenBao server's Transit engine: the root key never leaves it; table keys go there in batches to be wrapped.

OpenBao's own ``rewrap`` takes no associated data (2.7), and without it a key is bound to nothing: a key is wrapped anew by
decrypting and encrypting it. Logs in nowhere: it is given a token.
"""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Any

from rempart.adapters.key_retry import Patience
from rempart.adapters.key_store_settings import KeyStoreSettings
from rempart.errors import Missing, NotTrusted, Refused, RempartError, Unavailable

BATCH = 200  # a request with some 1000 strings is refused (the listener's max_request_json_strings)
_TYPE = "aes256-gcm96"
_PREFIX = b"vault:v"
_TIMEOUT_SECONDS = 10
_BAD_ITEM = ("message authentication failed", "invalid ciphertext")
Items = Sequence[tuple[bytes, bytes]]
Ask = Callable[..., Any]


class OpenBaoStore:
    """Implements ports.key_store.KeyStore. ``calls`` counts the requests that were answered."""

    kind = "openbao"

    def __init__(self, settings: KeyStoreSettings, token: str, *, patience: Patience | None = None) -> None:
        self._settings, self._patience = settings, patience or Patience()
        client, self._faults = _client(settings, token)
        self._transit, self._system = client.secrets.transit, client.sys
        self.calls = 0

    @classmethod
    def create(cls, settings: KeyStoreSettings, token: str, *, patience: Patience | None = None) -> "OpenBaoStore":
        """A store around a fresh root key made in the server; raises Refused ``key-store-exists``, and as ``open``."""
        store = cls(settings, token, patience=patience)
        try:
            store._ask("read_key")
        except Missing:
            made = {"key_type": _TYPE, "exportable": False, "allow_plaintext_backup": False}
            store._ask("create_key", **made)
            store._check()
            return store
        raise Refused("key-store-exists", key=settings.key)

    @classmethod
    def open(cls, settings: KeyStoreSettings, token: str, *, patience: Patience | None = None) -> "OpenBaoStore":
        """The store around the root key that is there.

        Raises Missing ``key-store-key``; Refused ``key-store-access`` (token), ``key-store-exportable``; Unavailable
        ``key-store-unreachable``, ``key-store-sealed``, ``key-store-busy``, ``key-store-failed``, ``key-store-library``.
        """
        store = cls(settings, token, patience=patience)
        store._check()
        return store

    @staticmethod
    def fault(settings: KeyStoreSettings) -> RempartError | None:
        """Why the server would not answer just now, asked without a token; None when it would."""
        store = OpenBaoStore(settings, "", patience=Patience(tries=1))
        try:
            told = store._system.read_seal_status()
        except (OSError, store._faults.VaultError):
            return Unavailable("key-store-unreachable", store=settings.address)
        sealed = not isinstance(told, dict) or told.get("sealed") is not False
        return Unavailable("key-store-sealed", store=settings.address) if sealed else None

    def wrap(self, items: Items) -> list[bytes]:
        """See the port."""
        asked = [{"plaintext": _text(key), "associated_data": _text(context)} for context, key in items]
        return [told.encode() for told in self._batches("encrypt_data", asked, "ciphertext")]

    def unwrap(self, items: Items) -> list[bytes]:
        """See the port."""
        asked = [{"ciphertext": _ascii(wrapped), "associated_data": _text(context)} for context, wrapped in items]
        return [_bytes(told) for told in self._batches("decrypt_data", asked, "plaintext")]

    def rewrap(self, items: Items) -> list[bytes]:
        """See the port."""
        return self.wrap([(context, key) for (context, _), key in zip(items, self.unwrap(items), strict=True)])

    def new_version(self) -> None:
        """A new version of the root key, the newest from now on; older ones still unwrap."""
        self._ask("rotate_key")

    def _check(self) -> None:
        told = _data(self._ask("read_key"))
        if told.get("exportable") or told.get("allow_plaintext_backup") or told.get("type") != _TYPE:
            raise Refused("key-store-exportable", key=self._settings.key)

    def _batches(self, call: str, asked: Sequence[dict[str, str]], wanted: str) -> list[str]:
        """``wanted`` of each reply, in order; all batches or none."""
        told: list[str] = []
        for start in range(0, len(asked), BATCH):
            batch = list(asked[start : start + BATCH])
            replies = _replies(self._ask(call, batch_input=batch), len(batch))
            told += [_one(reply, wanted) for reply in replies]
        return told

    def _ask(self, call: str, **given: Any) -> Any:
        return self._patience.ask(lambda: self._once(call, given))

    def _once(self, call: str, given: dict[str, Any]) -> Any:
        act: Ask = getattr(self._transit, call)
        try:
            answer = act(name=self._settings.key, mount_point=self._settings.mount, **given)
        except OSError as error:  # what the HTTP library raises for every failure to reach a server
            raise Unavailable("key-store-unreachable", store=self._settings.address) from error
        except self._faults.VaultError as error:
            raise self._translated(error) from error
        self.calls += 1
        return answer

    def _translated(self, error: Any) -> RempartError:
        """An HTTP status as one of our errors."""
        faults, told = self._faults, str(error)
        if isinstance(error, faults.Forbidden | faults.Unauthorized):
            return Refused("key-store-access", store=self._settings.address)
        if isinstance(error, faults.InvalidPath) or "key not found" in told:
            return Missing("key-store-key", key=self._settings.key, store=self._settings.address)
        if isinstance(error, faults.VaultDown) and "sealed" in told:
            return Unavailable("key-store-sealed", store=self._settings.address)
        if isinstance(error, faults.VaultDown | faults.RateLimitExceeded):
            return Unavailable("key-store-busy", store=self._settings.address)
        if isinstance(error, faults.InvalidRequest) and _names_bad_item(error.json):
            return NotTrusted("wrapped-key")
        return Unavailable("key-store-failed", store=self._settings.address, reason=type(error).__name__)


def _client(settings: KeyStoreSettings, token: str) -> tuple[Any, Any]:
    """hvac's client and its errors; what the environment says of proxies, certificates and passwords is not heard."""
    try:
        import hvac
        from hvac import exceptions
    except ImportError as error:
        raise Unavailable("key-store-library", library="hvac", extra="openbao") from error
    client = hvac.Client(
        url=settings.address,
        token=token,
        verify=settings.ca_file or True,
        timeout=_TIMEOUT_SECONDS,
        allow_redirects=False,
        namespace="",
    )
    client.adapter.session.trust_env = False
    return client, exceptions


def _replies(answer: Any, count: int) -> list[Any]:
    replies = _data(answer).get("batch_results")
    if not isinstance(replies, list) or len(replies) != count:
        raise Unavailable("key-store-failed", store="openbao", reason="batch_results")
    return replies


def _one(reply: Any, wanted: str) -> str:
    """A batch may answer 200 and carry errors: every reply is looked at."""
    told = reply.get(wanted) if isinstance(reply, dict) else None
    if isinstance(reply, dict) and reply.get("error"):
        if _is_bad_item(reply):
            raise NotTrusted("wrapped-key")
        raise Unavailable("key-store-failed", store="openbao", reason="batch_results")
    if not isinstance(told, str) or not told:
        raise Unavailable("key-store-failed", store="openbao", reason="batch_results")
    return told


def _data(answer: Any) -> dict[str, Any]:
    data = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(data, dict):
        raise Unavailable("key-store-failed", store="openbao", reason="data")
    return data


def _names_bad_item(told: Any) -> bool:
    replies = (
        told["data"].get("batch_results", []) if isinstance(told, dict) and isinstance(told.get("data"), dict) else []
    )
    return any(_is_bad_item(reply) for reply in replies)


def _is_bad_item(reply: Any) -> bool:
    return isinstance(reply, dict) and any(words in str(reply.get("error", "")) for words in _BAD_ITEM)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _ascii(wrapped: bytes) -> str:
    if not wrapped.startswith(_PREFIX) or not wrapped.isascii():
        raise NotTrusted("wrapped-key")
    return wrapped.decode("ascii")


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise NotTrusted("wrapped-key") from error
