-- Tells under what name the present run of Redis goes: another one whenever Redis was started anew, or another server has
-- become the primary, and never one that it has gone by before.
-- Nor is it the same where the nodes had another list of Redis in between: a channel may have been in another of them, and
-- be back. Where the list is only longer no channel comes back.
-- Nor where a node comes that the run before went on confirming messages to after this one had begun: they are lost, and the
-- nodes that came first find out by the name, when they renew their leases.
-- In a Cluster a run goes on at the server that its slot was moved to, if the node has seen the move.
-- KEYS: run, layout
-- ARGV: run_id, master_replid, and master_replid2 as INFO tells them, the last one '' where this server has never been a
--       replica; what makes a name new, and a seed; the run that the node was joined to before, or ''; '1' when it has found
--       its lease gone; which of how many Redis this is, '' in a Cluster; milliseconds for which that stands, and how often
--       the list has changed, as far as the node has heard in others of it; milliseconds since that run has last confirmed
--       to the node that it keeps a message, or '' where it never has; in a Cluster run_id and master_replid of the server
--       that the node has seen in the slot just before, and '1' where it waits no longer for one who has; then what this
--       Redis was in shorter lists that this one continues
-- Returns the name, the run_id with something random behind it, 1 where nobody is written down for sure, else 0, and how
-- often the list has changed. The name is '', and nothing is written, where the node cannot tell whether the run goes on.
-- LAYOUT as from `renew`, and nothing is written.
-- An earlier version gave the first run the bare run_id.
local runID, replication, previousReplication, seed = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local previousRun, layout, kept, isOverdue = ARGV[5], ARGV[7], ARGV[10], ARGV[12] == '1'
local isInCluster = layout == ''
local used = redis.call('GET', KEYS[2])
if used and used ~= layout then return redis.error_reply('LAYOUT ' .. used) end
local known = redis.call('HMGET', KEYS[1], 'run', 'replid', 'seed', 'layout', 'era', 'since', 'server')
-- Without the key nobody can tell which names there were.
local run = known[1] or runID .. '.' .. seed
-- Where the run was last: by its name at the server where it began, unless it was moved.
local server = known[7] or string.match(run, '^[^.]*')
-- A primary that was always one gets another master_replid with its first replica, and when it has none any more.
local isSame = server == runID and (not known[1] or known[2] == replication or previousReplication == '')
local isMoved = false
if isInCluster and server ~= runID and previousReplication ~= known[2] then
  isMoved = known[2] and ARGV[11] == server .. ' ' .. known[2]
  if not isMoved and not isOverdue then return {'', 0, 0} end
end
local era, asked = tonumber(known[5] or '0'), tonumber(ARGV[9])
local isChanged = known[4] and known[4] ~= layout
local isLonger = false
for i = 13, #ARGV do isLonger = isLonger or ARGV[i] == known[4] end
if isChanged then era = era + 1 end
-- Others of the list know of a change that this Redis was not there for.
local isMissed = known[4] and asked > era
local isSameList = not isMissed and (not isChanged or isLonger)
era = math.max(era, asked)
-- Nodes that came earlier have told their clients of a gap, and cannot know of what the run before has kept since then.
local isLate = known[6] and previousRun ~= '' and previousRun ~= known[1] and kept ~= ''
  and now - tonumber(kept) >= tonumber(known[6])
if isLate or not ((isSame or isMoved) and isSameList) then
  run = runID .. '.' .. seed
  isMoved = false
end
insist(KEYS[1])
if run ~= known[1] then
  redis.call('HSET', KEYS[1], 'since', string.format('%.0f', now))
  redis.call('HDEL', KEYS[1], 'server')
end
if isMoved then redis.call('HSET', KEYS[1], 'server', runID) end
if run ~= known[1] or known[2] ~= replication or not known[3] then
  redis.call('HSET', KEYS[1], 'run', run, 'replid', replication, 'seed', known[3] or seed)
end
if not isInCluster then
  redis.call('HSET', KEYS[1], 'layout', layout, 'era', string.format('%.0f', era))
  -- Others with another list stay away from here on.
  redis.call('SET', KEYS[2], layout, 'PX', ARGV[8])
end
-- It was joined before and does not find what it knew, and so it is with the others, which have not noticed yet.
local isDoubtful = ARGV[6] == '1' or previousRun ~= '' and previousRun ~= run
if isDoubtful then beginDoubt(KEYS[1]) end
return {run, isDoubtful and 1 or 0, era}
