"""Who is asked first is a published sum that a driver can add up."""

from hypothesis import given
from hypothesis import strategies as st

from bpp.dispatch.policy import Candidate, Weights, in_words, rank

candidates = st.lists(
    st.builds(
        Candidate,
        st.text("abcdef0123456789", min_size=4, max_size=4),
        st.integers(0, 3_600),
        st.integers(0, 40_000),
        st.integers(0, 100_000),
    ),
    max_size=12,
    unique_by=lambda each: each.agent_id,
)
weights = st.builds(Weights, st.integers(0, 60), st.integers(0, 120), st.integers(0, 900))


def test_the_nearest_is_first_where_all_else_is_equal() -> None:
    found = rank([Candidate("b", 300, 0, 0), Candidate("a", 200, 0, 0)], Weights())
    assert [each.agent_id for each in found] == ["a", "b"]


def test_who_waited_long_comes_before_who_is_a_little_nearer() -> None:
    near, waited = Candidate("near", 200, 120, 0), Candidate("waited", 400, 3_000, 0)
    first, second = rank([near, waited], Weights(idle_s=5))
    assert (first.agent_id, first.score_s, second.score_s) == ("waited", 400 - 250, 200 - 10)


def test_waiting_counts_up_to_an_hour_so_that_it_never_beats_any_distance() -> None:
    (only,) = rank([Candidate("a", 0, 10 * 3_600, 0)], Weights(idle_s=5))
    assert only.idle_bonus_s == 60 * 5


def test_earnings_of_late_are_balanced_around_their_mean() -> None:
    some = [Candidate("none", 0, 0, 0), Candidate("mean", 0, 0, 100), Candidate("twice", 0, 0, 200)]
    found = {each.agent_id: each.earnings_bonus_s for each in rank(some, Weights())}
    assert found == {"none": 120, "mean": 0, "twice": -120}


def test_the_sum_is_told_in_words() -> None:
    (first, second) = rank(
        [Candidate("a", 372, 1_200, 500), Candidate("b", 380, 0, 1_500)], Weights()
    )
    assert in_words(first, 2) == (
        "you were number 1 of 2: 6 min 12 s to the pickup, less 1 min 20 s for the time you "
        "waited, less 1 min 00 s because you earned less of late"
    )
    assert in_words(second, 2).endswith("plus 1 min 00 s because you earned more of late")


@given(candidates, weights, st.randoms())
def test_the_order_in_which_candidates_are_named_changes_nothing(
    some: list[Candidate], weigh: Weights, random: object
) -> None:
    mixed = list(some)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    assert rank(mixed, weigh) == rank(some, weigh)


@given(candidates, weights)
def test_every_score_is_the_sum_that_is_told(some: list[Candidate], weigh: Weights) -> None:
    found = rank(some, weigh)
    assert [each.place for each in found] == list(range(1, len(some) + 1))
    for each in found:
        assert each.score_s == each.travel_s - each.idle_bonus_s - each.earnings_bonus_s


@given(candidates, weights, st.data())
def test_nobody_falls_back_by_being_nearer(
    some: list[Candidate], weigh: Weights, data: st.DataObject
) -> None:
    if not some:
        return
    mine = data.draw(st.sampled_from(some))
    nearer = Candidate(mine.agent_id, mine.travel_s // 2, mine.idle_s, mine.earned_minor)
    others = [each for each in some if each is not mine]
    place = {each.agent_id: each.place for each in rank(some, weigh)}[mine.agent_id]
    better = {e.agent_id: e.place for e in rank([*others, nearer], weigh)}[mine.agent_id]
    assert better <= place


@given(candidates, weights)
def test_the_first_takes_no_longer_than_the_nearest_and_what_others_can_gain(
    some: list[Candidate], weigh: Weights
) -> None:
    """What it can cost a customer that jobs are shared: published, and bounded."""
    if not some:
        return
    most = weigh.idle_s * weigh.idle_min_max + 2 * weigh.earnings_s
    assert rank(some, weigh)[0].travel_s <= min(each.travel_s for each in some) + most


@given(candidates, weights)
def test_of_drivers_who_are_as_near_and_waited_as_long_the_one_who_earned_least_goes_first(
    some: list[Candidate], weigh: Weights
) -> None:
    alike = [Candidate(each.agent_id, 300, 900, each.earned_minor) for each in some]
    earned = {each.agent_id: each.earned_minor for each in alike}
    told = [earned[each.agent_id] for each in rank(alike, weigh)]
    assert told == sorted(told)


@given(candidates, weights)
def test_of_drivers_who_are_as_near_and_earned_as_much_the_one_who_waited_longest_goes_first(
    some: list[Candidate], weigh: Weights
) -> None:
    alike = [Candidate(each.agent_id, 300, each.idle_s, 500) for each in some]
    idle = {each.agent_id: each.idle_s for each in alike}
    told = [idle[each.agent_id] for each in rank(alike, weigh)]
    assert told == sorted(told, reverse=True)
