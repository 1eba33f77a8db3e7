# What the scripts of this folder share; sourced, never run.
#
# A part is one server: postgres, redis, replica-1 …, haproxy, prometheus, alertmanager. Its pid file holds the process id
# and when that process started, so that a number which the system gave to another process since is never signalled.

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
max_replicas=9

if [ -n "${XDG_STATE_HOME:-}" ]; then default_state="$XDG_STATE_HOME/rag-local"
elif [ "$(id -u)" = 0 ]; then default_state=/var/lib/rag-local  # PostgreSQL's account could not enter root's home.
else default_state="${HOME:-/tmp}/.local/state/rag-local"; fi
state="$default_state"

# Debian keeps servers where an ordinary user's PATH does not look.
PATH="$PATH:/usr/sbin:/usr/local/sbin:/usr/lib/postgresql/15/bin"

fail() { echo "error: $*" >&2; exit 1; }
usage_error() { echo "error: $* (--help shows the options)" >&2; exit 2; }

# The comment at the head of a script is its help.
help_of() { sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$1"; }

load_state() {
  [ -f "$state/cluster.env" ] || fail "nothing is set up in $state; deploy/local/up does it, and --state names another folder."
  # shellcheck disable=SC1091
  . "$state/cluster.env"
}

has() { case ",$without," in *",$1,"*) return 1 ;; *) return 0 ;; esac; }

# All parts in the order in which they start.
parts() {
  echo postgres
  echo redis
  local n
  for n in $(seq "$replicas"); do echo "replica-$n"; done
  echo haproxy
  if has prometheus; then echo prometheus; fi
  if has alertmanager; then echo alertmanager; fi
}

port_of() {
  case "$1" in
    haproxy) echo "$port_base" ;;
    replica-*) echo $((port_base + ${1#replica-})) ;;
    postgres) echo $((port_base + 10)) ;;
    redis) echo $((port_base + 11)) ;;
    prometheus) echo $((port_base + 12)) ;;
    alertmanager) echo $((port_base + 13)) ;;
    haproxy-metrics) echo $((port_base + 14)) ;;
    *) fail "there is no part $1" ;;
  esac
}

# When a process started, in clock ticks since boot; nothing for one that is gone or only waits to be reaped.
started_at() {
  local stat
  stat="$(cat "/proc/$1/stat" 2>/dev/null)" || return 0
  stat="${stat##*) }"
  # shellcheck disable=SC2086
  set -- $stat
  case "$1" in Z|X) ;; *) echo "${20}" ;; esac
}

# The process id of a part that runs; nothing where it does not.
pid_of() {
  local pid start
  [ -f "$state/run/$1.pid" ] || return 0
  read -r pid start < "$state/run/$1.pid" || return 0
  if [ -n "$start" ] && [ "$(started_at "$pid")" = "$start" ]; then echo "$pid"; fi
}

# launch NAME COMMAND…: a process of its own session, which outlives this script; its output goes to its log.
launch() {
  local name="$1" pid start
  shift
  (cd "$state" && exec setsid "$@" >> "$state/logs/$name.log" 2>&1 < /dev/null) &
  pid=$!
  start="$(started_at "$pid")"
  # Ended at once: no pid file; whoever waits for the part reads the log.
  if [ -n "$start" ]; then echo "$pid $start" > "$state/run/$name.pid"; fi
}

# PostgreSQL refuses to be root. setpriv becomes the program, so that the process id is the server's own.
as_postgres() {
  if [ "$(id -u)" = 0 ]; then setpriv --reuid=postgres --regid=postgres --init-groups -- "$@"; else "$@"; fi
}

psql_admin() {
  PGPASSFILE="$state/secrets/pgpass" psql -X -q -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$(port_of postgres)" -U postgres -d "${1:-postgres}"
}

http_ok() { curl -fsS -o /dev/null --max-time 2 "http://127.0.0.1:$1$2" 2>/dev/null; }

answers() {
  case "$1" in
    # Over TCP, as clients come; an answer that the password is wrong would not do.
    postgres) echo 'SELECT 1' | psql_admin > /dev/null 2>&1 ;;
    redis) REDISCLI_AUTH="$(cat "$state/secrets/redis-password")" redis-cli -h 127.0.0.1 -p "$(port_of redis)" ping 2>/dev/null | grep PONG > /dev/null ;;
    replica-*) http_ok "$(port_of "$1")" /readyz ;;
    haproxy) http_ok "$(port_of haproxy)" /readyz ;;
    prometheus|alertmanager) http_ok "$(port_of "$1")" /-/ready ;;
  esac
}

