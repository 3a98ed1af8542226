-- Tells under what name the present run of Redis goes: another one whenever Redis was started anew, or another server has
-- become the primary, and never one that it has gone by before.
-- KEYS: run
-- ARGV: run_id, master_replid, and master_replid2 as INFO tells them, the last one '' where this server has never been a
--       replica; what makes a name new
-- Returns the name: the first run's is its run_id, a later one's has something random behind it. Nothing is written where
-- there is no key: it begins with the first history, and before that there is nothing to be told apart.
local known = redis.call('HMGET', KEYS[1], 'run', 'replid')
local run = known[1]
if not run then return ARGV[1] end
local isSameServer = run == ARGV[1] or string.sub(run, 1, #ARGV[1] + 1) == ARGV[1] .. '.'
-- A primary that was always one gets another master_replid with its first replica, and when it has none any more.
local isSameReign = known[2] == ARGV[2] or ARGV[3] == ''
if not (isSameServer and isSameReign) then run = ARGV[1] .. '.' .. ARGV[4] end
if run ~= known[1] or known[2] ~= ARGV[2] then redis.call('HSET', KEYS[1], 'run', run, 'replid', ARGV[2]) end
return run
