package main

const usage = `Reads this machine's sensors and sends them to a Kinesis stream, or sends a file
of records. Without -stream the stream is in this process: nothing leaves the
machine, and at the end all of it is read back and compared.

  raspberrypi                                      a look: for 15 s, in this process
  raspberrypi -duration 8s -json                   for 8 s; the figures as JSON
  raspberrypi -stream telemetry -region eu-west-1  to AWS; keys from the environment
  raspberrypi -replay day.ndjson.gz -rate max      a file of record JSON lines
  tail -f day.ndjson | raspberrypi -replay - -rate 5 -events
  raspberrypi -stream t -endpoint https://127.0.0.1:4567 -insecure   an emulator
  raspberrypi -stream telemetry -region eu-west-1 -spool /var/lib/rivulet -sync spill
                                                   nothing lost when the link or the
                                                   power is; a good link spares the card

Where to:
  -stream NAME      the Kinesis stream; credentials are AWS_ACCESS_KEY_ID,
                    AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN (on the loopback
                    interface any will do, and none are needed)
  -region REGION    its region (default: AWS_REGION, AWS_DEFAULT_REGION)
  -endpoint URL     another endpoint, such as a VPC's or an emulator's
  -insecure         accept a self-signed certificate; loopback only

What:
  -device ID        this device's id (default: from the board or the host name)
  -interval D       time between readings (default 1s)
  -duration D       stop after this time; 0: only at Ctrl-C (default 15s for sensors
                    to the stream in this process, otherwise 0; a -replay also
                    stops at the end of its file)
  -replay FILE      send these record JSON lines and read no sensors; plain or
                    gzip, - for stdin. Each line keeps its device id. A line that
                    is no record is named and skipped, and the exit code is 1.
                    When the buffer is full, reading waits; nothing is dropped.
                    (Of sensors, the oldest records are.)
  -rate N|max       records a second of -replay (default max). After a stall it
                    catches up, so the mean is N.

How:
  -flush D          how long a record may wait for others to share a frame with;
                    longer is fewer bytes (default 2s)
  -drain D          how long the end waits for delivery (default 10s)
  -codec C          columnar, zstd, gzip or none (default columnar, which takes a
                    fifth of zstd; its readers need what -print-schema prints)
  -wire W           cbor or json: the body of the calls (default cbor)
  -tls T            default or compact: handshakes without post-quantum key shares,
                    2.3 KB less each; recorded traffic may be read one day
  -key S            partition key: device, fixed:KEY, spread:N (default device)
  -memory BYTES     what the Go runtime should keep to, by collecting garbage sooner:
                    16MiB; 0: no limit (default: GOMEMLIMIT if set; else 20 MiB, 24
                    MiB with -spool, and none without -stream, as the stream in
                    this process keeps all records)

Keeping:
  -spool DIR        keep what is not delivered yet in this directory, which survives
                    kill -9 and power cuts; without, it is kept in memory. What
                    earlier runs left in DIR is sent first, to whatever stream this
                    run has. One process at a time. While the disk cannot be used,
                    records are kept in memory, and stderr says so.
  -spool-max BYTES  the most that DIR takes: 512KiB, 64MiB, 100000000 (default 64MiB,
                    at least 256KiB)
  -spool-age D      give up what has waited longer, as expired; only time in which
                    the agent runs counts (default: nothing expires)
  -sync MODE        when records are made durable (default group):
                      group     after 1s, or 64 KiB of them: a second may be lost
                      always    each before the next is taken, in a page of its own:
                                4 KiB of DIR and of flash a record
                      interval  after 10s
                      spill     only what is not delivered within a minute, or does
                                not fit in memory (4 MiB), and at the end
                      never     written like group, made durable by the system when
                                it likes: survives kill -9, not a power cut

Output:
  -json             the last line of stdout is one JSON object: put recovered
                    delivered pending expired evicted rejected corrupt (records; put +
                    recovered is the sum of the rest; recovered were found in the
                    spool, pending stay in it), spooled (records made durable),
                    flash_bytes, fsyncs, degraded (true: at the end the disk could
                    not be used), duplicates_sent, requests, kinesis_records,
                    user_records, payload_bytes, put_payload_units, wire_bytes_up
                    and _down (on the socket, TLS included), peak_rss_bytes and
                    cpu_seconds (of this process up to the end of sending, with
                    the embedded stream's server if there is one), verified
                    (records read back from the embedded stream that equal what
                    was put, or were recovered and are whole; always 0 with
                    -stream), and more
  -print-schema     print the schema of this machine's sensors, as JSON, and end;
                    readers of the stream want it: rivulet tail -schema FILE
  -events           JSON lines on stdout as records reach a level:
                    {"event":"delivered","device":"pi","boot":"9f3c01d2e4a5b687","seq":[1,60]}
                    or evicted, expired, rejected, corrupt, with a reason; or
                    spooled: durable in DIR, written as soon as it is; what is
                    delivered sooner may never be spooled. An id is device, boot and
                    seq; each run has a boot of its own, drawn at random.
                    A loss so damaged that nobody can tell whose it was has device ""
                    and seq [1,n] for n records

SIGINT and SIGTERM end it like -duration does; a second one quits at once.
Exit code: 0 nothing was lost: everything is delivered (and, embedded, equal) or
kept in DIR for the next run; 1 something was; 2 usage.
`
