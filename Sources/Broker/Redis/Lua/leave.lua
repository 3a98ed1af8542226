-- Ends memberships of one channel, of connections that have gone or of a node that has died.
-- KEYS: presence, users
-- ARGV: message channel, then for each member: client id, user ('' when anonymous), event up to "count":, and the entry
--       that is to go, or '' for whatever it is: a dead node's member may have been entered anew meanwhile.
-- Returns how many were members. Safe to run twice: who is not a member is passed over and nobody is told. A full Redis
-- refuses none of it, since what writes first takes something away; and no message goes out before that, since a primary
-- without its replicas refuses the write. While the slot is moved a key that is gone must not be looked at again: so with the
-- last member, whose leave takes both keys away, it ends.
local left, removed = redis.call('HLEN', KEYS[1]), 0
for i = 2, #ARGV, 4 do
  local client, user, event, entry = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  local isMeant = entry == '' or redis.call('HGET', KEYS[1], client) == entry
  if isMeant and redis.call('HDEL', KEYS[1], client) == 1 then
    left, removed = left - 1, removed + 1
    local connections = tonumber(redis.call('HGET', KEYS[2], user) or '0') - 1
    local anonymous = tonumber(redis.call('HGET', KEYS[2], '') or '0')
    local users = redis.call('HLEN', KEYS[2])
    if anonymous > 0 then users = users - 1 + anonymous end
    if user == '' or connections <= 0 then
      redis.call('PUBLISH', ARGV[1], 'p - - ' .. client .. '\n' .. event .. math.max(0, users - 1) .. '}')
    end
    if connections <= 0 then redis.call('HDEL', KEYS[2], user) else redis.call('HINCRBY', KEYS[2], user, -1) end
    if left == 0 then break end
  end
end
return removed
