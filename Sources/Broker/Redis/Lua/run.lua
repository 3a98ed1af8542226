-- Stands before the scripts `identify`, `doubt`, `publish`, `read` and `clear`: the run of Redis, and the epochs of
-- channels that have none.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- Seconds: 30 days. A meta lives a day longer, so that an epoch is never computed again for a channel whose meta is gone.
local period = 2592000
local metaLifetime = 2678400000
-- Milliseconds for which nobody is written down for sure once the nodes have to come back: within them each notices, at its
-- next renewal at the latest. A node that takes longer to report who is connected begins them again.
local doubt = 5000

-- Has Redis take what follows also when its memory is full: it refuses a script nothing more once that has written, and
-- takes away at any time. A hash has no field of the empty name here.
local function insist(key) redis.call('HDEL', key, '') end

local function beginDoubt(key) redis.call('HSET', key, 'doubt', string.format('%.0f', now + doubt)) end

-- The name of the present run and its seed. A node has written them when it came; where they are gone Redis was emptied,
-- and the run goes on under the name that the node knows, with another seed. One key for everything, so a read may write it.
local function presentRun(key, name, replid, seed)
  local known = redis.call('HMGET', key, 'run', 'seed')
  if known[1] and known[2] then return known[1], known[2] end
  insist(key)
  redis.call('HSET', key, 'run', known[1] or name, 'replid', replid, 'seed', seed)
  beginDoubt(key)
  return known[1] or name, seed
end

-- The epoch of a channel to which nothing was published yet, by the key of its meta.
local function firstEpoch(run, seed, meta)
  local text = seed .. ' ' .. run .. ' ' .. string.format('%.0f', math.floor(time[1] / period)) .. ' ' .. meta
  return string.sub(redis.sha1hex(text), 1, 16)
end

