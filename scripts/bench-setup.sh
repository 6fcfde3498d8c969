#!/usr/bin/env bash
# Installs into .tools/bench/ what the producers in Java and Python need that
# bench/ measures beside ours: the KPL with its daemon, at the version of
# bench/kpl/pom.xml, and the packages of bench/python/requirements.txt.
#
#   scripts/bench-setup.sh
#
# Does nothing if .tools/bench/ is up to date. Exit codes: 0 installed; 77 not all
# of it, and it says why (a missing tool or no network is no fault of yours: the
# benchmark leaves out what is missing); with CI set, that is 1.
set -euo pipefail
cd "$(dirname "$0")/.."

to=.tools/bench
missing=

unavailable() {
	echo "bench-setup: $1" >&2
	missing=yes
}

# has TOOL… reports the first tool that is not there.
has() {
	for tool in "$@"; do
		if ! command -v "$tool" >/dev/null 2>&1; then
			unavailable "$tool not found; $hint"
			return 1
		fi
	done
}

# uptodate DIRECTORY FILE…: DIRECTORY/installed, written last, holds the files.
uptodate() {
	local dir=$1
	shift
	[ -f "$dir/installed" ] && cat "$@" | cmp -s - "$dir/installed"
}

kpl() {
	local dir=$to/kpl from=bench/kpl
	uptodate "$dir" $from/pom.xml $from/src/Program.java && return
	hint='the KPL needs a JDK 17 or later and Maven (Debian: apt-get install default-jdk-headless maven)'
	has java javac mvn || return 0
	rm -rf "$dir"
	mkdir -p "$dir/classes" "$dir/tmp"
	echo "bench-setup: installing the KPL into $dir"
	if ! mvn -q -B -f $from/pom.xml dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$PWD/$dir/lib"; then
		unavailable "Maven could not fetch the KPL (see above); without network, run this once where there is one"
		return 0
	fi
	javac -cp "$dir/lib/*" -d "$dir/classes" $from/src/Program.java
	cat $from/pom.xml $from/src/Program.java >"$dir/installed"
}

python() {
	local dir=$to/venv from=bench/python
	uptodate "$dir" $from/requirements.txt && return
	hint='aiokpl and async-kinesis need Python 3.11 or later (Debian: apt-get install python3 python3-venv)'
	has python3 || return 0
	if ! python3 -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
		unavailable "$(python3 --version) is too old or has no venv; $hint"
		return 0
	fi
	rm -rf "$dir"
	echo "bench-setup: installing aiokpl and async-kinesis into $dir"
	if ! python3 -m venv "$dir" || ! "$dir/bin/pip" install --quiet --no-deps --requirement $from/requirements.txt; then
		unavailable "pip could not install them (see above); without network, run this once where there is one"
		return 0
	fi
	cp $from/requirements.txt "$dir/installed"
}

kpl
python
if [ -n "$missing" ]; then
	[ -n "${CI:-}" ] && exit 1
	exit 77
fi
