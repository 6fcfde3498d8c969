#!/usr/bin/env bash
# Installs into .tools/terraform/ what the generated Terraform is checked against:
# the published bindings of the AWS provider, at the version and checksum of
# scripts/terraform/provider.env. It downloads 46 MB and keeps the resources that
# scripts/terraform/resources.txt lists. Needs node 18 or later, npm and tar.
#
#   scripts/terraform-setup.sh
#
# Does nothing if .tools/ is up to date. Exit codes: 0 installed; 77 not
# installed, and it says why (a missing tool or no network is no fault of
# yours); with CI set, that is 1.
set -euo pipefail
cd "$(dirname "$0")/.."

from=scripts/terraform
to=.tools/terraform

# shellcheck source=/dev/null
. scripts/install.bash

# The pins as installed, copied last, are the mark of a complete install.
pins=$(cat "$from/provider.env" "$from/resources.txt")
if [ "$pins" = "$(cat "$to/installed" 2>/dev/null)" ]; then
	exit 0
fi
need_node "the check of the Terraform" tar

# shellcheck source=scripts/terraform/provider.env
. "$from/provider.env"
rm -rf "$to"
mkdir -p "$to"
echo "terraform-setup: installing $package $version into $to"
(cd "$to" && npm pack --silent "$package@$version" >/dev/null) ||
	unavailable "npm could not get $package (see above); without network, run this once where there is one"
archive=$(echo "$to"/*.tgz)
got=sha512-$(node -e 'process.stdout.write(require("crypto").createHash("sha512").update(require("fs").readFileSync(process.argv[1])).digest("base64"))' "$archive")
if [ "$got" != "$integrity" ]; then
	rm -rf "$to"
	echo "terraform-setup: $package $version has the checksum $got, not $integrity" >&2
	exit 1
fi
grep -v '^#' "$from/resources.txt" | sed 's|.*|package/lib/&/index.js|' |
	xargs tar -xzf "$archive" -C "$to" --strip-components 2
rm "$archive"
printf '%s\n' "$pins" >"$to/installed"
