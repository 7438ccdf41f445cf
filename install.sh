#!/bin/sh
# Installs secrets on Linux or macOS: from a release, whose checksum it verifies,
# or from a checkout of the source.
#
#   ./install.sh                         build the checkout that this file is in
#   ./install.sh --from PLACE            install a release: PLACE is the directory,
#                                        or the https URL of one, that holds the
#                                        archives and checksums.txt
#   --to DIR                             where the program goes (~/.local/bin)
set -eu

main() {
	from='' to=${HOME:-}/.local/bin
	while [ $# -gt 0 ]; do
		case $1 in
		--from | --to) [ $# -gt 1 ] || fail "$1 needs a value" ;;
		esac
		case $1 in
		--from) from=$2 && shift 2 ;;
		--to) to=$2 && shift 2 ;;
		-h | --help) sed -n '2,11s/^# \{0,1\}//p' "$0" && return ;;
		*) fail "unknown argument $1: try --help" ;;
		esac
	done
	[ "$to" != /.local/bin ] || fail 'there is no HOME: say --to DIR'
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	if [ -n "$from" ]; then
		release
	else
		build
	fi
	mkdir -p "$to"
	# Renamed into place, so that a program that runs is not written into.
	cp "$work/secrets" "$to/.secrets.new"
	chmod 0755 "$to/.secrets.new"
	mv -f "$to/.secrets.new" "$to/secrets"
	echo "installed $("$to/secrets" version --format text | sed -n 's/^version: *//p') as $to/secrets"
	case :$PATH: in
	*:"$to":*) ;;
	*) echo "$to is not on the PATH: add it" ;;
	esac
}

fail() {
	echo "install.sh: $*" >&2
	exit 1
}

# build makes the program from the checkout that this file is in.
build() {
	source=$(cd "$(dirname "$0")" && pwd)
	grep -q '^module agent-secrets$' "$source/go.mod" 2>/dev/null || fail 'this is no checkout of the source: say --from PLACE'
	command -v go >/dev/null || fail 'building takes Go 1.25 or later'
	make -C "$source" build >&2
	cp "$source/secrets" "$work/secrets"
}

# release takes the archive of this system, if its checksum is the one listed.
release() {
	case $(uname -s) in
	Linux) os=linux ;;
	Darwin) os=darwin ;;
	*) fail "there is no release for $(uname -s)" ;;
	esac
	case $(uname -m) in
	x86_64 | amd64) arch=amd64 ;;
	aarch64 | arm64) arch=arm64 ;;
	*) fail "there is no release for $(uname -m)" ;;
	esac
	get checksums.txt
	archive=$(sed -n "s/^[0-9a-f]\{64\}  \(secrets_[^/ ]*_${os}_$arch\.tar\.gz\)\$/\1/p" "$work/checksums.txt")
	[ -n "$archive" ] || fail "checksums.txt lists no archive for $os on $arch"
	[ "$(printf '%s\n' "$archive" | wc -l)" -eq 1 ] || fail "checksums.txt lists several archives for $os on $arch"
	get "$archive"
	wanted=$(sed -n "s/^\([0-9a-f]*\)  $archive\$/\1/p" "$work/checksums.txt")
	[ "$(sum "$work/$archive")" = "$wanted" ] || fail "$archive does not have the checksum that is listed: nothing was installed"
	tar -xzf "$work/$archive" -C "$work" secrets
}

get() {
	case $from in
	https://*)
		if command -v curl >/dev/null; then
			curl --proto '=https' --tlsv1.2 -fsSL -o "$work/$1" "$from/$1" || fail "cannot get $from/$1"
		else
			wget -q --https-only -O "$work/$1" "$from/$1" || fail "cannot get $from/$1"
		fi
		;;
	*://*) fail "$from: only https is safe enough" ;;
	*) cp "$from/$1" "$work/$1" || fail "there is no $from/$1" ;;
	esac
}

sum() {
	if command -v sha256sum >/dev/null; then
		sha256sum "$1" | cut -d ' ' -f 1
	else
		shasum -a 256 "$1" | cut -d ' ' -f 1
	fi
}

main "$@"
