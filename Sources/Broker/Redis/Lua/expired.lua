-- Finds nodes whose lease has run out by Redis' own clock, and claims them, so that one node alone reaps each.
-- KEYS: all nodes
-- ARGV: own node id, prefix of lease keys, prefix of claim keys, milliseconds a claim lasts
-- Returns the ids claimed.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local claimed = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now), 'LIMIT', 0, 16)) do
  if id ~= ARGV[1] and redis.call('EXISTS', ARGV[2] .. id) == 0 then
    -- No node has the empty name. A full Redis takes the claim behind it: what the node leaves makes room.
    redis.call('ZREM', KEYS[1], '')
    if redis.call('SET', ARGV[3] .. id, ARGV[1], 'NX', 'PX', ARGV[4]) then claimed[#claimed + 1] = id end
  end
end
return claimed
