#!/bin/sh
# Starts one sentinel. It asks the others first, because after a failover the first Redis is no longer the primary.
set -eu
folder="${SENTINEL_FOLDER:-/data}"
sentinels="${SENTINELS:-rag-system-sentinel}"
port="${SENTINEL_PORT:-26379}"
redis_port="${REDIS_PORT:-6379}"
first="${REDIS_FIRST:-rag-system-redis-0.rag-system-redis}"
own="${SENTINEL_OWN:-$(hostname).rag-system-sentinel}"
password="$(cat "${REDIS_PASSWORD_FILE:-/etc/redis/password}")"

primary="$(REDISCLI_AUTH="$password" timeout 3 redis-cli -h "$sentinels" -p "$port" sentinel get-master-addr-by-name rag 2>/dev/null | head -n 2 | tr '\n' ' ' || true)"
set -- $primary
primary_host="${1:-$first}" primary_port="${2:-$redis_port}"
case "$primary_host" in *ERR*|*NOAUTH*|*Could*) primary_host="$first" primary_port="$redis_port" ;; esac
# A name that nothing answers to yet would end the sentinel; its pods start side by side with those of Redis.
tries=60
until REDISCLI_AUTH="$password" timeout 3 redis-cli -h "$primary_host" -p "$primary_port" ping 2>/dev/null | grep -q PONG; do
  tries=$((tries - 1))
  [ "$tries" -gt 0 ] || { echo "no Redis answers at $primary_host:$primary_port" >&2; exit 1; }
  sleep 1
done

umask 077
cat > "$folder/sentinel.conf" << END
port $port
dir $folder
requirepass $password
sentinel resolve-hostnames yes
sentinel announce-hostnames yes
sentinel announce-ip $own
sentinel announce-port $port
sentinel monitor rag $primary_host $primary_port 2
sentinel auth-pass rag $password
sentinel down-after-milliseconds rag ${SENTINEL_DOWN_MS:-5000}
sentinel failover-timeout rag ${SENTINEL_FAILOVER_MS:-30000}
sentinel parallel-syncs rag 1
END
exec redis-server "$folder/sentinel.conf" --sentinel
