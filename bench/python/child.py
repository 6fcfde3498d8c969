"""What the measured Python programs have in common: their job, the input, when
each record is put, and the marks between which the parent measures them. It is
that of the Go programs; see internal/child."""

import asyncio
import os
import resource
import sys
import time

TICK = 0.050


def env(name):
    if name not in os.environ:
        sys.exit(f"{name} is not set; this program is started by the benchmark")
    return os.environ[name]


URL, CA, STREAM, PACE = env("BENCH_URL"), env("BENCH_CA"), env("BENCH_STREAM"), env("BENCH_PACE")
FLUSH, WINDOW = int(env("BENCH_FLUSH_MS")) / 1000, int(env("BENCH_WINDOW_MS")) / 1000
RATE = int(env("BENCH_RATE"))


def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def run(put, window, finish):
    """Does the work: put(key, data) for each record, window() at the end of each
    minute of the records' time, finish() returns when all is acknowledged."""
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    before = cpu()
    await feed(put, window)
    await finish()
    print("done", int((cpu() - before) * 1e9), flush=True)
    await asyncio.to_thread(sys.stdin.readline)


async def feed(put, window):
    burst = max(1, int(RATE * TICK))
    start = time.monotonic()
    due = start + WINDOW / 2
    if PACE == "windows":
        await until(due)
    n = 0
    with open(env("BENCH_INPUT"), "rb", buffering=64 << 10) as lines:
        for line in lines:
            if line == b"\n":
                await window()
                due += WINDOW
                await until(due)
                continue
            if PACE == "rate" and n % burst == 0:
                await until(start + n / RATE)
            n += 1
            key, data = line[:-1].split(b"\t", 1)
            await put(key.decode(), data)


async def until(at):
    await asyncio.sleep(max(0, at - time.monotonic()))
