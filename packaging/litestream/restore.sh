#!/bin/sh
# Puts a replicated catalog and tenants into an empty data directory: restore.sh REPLICA_URL DATA [TENANT_ID ..]
# Keys (DATA/keys) and the ledgers (DATA/backups/*.ndjson) are brought back from where you keep them, before the server starts.
set -eu
replica=$1 data=$2
shift 2
umask 077
mkdir -p "$data/tenants"
litestream restore -o "$data/catalog.db" "$replica/catalog"
for id in "$@"; do
  shard=$(printf %s "$id" | tail -c 2)
  mkdir -p "$data/tenants/$shard/$id"
  litestream restore -o "$data/tenants/$shard/$id/data.db" "$replica/tenants/$id"
done
