"""Ten times what a provider can do comes in: it sheds, finishes what it took, and comes back."""

import json
import sys

import pytest

from benchmarks import overload


@pytest.mark.slow
@pytest.mark.processes
@pytest.mark.timeout(600)
async def test_at_ten_times_the_load_a_provider_sheds_and_goes_on_with_what_it_took(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = await overload.measure(peak=1000, cpu_s=5)
    with capsys.disabled():
        sys.stdout.write(f"\n{json.dumps(found)}\n")
    assert found["times_the_load"] >= 10
    assert set(found["statuses"]) == {"200", "503"}
    assert found["share_of_peak"] >= 0.55, "0.8 is aimed at; 0.65 to 0.86 was measured"
    assert found["ack_ms"]["p99"] * min(1, found["share_of_a_core"]) <= 2_000, (
        "with a core of its own"
    )
    assert found["back_to_normal_s"] <= 10
    assert found["resident_mb"] <= 512
