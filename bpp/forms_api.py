"""The cooperative's form (BECKN-007): a page for whoever has its url, and the signed answer to it.

What is posted is signed by the consumer's platform as any message is, and must come from the
platform whose transaction the form is for.
"""

from urllib.parse import parse_qsl

from aiohttp import web

from bpp.orders import beside, forms
from bpp.orders.forms import FormWanted, Submission
from bpp.orders.office import Office
from protocol_specs.node.api import ApiError, error_response, json_response
from protocol_specs.node.buckets import Buckets
from protocol_specs.node.server import Node
from protocol_specs.node.startup import base_path
from protocol_specs.wire import strict_json
from protocol_specs.wire.claims import authenticate, claim
from protocol_specs.wire.errors import Malformed, RateLimited, Refused, WrongParty
from protocol_specs.wire.parties import SubscriberType

SECRET_FILE = "forms.key"  # noqa: S105 - a file's name, not a secret
BYTES_MAX = 64 * 1024
URL_ENCODED = "application/x-www-form-urlencoded"


def add(node: Node, office: Office) -> None:
    """Serve the forms, if the cooperative wants one filled in."""
    if office.provider.form is None:
        return
    api = FormsApi(node, office, office.provider.form)
    for base in {"", base_path(node.settings.url)}:
        node.serve_route("GET", f"{base}/forms/{{form_id}}", api.show)
        node.serve_route("POST", f"{base}/forms/{{form_id}}", api.submit)


class FormsApi:
    """The handlers."""

    def __init__(self, node: Node, office: Office, wanted: FormWanted) -> None:
        self._node, self._office, self._wanted = node, office, wanted
        limits = node.settings.limits
        self._lookups = Buckets(limits.key_lookups_per_s, burst=2 * limits.key_lookups_per_s)
        per_s = limits.messages_per_peer_per_s
        self._messages = Buckets(per_s, burst=2 * per_s, keys_max=limits.keys_max)

    async def show(self, request: web.Request) -> web.StreamResponse:
        """The form as HTML, without script, style or button."""
        form_id = request.match_info["form_id"]
        if forms.whose(self._wanted, form_id) is None:
            return error_response(_unknown())
        action = f"{self._wanted.url}/forms/{form_id}"
        return web.Response(
            text=forms.page(self._wanted, action),
            content_type="text/html",
            headers={
                "Cache-Control": "no-store",
                "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
                "X-Content-Type-Options": "nosniff",
            },
        )

    async def submit(self, request: web.Request) -> web.StreamResponse:
        """What was filled in: `{status, submission_id, errors}`, errors one sentence each."""
        try:
            given, bap_id, transaction_id = await self._read(request)
        except ApiError as error:
            return error_response(error)
        except Refused as refused:
            headers = {"Retry-After": "1"} if isinstance(refused, RateLimited) else None
            fault = ApiError(
                refused.status, refused.code, refused.reason, refused.path, headers=headers
            )
            return error_response(fault)
        answers, errors = forms.answers(self._wanted, given)
        if errors:
            return json_response({"status": False, "errors": errors})
        submission = Submission(
            self._office.new_id(), bap_id, transaction_id, self._node.now(), answers
        )
        # After this point it is handed in.
        await self._node.store.transact(lambda s: beside.put_submission(s, submission))
        return json_response({"status": True, "submission_id": submission.id, "errors": []})

    async def _read(self, request: web.Request) -> tuple[dict[str, object], str, str]:
        """The fields and whose transaction they are for. Raises ApiError, Refused."""
        found = forms.whose(self._wanted, request.match_info["form_id"])
        if found is None:
            raise _unknown()
        if request.content_length is None or request.content_length > BYTES_MAX:
            raise ApiError(413, "too_large", f"send Content-Length, at most {BYTES_MAX} bytes")
        body = await request.read()
        bap_id, transaction_id = found
        if await self._sender(request, body) != bap_id:
            raise WrongParty("this form is for another platform's transaction")
        return _fields(request.content_type, body), bap_id, transaction_id

    async def _sender(self, request: web.Request, body: bytes) -> str:
        """The platform that signed the body. Raises Unauthenticated, RateLimited."""
        now, node = self._node.now(), self._node
        signed = claim(request.headers, body, now, receiver=node.receiver)
        is_known = all(node.keyring.knows(key_id) for key_id in signed.key_ids)
        if not is_known and self._lookups.take(node.address_of(request), now):
            raise RateLimited("too many unknown keys from this address; try again later")
        keys = await node.keyring.keys(signed.key_ids)
        records = authenticate(signed, keys, now, receiver=node.receiver)
        senders = [record for record in records if record.type is SubscriberType.BAP]
        if not senders:
            raise WrongParty("a form is handed in by a BAP")
        if self._messages.take(senders[0].subscriber_id, now):
            raise RateLimited("you send too much in a second; slow down")
        return senders[0].subscriber_id


def _fields(content_type: str, body: bytes) -> dict[str, object]:
    """The fields of a form post or of a JSON object. Raises Malformed."""
    if content_type == "application/json":
        parsed = strict_json.parse(body)
        given = parsed.get("data", parsed) if isinstance(parsed, dict) else None
        if not isinstance(given, dict):
            raise Malformed("the answers must be an object of texts by the name of each field")
        return dict(given)
    if content_type != URL_ENCODED:
        raise Malformed(f"send the answers as {URL_ENCODED} or application/json")
    try:
        text = body.decode("utf-8")
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=100)
    except ValueError:
        raise Malformed("the body is not a form post") from None
    return dict(pairs)


def _unknown() -> ApiError:
    return ApiError(404, "unknown_form", "there is no such form; take the url of the last answer")
