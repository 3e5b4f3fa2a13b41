"""A bounded cache forgets what was looked at longest ago and never exceeds its bound."""

from hypothesis import given
from hypothesis import strategies as st

from collegium.tasks.cache import BoundedCache


@given(st.lists(st.integers(0, 12), max_size=60), st.integers(0, 40))
def test_it_stays_within_its_bound_and_gives_the_right_values(looks: list[int], limit: int) -> None:
    cache: BoundedCache[bytes] = BoundedCache(limit, len)
    for key in looks:
        assert cache.get(key, lambda key=key: bytes(key)) == bytes(key)
        assert cache.bytes <= limit
    assert cache.bytes == sum(len(value) for value, _ in cache._kept.values())


def test_what_was_looked_at_longest_ago_is_made_again() -> None:
    cache, made = BoundedCache[bytes](2, len), []

    def look(key: str) -> None:
        cache.get(key, lambda: made.append(key) or b"x")

    for key in "abacab":  # c takes the place of b, and b then that of c
        look(key)
    assert made == ["a", "b", "c", "b"] and len(cache) == 2


def test_what_is_larger_than_the_bound_is_not_kept_and_removes_nothing() -> None:
    cache: BoundedCache[bytes] = BoundedCache(3, len)
    cache.get("small", lambda: b"xyz")
    cache.get("large", lambda: b"xyzw")
    assert cache.get("small", lambda: b"other") == b"xyz" and cache.bytes == 3
