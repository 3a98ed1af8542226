-- Sends an event to every node that holds a connection of a user.
-- KEYS: connections of the user, run
-- ARGV: control channel of all nodes, what that of one node begins with, and what its lease does; payload up to the event's
--       time, or '' to ask only whether the user is there
-- Returns how many nodes have taken it: one whose lease is over, or that hears nothing, has not. While Redis does not know
-- of everybody, as after FLUSHALL, every node is told, 0 where none hears it; and where the user is not found -1 says that
-- nobody can tell yet: it is to be asked again, without an event. Run again after a lost answer it sends again.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local known = redis.call('HMGET', KEYS[2], 'run', 'doubt')
local left = tonumber(known[2] or '0') - now
-- More is left only where Redis' clock was set back.
local isDoubtful = not known[1] or left > 0 and left <= 5000
local payload = ARGV[4] ~= '' and ARGV[4] .. ',"ts":' .. string.format('%.0f', now) .. '}'
-- All leases are looked at before anything is published: while a slot is moved, one that is there already is an error.
local isAlive = {}
for _, node in ipairs(redis.call('HVALS', KEYS[1])) do
  if isAlive[node] == nil then isAlive[node] = redis.call('EXISTS', ARGV[3] .. node) == 1 end
end
if payload and isDoubtful and redis.call('PUBLISH', ARGV[1], payload) == 0 then return 0 end
local taken = 0
for node, alive in pairs(isAlive) do
  -- Others may listen, too.
  local hears = not payload or isDoubtful or redis.call('PUBLISH', ARGV[2] .. node, payload) > 0
  if hears and alive then taken = taken + 1 end
end
return taken == 0 and isDoubtful and -1 or taken
