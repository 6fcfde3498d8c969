#!/usr/bin/env bash
# Measures how many records a second the generated job stores on Spark on this
# machine, on two cores, for each codec in frames of 60 and of 500 records, and
# shows where its time goes. Needs what scripts/spark-setup.sh needs; takes about
# 3 minutes.
#
#   scripts/spark-bench.sh [SAMPLE]   record JSON lines, gzipped; default:
#                                     RIVULET_SAMPLE, or that of the tests
#
# Environment: RECORDS in a batch (default 100000), of which there are three;
# CODECS (default "none gzip zstd columnar"); FRAMES (default "60 500").
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/spark-setup.sh spark41
sample=${1:-${RIVULET_SAMPLE:-../shared/data/rpi-telemetry.ndjson.gz}}
sample=$(cd "$(dirname "$sample")" && pwd)/$(basename "$sample")
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

go run ./cmd/rivulet backend render -options e2e/spark/testdata/backend.yaml -out "$tmp/out" >/dev/null
args=()
for codec in ${CODECS:-none gzip zstd columnar}; do
	for frame in ${FRAMES:-60 500}; do
		(cd e2e && go run ./spark/throughput -input "$sample" -codec "$codec" -frame "$frame" -records "${RECORDS:-100000}" -out "$tmp/$codec-$frame")
		args+=("$codec, $frame=$tmp/$codec-$frame")
	done
done
.tools/spark41/bin/python e2e/spark/throughput.py "$tmp"/out/glue/*.py "${args[@]}" 2>"$tmp/log" || {
	tail -n 30 "$tmp/log" >&2
	exit 1
}
