-- Takes or renews the lease of a node.
-- KEYS: lease of the node, all nodes, layout, run
-- ARGV: node id, milliseconds it lasts, '1' to take a new one, which of how many Redis this is, '' in a Cluster, then the
--       fields and values that describe the node
-- Returns Redis' clock in milliseconds, when the first lease of any node ends by it, and under what name the run goes, ''
-- where it does not stand there. Without '1' a lease that has run out stays lost: FENCED. LAYOUT where other nodes use this
-- Redis as another one of theirs: they would look for the same channel elsewhere.
if ARGV[3] ~= '1' and redis.call('EXISTS', KEYS[1]) == 0 then
  return redis.error_reply('FENCED the lease of this node has run out')
end
local layout = redis.call('GET', KEYS[3])
if layout and layout ~= ARGV[4] then return redis.error_reply('LAYOUT ' .. layout) end
-- First of all, whether it is there or not: a full Redis refuses a script nothing more once it has written.
redis.call('PEXPIRE', KEYS[1], ARGV[2])
local fields = {}
for i = 5, #ARGV do fields[#fields + 1] = ARGV[i] end
redis.call('HSET', KEYS[1], unpack(fields))
redis.call('PEXPIRE', KEYS[1], ARGV[2])
if ARGV[4] ~= '' then redis.call('SET', KEYS[3], ARGV[4], 'PX', ARGV[2]) end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[2], string.format('%.0f', now + ARGV[2]), ARGV[1])
local first = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
return {now, first[2], redis.call('HGET', KEYS[4], 'run') or ''}
