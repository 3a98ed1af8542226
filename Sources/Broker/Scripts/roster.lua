-- Reads who is in a channel.
-- KEYS: presence, users
-- ARGV: '1' for the count alone
-- Returns the presence hash, or the number of users and anonymous connections.
if ARGV[1] ~= '1' then return redis.call('HGETALL', KEYS[1]) end
local anonymous = tonumber(redis.call('HGET', KEYS[2], '') or '0')
local count = redis.call('HLEN', KEYS[2])
if anonymous > 0 then count = count - 1 + anonymous end
return count
