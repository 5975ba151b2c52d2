#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Install the packages of mk/packages.txt that are missing: `setup.sh build` the
# compile-time ones, `setup.sh all` everything. Says what it installs and why.
# Invariant: when nothing is missing it changes nothing, needs no root and is fast.
set -eu

stage=${1:?usage: setup.sh build|all}
list=$(dirname "$0")/../../mk/packages.txt
release=$(. /etc/os-release && echo "${ID:-} ${VERSION_ID:-0}")

wanted() {
	case $release in debian\ 1[3-9]*) newer=1 ;; *) newer=0 ;; esac
	while read -r when name reason; do
		case $when in
		build) ;;
		test) [ "$stage" = all ] || continue ;;
		test13) [ "$stage" = all ] && [ $newer = 1 ] || continue ;;
		*) continue ;;
		esac
		echo "$name $reason"
	done <"$list"
}

missing=$(wanted | while read -r name reason; do
	state=$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null) || state=
	[ "$state" = installed ] || echo "$name $reason"
done)
[ -n "$missing" ] || exit 0

case $release in
debian*) ;;
*) echo "setup: this is not Debian ($release); please install what corresponds to:" >&2
   echo "$missing" >&2
   exit 1 ;;
esac

as_root=
if [ "$(id -u)" != 0 ]; then
	command -v sudo >/dev/null || {
		echo "setup: packages are missing, and there is neither root nor sudo. As root: apt-get install" \
		     $(echo "$missing" | cut -d' ' -f1) >&2
		exit 1
	}
	as_root=sudo
fi

echo "setup: installing what is missing:"
echo "$missing" | while read -r name reason; do printf '  %-22s %s\n' "$name" "$reason"; done
names=$(echo "$missing" | cut -d' ' -f1)

# Without package lists, or with too old ones, every installation fails.
# shellcheck disable=SC2086
if ! $as_root apt-get install -qq --simulate --no-install-recommends $names >/dev/null 2>&1; then
	echo "setup: refreshing the package lists"
	$as_root apt-get update -qq
fi
# shellcheck disable=SC2086
install() { $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $names >/dev/null; }
if ! install; then
	echo "setup: the installation failed; once more with fresh package lists"
	$as_root apt-get update -qq
	install
fi
echo "setup: done"
