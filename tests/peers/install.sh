#!/bin/bash
# The peers that the tests meet: on Debian as root, installs what is missing of tests/debian-packages.txt and starts
# none of their services; elsewhere says which are missing, so that it is known why tests are skipped.
# Called by `make test`. Fails only where it had to install and could not.
set -euo pipefail
list=$(dirname "$0")/../debian-packages.txt

missing=()
if command -v dpkg-query >/dev/null; then
  while read -r package; do
    dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
  done <"$list"
else
  mapfile -t missing <"$list"
fi
[ ${#missing[@]} -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null || [ "$(id -u)" != 0 ]; then
  echo "peers: not installed here (only on Debian as root): ${missing[*]}"
  echo "peers: the tests that need one are skipped by its name; MAILLOFT_REQUIRE_PEERS=1 makes that a failure"
  exit 0
fi

# A package's own script asks policy-rc.d whether it may start its service; 101 says no to each.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
fi
echo "peers: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -q </dev/null >/dev/null
apt-get install -y -q --no-install-recommends "${missing[@]}" </dev/null >/dev/null
