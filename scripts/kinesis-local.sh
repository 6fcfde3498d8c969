#!/usr/bin/env bash
# Runs a command against a fresh, empty Kinesis emulator (kinesis-local) on the
# loopback, stops the emulator, and exits as the command did.
#
#   scripts/kinesis-local.sh go test ./internal/e2e
#   KINESIS_LOCAL_PLAIN_PORT=0 KINESIS_LOCAL_TLS_PORT=0 scripts/kinesis-local.sh env
#
# Environment it takes:
#   KINESIS_LOCAL_PLAIN_PORT  default 4568; 0: any free port
#   KINESIS_LOCAL_TLS_PORT    default 4567; 0: any free port
#   INITIALIZE_STREAMS        streams to create first, as name:shards[:region],…
#   KINESIS_LOCAL_LOG         file for the emulator's output; default: shown if it dies
# and other settings of kinesis-local, such as CREATE_STREAM_DURATION or LOG_LEVEL.
#
# Environment the command gets:
#   KINESIS_LOCAL_PLAIN       http://127.0.0.1:PORT
#   KINESIS_LOCAL_TLS         https://127.0.0.1:PORT, self-signed
#   AWS_REGION and AWS credentials that mean nothing, so that no real ones are used
#
# Exit codes: the command's; 2 wrong use; 77 skipped, because scripts/setup.sh
# could not install the emulator (1 if CI is set); 1 the emulator did not start.
set -euo pipefail

if [ $# -eq 0 ]; then
	echo "usage: scripts/kinesis-local.sh COMMAND [ARGUMENT…]" >&2
	exit 2
fi
root=$(cd "$(dirname "$0")/.." && pwd)
"$root/scripts/setup.sh"

pkg=$root/.tools/kinesis-local/node_modules/kinesis-local
tmp=$(mktemp -d)
log=${KINESIS_LOCAL_LOG:-$tmp/log}
server=

stop() {
	code=$?
	trap - EXIT
	if [ -n "$server" ]; then
		kill "$server" 2>/dev/null || true
		wait "$server" 2>/dev/null || true
	fi
	rm -rf "$tmp"
	exit "$code"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# kinesis-local is given ports that stand for "plain" and "tls"; loopback.cjs
# turns them into the real ones.
: >"$tmp/ports"
(
	cd "$tmp"
	export KINESIS_MOCK_PLAIN_PORT=4568 KINESIS_MOCK_TLS_PORT=4567
	export KINESIS_MOCK_CERT_PATH="$pkg/server.json" SHOULD_PERSIST_DATA=false
	export KINESIS_LOCAL_PLAIN_PORT=${KINESIS_LOCAL_PLAIN_PORT:-4568}
	export KINESIS_LOCAL_TLS_PORT=${KINESIS_LOCAL_TLS_PORT:-4567}
	export KINESIS_LOCAL_PORTS_FILE="$tmp/ports"
	exec node --require "$root/scripts/kinesis-local/loopback.cjs" "$pkg/main.js"
) >"$log" 2>&1 </dev/null &
server=$!

failed() {
	echo "kinesis-local.sh: $1; its output:" >&2
	tail -n 20 "$log" >&2
	exit 1
}

plain='' tls=''
for _ in $(seq 3000); do
	plain=$(sed -n 's/^plain=//p' "$tmp/ports")
	tls=$(sed -n 's/^tls=//p' "$tmp/ports")
	if [ -n "$plain" ] && [ -n "$tls" ]; then
		break
	fi
	if ! kill -0 "$server" 2>/dev/null; then
		failed "kinesis-local ended before it was ready (ports taken? KINESIS_LOCAL_PLAIN_PORT=0 and KINESIS_LOCAL_TLS_PORT=0 take free ones)"
	fi
	sleep 0.1
done
if [ -z "$plain" ] || [ -z "$tls" ]; then
	failed "kinesis-local did not open its ports within 5 minutes"
fi

export KINESIS_LOCAL_PLAIN=http://127.0.0.1:$plain
export KINESIS_LOCAL_TLS=https://127.0.0.1:$tls
node "$root/scripts/kinesis-local/ready.cjs" "$KINESIS_LOCAL_PLAIN" "$KINESIS_LOCAL_TLS" ||
	failed "kinesis-local does not answer"

export AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local AWS_REGION=us-east-1
export AWS_EC2_METADATA_DISABLED=true
unset AWS_SESSION_TOKEN AWS_PROFILE AWS_DEFAULT_PROFILE

status=0
"$@" || status=$?
if ! kill -0 "$server" 2>/dev/null; then
	failed "kinesis-local died while the command ran (which exited $status)"
fi
exit "$status"
