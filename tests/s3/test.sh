#!/usr/bin/env bash
# Backups in a bucket of a service that speaks as S3 does: stored, verified, restored, pruned, erased, and
# what is told when it refuses or is gone. Needs TENANTRY, the program, and PYTHON, which has moto[server].
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
server='' service=''
finish() {
  [[ -n $server ]] && kill -9 "$server" 2>/dev/null
  [[ -n $service ]] && kill -9 "$service" 2>/dev/null
  rm -rf "$work"
}
trap finish EXIT

fail() { echo "s3: $*" >&2; tail -n 40 "$work"/*.log >&2; exit 1; }
json() { python3 -c 'import json,sys; print(eval("value" + sys.argv[1], {"value": json.load(sys.stdin)}))' "$1"; }
call() { curl -sS --fail-with-body -H "Authorization: Bearer ${token:-none}" "$@"; }
send() { call -H 'Content-Type: application/json' "$@"; }
eventually() {
  local tries
  for tries in $(seq 200); do "$@" && return; sleep 0.1; done
  fail "waited in vain: $*"
}
ask() { "$PYTHON" "$here/service.py" "$@" 2>>"$work/service.log"; }
tenantry() { TENANTRY_TEST_CLOCK=$work/clock "$TENANTRY" "$@" 2>>"$work/commands.log"; }
refused() {
  local what=$1 told
  shift
  told=$(tenantry "$@" --json --data "$work/data" && echo passed) || true
  [[ $told == *'"failed"'* && $told == *"$what"* ]] || fail "with $what: $told"
}

serve() {
  TENANTRY_TEST_CLOCK=$work/clock "$TENANTRY" serve --data "$1" --listen 127.0.0.1:0 >"$work/serve.out" 2>>"$work/serve.log" &
  server=$!
  eventually grep -q 'http://127.0.0.1:' "$work/serve.out"
  url=$(grep -ho 'http://127\.0\.0\.1:[0-9]*' "$work/serve.out" | tail -1)
}
stop() { kill "$server"; wait "$server" || true; server=''; }

settings() {
  mkdir -p -m 700 "$1"
  cat >"$1/tenantry.toml" <<EOF
backup_hours = 0
backup_daily = 0
backup_weekly = 0
backup_bucket = "acme-backups"
backup_prefix = "nightly"
backup_endpoint = "$S3_URL"
backup_region = "us-east-1"
backup_access_key_id = "$2"
backup_secret_access_key = "$3"
EOF
}

echo 0 >"$work/clock"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export S3_URL=http://127.0.0.1:$port
"$PYTHON" -m moto.server -H 127.0.0.1 -p "$port" >"$work/moto.log" 2>&1 &
service=$!
eventually curl -s -o "$work/up" "$S3_URL/moto-api/"
read -r S3_KEY S3_SECRET < <(ask prepare) || fail "the service is not ready"
export S3_KEY S3_SECRET

settings "$work/data" "$S3_KEY" "$S3_SECRET"
serve "$work/data"
password=otter-juggles-nine-lanterns-at-dusk
token=$(send -d "{\"email\":\"ann@example.com\",\"password\":\"$password\",\"name\":\"Ann\"}" "$url/api/v1/auth/sign-up" | json "['access_token']")
id=$(send -d '{"name":"Acme","slug":"acme"}' "$url/api/v1/tenants" | json "['id']")
records=/api/v1/tenants/acme/records/customers
file=/api/v1/tenants/acme/files/large.bin
add() { send -o /dev/null -d "{\"name\":\"$1\"}" "$url$records"; }
count() { call "$url$records?limit=100" | json "['items'].__len__()"; }
digest() { call "$url$file" | sha256sum; }

# No bucket, then one; then a key that the service does not know, and a secret that is not the key's.
refused "store of backups" backup run
ask make-bucket || fail "no bucket could be made"
stop
for wrong in "AKIAXXXXXXXXXXXXXXXX $S3_SECRET" "$S3_KEY wrong-secret"; do
  # shellcheck disable=SC2086
  settings "$work/data" $wrong
  refused "store of backups" backup run
done
settings "$work/data" "$S3_KEY" "$S3_SECRET"
[[ -z $(ask names) ]] || fail "something was stored by who may not: $(ask names)"

ask trust || fail "the service goes on checking"

# Twenty megabytes that do not get smaller: they go in parts.
serve "$work/data"
head -c 20000000 /dev/urandom >"$work/large.bin"
call -o /dev/null -T "$work/large.bin" -H 'Content-Type: application/octet-stream' "$url$file"
sum=$(sha256sum <"$work/large.bin")
add first
tenantry backup run --data "$work/data" >"$work/run.log" || fail "nothing could be backed up"
ask names >"$work/names"
grep -q "^nightly/tenants/$id/files/.* 3$" "$work/names" || fail "not in three parts: $(cat "$work/names")"
tenantry verify backup --data "$work/data" >"$work/verify.log" || fail "what was stored is not sound"

# Back to what it was.
taken=$(tenantry backup list --tenant acme --json --data "$work/data" | json "['items'][0]['id']")
add second
call -o /dev/null -X DELETE "$url$file"
tenantry backup run --data "$work/data" >>"$work/run.log"
tenantry restore --tenant acme --backup "$taken" --data "$work/data" >"$work/restore.log" || fail "not restored"
[[ $(count) == 1 && $(digest) == "$sum" ]] || fail "it is not what it was: $(count) $(digest)"
tenantry backup run --data "$work/data" >>"$work/run.log"

# What has had its time goes, in the bucket too.
before=$(ask names | wc -l)
echo $((2 * 86400000)) >"$work/clock"
tenantry backup run --data "$work/data" >>"$work/run.log"
after=$(ask names | wc -l)
((after < before)) || fail "nothing was pruned: $before, $after"
tenantry verify backup --data "$work/data" >>"$work/verify.log" || fail "what is left is not sound"

# The machine is lost but for the keys.
kill -9 "$server"; wait "$server" 2>/dev/null || true
server=''
settings "$work/new" "$S3_KEY" "$S3_SECRET"
cp -a "$work/data/keys" "$work/new/keys"
tenantry restore --all --from s3://acme-backups/nightly --data "$work/new" >"$work/whole.log" || fail "not all was restored"
serve "$work/new"
token=$(send -d "{\"email\":\"ann@example.com\",\"password\":\"$password\"}" "$url/api/v1/auth/sign-in" | json "['access_token']")
[[ $(count) == 1 && $(digest) == "$sum" ]] || fail "another machine has something else: $(count) $(digest)"
rm -rf "$work/data"
mv "$work/new" "$work/moved" && stop && mv "$work/moved" "$work/data"

# An erasure takes them out of the bucket.
tenantry tenant erase acme --confirm acme --now --data "$work/data" >"$work/erase.log" || fail "not erased"
! ask names | grep -q "$id" || fail "of an erased tenant is left: $(ask names)"
! ask names | grep -q '^unfinished' || fail "an upload was not ended: $(ask names)"

# Nobody answers.
kill -9 "$service"; wait "$service" 2>/dev/null || true
service=''
refused "store of backups" backup run
echo "s3: stored, verified, restored, pruned and erased in a bucket"
