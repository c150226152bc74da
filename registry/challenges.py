"""The challenge: proof that who answers at a url holds the private keys it goes by (BECKN-006).

A challenge is made once and never repeated, so an old answer is worth nothing. It names the key
that it is about: a node must not answer for the key of somebody else.
"""

import hmac
import secrets

from protocol_specs.node.client.client import Client
from protocol_specs.wire import challenge, keys, strict_json
from protocol_specs.wire.errors import Malformed


class Challenges:
    """Asked by one registry; the answers are decrypted with its own key."""

    def __init__(self, client: Client, key: keys.EncryptionKey) -> None:
        self._client, self._key = client, key

    async def ask(
        self, url: str, *, subscriber_id: str, signing_public_key: str, encryption_public_key: str
    ) -> None:
        """Raise Undelivered or Malformed unless the endpoint answers a challenge of its own."""
        plain = secrets.token_hex(16)
        public = keys.strict_b64decode(encryption_public_key)
        question = {
            "subscriber_id": subscriber_id,
            "signing_public_key": signing_public_key,
            "challenge": challenge.encrypt(plain, self._key, public),
        }
        answer = await self._client.call(url, "/on_subscribe", strict_json.dumps(question))
        try:
            given = strict_json.parse(answer).get("answer")
        except Malformed as malformed:
            raise Malformed(f"answered no JSON object: {malformed.reason}") from None
        if not isinstance(given, str) or not hmac.compare_digest(given.encode(), plain.encode()):
            raise Malformed("answered the challenge wrongly")
