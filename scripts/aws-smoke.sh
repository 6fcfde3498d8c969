#!/usr/bin/env bash
# Does on a real AWS account what the tests do without one: renders a backend, deploys
# it, sends records from this machine as a device with a certificate, and checks that
# the table has each of them once. docs/aws-smoke.md says what it shows.
#
#   RIVULET_AWS_SMOKE=yes scripts/aws-smoke.sh -account 123456789012 -region eu-west-1
#
#   -account ID     the account to use; the credentials must be of it
#   -region REGION  where
#   -project NAME   begins the name of all that is created (default: rivulet-smoke-
#                   and six random digits)
#   -sink SINK      parquet or iceberg (default: parquet)
#   -keep           leave everything as it is at the end
#   -remove         only remove what an earlier run with -project NAME left
#   -help           print this
#
# It costs money: see the plan that it prints. Without RIVULET_AWS_SMOKE=yes it prints the
# plan and does nothing. At the end, and when something fails, it removes all that it made,
# unless -keep is given. It takes about 40 minutes.
#
# Needs Linux, go, jq, curl, zcat and the AWS command line, 1 or 2, with an administrator's
# credentials. Exit codes: 0 all is well; 1 something is not, and it says what; 2 usage.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
	sed -n '2,/^set -euo/{/^#/s/^# \{0,1\}//p;}' scripts/aws-smoke.sh
}

account='' region='' project='' sink=parquet keep='' remove_only=''
while [ $# -gt 0 ]; do
	case $1 in
	-account | -region | -project | -sink)
		[ $# -gt 1 ] || { echo "aws-smoke: $1 needs a value" >&2 && exit 2; }
		declare "${1#-}=$2"
		shift
		;;
	-keep) keep=yes ;;
	-remove) remove_only=yes ;;
	-help | --help | -h) usage && exit ;;
	*) echo "aws-smoke: unknown argument $1; -help explains" >&2 && exit 2 ;;
	esac
	shift
done
[ -n "$account" ] && [ -n "$region" ] || { echo "aws-smoke: give -account and -region; -help explains" >&2 && exit 2; }
[ -z "$remove_only" ] || [ -n "$project" ] || { echo "aws-smoke: -remove needs -project" >&2 && exit 2; }
[ "$sink" = parquet ] || [ "$sink" = iceberg ] || { echo "aws-smoke: -sink is parquet or iceberg, not $sink" >&2 && exit 2; }
project=${project:-rivulet-smoke-$(printf %06d $((RANDOM * 32768 + RANDOM)) | tail -c 6)}

cat <<PLAN
In account $account, region $region, this creates, all named $project-…:
  a KMS key, a Kinesis stream (on demand), two S3 buckets, a Glue database, table, job and security
  configuration, an EventBridge schedule and rules, IAM roles, an IoT role alias, policy, thing and
  certificate, SNS topics, an Athena workgroup, CloudWatch alarms, log groups and a dashboard
