#!/usr/bin/env bash
# Installs into .tools/ what the tests of the generated backend run its job on:
# Spark 4.1 (AWS Glue 6.0) into .tools/spark41, 970 MB, and Spark 3.5 (Glue 5.1)
# into .tools/spark35, 720 MB, at the versions and checksums of spark41.txt and
# spark35.txt. Needs Java 17 or later, and python3, 3.10 or later, with venv; for
# Spark 3.5 a Python up to 3.12. s3a is what Spark 4.1 needs for a lake in S3, 17 MB
# into .tools/s3a at the versions of e2e/spark/s3a/pom.xml; it needs Maven.
#
#   scripts/spark-setup.sh [spark41|spark35|s3a]…   default: both Sparks
#
# Does nothing if .tools/ is up to date. Exit codes: 0 installed; 77 not
# installed, and it says why (a missing tool or no network is no fault of
# yours); with CI set, that is 1.
set -euo pipefail
cd "$(dirname "$0")/.."

# shellcheck source=/dev/null
. scripts/install.bash

# install NAME LOW HIGH
install() {
	local name=$1 to=.tools/$1 python
	# The requirements as installed, copied last, are the mark of a complete install.
	if cmp -s "scripts/$name.txt" "$to/installed"; then
		return
	fi
	python=$(find_python "$2" "$3") ||
		unavailable "no Python 3.$2 to 3.$3 with venv for $name (Debian: apt-get install python3-venv; macOS: brew install python@3.12)"
	rm -rf "$to"
	echo "spark-setup: installing $name into $to with $("$python" --version)"
	install_venv "$python" "$to" "scripts/$name.txt"
	cp "scripts/$name.txt" "$to/installed"
}

s3a() {
	local to=.tools/s3a from=e2e/spark/s3a/pom.xml
	if cmp -s $from "$to/installed"; then
		return
	fi
	command -v mvn >/dev/null 2>&1 || unavailable "mvn not found; a lake in S3 needs Maven (Debian: apt-get install maven; macOS: brew install maven)"
	rm -rf "$to"
	echo "spark-setup: installing s3a into $to"
	mvn -q -B -f $from dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$PWD/$to/jars" ||
		unavailable "Maven could not fetch s3a (see above); without network, run this once where there is one"
	cp $from "$to/installed"
}

major=$(java -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' || true)
if [ "${major:-0}" -lt 17 ]; then
	unavailable "Spark needs Java 17 or later, found ${major:-none} (Debian: apt-get install default-jre-headless; macOS: brew install openjdk@17)"
fi
[ $# -gt 0 ] || set -- spark41 spark35
for name in "$@"; do
	case $name in
	spark41) install spark41 10 14 ;;
	spark35) install spark35 10 12 ;;
	s3a) s3a ;;
	*)
		echo "usage: scripts/spark-setup.sh [spark41|spark35|s3a]…" >&2
		exit 2
		;;
	esac
done
