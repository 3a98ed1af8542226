-- Gives a message its place and its moment, keeps it, and tells everybody: all of it once for one idempotency key.
-- KEYS: meta, history, run, and the idempotency key where there is one
-- ARGV: run and master_replid as the node knows them, epoch to begin where meta has none of the present run, messages
--       kept or '0', milliseconds they are kept, message channel, kind ('m' or 'b'), event before its place, event
--       behind it (of kind 'b' only), client id left out or '-', milliseconds the key lasts
-- Returns {epoch, offset, 1 when the key was known and nothing was published, Redis' clock in milliseconds}; epoch '-'
-- and offset 0 where nothing is kept. Run again after a lost answer, only a key keeps it from publishing twice.
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
if KEYS[4] then
  local epoch, offset = string.match(redis.call('GET', KEYS[4]) or '', '^(%S+) (%d+)$')
  if epoch then return {epoch, tonumber(offset), 1, tonumber(now)} end
end
local isKept = tonumber(ARGV[4]) > 0
local epoch, offset = '-', 0
if isKept then
  -- What Redis itself says, since the node may not have noticed yet that another has found a new run.
  local run = redis.call('HGET', KEYS[3], 'run')
  local meta = redis.call('HMGET', KEYS[1], 'epoch', 'offset', 'run')
  if run and meta[3] == run then
    epoch, offset = meta[1], tonumber(meta[2])
  else
    epoch = ARGV[3]
    -- The first command that writes, since it is the first that Redis refuses when its memory is full.
    redis.call('HSET', KEYS[1], 'epoch', epoch, 'offset', 0, 'run', run or ARGV[1])
    redis.call('DEL', KEYS[2])
    if not run then redis.call('HSET', KEYS[3], 'run', ARGV[1], 'replid', ARGV[2]) end
  end
  offset = offset + 1
end
-- A number made text by Lua itself has fourteen digits.
local number = string.format('%.0f', offset)
local event
if ARGV[7] == 'b' then
  event = ARGV[8] .. (isKept and struct.pack('>I8', offset) or '') .. ARGV[9]
else
  event = ARGV[8] .. (isKept and ',"offset":' .. number or '') .. ',"ts":' .. now .. '}'
end
if isKept then
  local fields = {'m', event, 't', now}
  if ARGV[10] ~= '-' then fields[5], fields[6] = 'x', ARGV[10] end
  if ARGV[7] == 'b' then fields[#fields + 1], fields[#fields + 2] = 'k', 'b' end
  redis.call('XADD', KEYS[2], 'MAXLEN', '=', ARGV[4], number .. '-0', unpack(fields))
  redis.call('PEXPIRE', KEYS[2], ARGV[5])
  redis.call('HSET', KEYS[1], 'offset', number)
  redis.call('PEXPIRE', KEYS[1], 2592000000) -- 30 days
end
local place = isKept and epoch .. ' ' .. number or '- -'
redis.call('PUBLISH', ARGV[6], ARGV[7] .. ' ' .. place .. ' ' .. ARGV[10] .. '\n' .. event)
if KEYS[4] then redis.call('SET', KEYS[4], epoch .. ' ' .. number, 'PX', ARGV[11]) end
return {epoch, offset, 0, tonumber(now)}
