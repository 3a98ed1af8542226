# A Redis Cluster: three primaries that share the slots, with a replica each. Sourced by deploy/cluster.

source "$here/deploy/redis/ports.sh"

stores=(redis-1 redis-2 redis-3 redis-4 redis-5 redis-6)
# Later than they take to fail over: a primary that comes back empty before that has its replica empty, too.
restart_after=15

redis_start() {
    local name servers=()
    # The buses, by which they speak with each other, have ports of their own.
    choose_ports 7001 "${stores[@]}" "${stores[@]/%/-bus}"
    for name in "${stores[@]}"; do
        mkdir "$work/$name"
        servers+=("$(redis_address "$name"):${redis_port[$name-bus]}")
    done
    for name in redis-1 redis-2 redis-3; do lists+=("$(redis_address "$name")"); done
    lists=(--redis "redis+cluster://$(IFS=,; echo "${lists[*]}")")
    begin "${stores[@]}"
    # In the background, since bash hears no signal before a program in the foreground has ended.
    start form-cluster "$here/deploy/redis/form-cluster" "${servers[@]}"
    while alive "${pid[form-cluster]}"; do sleep 0.1; done
    unset 'pid[form-cluster]'
    grep -q 'are a Redis Cluster' "$work/form-cluster.log" ||
        fail 'The servers of Redis have not become a Cluster:' form-cluster
}

# What it knows of the others is in nodes.conf in its folder, also after a restart.
redis_launch() {
    start "$1" redis-server --bind 127.0.0.1 --port "${redis_port[$1]}" --dir "$work/$1" --save '' \
        --cluster-enabled yes --cluster-port "${redis_port[$1-bus]}" --cluster-node-timeout 5000 \
        --cluster-require-full-coverage no --repl-diskless-sync-delay 0
}

redis_teach() {
    local one="redis-cli -p ${redis_port[redis-1]}" two="redis-cli -p ${redis_port[redis-2]}"
    cat <<TEXT
  # which server has the lobby, and what to type there to see who is in it
  $shown where demo:lobby ${lists[*]}

  # who has which slots
  $one cluster nodes

  # move slots 0 to 2999, the lobby's among them, from redis-1 to redis-2
  redis-cli --cluster reshard $(redis_address redis-1) --cluster-slots 3000 --cluster-yes \\
    --cluster-from \$($one cluster myid) --cluster-to \$($two cluster myid)

  # fail over: redis-5, the replica of redis-2, becomes the primary
  redis-cli -p ${redis_port[redis-5]} cluster failover

  # kill a primary: after some 6 s its replica takes its place; it is back as a replica after $restart_after s
  kill -9 ${pid[redis-3]}
TEXT
}
