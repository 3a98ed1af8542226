-- Reads from a channel's history, and says where it stands.
-- KEYS: meta, history, run
-- ARGV: run and master_replid as the node knows them, a seed for where Redis has none, bytes and number of messages in the
--       answer at most, what is read, how many messages at most; for 'recover' and 'after' the place: an offset and its
--       epoch, or milliseconds alone
-- 'newest' reads the newest; 'after' the first since the place that are held, none under another epoch; 'recover' all
-- since the place, or none when not all of them are held or they are more than asked for. Where they are too many for one
-- answer fewer come, but one in any case: of 'newest' the newest, else the oldest, and the rest is to be read by XRANGE,
-- which costs Redis a tenth of what it does here.
-- Returns {epoch, newest offset, 1 when all messages since the place are held, the entries as XRANGE gives them}.

-- Of a channel to which nothing was published nothing is written: its first message has the epoch that is told here, unless
-- Redis is emptied, becomes another run, or a period ends before. Then that message is told as one of another epoch.
local run, seed = presentRun(KEYS[3], ARGV[1], ARGV[2], ARGV[3])
local meta = redis.call('HMGET', KEYS[1], 'epoch', 'offset', 'run')
local epoch, latest, isKnown = meta[1], tonumber(meta[2] or '0'), meta[3] == run
if isKnown then
  redis.call('PEXPIRE', KEYS[1], metaLifetime)
else
  epoch, latest = firstEpoch(run, seed, KEYS[1]), 0
  -- Messages of another run are nobody's.
  redis.call('DEL', KEYS[2])
end

local function range(command, from, to, count)
  if not isKnown or count < 1 then return {} end
  return redis.call(command, KEYS[2], from, to, 'COUNT', string.format('%.0f', count))
end
local function idOf(offset) return string.format('%.0f-0', offset) end
local function offsetOf(entry) return tonumber(string.match(entry[1], '^%d+')) end
local function timeOf(entry) return tonumber(entry[2][4]) end

-- At most so many, a few at a time, for as long as they are not too many bytes.
local function collect(count, nextFew)
  count = math.min(count, tonumber(ARGV[5]))
  local entries, bytes, last = {}, 0, nil
  while #entries < count do
    local wanted = math.min(32, count - #entries)
    local few = nextFew(last, wanted)
    for _, entry in ipairs(few) do
      bytes = bytes + #entry[2][2]
      if bytes > tonumber(ARGV[4]) and #entries > 0 then return entries end
      entries[#entries + 1] = entry
    end
    if #few < wanted then break end
    last = offsetOf(few[#few])
  end
  return entries
end
local function oldest(first, count)
  return collect(count, function(last, wanted)
    return range('XRANGE', idOf(last and last + 1 or first), '+', wanted)
  end)
end
local function newest(count)
  local backwards = collect(count, function(last, wanted)
    return range('XREVRANGE', last and idOf(last - 1) or '+', '-', wanted)
  end)
  local entries = {}
  for i = #backwards, 1, -1 do entries[#entries + 1] = backwards[i] end
  return entries
end

-- The newest message up to that moment, and whether nothing older than what is held can be missing after it.
local function place(moment)
  local first = range('XRANGE', '-', '+', 1)[1]
  if not first then return latest, false end
  local low, high = offsetOf(first), latest + 1
  while low < high do
    -- The sum of both may be no exact number any more.
    local middle = low + math.floor((high - low) / 2)
    local entry = range('XRANGE', idOf(middle), '+', 1)[1]
    if entry and timeOf(entry) <= moment then low = offsetOf(entry) + 1 else high = middle end
  end
  return low - 1, timeOf(first) <= moment or offsetOf(first) == 1
end

local what, limit = ARGV[6], tonumber(ARGV[7])
if what == 'newest' then return {epoch, latest, 0, newest(limit)} end
local since, isVouched = latest, false
if not ARGV[9] then
  since, isVouched = place(tonumber(ARGV[8]))
elseif ARGV[9] == epoch and tonumber(ARGV[8]) >= 0 and tonumber(ARGV[8]) <= latest then
  since, isVouched = tonumber(ARGV[8]), true
end
local missed = latest - since
local entries = {}
if what == 'after' or isVouched and missed <= limit then entries = oldest(since + 1, math.min(limit, missed)) end
local isComplete = isVouched and (missed == 0 or #entries > 0 and offsetOf(entries[1]) == since + 1)
if what == 'recover' and not isComplete then entries = {} end
return {epoch, latest, isComplete and 1 or 0, entries}
