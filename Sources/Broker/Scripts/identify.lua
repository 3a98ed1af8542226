-- Tells under what name the present run of Redis goes: another one whenever Redis was started anew, or another server has
-- become the primary, and never one that it has gone by before.
-- KEYS: run
-- ARGV: run_id and master_replid as INFO tells them, what makes a name new
-- Returns the name: the first run's is its run_id, a later one's has something random behind it. Nothing is written where
-- there is no key: it begins with the first history, and before that there is nothing to be told apart.
local known = redis.call('HMGET', KEYS[1], 'run', 'replid')
local run = known[1]
if not run then return ARGV[1] end
local isSame = known[2] == ARGV[2] and (run == ARGV[1] or string.sub(run, 1, #ARGV[1] + 1) == ARGV[1] .. '.')
if not isSame then
  run = ARGV[1] .. '.' .. ARGV[3]
  redis.call('HSET', KEYS[1], 'run', run, 'replid', ARGV[2])
end
return run
