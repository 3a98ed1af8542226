-- Tells under what name the present run of Redis goes: another one whenever Redis was started anew, or another server has
-- become the primary, and never one that it has gone by before.
-- KEYS: run
-- ARGV: run_id, master_replid, and master_replid2 as INFO tells them, the last one '' where this server has never been a
--       replica; what makes a name new, and a seed; the run that the node was joined to before, or ''; '1' when it has found
--       its lease gone
-- Returns the name, the run_id with something random behind it, and 1 where nobody is written down for sure, else 0.
-- An earlier version gave the first run the bare run_id.
local known = redis.call('HMGET', KEYS[1], 'run', 'replid', 'seed')
-- Without the key nobody can tell which names there were.
local run = known[1] or ARGV[1] .. '.' .. ARGV[4]
local isSameServer = run == ARGV[1] or string.sub(run, 1, #ARGV[1] + 1) == ARGV[1] .. '.'
-- A primary that was always one gets another master_replid with its first replica, and when it has none any more.
local isSameReign = not known[1] or known[2] == ARGV[2] or ARGV[3] == ''
if not (isSameServer and isSameReign) then run = ARGV[1] .. '.' .. ARGV[4] end
insist(KEYS[1])
if run ~= known[1] or known[2] ~= ARGV[2] or not known[3] then
  redis.call('HSET', KEYS[1], 'run', run, 'replid', ARGV[2], 'seed', known[3] or ARGV[4])
end
-- It was joined before and does not find what it knew, and so it is with the others, which have not noticed yet.
local isDoubtful = ARGV[6] == '1' or ARGV[5] ~= '' and ARGV[5] ~= run
if isDoubtful then beginDoubt(KEYS[1]) end
return {run, isDoubtful and 1 or 0}