and runs the job with 2 workers of G.1X for some 40 minutes. That is about \$0.60 at \$0.44 a DPU-hour
(https://aws.amazon.com/glue/pricing/), and less than \$1 for the rest: a stream on demand for an hour
(https://aws.amazon.com/kinesis/data-streams/pricing/), a key for as long as it waits to be deleted, 7 days
(https://aws.amazon.com/kms/pricing/), alarms and a dashboard for an hour (https://aws.amazon.com/cloudwatch/pricing/),
a few queries of 10 MB (https://aws.amazon.com/athena/pricing/). Prices differ by region.
PLAN
if [ "${RIVULET_AWS_SMOKE:-}" != yes ]; then
	echo "Nothing was done: RIVULET_AWS_SMOKE=yes is not set."
	exit
fi

for tool in go jq curl zcat aws; do
	command -v "$tool" >/dev/null || { echo "aws-smoke: $tool not found" >&2 && exit 1; }
done
export AWS_REGION=$region AWS_DEFAULT_REGION=$region AWS_PAGER=
began=$SECONDS work=$(mktemp -d) table=machine
database=${project//-/_} job=$project-$table-etl thing=$project-thing
lake=$project-lake-$account-$region logs=$project-logs-$account-$region
failures=0

say() { printf '\n[%4d s] %s\n' $((SECONDS - began)) "$*"; }
fine() { printf '  ok: %s\n' "$*"; }
wrong() {
	printf '  WRONG: %s\n' "$*"
	failures=$((failures + 1))
}
die() {
	printf '\naws-smoke: %s\n' "$*" >&2
	exit 1
}

# until_true SECONDS WHAT COMMAND… runs the command every 15 s until it succeeds.
until_true() {
	local end=$((SECONDS + $1)) what=$2
	shift 2
	until "$@"; do
		if [ $SECONDS -ge $end ]; then
			wrong "$what: not in time"
			return 1
		fi
		sleep 15
	done
	fine "$what"
}

deploy() { # true or false: whether the job runs
	aws cloudformation deploy --stack-name "$project" --template-file "$work/out/cloudformation/backend.yaml" \
		--capabilities CAPABILITY_NAMED_IAM --no-fail-on-empty-changeset \
		--parameter-overrides Administrators="$administrator" Start="$1" >"$work/deploy.log" || {
		# shellcheck disable=SC2016 # JMESPath's own marks
		aws cloudformation describe-stack-events --stack-name "$project" --output text --query \
			'StackEvents[?contains(ResourceStatus, `FAILED`)].[LogicalResourceId, ResourceStatusReason]' | head -20
		die "the stack could not be deployed"
	}
}

query() { # SQL: prints what it gives, without the line of names
	local id state
	id=$(aws athena start-query-execution --work-group "$project" --query-string "$1" --query QueryExecutionId --output text) || return
	while state=$(aws athena get-query-execution --query-execution-id "$id" --query QueryExecution.Status.State --output text); do
		case $state in
		QUEUED | RUNNING) sleep 1 ;;
		SUCCEEDED)
			aws athena get-query-results --query-execution-id "$id" --query 'ResultSet.Rows[].[Data[].VarCharValue]' --output text |
				tail -n +2 | cat -v
			return
			;;
		*)
			aws athena get-query-execution --query-execution-id "$id" --query QueryExecution.Status.StateChangeReason --output text | cat -v >&2
			return 1
			;;
		esac
	done
}

runs() { # STATE…: the ids of the job's runs in one of them
	local state
	for state; do
		aws glue get-job-runs --job-name "$job" --query "JobRuns[?JobRunState=='$state'].Id" --output text
	done
}

# The schedule may start another while one is stopped, so it is those that are waited for.
stop_runs() {
	local run
	for run in $(runs RUNNING STARTING WAITING); do
		until_true 600 "run $run has stopped" stopped "$run"
	done
}
stopped() { # RUN: asks it to, since one that is starting may have refused, and whether it has
	aws glue batch-stop-job-run --job-name "$job" --job-run-ids "$1" >/dev/null
	case $(aws glue get-job-run --job-name "$job" --run-id "$1" --query JobRun.JobRunState --output text) in
	STOPPED | SUCCEEDED | FAILED | TIMEOUT | ERROR | EXPIRED) ;;
	*) return 1 ;;
	esac
}
one_run() { [ -n "$(runs RUNNING)" ]; }

empty() { # BUCKET: removes every version of every object
	# shellcheck disable=SC2016 # JMESPath's own marks
	while aws s3api list-object-versions --bucket "$1" --max-items 500 --output json \
		--query '{Objects: [Versions, DeleteMarkers][].{Key: Key, VersionId: VersionId}, Quiet: `true`}' >"$work/versions.json" &&
		[ "$(jq '.Objects | length' "$work/versions.json")" -gt 0 ]; do
		aws s3api delete-objects --bucket "$1" --delete "file://$work/versions.json" >/dev/null
	done
}

still() {
	printf '  STILL THERE: %s\n' "$*" >&2
	left=$((left + 1))
}
gone() { # WHAT COMMAND…, which describes it: AWS must say that it is not there, and nothing else
	local what=$1 says
	shift
	if says=$("$@" 2>&1); then
		still "$what"
		return
	fi
	case $says in
	*'(404)'* | *'does not exist'* | *'(ResourceNotFoundException)'*) ;;
	*) still "$what, or who knows: $says" ;;
	esac
}

