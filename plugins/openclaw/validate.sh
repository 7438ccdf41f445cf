#!/usr/bin/env bash
# Checks the plugin and secrets openclaw-resolve with OpenClaw itself: its
# declarations, its validator, its installer and a gateway on loopback. The
# packages, about 800 MB, go to a cache outside the tree.
#
# usage: validate.sh SECRETS-BINARY
set -euo pipefail

openclaw_version=2026.9.6
node_version=24.21.0
port=${OPENCLAW_TEST_PORT:-28789}

binary=$(realpath "$1")
plugin=$(cd "$(dirname "$0")" && pwd)
cache=${OPENCLAW_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/agent-secrets/openclaw-$openclaw_version}

fail() {
	echo "FAILED: $*" >&2
	exit 1
}

install_packages() {
	[ ! -e "$cache/installed" ] || return 0
	echo "== installing openclaw $openclaw_version and Node $node_version into $cache"
	mkdir -p "$cache"
	local dev
	dev=$(node -p 'Object.entries(require(process.argv[1]).devDependencies).map(p => p.join("@")).join(" ")' "$plugin/package.json")
	# shellcheck disable=SC2086 # several words
	npm install --prefix "$cache" --no-package-lock --no-audit --no-fund --ignore-scripts --loglevel=error \
		"openclaw@$openclaw_version" "node-$(node -p 'process.platform+"-"+process.arch')@$node_version" $dev
	touch "$cache/installed"
}

# The plugin, where OpenClaw's declarations are found in place of our own.
stage_plugin() {
	stage=$cache/stage
	rm -rf "$stage"
	mkdir "$stage"
	cp -r "$plugin"/{package.json,openclaw.plugin.json,README.md,tsconfig.json,src,test} "$stage"
}

openclaw() { node "$cache/node_modules/openclaw/openclaw.mjs" "$@"; }

# rpc METHOD PARAMS: what the gateway answers to one of its own calls.
rpc() { openclaw gateway call "$1" --params "$2" --token "$token" --json 2>&1; }

# A home of its own, with a store, and a copy of the binary as OpenClaw wants it:
# no link, ours, and writable by nobody else.
make_home() {
	home=$(mktemp -d)
	trap 'stop_gateway; rm -rf "$home"' EXIT
	export HOME=$home OPENCLAW_STATE_DIR=$home/openclaw SECRETS_HOME=$home/state
	install -m 0755 "$binary" "$home/secrets"
	"$home/secrets" init >/dev/null 2>&1
	printf %s "$value" | "$home/secrets" add providers/demo >/dev/null
}
value=hunter2-openclaw

configure() { openclaw config set "$1" "$2" --strict-json >"$home/out" 2>&1; }

must_configure() { configure "$@" || fail "config set $1: $(cat "$home/out")"; }

must_not_configure() { ! configure "$@" || fail "config set $1 took $2"; }

gateway_pid=
start_gateway() {
	! curl -s -o "$home/out" "http://127.0.0.1:$port/" || fail "something listens on port $port: set OPENCLAW_TEST_PORT"
	node "$cache/node_modules/openclaw/openclaw.mjs" gateway run --port "$port" >"$home/gateway.log" 2>&1 &
	gateway_pid=$!
	local tries
	for tries in $(seq 120); do
		! curl -s -o "$home/out" "http://127.0.0.1:$port/" || return 0
		kill -0 "$gateway_pid" 2>/dev/null || break
		sleep 1
	done
	cat "$home/gateway.log" >&2
	fail "the gateway did not start in $tries s"
}

stop_gateway() {
	[ -n "$gateway_pid" ] || return 0
	kill "$gateway_pid" 2>/dev/null || true
	wait "$gateway_pid" 2>/dev/null || true
	gateway_pid=
}

# invoke TOOL ARGS: what the gateway answers; its HTTP status in $status.
invoke() {
	status=$(curl -s -m 60 -o "$home/answer" -w '%{http_code}' "http://127.0.0.1:$port/tools/invoke" \
		-H "Authorization: Bearer $token" -H 'Content-Type: application/json' -d "{\"tool\":\"$1\",\"args\":$2}")
}
token=token-of-this-test

# answered STATUS TEXT: wants them of the last invoke.
answered() {
	[ "$status" = "$1" ] && grep -qF -- "$2" "$home/answer" || fail "want $1 and $2, got $status: $(cat "$home/answer")"
}

install_packages
PATH=$(echo "$cache"/node_modules/node-*/bin):$PATH
export PATH
stage_plugin
cd "$stage"

echo "== types of openclaw $openclaw_version, under Node $(node --version)"
node "$cache/node_modules/typescript/bin/tsc" -p tsconfig.json
echo "== unit tests under that Node"
cp -r "$plugin/types" . # without the real ones the tests are compiled as every day
SECRETS_BIN=$binary npm test --silent || fail "unit tests"

echo "== manifest"
openclaw plugins validate --root . --entry ./dist/index.js
openclaw plugins build --root . --entry ./dist/index.js --check

