-- Sends an event to every node that holds a connection of a user.
-- KEYS: connections of the user
-- ARGV: what the control channel of a node begins with, and what its lease does; payload up to the event's time
-- Returns how many nodes have taken it: one whose lease is over, or that hears nothing, has not. Run again after a lost
-- answer it sends again.
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
local payload = ARGV[3] .. ',"ts":' .. now .. '}'
local told, taken = {}, 0
for _, node in ipairs(redis.call('HVALS', KEYS[1])) do
  if not told[node] then
    told[node] = true
    -- Others may listen, too.
    local heard = redis.call('PUBLISH', ARGV[1] .. node, payload)
    if heard > 0 and redis.call('EXISTS', ARGV[2] .. node) == 1 then taken = taken + 1 end
  end
end
return taken
