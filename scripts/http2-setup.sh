#!/usr/bin/env bash
# Makes nginx, HAProxy and nghttpx, the HTTP/2 ends of others that e2e/http2 puts
# before Kinesis, available in .tools/http2/bin: those that are installed, or else,
# on Debian and its kin, their packages with all that they need, unpacked there. It
# installs nothing on the system, starts nothing, and needs no root.
#
#   scripts/http2-setup.sh
#
# Does nothing if .tools/ is up to date. Exit codes: 0 available; 77 not
# available, and it says why (a missing tool or no network is no fault of
# yours); with CI set, that is 1.
set -euo pipefail
cd "$(dirname "$0")/.."

# shellcheck source=/dev/null
. scripts/install.bash

to=.tools/http2
declare -A packages=([nginx]=nginx [haproxy]=haproxy [nghttpx]=nghttp2-proxy)

# The last thing written is the mark of a complete install.
if [ -f "$to/installed" ]; then
	exit 0
fi
rm -rf "$to"
mkdir -p "$to/bin" "$to/root"
PATH=$PATH:/usr/sbin:/usr/local/sbin
missing=()
for program in "${!packages[@]}"; do
	if path=$(command -v "$program"); then
		ln -s "$path" "$to/bin/$program"
	else
		missing+=("$program")
	fi
done
if [ ${#missing[@]} -gt 0 ]; then
	for tool in apt-get dpkg-deb; do
		command -v "$tool" >/dev/null 2>&1 ||
			unavailable "${missing[*]} not found, and no apt-get to get them with (macOS: brew install nginx haproxy nghttp2)"
	done
	names=()
	for program in "${missing[@]}"; do
		names+=("${packages[$program]}")
	done
	echo "http2-setup: unpacking ${names[*]} into $to"
	# The packages that are not installed, as apt names their files.
	uris() { apt-get install --print-uris -qq --no-install-recommends "${names[@]}" 2>/dev/null; }
	if ! list=$(uris) || [ -z "$list" ]; then
		apt-get update -qq || true # as root; others have to have done it
		list=$(uris) || unavailable "apt-get knows no ${names[*]}; run apt-get update"
	fi
	debs=$(mktemp -d)
	trap 'rm -rf "$debs"' EXIT
	# 'http://…/nginx_1.22.1-9_amd64.deb' nginx_1.22.1-9_amd64.deb 527000 SHA256:…
	mapfile -t files < <(awk '{print $2}' <<<"$list")
	(cd "$debs" && apt-get download -qq "${files[@]%%_*}") ||
		unavailable "apt-get could not download ${files[*]} (see above); without network, run this once where there is one"
	for deb in "$debs"/*.deb; do
		dpkg-deb -x "$deb" "$to/root"
	done
	for program in "${missing[@]}"; do
		path=$(find "$PWD/$to/root" -path "*bin/$program" -type f -o -path "*bin/$program" -type l | head -1)
		[ -n "$path" ] || unavailable "the package ${packages[$program]} holds no $program"
		libraries=$(find "$PWD/$to/root" -name '*.so*' -printf '%h\n' | sort -u | paste -sd:)
		printf '#!/bin/sh\nLD_LIBRARY_PATH=%s exec %s "$@"\n' "$libraries" "$path" >"$to/bin/$program"
		chmod +x "$to/bin/$program"
	done
fi
touch "$to/installed"
