-- Takes connections of a node that has gone out of those of their users.
-- KEYS: for each connection, the connections of its user
-- ARGV: node id, then for each connection its client id
-- Returns how many were there. Safe to run twice; a connection that is with another node by now is passed over, since
-- that is the same one under the id that its node has taken since.
local removed = 0
for i, key in ipairs(KEYS) do
  if redis.call('HGET', key, ARGV[i + 1]) == ARGV[1] then removed = removed + redis.call('HDEL', key, ARGV[i + 1]) end
end
return removed
