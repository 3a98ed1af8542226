-- Makes a connection a member of a channel, or brings its entry up to date.
-- KEYS: lease of the node, presence, users, channels of the node
-- ARGV: client id, entry, user ('' when anonymous), channel, message channel, event up to "count":, '1' where it was a member
--       before, which a full Redis takes, too
-- Returns OK. Safe to run twice: a second run tells nobody.
if redis.call('EXISTS', KEYS[1]) == 0 then
  return redis.error_reply('FENCED the lease of this node has run out')
end
-- No channel has the empty name. Redis refuses a script nothing more once it has written.
if ARGV[7] == '1' then redis.call('SREM', KEYS[4], '') end
redis.call('SADD', KEYS[4], ARGV[4])
if redis.call('HSET', KEYS[2], ARGV[1], ARGV[2]) == 1 then
  local connections = redis.call('HINCRBY', KEYS[3], ARGV[3], 1)
  if ARGV[3] == '' or connections == 1 then
    -- The field '' counts the anonymous connections: one field for all of them, each of them a member.
    local anonymous = tonumber(redis.call('HGET', KEYS[3], '') or '0')
    local count = redis.call('HLEN', KEYS[3])
    if anonymous > 0 then count = count - 1 + anonymous end
    redis.call('PUBLISH', ARGV[5], 'p - - ' .. ARGV[1] .. '\n' .. ARGV[6] .. count .. '}')
  end
end
return redis.status_reply('OK')
