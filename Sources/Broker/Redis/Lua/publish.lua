-- Gives a message its place and its moment, keeps it, and tells everybody: all of it once for one idempotency key.
-- KEYS: meta, history, run, and the idempotency key where there is one
-- ARGV: run and master_replid as the node knows them, a seed for where Redis has none, messages kept or '0', milliseconds
--       they are kept, message channel, kind ('m' or 'b'), event before its place, event behind it (of kind 'b' only),
--       client id left out or '-', milliseconds the key lasts
-- Returns {epoch, offset, 1 when the key was known and nothing was published, Redis' clock in milliseconds}; epoch '-'
-- and offset 0 where nothing is kept. Run again after a lost answer, only a key keeps it from publishing twice.
if KEYS[4] then
  local epoch, offset = string.match(redis.call('GET', KEYS[4]) or '', '^(%S+) (%d+)$')
  if epoch then return {epoch, tonumber(offset), 1, now} end
end
local isKept = tonumber(ARGV[4]) > 0
local epoch, offset = '-', 0
if isKept then
  -- What Redis itself says, since the node may not have noticed yet that another has found a new run.
  local run, seed = presentRun(KEYS[3], ARGV[1], ARGV[2], ARGV[3])
  local meta = redis.call('HMGET', KEYS[1], 'epoch', 'offset', 'run')
  if meta[3] == run then
    epoch, offset = meta[1], tonumber(meta[2])
  else
    epoch = firstEpoch(run, seed, KEYS[1])
    -- The first command that writes, since it is the first that Redis refuses when its memory is full.
    redis.call('HSET', KEYS[1], 'epoch', epoch, 'offset', 0, 'run', run)
    redis.call('DEL', KEYS[2])
  end
  offset = offset + 1
end
-- A number made text by Lua itself has fourteen digits.
local number = string.format('%.0f', offset)
local moment = string.format('%.0f', now)
local event
if ARGV[7] == 'b' then
  event = ARGV[8] .. (isKept and struct.pack('>I8', offset) or '') .. ARGV[9]
else
  event = ARGV[8] .. (isKept and ',"offset":' .. number or '') .. ',"ts":' .. moment .. '}'
end
if isKept then
  local fields = {'m', event, 't', moment}
  if ARGV[10] ~= '-' then fields[5], fields[6] = 'x', ARGV[10] end
  if ARGV[7] == 'b' then fields[#fields + 1], fields[#fields + 2] = 'k', 'b' end
  redis.call('XADD', KEYS[2], 'MAXLEN', '=', ARGV[4], number .. '-0', unpack(fields))
  redis.call('PEXPIRE', KEYS[2], ARGV[5])
  redis.call('HSET', KEYS[1], 'offset', number)
  redis.call('PEXPIRE', KEYS[1], metaLifetime)
end
local place = isKept and epoch .. ' ' .. number or '- -'
-- Before anybody hears of it, since a full Redis refuses it; and it must not speak of a message that nobody heard of.
if KEYS[4] then redis.call('SET', KEYS[4], epoch .. ' ' .. number, 'PX', ARGV[11]) end
local heard = redis.pcall('PUBLISH', ARGV[6], ARGV[7] .. ' ' .. place .. ' ' .. ARGV[10] .. '\n' .. event)
if type(heard) == 'table' then
  if KEYS[4] then redis.call('DEL', KEYS[4]) end
  return heard
end
return {epoch, offset, 0, now}
