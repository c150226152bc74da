"""`wayfare validate`: what it reads, what it says, how it exits; and never a traceback."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from protocol_specs.node.commands import main
from tests.protocol_specs.validate.stories import delivery, files, ride, rider_cancels
from tests.support.planting import Files


def write(folder: Path, recorded: Files) -> Path:
    folder.mkdir(parents=True)
    for name, document in recorded:
        (folder / name).write_text(json.dumps(document, indent=1))
    return folder


def good(folder: Path) -> Path:
    return write(folder, files("trv10-2.1.0", ride))


def bad(folder: Path) -> Path:
    recorded = files("trv10-2.1.0", ride)
    recorded[5][1]["message"]["order"]["quote"]["price"]["value"] = "1.00"
    return write(folder, recorded)


def told(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, dict[str, Any]]:
    status = main(["validate", "--json", *map(str, words)])
    return status, json.loads(capsys.readouterr().out)


def test_a_good_folder_passes_and_exits_0(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["validate", str(good(tmp_path / "good"))]) == 0
    said = capsys.readouterr().out
    assert said.startswith("PASS  ")
    assert "1 conversations: 1 pass, 0 fail; 16 messages, 0 faults, 0 warnings" in said


def test_a_bad_one_names_file_path_code_and_reason_and_exits_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, document = told(capsys, bad(tmp_path / "bad"))
    assert status == 1
    (flow,) = document["flows"]
    assert flow["path"] == str(tmp_path / "bad")
    assert flow["verdict"] == "fail"
    assert {
        "file": "06_on_init.json",
        "path": "/message/order/quote/price/value",
        "code": "sum.quote",
        "reason": "/message/order/quote/price/value is not the sum of its breakup: "
        "145.00 too little",
        "severity": "error",
    } in flow["faults"]


def test_a_bad_one_is_told_to_people_in_the_same_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["validate", str(bad(tmp_path / "bad"))]) == 1
    said = capsys.readouterr().out
    assert "FAIL  " in said
    assert "  06_on_init.json\n    [sum.quote] /message/order/quote/price/value is not" in said


def test_a_folder_of_folders_is_as_many_conversations(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good(tmp_path / "a" / "deep")
    bad(tmp_path / "b")
    write(tmp_path / "c", files("log10-1.2.5", delivery))
    (tmp_path / "index.json").write_text("[1, 2]")
    (tmp_path / "README.md").write_text("no message")
    status, document = told(capsys, tmp_path)
    assert status == 1
    assert [flow["verdict"] for flow in document["flows"]] == ["pass", "fail", "pass"]
    assert document["summary"]["flows"] == 3


def test_files_are_read_in_the_order_of_their_numbers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recorded = files("trv10-2.0.1", rider_cancels)
    plain = [(f"{int(name[:2])}_{name[3:]}", document) for name, document in recorded]
    assert plain[0][0] == "1_search.json"
    status, document = told(capsys, write(tmp_path / "flow", plain))
    assert (status, document["flows"][0]["faults"]) == (0, [])


def test_a_file_alone_is_judged_by_itself(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flow = good(tmp_path / "good")
    status, document = told(capsys, flow / "08_on_confirm.json", flow / "07_confirm.json")
    assert status == 0
    assert [one["messages"] for one in document["flows"]] == [1, 1]


def test_a_request_with_the_answer_beside_it_is_read_as_the_request(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = {"message": {"ack": {"status": "ACK"}}}
    wrapped = [
        (name, {"request": document, "response": answer})
        for name, document in files("trv10-2.1.0", ride)
    ]
    assert told(capsys, write(tmp_path / "flow", wrapped))[0] == 0


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "json"),
        (b"{", "json"),
        (b"[]", "json"),
        (b'"text"', "json"),
        (b'{"a": 1, "a": 2}', "json"),
        (b"\xff\xfe", "json"),
        (b'{"a": NaN}', "json"),
        (b"[" * 5000, "json"),
        (b"{}", "context"),
        (b'{"context": 7}', "context"),
        (b'{"context": {"action": 7}}', "action"),
        (b'{"context": {"action": "fly"}}', "action"),
        (
            b'{"context": {"action": "search", "domain": "ONDC:LOG10", "core_version": "0"}}',
            "dialect",
        ),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_is_no_message_is_a_fault_with_its_reason(
    content: bytes, code: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flow = good(tmp_path / "flow")
    (flow / "99_search.json").write_bytes(content)
    status, document = told(capsys, tmp_path)
    assert status == 1
    ours = [one for one in document["flows"][0]["faults"] if one["file"] == "99_search.json"]
    assert [one["code"] for one in ours] == [code]
    assert ours[0]["reason"]


@pytest.mark.parametrize("value", [None, 7, "text", [], {}, [[]], [None], {"a": 1}, True])
def test_whatever_stands_anywhere_in_a_message_there_is_a_verdict(
    value: object, tmp_path: Path
) -> None:
    for name, story in (("trv10-2.1.0", ride), ("log10-1.2.5", delivery)):
        for number, (file, document) in enumerate(files(name, story)):
            broken = _with_value_at_each_place(document, value, number)
            write(tmp_path / f"{name}-{number}", [(file, broken)])
    assert main(["validate", str(tmp_path)]) == 1


def _with_value_at_each_place(document: Any, value: object, number: int) -> Any:
    """One member of each third level is replaced: which one depends on the number."""
    if isinstance(document, dict) and document:
        names = list(document)
        chosen = names[number % len(names)]
        return {
            name: value
            if name == chosen and name not in ("context", "message", "action")
            else _with_value_at_each_place(part, value, number)
            for name, part in document.items()
        }
    return document


@pytest.mark.parametrize("names", [["nowhere"], ["empty"]])
def test_nothing_to_judge_exits_2(
    names: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    assert main(["validate", *(str(tmp_path / name) for name in names)]) == 2
    assert capsys.readouterr().err.startswith("wayfare: ")


def test_without_a_path_the_usage_is_told() -> None:
    with pytest.raises(SystemExit) as ended:
        main(["validate"])
    assert ended.value.code == 2
