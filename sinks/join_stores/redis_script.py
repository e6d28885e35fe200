"""The one script that runs inside Redis. It is static: data comes as arguments, never as text of the script.

A script of Redis runs to its end before anything else does, so each call sees and leaves a whole state.

    <base>                    hash: who writes here (token, and attempt for each write), what was true of the server then
                              (run, evicted), the position, first and last generation (oldest, newest), the number of
                              records of generation g (n<g>), and the plan of a write that is under way (next_position,
                              chunks, and how far it is: journaled, applied)
    <base>:<nonce>:<g>        hash: records of generation g: key (8 bytes) -> record and checksum
    <base>:journal:<i>        text: rows of the write under way

Every call of a writer is checked first: that it is still the one whose token stands there, that the server is the same
process, that no key of this server was evicted since, and that no record is missing. A nonce is drawn whenever the store is
emptied, so rows of before are never taken for rows of after. Nothing has to be searched for: no KEYS, no SCAN.

A write is a journal of rows, then a plan, then the rows applied, then the new position. Up to the plan it has not happened;
from the plan on it is finished by whoever opens the store next. So the records are those of one position whenever anyone
else can see them. A command that was given up may still arrive: each attempt at a write has a token of its own, and what
belongs to an earlier one is refused.
"""

from __future__ import annotations

from typing import Final

