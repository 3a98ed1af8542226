# Four Redis, each like the only one of one.sh. Sourced by deploy/cluster.

source "$here/deploy/redis/one.sh"

stores=(redis-0 redis-1 redis-2 redis-3)
restart_after=5

redis_teach() {
    cat <<TEXT
  # which Redis has the lobby, and what to type there
  $shown where demo:lobby ${lists[*]}

  # kill a Redis: its channels fail, all others go on, and it is back after 5 s
  kill -9 ${pid[redis-0]}
TEXT
}
