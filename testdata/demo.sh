#!/usr/bin/env bash
# The whole story in a throw-away store: make demo runs it. It writes nothing
# outside a temporary directory, which it removes.
set -euo pipefail

secrets_program=$(cd "$(dirname "${1:?usage: demo.sh PROGRAM}")" && pwd)/$(basename "$1")
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
mkdir "$place/bin" "$place/project"
ln -s "$secrets_program" "$place/bin/secrets"
export PATH=$place/bin:$PATH HOME=$place USER=${USER:-you} SECRETS_FORMAT=text
unset SECRETS_HOME SECRETS_IDENTITY SECRETS_IDENTITY_FILE SECRETS_CLIENT_ID GIT_DIR
cd "$place/project"

if [ -t 1 ] && [ -z "${NO_COLOR-}" ] && [ "${TERM-}" != dumb ]; then
	bold=$'\e[1m' plain=$'\e[0m'
else
	bold='' plain=''
fi

say() { printf '\n%s\n' "# $*"; }

# show prints a command and runs it. A status other than 0 is part of the story
# where it is expected: show -7 wants the status 7.
show() {
	local want=0 got=0
	case $1 in -[0-9]*) want=${1#-} && shift ;; esac
	printf '%s$ %s%s\n' "$bold" "$1" "$plain"
	eval "$1" || got=$?
	[ "$got" -eq "$want" ] || { echo "demo.sh: that ended with status $got, not $want" >&2 && exit 1; }
	[ "$want" -eq 0 ] || printf '(status %s)\n' "$got"
}

say 'A store, and a credential in it. The value comes from standard input.'
show 'secrets init 2>&1'
show 'echo ghp_not_a_real_token | secrets add github_token'
show 'secrets list'

say 'A command gets it in its environment, and what it prints has it hidden.'
show $'echo \'{"secrets":[{"name":"github_token","env_var":"GITHUB_TOKEN"}]}\' >.secrets.json'
show $'secrets exec -- sh -c \'echo "I could use $GITHUB_TOKEN now"\' | cat'

say 'A lease on the value itself, for those that cannot do without it.'
show 'secrets lease github_token --ttl 1s --client-id demo-agent'
echo
show 'secrets leases'
show 'sleep 1; secrets leases'

say 'When its lease ends, a command is stopped with everything that it started.'
show -124 'secrets exec --ttl 1s -- sh -c "sleep 60 & sleep 60" 2>&1'

say 'Where a program wants a file: it goes when its leases do.'
show 'secrets env'
show 'cat .env'

say 'The killswitch.'
show 'secrets lease github_token >/dev/null; secrets revoke --all --freeze'
show 'ls .env 2>&1 || true'
show -77 'secrets lease github_token 2>&1'
show 'secrets thaw --yes'

say 'All of it is on record, in a chain that nobody can change unseen.'
show 'secrets audit --tail 12'
show 'secrets audit --verify'
show 'secrets status'
