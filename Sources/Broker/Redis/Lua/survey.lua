-- Asks every live node about itself.
-- KEYS: all nodes
-- ARGV: control channel of all nodes, the question
-- Returns the ids of the live nodes, behind each the milliseconds for which its lease still lasts.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local live = redis.call('ZRANGEBYSCORE', KEYS[1], string.format('(%.0f', now), '+inf', 'WITHSCORES')
for i = 2, #live, 2 do live[i] = tonumber(live[i]) - now end
redis.call('PUBLISH', ARGV[1], ARGV[2])
return live
