"""Of a short id and a day it is said how to write one; of the rest the model's own words."""

from datetime import date

import pytest
from pydantic import BaseModel, Field, ValidationError

from protocol_specs.node.asked import SHORT_ID, said


class _Form(BaseModel):
    by: str = Field("desk-1", pattern=SHORT_ID)
    born: date = date(1988, 5, 12)
    plate: str = Field("A1", pattern="^[A-Z0-9]+$")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"by": "Siti Aminah"}, "it is a short id"),
        ({"born": "12/05/1988"}, "it is no day; write it like 2026-07-31"),
        ({"born": "1988-05-32"}, "it is no day; write it like 2026-07-31"),
        ({"plate": "?"}, "String should match pattern"),
        ({"plate": 7}, "Input should be a valid string"),
    ],
)
def test_what_is_typed_wrong_is_said_so_that_it_can_be_mended(given: object, words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        _Form.model_validate(given)
    assert said(caught.value.errors()[0]).startswith(words)
