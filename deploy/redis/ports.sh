# For the kinds of Redis that need TCP ports, which are on loopback. Sourced by their files.

declare -A redis_port=() # By name.

# Gives each of some names a free port, in a row: the first row from $1 on that is free.
choose_ports() {
    local first=$1 each name
    shift
    for ((each = first; each < first + $#; each++)); do
        if taken "$each" || ((each >= port && each <= port + nodes)); then first=$((each + 1)); fi
    done
    for name; do redis_port[$name]=$((first++)); done
}

# Asks one of the servers: ask NAME COMMAND...
ask() { redis-cli -h 127.0.0.1 -p "${redis_port[$1]}" "${@:2}" 2>/dev/null; }

redis_is_ready() { [ "$(ask "$1" ping)" = PONG ]; }

redis_address() { echo "127.0.0.1:${redis_port[$1]}"; }
