"""The program measured for aiokpl."""

import asyncio

import aiokpl

import child


async def main():
    config = aiokpl.Config(
        region="us-east-1",
        endpoint_url=child.URL,
        verify_ssl=child.CA,  # as boto takes it: a file instead of True
        # The end of each window flushes.
        record_max_buffered_time_ms=60_000 if child.PACE == "windows" else child.FLUSH * 1000,
        # The endpoint has no limits, so the producer needs none.
        rate_limit_records_per_sec_per_shard=1e9,
        rate_limit_bytes_per_sec_per_shard=1e12,
        record_ttl_ms=600_000,
    )
    async with aiokpl.Producer(config) as producer:

        async def put(key, data):
            await producer.put_record(stream=child.STREAM, partition_key=key, data=data)

        async def finish():
            while producer.outstanding_records > 0:
                await producer.flush()
                await asyncio.sleep(0.001)

        await child.run(put, finish, finish)


asyncio.run(main())
