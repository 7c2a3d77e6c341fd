#!/usr/bin/env bash
# Replicates the catalog and a tenant with the real Litestream by packaging/litestream/, loses the machine, restores, and finds
# what was written. Needs TENANTRY and LITESTREAM: the two programs.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
work=$(mktemp -d)
server='' replicating=''
finish() {
  [[ -n $server ]] && kill -9 "$server" 2>/dev/null
  [[ -n $replicating ]] && kill -9 "$replicating" 2>/dev/null
  rm -rf "$work"
}
trap finish EXIT

fail() { echo "litestream: $*" >&2; cat "$work"/*.log >&2; exit 1; }
json() { python3 -c 'import json,sys; print(eval("value" + sys.argv[1], {"value": json.load(sys.stdin)}))' "$1"; }
call() { curl -sS --fail-with-body -H 'Content-Type: application/json' "$@"; }
eventually() {
  local tries
  for tries in $(seq 200); do "$@" && return; sleep 0.1; done
  fail "waited in vain: $*"
}

serve() {
  "$TENANTRY" serve --data "$1" --listen 127.0.0.1:0 >"$work/serve.out" 2>>"$work/serve.log" &
  server=$!
  eventually grep -q 'http://127.0.0.1:' "$work/serve.out" "$work/serve.log"
  url=$(grep -ho 'http://127\.0\.0\.1:[0-9]*' "$work/serve.out" "$work/serve.log" | tail -1)
}

name_of_last() { call -H "Authorization: Bearer $token" "$url/api/v1/tenants/acme/records/customers?order=-name&limit=1" | json "['items'][0]['name']"; }

password=otter-juggles-nine-lanterns-at-dusk
sign_in() { token=$(call -d "{\"email\":\"ann@example.com\",\"password\":\"$password\"}" "$url/api/v1/auth/$1" | json "['access_token']"); }
add() { call -o /dev/null -H "Authorization: Bearer $token" -d "{\"name\":\"$1\"}" "$url/api/v1/tenants/acme/records/customers"; }

serve "$work/data"
token=$(call -d "{\"email\":\"ann@example.com\",\"password\":\"$password\",\"name\":\"Ann\"}" "$url/api/v1/auth/sign-up" | json "['access_token']")
id=$(call -H "Authorization: Bearer $token" -d '{"name":"Acme","slug":"acme"}' "$url/api/v1/tenants" | json "['id']")
add "customer 000"

export LITESTREAM_DATA=$work/data LITESTREAM_REPLICA=file://$work/replica TENANT_ID=$id TENANT_SHARD=${id: -2}
"$LITESTREAM" replicate -config "$here/packaging/litestream/litestream.yml" >"$work/litestream.log" 2>&1 &
replicating=$!
for number in $(seq -w 1 40); do add "customer 0$number"; done

# The last write arrives: what is restored beside holds it.
arrived() {
  rm -rf "$work/look"* && "$LITESTREAM" restore -o "$work/look.db" "$LITESTREAM_REPLICA/tenants/$id" >>"$work/look.log" 2>&1 &&
    [[ $(python3 -c 'import sqlite3,sys; print(sqlite3.connect(sys.argv[1]).execute("SELECT max(name) FROM customers").fetchone()[0])' "$work/look.db" 2>>"$work/look.log") == "customer 040" ]]
}
eventually arrived

# The machine is lost but for the keys, which are kept apart.
kill -9 "$server" "$replicating"
wait "$server" "$replicating" 2>/dev/null || true
server='' replicating=''
mkdir -m 700 "$work/new"
cp -a "$work/data/keys" "$work/new/keys"
rm -rf "$work/data"
PATH=$(dirname "$LITESTREAM"):$PATH "$here/packaging/litestream/restore.sh" "$LITESTREAM_REPLICA" "$work/new" "$id" >"$work/restore.log" 2>&1 ||
  fail "restore.sh failed"

serve "$work/new"
sign_in sign-in
[[ $(name_of_last) == "customer 040" ]] || fail "the last customer is $(name_of_last)"
add "customer 999"
[[ $(name_of_last) == "customer 999" ]] || fail "nothing can be written afterwards"
"$TENANTRY" verify usage --data "$work/new" >"$work/verify.log" 2>&1 || fail "usage is not what it was"
"$TENANTRY" verify audit --data "$work/new" >>"$work/verify.log" 2>&1 || fail "the audit log is not what it was"
echo "litestream: 41 customers came back, and it goes on"
