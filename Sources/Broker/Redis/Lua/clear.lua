-- Throws away what a channel keeps, and begins another epoch. Listeners on all nodes are told.
-- KEYS: meta, history, run
-- ARGV: run and master_replid as the node knows them, something random, message channel
-- Returns the epoch, which no channel had before. Run again after a lost answer it begins one more.
local run = presentRun(KEYS[3], ARGV[1], ARGV[2], ARGV[3])
local epoch = string.sub(redis.sha1hex(ARGV[3] .. ' ' .. time[1] .. ' ' .. time[2] .. ' ' .. KEYS[1]), 1, 16)
insist(KEYS[1])
redis.call('HSET', KEYS[1], 'epoch', epoch, 'offset', 0, 'run', run)
redis.call('PEXPIRE', KEYS[1], metaLifetime)
redis.call('DEL', KEYS[2])
redis.call('PUBLISH', ARGV[4], 'c ' .. epoch .. ' 0 -\n{}')
return epoch
