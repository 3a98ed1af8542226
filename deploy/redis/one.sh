# One Redis, on a unix socket. Sourced by deploy/cluster, which says what each file here defines.

stores=(redis)
# Without it there is no cluster: it is not started again.
restart_after=''

redis_start() {
    local name
    for name in "${stores[@]}"; do lists+=(--redis "unix://$work/$name.sock"); done
    begin "${stores[@]}"
}

redis_launch() {
    rm -f "$work/$1.sock"
    start "$1" redis-server --port 0 --unixsocket "$work/$1.sock" --save '' --dir "$work"
}

redis_is_ready() { test -S "$work/$1.sock"; }

redis_address() { echo "$work/$1.sock"; }

redis_teach() {
    cat <<TEXT
  # who is in the lobby, as Redis has it
  redis-cli -s $work/redis.sock hgetall apus:presence:demo:lobby
TEXT
}
