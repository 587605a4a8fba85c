"""Numbers as people say them."""

from search_spaces.schema.words import duration, listing, plural


def test_a_duration_is_written_as_people_say_it() -> None:
    assert [duration(seconds) for seconds in (45, 720, 12_600)] == ["45 s", "12 min", "3.5 h"]


def test_a_count_has_its_noun_in_the_right_number() -> None:
    assert [plural(1, "study"), plural(3, "study"), plural(1000, "trial")] == ["1 study", "3 studies", "1,000 trials"]


def test_listing() -> None:
    assert [listing(text) for text in ("a", "ab", "abc")] == ["a", "a and b", "a, b and c"]
