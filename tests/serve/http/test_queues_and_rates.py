"""The rate limiter, bounded queues and the thumbnail cache."""

import asyncio

import pytest

from dualhash.serve.http import limits
from dualhash.serve.http.errors import ProblemError
from dualhash.serve.http.limits import BoundedQueue, RateLimiter
from dualhash.serve.uploads.thumbnails import ThumbnailCache


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_fills_at_its_rate():
    clock = Clock()
    bucket = RateLimiter(2.0, 3, clock)
    assert [bucket.allows("a") for _ in range(4)] == [True, True, True, False]
    assert bucket.allows("b")
    clock.now += 0.5
    assert [bucket.allows("a") for _ in range(2)] == [True, False]
    clock.now += 1000
    assert [bucket.allows("a") for _ in range(4)] == [True, True, True, False]


def test_refused_requests_do_not_count():
    clock = Clock()
    bucket = RateLimiter(1.0, 1, clock)
    assert bucket.allows("a")
    assert not any(bucket.allows("a") for _ in range(100))
    clock.now += 1
    assert bucket.allows("a")


def test_no_rate_allows_everything():
    assert all(RateLimiter(0, 1).allows("a") for _ in range(100))


def test_the_least_recent_client_is_forgotten(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(limits, "MAX_CLIENTS", 3)
    bucket = RateLimiter(0.001, 1, Clock())
    for client in "abcd":
        assert bucket.allows(client)
    assert len(bucket._buckets) == 3
    assert not bucket.allows("d")
    assert bucket.allows("a"), "it was forgotten"


def test_a_queue_limits_running_and_waiting_jobs():
    async def scenario() -> None:
        queue, go = BoundedQueue(slots=2, capacity=3), asyncio.Event()
        running = most = 0

        async def work() -> None:
            nonlocal running, most
            async with queue.slot():
                running += 1
                most = max(most, running)
                await go.wait()
                running -= 1

        tasks = [asyncio.create_task(work()) for _ in range(5)]
        await asyncio.sleep(0)
        assert (running, queue.waiting) == (2, 3)
        with pytest.raises(ProblemError) as refused:
            async with queue.slot():
                pytest.fail("there was no room")
        assert refused.value.kind == "busy"
        tasks[-1].cancel()
        await asyncio.gather(tasks[-1], return_exceptions=True)
        assert queue.waiting == 2
        go.set()
        await asyncio.gather(*tasks[:-1])
        assert (most, queue.waiting) == (2, 0)
        async with queue.slot():
            pass

    asyncio.run(scenario())


def test_a_failed_job_releases_its_slot():
    async def scenario() -> None:
        queue = BoundedQueue(slots=1, capacity=0)
        for _ in range(3):
            with pytest.raises(ZeroDivisionError):
                async with queue.slot():
                    raise ZeroDivisionError

    asyncio.run(scenario())


def test_the_cache_drops_the_least_recently_used_thumbnail():
    kept = ThumbnailCache(capacity=10)
    a, b, c = (("x", 0, side) for side in (128, 256, 512))
    kept.put(a, b"1234")
    kept.put(b, b"5678")
    assert kept.get(a) == b"1234"
    kept.put(c, b"90ab")
    assert (kept.get(a), kept.get(b), kept.get(c)) == (b"1234", None, b"90ab")
    kept.put(a, b"more")
    assert (kept.get(a), kept.get(c)) == (b"more", b"90ab")
    kept.put(b, b"0" * 11)
    assert [kept.get(key) for key in (a, b, c)] == [None, None, None]