SCRIPT: Final = r"""
local base, operation, token, attempt = KEYS[1], ARGV[1], ARGV[2], ARGV[3]

local function server(section, field)
  return string.match(redis.call('INFO', section), field .. ':([^\r\n]*)')
end

local function generation(nonce, number)
  return base .. ':' .. nonce .. ':' .. number
end

local function numbers(first, last)
  local all = {}
  for number = tonumber(first or 0), tonumber(last or -1) do
    all[#all + 1] = string.format('%d', number)
  end
  return all
end

local function describe(nonce)
  redis.call('HSET', base, 'token', token, 'attempt', attempt, 'nonce', nonce,
    'run', server('server', 'run_id'), 'evicted', server('stats', 'evicted_keys'))
end

local function empty(format, ttl_ms)
  if redis.call('TYPE', base).ok == 'hash' then
    local was = redis.call('HMGET', base, 'nonce', 'oldest', 'newest')
    for _, number in ipairs(numbers(was[2], was[3])) do
      redis.call('UNLINK', generation(was[1] or '', number))
    end
  end
  redis.call('UNLINK', base)
  redis.call('HSET', base, 'format', format)
  describe(attempt)
  redis.call('PEXPIRE', base, ttl_ms)
end

local function is_whole(nonce, oldest, newest)
  for _, number in ipairs(numbers(oldest, newest)) do
    local key = generation(nonce, number)
    local kind = redis.call('TYPE', key).ok
    if kind ~= 'hash' and kind ~= 'none' then
      return false
    end
    if redis.call('HLEN', key) ~= tonumber(redis.call('HGET', base, 'n' .. number) or 0) then
      return false
    end
  end
  return true
end

-- why what is stored cannot be used; false: it can
local function unusable(format)
  if redis.call('TYPE', base).ok ~= 'hash' then
    return 'nothing is there'
  end
  local is = redis.call('HMGET', base, 'format', 'run', 'evicted', 'nonce', 'oldest', 'newest')
  if is[1] ~= format or not is[4] then
    return 'it has another format'
  elseif is[2] == server('server', 'run_id') and is[3] ~= server('stats', 'evicted_keys') then
    return 'keys were evicted'
  elseif is[2] ~= server('server', 'run_id') and server('memory', 'maxmemory_policy') ~= 'noeviction' then
    return 'the server was started again, and may have evicted keys'
  elseif not is_whole(is[4], is[5], is[6]) then
    return 'records are missing'
  end
  return false
end

if operation == 'open' then
  -- ARGV: format, ttl
  local why = unusable(ARGV[4])
  if why then
    empty(ARGV[4], ARGV[5])
  end
  local is = redis.call('HMGET', base, 'position', 'chunks', 'nonce')
  describe(is[3])
  return {'OK', why or '', is[1] or '', is[2] or '0'}
end

local is = {}
if redis.call('TYPE', base).ok == 'hash' then
  is = redis.call('HMGET', base, 'token', 'run', 'evicted', 'nonce', 'oldest', 'newest', 'attempt')
end
if operation == 'empty' then
  -- ARGV: format, ttl
  if is[1] and is[1] ~= token then
    return {'FENCED'}
  end
  empty(ARGV[4], ARGV[5])
  return {'OK'}
end
if not is[1] or not is[4] then
  return {'GONE'}
elseif is[2] ~= server('server', 'run_id') then
  return {'RESTARTED'}
elseif is[1] ~= token then
  return {'FENCED'}
elseif is[3] ~= server('stats', 'evicted_keys') then
  return {'EVICTED'}
elseif not is_whole(is[4], is[5], is[6]) then
  return {'MISSING'}
end

if operation == 'get' then
  -- ARGV: the keys, 8 bytes each
  local keys, count = ARGV[4], #ARGV[4] / 8
  local wanted, places, found, values = {}, {}, {}, {}
  for i = 1, count do
    wanted[i], places[i], found[i], values[i] = string.sub(keys, 8 * i - 7, 8 * i), i, '0', ''
  end
  local all = numbers(is[5], is[6])
  for newest = #all, 1, -1 do
    if #wanted == 0 then
      break
    end
    local got = redis.call('HMGET', generation(is[4], all[newest]), unpack(wanted))
    local still, where = {}, {}
    for i = 1, #wanted do
      if got[i] then
        found[places[i]], values[places[i]] = '1', got[i]
      else
        still[#still + 1], where[#where + 1] = wanted[i], places[i]
      end
    end
    wanted, places = still, where
  end
  return {'OK', table.concat(found), table.concat(values)}
elseif operation == 'renew' then
  redis.call('HSET', base, 'attempt', attempt)
  return {'OK', redis.call('HGET', base, 'chunks') or '0'}
elseif is[7] ~= attempt then
  return {'TORN'}

elseif operation == 'journal' then
  -- ARGV: number of the chunk, rows, ttl
  if ARGV[4] ~= '0' and redis.call('HGET', base, 'journaled') ~= ARGV[4] then
    return {'TORN'}
  end
  redis.call('SET', base .. ':journal:' .. ARGV[4], ARGV[5], 'PX', ARGV[6])
  redis.call('HSET', base, 'journaled', ARGV[4] + 1)
  return {'OK'}

elseif operation == 'plan' then
  -- ARGV: chunks, position, generation, how many generations are kept
  if redis.call('HGET', base, 'journaled') ~= ARGV[4] then
    return {'TORN'}
  end
  local newest = math.max(tonumber(ARGV[6]), tonumber(is[6] or ARGV[6]))
  local oldest = newest - ARGV[7] + 1
  for _, number in ipairs(numbers(is[5], math.min(tonumber(is[6] or oldest - 1), oldest - 1))) do
    redis.call('UNLINK', generation(is[4], number))
    redis.call('HDEL', base, 'n' .. number)
  end
  redis.call('HSET', base, 'chunks', ARGV[4], 'next_position', ARGV[5], 'applied', 0,
    'newest', string.format('%d', newest), 'oldest', string.format('%d', oldest))
  return {'OK'}

elseif operation == 'apply' then
  -- ARGV: number of the chunk, bytes of a row
  local rows, size = redis.call('GET', base .. ':journal:' .. ARGV[4]), tonumber(ARGV[5])
  if not rows then
    return {'GONE'}
  elseif ARGV[4] ~= '0' and redis.call('HGET', base, 'applied') ~= ARGV[4] then
    return {'TORN'}
  end
  local pairs = {}
  for at = 1, #rows, size do
    pairs[#pairs + 1] = string.sub(rows, at, at + 7)
    pairs[#pairs + 1] = string.sub(rows, at + 8, at + size - 1)
  end
  if #pairs > 0 then
    local new = redis.call('HSET', generation(is[4], is[6]), unpack(pairs))
    redis.call('HINCRBY', base, 'n' .. is[6], new)
  end
  redis.call('HSET', base, 'applied', ARGV[4] + 1)
  return {'OK'}

elseif operation == 'finish' then
  -- ARGV: chunks, ttl
  local plan = redis.call('HMGET', base, 'chunks', 'applied', 'next_position')
  if plan[1] ~= ARGV[4] or plan[2] ~= ARGV[4] then
    return {'TORN'}
  end
  for chunk = 0, ARGV[4] - 1 do
    redis.call('UNLINK', base .. ':journal:' .. chunk)
  end
  redis.call('HSET', base, 'position', plan[3])
  redis.call('HDEL', base, 'chunks', 'next_position', 'journaled', 'applied')
  for _, number in ipairs(numbers(is[5], is[6])) do
    redis.call('PEXPIRE', generation(is[4], number), ARGV[5])
  end
  redis.call('PEXPIRE', base, ARGV[5])
  return {'OK'}
end
return redis.error_reply('no such operation: ' .. operation)
"""