# A killed PostgreSQL leaves children that end a moment later, and a lock file. The file goes when the last child is gone: two
# servers on the same data would destroy it.
clear_postgres() {
  local folder deadline=$((SECONDS + 20)) alive
  [ -f "$state/postgres/postmaster.pid" ] || return 0
  while :; do
    alive=no
    for folder in /proc/[0-9]*; do
      if [ "$(readlink "$folder/cwd" 2>/dev/null)" = "$state/postgres" ] && [ -n "$(started_at "${folder#/proc/}")" ]; then alive=yes; break; fi
    done
    [ "$alive" = yes ] || break
    [ "$SECONDS" -lt "$deadline" ] || fail "a process of the former PostgreSQL still runs on $state/postgres."
    sleep 0.1
  done
  rm -f "$state/postgres/postmaster.pid"
}

start_part() {
  local name="$1" port
  [ -z "$(pid_of "$name")" ] || return 0
  port="$(port_of "$name")"
  case "$name" in
    postgres)
      clear_postgres
      if [ "$(id -u)" = 0 ]; then
        launch postgres setpriv --reuid=postgres --regid=postgres --init-groups -- postgres -D "$state/postgres"
      else
        launch postgres postgres -D "$state/postgres"
      fi ;;
    redis) launch redis redis-server "$state/redis/redis.conf" ;;
    replica-*)
      mkdir -p "$state/replicas/${name#replica-}"
      # The address goes with the command, everything that the replicas share with the environment; secrets are files.
      local shared=()
      while IFS= read -r line; do if [ -n "$line" ]; then shared+=(--set "$line"); fi; done < "$state/replicas/settings"
      launch "$name" "$rag" serve --data "$state/replicas/${name#replica-}" --urls "http://127.0.0.1:$port" --set "Server:ReplicaName=$name" "${shared[@]}" ;;
    haproxy) launch haproxy haproxy -db -f "$state/haproxy/haproxy.cfg" ;;
    prometheus)
      launch prometheus prometheus --config.file="$state/prometheus/prometheus.yml" --storage.tsdb.path="$state/prometheus/data" \
        --storage.tsdb.retention.time=90d --web.listen-address="127.0.0.1:$port" --log.level=warn ;;
    alertmanager)
      launch alertmanager prometheus-alertmanager --config.file="$state/alertmanager/alertmanager.yml" --storage.path="$state/alertmanager/data" \
        --web.listen-address="127.0.0.1:$port" --cluster.listen-address= --log.level=warn ;;
  esac
}

# Waits until a part answers, at most as many seconds; says what its log ends with where it does not.
wait_part() {
  local name="$1" limit_s="${2:-60}" deadline
  deadline=$((SECONDS + limit_s))
  until answers "$name"; do
    if [ -z "$(pid_of "$name")" ]; then
      echo "--- the end of $state/logs/$name.log" >&2
      tail -n 15 "$state/logs/$name.log" >&2 || true
      fail "$name ended before it answered."
    fi
    if [ "$SECONDS" -ge "$deadline" ]; then
      echo "--- the end of $state/logs/$name.log" >&2
      tail -n 15 "$state/logs/$name.log" >&2 || true
      fail "$name did not answer within $limit_s s."
    fi
    sleep 0.1
  done
}

# Ends a part: asks, waits as long as its own shutdown may take, then kills. Only the process that was started is signalled.
stop_part() {
  local name="$1" limit_s="${2:-30}" pid deadline signal=TERM
  pid="$(pid_of "$name")"
  if [ -n "$pid" ]; then
    # PostgreSQL's fast shutdown: connections are ended, the log is written out.
    [ "$name" != postgres ] || signal=INT
    kill -s "$signal" "$pid" 2>/dev/null || true
    # One that is paused can end only when it goes on.
    kill -s CONT "$pid" 2>/dev/null || true
    deadline=$((SECONDS + limit_s))
    while [ "$(pid_of "$name")" = "$pid" ] && [ "$SECONDS" -lt "$deadline" ]; do sleep 0.05; done
    if [ "$(pid_of "$name")" = "$pid" ]; then
      echo "$name did not end within $limit_s s and is killed." >&2
      kill -s KILL "$pid" 2>/dev/null || true
      while [ "$(pid_of "$name")" = "$pid" ]; do sleep 0.05; done
    fi
  fi
  rm -f "$state/run/$name.pid"
}

restart_replica() {
  stop_part "replica-$1"
  start_part "replica-$1"
  wait_part "replica-$1"
}

# Restarts every replica with another program. What was in service before is kept in mind first, so that a release that was cut short
# can be rolled back, too.
put_in_service() {
  local before="$rag" n
  rag="$1"
  { grep -v '^rag=\|^rag_before=' "$state/cluster.env"; printf 'rag=%q\nrag_before=%q\n' "$rag" "$before"; } > "$state/cluster.env.new"
  mv "$state/cluster.env.new" "$state/cluster.env"
  for n in $(seq "$replicas"); do
    restart_replica "$n"
    # The balancer must have seen that a replica is back before the next one goes; it looks five times a second.
    sleep 0.6
  done
  echo "In service: $rag (before: $before)."
}
