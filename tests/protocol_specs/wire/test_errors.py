"""Refusals and the two answers, as written and as read from peers."""

import orjson
import pytest

from protocol_specs.wire import errors


def test_ack_is_the_shortest_document_that_says_so():
    assert orjson.loads(errors.ack()) == {"message": {"ack": {"status": "ACK"}}}


def test_nack_carries_code_reason_and_path_at_the_top():
    refused = errors.Malformed("No context.", path="/context")
    assert orjson.loads(errors.nack(refused)) == {
        "message": {"ack": {"status": "NACK"}},
        "error": {"code": "30000", "message": "No context.", "paths": "/context"},
    }


def test_an_error_without_a_place_has_no_paths():
    refused = errors.OrderNotFound("No such order.")
    assert errors.error_object(refused) == {"code": "30010", "message": "No such order."}


def test_the_code_can_be_told_by_who_refuses():
    assert errors.Stale("late", code=errors.STALE_CODES["BAP"]).code == "20002"
    assert errors.Stale("late").code == "30022"


@pytest.mark.parametrize(
    ("kind", "code", "status"),
    [
        (errors.Malformed, "30000", 400),
        (errors.SchemaFault, "30000", 400),
        (errors.Unauthenticated, "30016", 401),
        (errors.WrongParty, "30016", 401),
        (errors.Misaddressed, "30000", 400),
        (errors.Stale, "30022", 400),
        (errors.NotServed, "40001", 404),
        (errors.ChangedDuplicate, "30000", 400),
        (errors.TooLarge, "30000", 413),
        (errors.ProviderNotFound, "30001", 400),
        (errors.ItemNotFound, "30004", 400),
        (errors.FulfillmentUnavailable, "30008", 400),
        (errors.OrderNotFound, "30010", 400),
        (errors.InvalidCancellationReason, "30011", 400),
        (errors.BusinessError, "40000", 400),
        (errors.ActionNotApplicable, "40001", 400),
        (errors.QuoteUnavailable, "40003", 400),
        (errors.PaymentNotSupported, "40004", 400),
        (errors.TrackingNotSupported, "40005", 400),
        (errors.AgentUnavailable, "40006", 400),
        (errors.CancellationNotPossible, "50001", 400),
    ],
)
def test_each_refusal_has_its_code_and_status_and_is_final(kind, code, status):
    refused = kind("because")
    assert (refused.code, refused.status, refused.transient) == (code, status, False)
    assert str(refused) == refused.reason == "because"


@pytest.mark.parametrize(("kind", "status"), [(errors.Overloaded, 503), (errors.RateLimited, 429)])
def test_overload_says_that_and_when_trying_again_helps(kind, status):
    refused = kind("busy")
    assert (refused.status, refused.transient) == (status, True)
    assert refused.retry_after_s is not None


@pytest.mark.parametrize("status", [200, 201, 202, 204])
@pytest.mark.parametrize(
    "body",
    [
        errors.ack(),
        b"",
        b"{}",
        b'{"context":{},"message":{"ack":{"status":"ACK"}}}',
        b'{"message":{"ack":{"status":"ACK","tags":[]}},"error":null}',
        b'{"message":{"status":"ACK","messageId":"1"}}',
        b"<html>ok</html>",
    ],
)
def test_every_way_of_saying_ack_is_understood(status, body):
    assert errors.read_ack(status, body) == errors.Acknowledgement(True)


NACK = b'{"message":{"ack":{"status":"NACK"}},"error":%s}'


@pytest.mark.parametrize(
    ("status", "body", "code", "text"),
    [
        (200, NACK % b'{"code":"30000","message":"no"}', "30000", "no"),
        (400, NACK % b'{"code":30000,"message":"no","path":"/x"}', "30000", "no"),
        (200, NACK % b'{"type":"CORE-ERROR","code":"1"}', "1", None),
        (
            401,
            b'{"message":{"ack":{"status":"NACK"},"error":{"code":"AUT","message":"no"}}}',
            "AUT",
            "no",
        ),
        (200, b'{"message":{"ack":{"status":"nack"}}}', None, "HTTP 200 without an error object"),
        (200, b'{"error":{"code":"5","message":"no"}}', "5", "no"),
        (500, errors.ack(), None, "HTTP 500 without an error object"),
        (404, b"not found", None, "HTTP 404 without an error object"),
        (400, b'{"message":[],"error":[]}', None, "HTTP 400 without an error object"),
        (400, b'{"error":{"code":null,"message":{}}}', None, None),
    ],
)
def test_every_way_of_saying_nack_is_understood(status, body, code, text):
    assert errors.read_ack(status, body) == errors.Acknowledgement(False, code, text)