make_home
echo "== install"
npm pack --silent --ignore-scripts --pack-destination "$home" >/dev/null
openclaw plugins install "npm-pack:$(echo "$home"/*.tgz)" --force --accept-capabilities >"$home/out" 2>&1 || fail "$(cat "$home/out")"
openclaw plugins inspect agent-secrets --runtime --json >"$home/inspect.json"
node -e '
	const { plugin, tools, diagnostics } = JSON.parse(require("fs").readFileSync(0));
	console.log(plugin.id, plugin.status, tools.map((t) => t.names + (t.optional ? " (optional)" : "")).join(", "));
	if (plugin.status !== "loaded" || (diagnostics ?? []).length > 0) process.exit(1);
' <"$home/inspect.json" || fail "$(cat "$home/inspect.json")"

echo "== settings"
must_not_configure plugins.entries.agent-secrets.config '{"cli_path":"./secrets"}'
must_not_configure plugins.entries.agent-secrets.config '{"unknown":"x"}'
must_configure plugins.entries.agent-secrets.config "{\"cli_path\":\"$home/secrets\",\"default_ttl\":\"7m\"}"

echo "== SecretRefs, resolved by secrets openclaw-resolve"
must_configure secrets.providers.vault \
	"{\"source\":\"exec\",\"command\":\"$home/secrets\",\"args\":[\"openclaw-resolve\",\"--ttl\",\"24h\"],\"passEnv\":[\"SECRETS_HOME\"],\"timeoutMs\":10000}"
demo() {
	must_configure models.providers.demo \
		"{\"baseUrl\":\"http://127.0.0.1:9/v1\",\"apiKey\":{\"source\":\"exec\",\"provider\":\"vault\",\"id\":\"$1\"},\"models\":[{\"id\":\"m\",\"name\":\"m\"}]}"
}
demo nope
! openclaw secrets audit --allow-exec >"$home/out" 2>&1 || fail "a secret that is not there was resolved"
grep -o 'Exec provider .*' "$home/out" | grep 'for id "nope" (NOT_FOUND)' || fail "$(cat "$home/out")"
demo providers/demo
openclaw secrets audit --allow-exec || fail "a SecretRef was not resolved"
openclaw config validate
"$home/secrets" audit --action lease.grant --tail 1 --client-id openclaw:vault | grep -q '"secret": "providers/demo"' ||
	fail "a SecretRef is not on record"

echo "== tools, called through a gateway on loopback"
must_configure gateway "{\"mode\":\"local\",\"bind\":\"loopback\",\"port\":$port,\"auth\":{\"mode\":\"token\",\"token\":\"$token\"}}"
must_configure logging "{\"level\":\"debug\",\"file\":\"$home/openclaw.log\"}"
start_gateway
rpc sessions.create '{"agentId":"main","key":"agent:main:probe"}' >"$home/out" || fail "$(cat "$home/out")"

# What a model gets to see: the optional tools only once they are allowed, which
# a running gateway takes note of within seconds.
visible() { rpc tools.effective '{"sessionKey":"agent:main:probe"}' | grep -oE '"id": "secrets_[a-z]+"' | cut -d'"' -f4 | sort | tr '\n' ' '; }
[ "$(visible)" = "secrets_audit secrets_lease secrets_revoke secrets_status " ] || fail "by default a model sees: $(visible)"
must_configure tools.alsoAllow '["agent-secrets"]'
for _ in 1 2 3 4 5; do
	seen=$(visible)
	[ "$seen" != "secrets_add secrets_audit secrets_killswitch secrets_lease secrets_revoke secrets_status " ] || break
	sleep 1
done
[ "$(wc -w <<<"$seen")" = 6 ] || fail "with all allowed a model sees: $seen"
echo "secrets_add and secrets_killswitch are there once they are allowed"

invoke secrets_status '{}'
answered 200 '"secrets_count":1'
invoke secrets_lease '{"secret_name":"providers/demo"}'
answered 200 "$value"
answered 200 '"client_id":"openclaw/main"'
answered 200 '"ttl":"7m"'
invoke secrets_lease '{"secret_name":"nope"}'
answered 500 tool_error
invoke secrets_revoke '{}'
answered 200 '"count":1'
invoke secrets_audit '{"action":"lease.denied"}'
answered 200 '"secret":"nope"'
invoke secrets_add '{"secret_name":"new","value":"hunter2-new"}'
answered 200 '"name":"new"'
invoke secrets_killswitch '{"freeze":true}'
answered 200 '"step":"end_leases"'
invoke secrets_lease '{"secret_name":"new"}'
answered 500 tool_error
stop_gateway
[ -s "$home/openclaw.log" ] || fail "OpenClaw wrote no log"
! grep -rlF hunter2 "$home/gateway.log" "$home/openclaw.log" "$OPENCLAW_STATE_DIR" || fail "a value is in a file of OpenClaw"
"$home/secrets" audit --verify | grep -q '"verified": true' || fail "the audit log does not verify"
echo "== all of it works with openclaw $openclaw_version"
