-- Tells under what name the present run of Redis goes: another one whenever Redis was started anew, or another server has
-- become the primary, and never one that it has gone by before.
-- Nor is it the same where the nodes had another list of Redis in between: a channel may have been in another of them, and
-- be back. Where the list is only longer no channel comes back.
-- Nor where a node comes that the run before went on confirming messages to after this one had begun: they are lost, and the
-- nodes that came first find out by the name, when they renew their leases.
-- KEYS: run, layout
-- ARGV: run_id, master_replid, and master_replid2 as INFO tells them, the last one '' where this server has never been a
--       replica; what makes a name new, and a seed; the run that the node was joined to before, or ''; '1' when it has found
--       its lease gone; which of how many Redis this is, milliseconds for which that stands, and how often the
--       list has changed, as far as the node has heard in others of it; milliseconds since that run has last confirmed to
--       the node that it keeps a message, or '' where it never has; then what this Redis was in shorter lists that this one
--       continues
-- Returns the name, the run_id with something random behind it, 1 where nobody is written down for sure, else 0, and how
-- often the list has changed. LAYOUT as from `renew`, and nothing is written.
-- An earlier version gave the first run the bare run_id.
local used = redis.call('GET', KEYS[2])
if used and used ~= ARGV[7] then return redis.error_reply('LAYOUT ' .. used) end
local known = redis.call('HMGET', KEYS[1], 'run', 'replid', 'seed', 'layout', 'era', 'since')
-- Without the key nobody can tell which names there were.
local run = known[1] or ARGV[1] .. '.' .. ARGV[4]
local isSameServer = run == ARGV[1] or string.sub(run, 1, #ARGV[1] + 1) == ARGV[1] .. '.'
-- A primary that was always one gets another master_replid with its first replica, and when it has none any more.
local isSameReign = not known[1] or known[2] == ARGV[2] or ARGV[3] == ''
local era, asked = tonumber(known[5] or '0'), tonumber(ARGV[9])
local isChanged = known[4] and known[4] ~= ARGV[7]
local isLonger = false
for i = 11, #ARGV do isLonger = isLonger or ARGV[i] == known[4] end
if isChanged then era = era + 1 end
-- Others of the list know of a change that this Redis was not there for.
local isMissed = known[4] and asked > era
local isSameList = not isMissed and (not isChanged or isLonger)
era = math.max(era, asked)
-- Nodes that came earlier have told their clients of a gap, and cannot know of what the run before has kept since then.
local isLate = known[6] and ARGV[5] ~= '' and ARGV[5] ~= known[1] and ARGV[10] ~= ''
  and now - tonumber(ARGV[10]) >= tonumber(known[6])
if isLate or not (isSameServer and isSameReign and isSameList) then run = ARGV[1] .. '.' .. ARGV[4] end
insist(KEYS[1])
if run ~= known[1] then redis.call('HSET', KEYS[1], 'since', string.format('%.0f', now)) end
if run ~= known[1] or known[2] ~= ARGV[2] or not known[3] then
  redis.call('HSET', KEYS[1], 'run', run, 'replid', ARGV[2], 'seed', known[3] or ARGV[4])
end
redis.call('HSET', KEYS[1], 'layout', ARGV[7], 'era', string.format('%.0f', era))
-- Others with another list stay away from here on.
redis.call('SET', KEYS[2], ARGV[7], 'PX', ARGV[8])
-- It was joined before and does not find what it knew, and so it is with the others, which have not noticed yet.
local isDoubtful = ARGV[6] == '1' or ARGV[5] ~= '' and ARGV[5] ~= run
if isDoubtful then beginDoubt(KEYS[1]) end
return {run, isDoubtful and 1 or 0, era}
