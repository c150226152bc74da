"""What the answers of several nodes say together: each way in which a search can be lost."""

from typing import Any

from protocol_specs.node.ops.diagnosis import Finding, findings, timeline

AT = iter(range(10_000))


def hop(event: str, action: str, peer: str | None = None, **more: Any) -> dict[str, Any]:
    return {
        "at": next(AT),
        "event": event,
        "action": action,
        "message_id": "m1",
        "peer": peer,
        **more,
    }


def answer(node: str, type: str, *hops: dict[str, Any], refusals: Any = ()) -> dict[str, Any]:
    return {"node": node, "type": type, "hops": list(hops), "refusals": list(refusals)}


SEARCHED = answer("bap", "BAP", hop("sent", "search", "bg"))


def gateway(**to: str) -> dict[str, Any]:
    return answer(
        "bg", "BG", hop("accepted", "search", "bap"), hop("forwarded", "search", "bap", to=to)
    )


def only(answers: list[dict[str, Any]], **silent: str) -> Finding:
    (found,) = findings(answers, silent)
    return found


def test_an_answer_that_came_is_an_answer_wherever_the_others_stand() -> None:
    bap = answer("bap", "BAP", hop("sent", "search", "bg"), hop("accepted", "on_search", "taxi"))
    found = findings([bap, gateway(taxi="acked", slow="timed_out")], {})
    assert [(one.peer, one.outcome) for one in found] == [("taxi", "answered"), ("slow", "lost")]
    assert "timed_out" in found[1].reason


def test_a_gateway_that_refused_says_why() -> None:
    bap = answer("bap", "BAP", hop("given_up", "search", "bg", code="10001"))
    refusal = {"action": "search", "kind": "Unauthenticated", "code": "10001", "status": 401}
    found = only([bap, answer("bg", "BG", refusals=[refusal])])
    assert found.outcome == "lost"
    assert "10001" in found.reason
    assert "Unauthenticated" in found.reason


def test_a_gateway_without_a_provider_says_so() -> None:
    assert "no provider" in only([SEARCHED, gateway()]).reason


def test_a_provider_that_never_verified_it_is_named() -> None:
    found = only([SEARCHED, gateway(taxi="acked"), answer("taxi", "BPP")])
    assert (found.peer, found.outcome) == ("taxi", "lost")
    assert "never came to taxi" in found.reason


def test_a_provider_with_nothing_to_offer_has_answered() -> None:
    taxi = answer("taxi", "BPP", hop("accepted", "search", "bap"), hop("handled", "search", "bap"))
    found = only([SEARCHED, gateway(taxi="acked"), taxi])
    assert (found.outcome, "nothing to offer" in found.reason) == ("answered", True)


def test_a_provider_that_gave_up_or_could_not_deliver_says_why() -> None:
    gave_up = answer("taxi", "BPP", hop("given_up", "search", "bap", reason="ttl"))
    assert "gave it up: ttl" in only([SEARCHED, gateway(taxi="acked"), gave_up]).reason
    refused = answer(
        "taxi",
        "BPP",
        hop("handled", "search", "bap"),
        hop("given_up", "on_search", "bap", code="20002"),
    )
    found = only([SEARCHED, gateway(taxi="acked"), refused])
    assert "could not deliver its answer (given_up: 20002)" in found.reason


def test_an_answer_that_was_acked_and_is_not_here_is_lost_between_two_nodes() -> None:
    taxi = answer("taxi", "BPP", hop("handled", "search"), hop("sent", "on_search", "bap"))
    assert "but it is not here" in only([SEARCHED, gateway(taxi="acked"), taxi]).reason


def test_who_could_not_be_asked_is_not_blamed() -> None:
    found = only([SEARCHED, gateway(taxi="acked")], taxi="it gave no answer")
    assert (found.outcome, "gave no answer" in found.reason) == ("waiting", True)


def test_a_confirm_is_followed_to_its_provider() -> None:
    bap = answer("bap", "BAP", hop("sent", "confirm", "taxi"))
    works = answer("taxi", "BPP", hop("accepted", "confirm", "bap"))
    assert only([bap, works]).outcome == "waiting"


def test_all_hops_stand_in_one_line_of_time() -> None:
    hops = timeline([SEARCHED, gateway(taxi="acked")])
    assert [one["node"] for one in hops] == ["bap", "bg", "bg"]
    assert [one["at"] for one in hops] == sorted(one["at"] for one in hops)
