"""The program measured for async-kinesis: its processor that sends each record as
it is. (That for KPL aggregates closes one whenever the partition key changes.)"""

import asyncio
import os

from kinesis import Producer, StringProcessor

import child

os.environ["AWS_CA_BUNDLE"] = child.CA


async def main():
    # Its own limiter stays: without, it adds up a second's records for each one.
    async with Producer(
        stream_name=child.STREAM,
        endpoint_url=child.URL,
        region_name="us-east-1",
        buffer_time=3600 if child.PACE == "windows" else child.FLUSH,  # the end of each window flushes
        processor=StringProcessor(),
    ) as producer:

        async def put(key, data):
            await producer.put(data.decode(), partition_key=key)

        await child.run(put, producer.flush, producer.flush)


asyncio.run(main())