# Each step may fail, because it may have been done, or what it removes may not have come to be.
remove() {
	local certificate bucket key keys state left
	say "removing $project"
	{
		as_administrator
		for certificate in $(aws iot list-targets-for-policy --policy-name "$project-device" --query 'targets[]' --output text); do
			aws iot detach-policy --policy-name "$project-device" --target "$certificate"
			aws iot detach-thing-principal --thing-name "$thing" --principal "$certificate"
			aws iot update-certificate --certificate-id "${certificate##*/}" --new-status INACTIVE
			aws iot delete-certificate --certificate-id "${certificate##*/}"
		done
		aws iot delete-thing --thing-name "$thing"
		# By its alias, which goes with the stack, or by its tag.
		keys=$(aws kms describe-key --key-id "alias/$project" --query KeyMetadata.KeyId --output text) ||
			keys=$(aws resourcegroupstaggingapi get-resources --tag-filters "Key=Project,Values=$project" --resource-type-filters kms:key \
				--query 'ResourceTagMappingList[].ResourceARN' --output text) || keys=
		aws scheduler delete-schedule --name "$project-start-job" || true
		stop_runs
		aws cloudformation delete-stack --stack-name "$project"
		aws cloudformation wait stack-delete-complete --stack-name "$project"
		aws kinesis delete-stream --stream-name "$project" --enforce-consumer-deletion
		aws kinesis wait stream-not-exists --stream-name "$project"
		for bucket in "$lake" "$logs"; do
			empty "$bucket"
			aws s3api delete-bucket --bucket "$bucket"
		done
		for key in $keys; do
			aws kms schedule-key-deletion --key-id "$key" --pending-window-in-days 7
		done
	} >"$work/remove.log" 2>&1 || true
	left=0
	gone "the stack" aws cloudformation describe-stacks --stack-name "$project"
	gone "the stream" aws kinesis describe-stream-summary --stream-name "$project"
	gone "the lake's bucket" aws s3api head-bucket --bucket "$lake"
	gone "the bucket with its access logs" aws s3api head-bucket --bucket "$logs"
	for key in $keys; do
		state=$(aws kms describe-key --key-id "$key" --query KeyMetadata.KeyState --output text 2>&1) || true
		[ "$state" = PendingDeletion ] || still "the key $key: $state"
	done
	if [ "$left" -gt 0 ]; then
		echo "  NOT ALL IS GONE. See $work/remove.log, then: scripts/aws-smoke.sh -account $account -region $region -project $project -remove" >&2
		return 1
	fi
	rm -rf "$work"
	echo "  removed; the key goes in 7 days"
}

credentials() {
	curl -sS --fail --cert "$work/device.pem" --key "$work/device.key" -H "x-amzn-iot-thingname: $thing" \
		"https://$host/role-aliases/$project-device/credentials" >"$work/credentials.json" 2>"$work/curl.log"
}
as_device() {
	credentials # the last ones may have ended
	AWS_ACCESS_KEY_ID=$(jq -r .credentials.accessKeyId "$work/credentials.json")
	AWS_SECRET_ACCESS_KEY=$(jq -r .credentials.secretAccessKey "$work/credentials.json")
	AWS_SESSION_TOKEN=$(jq -r .credentials.sessionToken "$work/credentials.json")
	export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN
}
as_reader() {
	aws sts assume-role --role-arn "arn:$partition:iam::$account:role/$project-reader-$region" --role-session-name smoke \
		--output json >"$work/reader.json" || return
	AWS_ACCESS_KEY_ID=$(jq -r .Credentials.AccessKeyId "$work/reader.json")
	AWS_SECRET_ACCESS_KEY=$(jq -r .Credentials.SecretAccessKey "$work/reader.json")
	AWS_SESSION_TOKEN=$(jq -r .Credentials.SessionToken "$work/reader.json")
	export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN
}
before=("${AWS_ACCESS_KEY_ID-}" "${AWS_SECRET_ACCESS_KEY-}" "${AWS_SESSION_TOKEN-}")
as_administrator() {
	export AWS_ACCESS_KEY_ID=${before[0]} AWS_SECRET_ACCESS_KEY=${before[1]} AWS_SESSION_TOKEN=${before[2]}
	[ -n "${before[0]}" ] || unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
	[ -n "${before[2]}" ] || unset AWS_SESSION_TOKEN
}

at_end() {
	local code=$?
	trap - EXIT INT TERM
	if [ -n "$keep" ]; then
		say "kept: the stack $project, and $work. Remove them with: scripts/aws-smoke.sh -account $account -region $region -project $project -remove"
	else
		remove || code=1
	fi
	exit "$code"
}

