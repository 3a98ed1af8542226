# A primary, two replicas, and three Sentinels that put a replica in the place of a primary that has failed. Sourced by
# deploy/cluster.

source "$here/deploy/redis/ports.sh"

servers=(redis-1 redis-2 redis-3)
sentinels=(sentinel-1 sentinel-2 sentinel-3)
stores=("${servers[@]}" "${sentinels[@]}")
# Later than Sentinels take to fail over: a primary that comes back empty before that has its replicas empty, too.
restart_after=15

# They write what they learn into their configurations, and so know it after a restart.
configure_redis() {
    local name
    choose_ports 7001 "${stores[@]}"
    for name in "${servers[@]}"; do
        mkdir "$work/$name"
        cat >"$work/$name/redis.conf" <<CONF
bind 127.0.0.1
port ${redis_port[$name]}
dir $work/$name
save ""
repl-diskless-sync-delay 0
min-replicas-to-write 1
min-replicas-max-lag 10
CONF
        [ "$name" = redis-1 ] || echo "replicaof 127.0.0.1 ${redis_port[redis-1]}" >>"$work/$name/redis.conf"
    done
    for name in "${sentinels[@]}"; do
        mkdir "$work/$name"
        cat >"$work/$name/redis.conf" <<CONF
bind 127.0.0.1
port ${redis_port[$name]}
dir $work/$name
sentinel monitor mymaster 127.0.0.1 ${redis_port[redis-1]} 2
sentinel down-after-milliseconds mymaster 5000
CONF
    done
}

redis_start() {
    local name hosts=''
    configure_redis
    for name in "${sentinels[@]}"; do hosts+=",$(redis_address "$name")"; done
    lists=(--redis "redis+sentinel://${hosts:1}/mymaster")
    begin "${servers[@]}"
    await redis-1 has_replicas
    # Sentinels look for replicas when they start, and then every 10 s.
    begin "${sentinels[@]}"
    for name in "${sentinels[@]}"; do await "$name" knows_others "$name"; done
}

has_replicas() { [ "$(ask redis-1 info replication | grep -c state=online)" = 2 ]; }
knows_others() { [[ $(ask "$1" sentinel ckquorum mymaster) = 'OK 3 '* ]]; }

redis_launch() {
    case $1 in
        sentinel-*) start "$1" redis-server "$work/$1/redis.conf" --sentinel ;;
        *) start "$1" redis-server "$work/$1/redis.conf" ;;
    esac
}

redis_teach() {
    local look="redis-cli -p ${redis_port[sentinel-1]} sentinel"
    cat <<TEXT
  # which Redis is the primary, and what to type there to see who is in the lobby
  $shown where demo:lobby ${lists[*]}

  # fail over: a replica becomes the primary, and the nodes follow
  $look failover mymaster

  # what the Sentinels know: the primary, and its replicas
  $look get-master-addr-by-name mymaster
  $look replicas mymaster

  # kill the first primary: after some 6 s a replica takes its place; it is back as a replica after $restart_after s
  kill -9 ${pid[redis-1]}
TEXT
}
