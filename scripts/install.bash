# What the scripts that install into .tools/ have in common; they source it.
# shellcheck shell=bash

# unavailable MESSAGE ends the script: with 77, or 1 if CI is set.
unavailable() {
	echo "$(basename "$0" .sh): $1" >&2
	if [ -n "${CI:-}" ]; then
		exit 1
	fi
	exit 77
}

# need_node WHAT TOOL…: WHAT needs Node.js 18 or later, and these tools.
need_node() {
	local what=$1 tool major
	shift
	for tool in node npm "$@"; do
		if ! command -v "$tool" >/dev/null 2>&1; then
			unavailable "$tool not found; $what needs Node.js 18 or later with npm (Debian: apt-get install nodejs npm; macOS: brew install node)"
		fi
	done
	major=$(node -p 'process.versions.node.split(".")[0]')
	if [ "$major" -lt 18 ]; then
		unavailable "node $(node --version) is too old; $what needs 18 or later"
	fi
}

# find_python LOW HIGH prints a Python of 3.LOW to 3.HIGH that can make a venv.
find_python() {
	local name
	for name in python3 python3.12 python3.11 python3.10 python3.13; do
		if "$name" -c "import sys, venv, ensurepip; sys.exit(not (3, $1) <= sys.version_info[:2] <= (3, $2))" >/dev/null 2>&1; then
			echo "$name"
			return
		fi
	done
	return 1
}

# install_venv PYTHON DIRECTORY REQUIREMENTS [FLAG…] makes a venv; the flags are pip's.
install_venv() {
	local python=$1 to=$2 from=$3
	shift 3
	"$python" -m venv "$to"
	"$to/bin/python" -m pip install -q --disable-pip-version-check --no-cache-dir --require-hashes "$@" -r "$from" ||
		unavailable "pip could not install $from (see above); without network, run this once where there is one"
}
