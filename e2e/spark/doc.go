// Package spark holds no code, only tests of the generated backend's job: the
// agent of examples/raspberrypi fills a stream of the emulator kinesis-local, the
// job that rivulet backend render writes runs unchanged on Spark on this machine,
// and what it has stored is read back with DuckDB. scripts/backend-e2e.sh starts
// the emulator and runs them.
//
// run_job.py runs the job, and kinesis_source.py is Spark's way to the emulator;
// dump_stream.py makes files of a stream, for Spark 3.5 and for measuring. pauses.py
// stops the job where it is to be killed, and lake.py reads what was stored.
package spark
