-- Sees to it that the present run of Redis stands in its key; where it did not, nobody is written down for sure.
-- KEYS: run
-- ARGV: run and master_replid as the node knows them, a seed for where Redis has none; '1' while the node is still writing
--       down who is connected, so that the doubt goes on
-- Returns OK. Safe to run twice.
presentRun(KEYS[1], ARGV[1], ARGV[2], ARGV[3])
insist(KEYS[1])
if ARGV[4] == '1' then beginDoubt(KEYS[1]) end
return redis.status_reply('OK')
