-- Reads from a channel's history, and says where it stands.
-- KEYS: meta, history
-- ARGV: run of Redis that the node is connected to, epoch to begin where meta has none of that run, what is read, how
--       many messages at most; for 'recover' and 'after' the place: an offset and its epoch, or milliseconds alone
-- 'newest' reads the newest; 'after' the first since the place that are held, none under another epoch; 'recover' all
-- since the place, or none when not all of them are held or they are more than asked for.
-- Returns {epoch, newest offset, 1 when these are all messages since the place, the entries as XRANGE gives them}.
local meta = redis.call('HMGET', KEYS[1], 'epoch', 'offset', 'run')
local epoch, top = meta[1], tonumber(meta[2] or '0')
if meta[3] ~= ARGV[1] then
  epoch, top = ARGV[2], 0
  redis.call('HSET', KEYS[1], 'epoch', epoch, 'offset', 0, 'run', ARGV[1])
  redis.call('DEL', KEYS[2])
end
redis.call('PEXPIRE', KEYS[1], 2592000000) -- 30 days

local function range(first, count)
  if count < 1 then return {} end
  local from = string.format('%.0f-0', first)
  return redis.call('XRANGE', KEYS[2], from, '+', 'COUNT', string.format('%.0f', count))
end
local function offsetOf(entry) return tonumber(string.match(entry[1], '^%d+')) end
local function timeOf(entry) return tonumber(entry[2][4]) end

-- The newest message up to that moment, and whether nothing older than what is held can be missing after it.
local function place(moment)
  local oldest = range(0, 1)[1]
  if not oldest then return top, false end
  local low, high = offsetOf(oldest), top + 1
  while low < high do
    -- The sum of both may be no exact number any more.
    local middle = low + math.floor((high - low) / 2)
    local entry = range(middle, 1)[1]
    if entry and timeOf(entry) <= moment then low = offsetOf(entry) + 1 else high = middle end
  end
  return low - 1, timeOf(oldest) <= moment or offsetOf(oldest) == 1
end

local what, limit = ARGV[3], tonumber(ARGV[4])
local since, isVouched = top, false
if what == 'newest' then
  since = math.max(0, top - limit)
elseif not ARGV[6] then
  since, isVouched = place(tonumber(ARGV[5]))
elseif ARGV[6] == epoch and tonumber(ARGV[5]) >= 0 and tonumber(ARGV[5]) <= top then
  since, isVouched = tonumber(ARGV[5]), true
end
local missed = top - since
local entries = {}
if what ~= 'recover' or (isVouched and missed <= limit) then entries = range(since + 1, limit) end
-- The offsets have no gaps, so the number tells whether one has been trimmed or has expired.
local isComplete = isVouched and #entries == missed
if what == 'recover' and not isComplete then entries = {} end
return {epoch, top, isComplete and 1 or 0, entries}
