#!/bin/sh
# Starts one Redis: a copy of the primary that the sentinels name, or, where none can say, of the first. Names stay when
# addresses change, so that everything is told by name.
set -eu
folder="${REDIS_FOLDER:-/data}"
sentinels="${SENTINELS:-rag-system-sentinel}"
sentinel_port="${SENTINEL_PORT:-26379}"
port="${REDIS_PORT:-6379}"
first="${REDIS_FIRST:-rag-system-redis-0.rag-system-redis}"
first_port="${REDIS_FIRST_PORT:-$port}"
own="${REDIS_OWN:-$(hostname).rag-system-redis}"
password="$(cat "${REDIS_PASSWORD_FILE:-/etc/redis/password}")"

primary="$(REDISCLI_AUTH="$password" timeout 3 redis-cli -h "$sentinels" -p "$sentinel_port" sentinel get-master-addr-by-name rag 2>/dev/null | head -n 2 | tr '\n' ' ' || true)"
set -- $primary
primary_host="${1:-$first}" primary_port="${2:-$first_port}"
case "$primary_host" in *ERR*|*NOAUTH*|*Could*) primary_host="$first" primary_port="$first_port" ;; esac

umask 077
cat > "$folder/redis.conf" << END
port $port
dir $folder
requirepass $password
masterauth $password
# A cache: bounded, the least used goes first, nothing is kept on disk.
maxmemory ${REDIS_MEMORY:-256mb}
maxmemory-policy allkeys-lru
save ""
appendonly no
replica-announce-ip $own
replica-announce-port $port
END
if [ "$primary_host" != "$own" ] || [ "$primary_port" != "$port" ]; then echo "replicaof $primary_host $primary_port" >> "$folder/redis.conf"; fi
exec redis-server "$folder/redis.conf"
