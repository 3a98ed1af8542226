-- Reads who is in a channel.
-- KEYS: presence, users
-- ARGV: '1' for the count alone; else how many connections, and how many bytes of members, are read at most
-- Returns {number of users and anonymous connections}, and behind it the fields and values of the presence hash, where
-- they are asked for and not too much.
local anonymous = tonumber(redis.call('HGET', KEYS[2], '') or '0') or 0
local count = redis.call('HLEN', KEYS[2])
if anonymous > 0 then count = count - 1 + anonymous end
if ARGV[1] == '1' or redis.call('HLEN', KEYS[1]) > tonumber(ARGV[2]) then return {count} end

-- What the member that a connection belongs to takes of an answer, without its commas, and who that is.
local function measure(field, value)
  local user, info
  -- Nodes write nothing longer, but other programs may.
  if #value <= 16384 then
    user, info = string.match(value, '^{"user":(.-),"node":"[^"]*","since":%d+(.*)}$')
  end
  if not user then return #value, field end
  return #user + #info + 20, user ~= 'null' and user or field
end

-- A few at a time, so that what is too much is not read to its end.
local entries, seen, members, bytes, cursor = {}, {}, 0, 0, '0'
repeat
  local page = redis.call('HSCAN', KEYS[1], cursor, 'COUNT', 100)
  cursor = page[1]
  for i = 1, #page[2], 2 do
    local size, who = measure(page[2][i], page[2][i + 1])
    if not seen[who] then members = members + size end
    seen[who] = true
    bytes = bytes + #page[2][i + 1]
    -- Of a user many connections may be one member: they are read as long as they are not 2 MiB.
    if members > tonumber(ARGV[3]) or bytes > 2097152 then return {count} end
    entries[#entries + 1] = page[2][i]
    entries[#entries + 1] = page[2][i + 1]
  end
until cursor == '0'
return {count, entries}
