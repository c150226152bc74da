"""Holds `wayfare validate` against recorded conversations: does it find what is planted in them?

usage: check_flows.py PATH

PATH holds folders of NN_action.json. In a copy of each conversation one defect after the other is
planted, of every class and at many places; each must bring a new fault under the right code in
the planted place. Exits 1 if one is missed. How the untouched conversations are judged is printed
and decides nothing: docs/validate.md says what they show and why.
"""

import collections
import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from protocol_specs.validate.conversation import Conversation
from protocol_specs.validate.reading import conversations
from protocol_specs.validate.rules import judge
from tests.support.planting import CLASSES, Files, Plant, misses, plants

PER_CLASS = 8
"""Defects of one class in one conversation; all that there are would take minutes."""
SHOWN_MAX = 20


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or not Path(arguments[0]).is_dir():
        print(__doc__)
        return 2
    chance = random.Random(1)  # noqa: S311 - to choose, not to hide
    tried: collections.Counter[str] = collections.Counter()
    missed: list[str] = []
    verdicts: collections.Counter[str] = collections.Counter()
    codes: collections.Counter[str] = collections.Counter()
    for conversation in conversations([Path(arguments[0])]):
        verdict = judge(conversation)
        verdicts["pass" if verdict.passes else "fail"] += 1
        codes.update({fault.code for fault in verdict.faults})
        chosen = sample(plants(files(conversation)), chance)
        tried.update(plant.kind for plant in chosen)
        name = Path(conversation.path).name
        missed += [f"{plant.kind}: {name} {plant}" for plant in misses(files(conversation), chosen)]
    for kind in CLASSES:
        lost = sum(miss.startswith(f"{kind}:") for miss in missed)
        print(f"planted, {kind}: found {tried[kind] - lost} of {tried[kind]}")
    for miss in missed[:SHOWN_MAX]:
        print("MISS", miss)
    print(f"untouched: {verdicts['pass']} pass, {verdicts['fail']} fail; conversations per code:")
    for code, count in codes.most_common():
        print(f"    {code}: {count}")
    return 1 if missed or not all(tried[kind] for kind in CLASSES) else 0


def files(conversation: Conversation) -> Files:
    """The documents of a conversation, as they can be changed."""
    return [(message.file, dict(message.document)) for message in conversation.messages]


def sample(every: list[Plant], chance: random.Random) -> list[Plant]:
    """So many of each class."""
    chosen: list[Plant] = []
    for kind in CLASSES:
        of_kind = [plant for plant in every if plant.kind == kind]
        chosen += chance.sample(of_kind, min(PER_CLASS, len(of_kind)))
    return chosen


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