identity=$(aws sts get-caller-identity --output json)
[ "$(jq -r .Account <<<"$identity")" = "$account" ] || die "the credentials are of account $(jq -r .Account <<<"$identity"), not $account"
administrator=$(jq -r .Arn <<<"$identity") # as the bucket's policy wants it: a role with its path
case $administrator in
*:assumed-role/*) administrator=$(aws iam get-role --role-name "$(cut -d / -f 2 <<<"$administrator")" --query Role.Arn --output text) ;;
esac
partition=$(cut -d : -f 2 <<<"$administrator")
if [ -n "$remove_only" ]; then
	remove
	exit
fi
if aws cloudformation describe-stacks --stack-name "$project" >/dev/null 2>&1; then
	die "there is a stack $project already; give another -project, or -remove it"
fi
trap at_end EXIT
trap 'exit 130' INT TERM

say "rendering"
go build -o "$work/" ./cmd/rivulet ./examples/raspberrypi
"$work/raspberrypi" -print-schema >"$work/$table.schema.json"
cat >"$work/options.yaml" <<OPTIONS
project: $project
schemas: [$table.schema.json]
job: {sink: $sink}
OPTIONS
"$work/rivulet" backend render -options "$work/options.yaml" -out "$work/out"

say "deploying $project"
deploy false
aws s3 cp --only-show-errors "$work/out/glue/${table}_stream_etl.py" "s3://$lake/scripts/${table}_stream_etl.py"
aws s3 cp --only-show-errors "$work/out/registry/devices.csv" "s3://$lake/registry/devices.csv"
deploy true
fine "the stack is there"

say "registering a device"
aws iot create-thing --thing-name "$thing" >/dev/null
certificate=$(aws iot create-keys-and-certificate --set-as-active --query certificateArn --output text \
	--certificate-pem-outfile "$work/device.pem" --private-key-outfile "$work/device.key")
aws iot attach-policy --policy-name "$project-device" --target "$certificate"
aws iot attach-thing-principal --thing-name "$thing" --principal "$certificate"
host=$(aws iot describe-endpoint --endpoint-type iot:CredentialProvider --query endpointAddress --output text)
until_true 120 "the certificate gives credentials" credentials || die "$(cat "$work/curl.log")"

delivered=0
send() { # SECONDS CODEC: the agent sends this machine's readings
	as_device
	"$work/raspberrypi" -stream "$project" -region "$region" -device "$thing" -duration "$1s" -interval 200ms -codec "$2" -drain 60s -json \
		>"$work/agent.json" 2>"$work/agent.log" || { cat "$work/agent.log" >&2 && wrong "the agent failed with $2"; }
	as_administrator
	printf '  %s: %s\n' "$2" "$(jq -c '{delivered, pending, duplicates_sent, kinesis_records, wire_bytes_up, state}' "$work/agent.json")"
	delivered=$((delivered + $(jq .delivered "$work/agent.json")))
}

say "sending, with the device's credentials"
for codec in columnar zstd gzip none; do
	send 20 "$codec"
done
as_device
if aws kinesis list-streams >/dev/null 2>&1 || aws s3 ls "s3://$lake/" >/dev/null 2>&1 ||
	aws kinesis get-shard-iterator --stream-name "$project" --shard-id shardId-000000000000 --shard-iterator-type LATEST >/dev/null 2>&1; then
	wrong "the device may do more than put"
else
	fine "the device may not read, nor list"
fi
as_administrator

stored() {
	case $sink in
	parquet) query "SELECT count(*) FROM \"$database\".\"$table\" WHERE \"year\" = $(date -u +%Y) AND \"device_id\" = '$thing'" ;;
	iceberg) query "SELECT count(*) FROM \"$database\".\"$table\" WHERE \"device_id\" = '$thing'" ;;
	esac
}
nothing_lost() {
	local gaps
	gaps=$(query "SELECT * FROM \"$database\".\"${table}_gaps\" WHERE \"missing\" > 0 OR \"duplicates\" > 0")
	if [ -z "$gaps" ]; then
		fine "nothing is missing, nothing is there twice"
	else
		wrong "something is missing, or there twice: $gaps"
	fi
}
all_stored() { [ "$(stored 2>/dev/null)" = "$delivered" ]; }

say "waiting for the $delivered records in the table"
until_true 1200 "the job runs" one_run
until_true 1200 "the table has $delivered records" all_stored || wrong "it has $(stored)"
while IFS= read -r -d ';' statement; do
	query "$statement" >/dev/null || wrong "a view cannot be made: $statement"
done < <(sed '/^ *--/d' "$work/out/athena/views.sql")
nothing_lost

say "reading with the reader's role"
if as_reader; then
	if seen=$(stored 2>&1) && [ "$seen" = "$delivered" ]; then
		fine "a reader sees $delivered records"
	else
		wrong "a reader sees not $delivered records, but: $seen"
	fi
	if latest=$(query "SELECT \"device_id\" FROM \"$database\".\"${table}_latest\" WHERE \"device_id\" = '$thing'" 2>&1); then
		fine "a reader may use the views"
	else
		wrong "a reader may not use the views: $latest"
	fi
	if aws s3 cp --only-show-errors "s3://$lake/scripts/${table}_stream_etl.py" "$work/script.py" >/dev/null 2>&1; then
		wrong "a reader may read more than the table"
	else
		fine "a reader may read nothing but the table"
	fi
else
	wrong "the reader's role cannot be taken"
fi
as_administrator

say "malformed data, and what becomes of it"
printf 'neither this nor that' >"$work/format"
printf '\x1f\x8b\x08truncated' >"$work/corrupt"
printf '{"device_id": "x", "readings": {' >"$work/json"
printf '{"device_id": "x", "readings": {"load_1m": "much"}}' >"$work/type"
printf '{"device_id": "x", "readings": {"cpu_busy": 7.0}}' >"$work/range"
printf '{"device_id": "x", "schema": "nobody/9", "readings": {"cpu_busy": 0.5}}' >"$work/unknown_schema"
reasons="corrupt format json range type unknown_schema"
for reason in $reasons; do
	aws kinesis put-record --stream-name "$project" --partition-key "$reason" --data "fileb://$work/$reason" >/dev/null
done
letters() { # prints each reason, with how often it was replayed, sorted
	rm -rf "$work/letters"
	aws s3 cp --only-show-errors --recursive "s3://$lake/dead-letters/$table/" "$work/letters"
	[ ! -d "$work/letters" ] || find "$work/letters" -name '*.json.gz' -exec zcat {} + | jq -r '"\(.reason) \(.replayed)"' | LC_ALL=C sort
}
first_letters=$(for reason in $reasons; do echo "$reason 0"; done)
all_dead() { [ "$(letters)" = "$first_letters" ]; }
until_true 600 "the six are dead letters, each with its reason" all_dead || letters
aws s3 cp --only-show-errors --recursive "s3://$lake/dead-letters/$table/" "s3://$lake/replay/$table/smoke/"
twice_dead() { [ "$(letters | grep -c ' 1$')" = 6 ]; }
until_true 600 "replayed, they are dead letters once more" twice_dead || letters

say "killing the job's run"
stop_runs
send 20 columnar
until_true 900 "the schedule has started it again" one_run
until_true 1200 "the table has $delivered records" all_stored || wrong "it has $(stored)"
nothing_lost

say "compaction"
if [ "$sink" = parquet ]; then
	day=$(date -u '+"year" = %Y AND "month" = %m AND "day" = %d' | sed 's/= 0/= /g')
	sed -i.bak -e "s/\"year\" = 2026 AND \"month\" = 1 AND \"day\" = 1/$day/" -e "s/$project-lake-ACCOUNT-REGION/$lake/" "$work/out/athena/compaction.sql"
fi
while IFS= read -r -d ';' statement; do
	query "$statement" >"$work/statement.log" 2>&1 || wrong "$(cat "$work/statement.log"): $statement"
done < <(sed '/^ *--/d' "$work/out/athena/compaction.sql")
if [ "$sink" = parquet ]; then
	all=$(query "SELECT count(*) FROM \"$database\".\"${table}_all\" WHERE \"device_id\" = '$thing'")
	if [ "$all" = "$delivered" ]; then
		fine "${table}_all has $delivered records"
	else
		wrong "${table}_all has $all records, not $delivered"
	fi
fi

say "what was observed"
aws glue get-job-runs --job-name "$job" --output text \
	--query 'JobRuns[].[Id, JobRunState, GlueVersion, WorkerType, ExecutionTime, DPUSeconds, Timeout, ErrorMessage]' | cat -v
since=$((($(date +%s) - SECONDS - 60) * 1000))
aws logs filter-log-events --log-group-name "/aws-glue/jobs/$project-role/$project-job-$region/output" --start-time "$since" \
	--filter-pattern '"clocks_corrected"' --query 'events[].message' --output text | tail -20 | cat -v
aws cloudwatch describe-alarms --alarm-name-prefix "$project-" --query 'MetricAlarms[].[AlarmName, StateValue]' --output text

if [ "$failures" -gt 0 ]; then
	say "$failures things are wrong; they are marked with WRONG above"
	exit 1
fi
say "all is well"
