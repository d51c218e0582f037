/**
 * What a Redis server does for a cluster, one script for each operation, so that the epoch is checked and the
 * change made in one step. Every answer is a list that begins with a `StoreWord`.
 *
 * Keys, all with one hash tag so that a Redis Cluster keeps them together:
 *   meta   epoch, owner (the process that is primary), heard (ms by Redis' own clock), informed, current,
 *          pending (a claim was granted and its owner not heard since), ended (it has handed over), run (the
 *          server that was written to), count (associations that are held), excuses (the primary's policy lets
 *          packets leave before what they depend on is held)
 *   seq    association -> number of its last update           state  association -> whole state
 *   from, to  association -> first and last entry of its log   log    association:entry -> updates
 *   next, nextAt  association -> a later state, and the last entry that it contains
 *   lease  association -> TSN lease
 */
export const storeKeys = ["meta", "seq", "from", "to", "state", "log", "lease", "next", "nextAt"] as const;

export type StoreWord =
  /** Done. */
  | "ok"
  /** Another process is primary, under the epoch that follows. */
  | "fenced"
  /** The server knows nothing of what was stored: it started empty, or another one has taken its place. */
  | "lost"
  /** What was to be appended does not follow what is there. */
  | "gap"
  /** No claim is granted: the reason follows, and after how many milliseconds it may be. */
  | "denied";

/** Small changes are made even where `maxmemory` is reached: without them nobody could go on. */
const always = "#!lua flags=allow-oom\n";
/** What grows is refused there before anything of it is written. */
const whileThereIsRoom = "#!lua\n";

const common = `
local meta, seq, from, to, state, log, lease, next_, nextAt =
  KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9]
local epoch, owner, ttl = tonumber(ARGV[1]), ARGV[2], ARGV[3]
local known =
  redis.call('HMGET', meta, 'epoch', 'owner', 'informed', 'current', 'pending', 'run', 'heard', 'count', 'ended', 'excuses')
local last = tonumber(known[1])
-- Evicted, or deleted by somebody.
local mutilated = last and tonumber(known[8] or '0') ~= redis.call('HLEN', seq)

local function now()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

local function run()
  return string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
end

local function keep()
  redis.call('HSET', meta, 'count', redis.call('HLEN', seq))
  for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, ttl) end
end

local function cut(id, final)
  local first = redis.call('HGET', from, id)
  if not first or not final then return end
  for entry = tonumber(first), tonumber(final) do redis.call('HDEL', log, id .. ':' .. entry) end
end

local function drop(id)
  cut(id, redis.call('HGET', to, id))
  for _, key in ipairs({ seq, from, to, state, lease, next_, nextAt }) do redis.call('HDEL', key, id) end
end

-- Nil when the caller is the primary, else what to answer.
local function refusal()
  if not last or mutilated then return { 'lost' } end
  if epoch < last or (epoch == last and known[2] ~= owner) then return { 'fenced', last } end
  if epoch > last then return { 'lost' } end
  return nil
end

local function heard()
  redis.call('HSET', meta, 'heard', now(), 'pending', '0')
end
`;

/** ARGV 4: role. Answer: ok, epoch, informed, then association and number of each that is held. */
const hello = `${always}${common}
local server = run()
local forgetful = last and (mutilated or known[6] ~= server)
-- Another server, or another life of this one: what it has may be older than what was acknowledged.
if forgetful then known[3] = '0' end
if ARGV[4] ~= 'primary' then return { 'ok', last or 0, known[3] or '0' } end
if forgetful then
  redis.call('DEL', seq, from, to, state, log, lease, next_, nextAt)
  redis.call('HSET', meta, 'informed', '0', 'current', '0', 'pending', '0', 'run', server, 'count', '0')
end
if last and (epoch < last or (epoch == last and known[2] ~= owner)) then return { 'fenced', last } end
if not last then redis.call('HSET', meta, 'informed', '0', 'run', server) end
if not last or epoch > last then
  redis.call('HSET', meta, 'epoch', epoch, 'owner', owner, 'current', '0', 'ended', '0')
end
heard()
keep()
local answer = { 'ok', epoch, known[3] or '0' }
for _, value in ipairs(redis.call('HGETALL', seq)) do answer[#answer + 1] = value end
return answer
`;

/** Answer: ok, informed. */
const beat = `${always}${common}
local no = refusal()
if no then return no end
if known[6] ~= run() then return { 'lost' } end
heard()
keep()
return { 'ok', known[3] or '0' }
`;

/**
 * ARGV from 4: in fives, association, kind (open: the log begins; more: it goes on; whole: a state takes the
 * place of all; next: the state that it has come to, so that what lies before the last such state can go;
 * end), number of the update before, number of the last one, bytes.
 */
const write = `${whileThereIsRoom}${common}
local no = refusal()
if no then return no end
local at = {}
for arg = 4, #ARGV, 5 do
  local id, kind, before, after = ARGV[arg], ARGV[arg + 1], ARGV[arg + 2], ARGV[arg + 3]
  local there = at[id] or redis.call('HGET', seq, id) or '0'
  if (kind == 'more' or kind == 'next' or kind == 'end') and there ~= before then return { 'gap', id, there } end
  at[id] = after
end
heard()
for arg = 4, #ARGV, 5 do
  local id, kind, after, bytes = ARGV[arg], ARGV[arg + 1], ARGV[arg + 3], ARGV[arg + 4]
  if kind == 'open' or kind == 'end' then drop(id) end
  if kind == 'whole' then
    local old = redis.call('HGET', lease, id)
    drop(id)
    if old then redis.call('HSET', lease, id, old) end
    redis.call('HSET', state, id, bytes)
  end
  if kind == 'next' then
    local older, at = redis.call('HGET', next_, id), redis.call('HGET', nextAt, id)
    if older and at then
      cut(id, at)
      redis.call('HSET', state, id, older)
      redis.call('HSET', from, id, tonumber(at) + 1)
    end
    redis.call('HSET', next_, id, bytes)
    redis.call('HSET', nextAt, id, redis.call('HGET', to, id))
  end
  if kind == 'open' or kind == 'more' then
    local entry = tonumber(redis.call('HGET', to, id) or '0') + 1
    redis.call('HSET', log, id .. ':' .. entry, bytes)
    redis.call('HSETNX', from, id, entry)
    redis.call('HSET', to, id, entry)
  end
  if kind ~= 'end' then redis.call('HSET', seq, id, after) end
end
keep()
return { 'ok' }
`;

/** ARGV 4: association; 5: bytes. */
const leaseHeld = `${whileThereIsRoom}${common}
local no = refusal()
if no then return no end
heard()
if redis.call('HEXISTS', seq, ARGV[4]) == 0 then return { 'gap', ARGV[4], '0' } end
redis.call('HSET', lease, ARGV[4], ARGV[5])
keep()
return { 'ok' }
`;

/** ARGV 4: whether the policy excuses; where it does not, the leases are over. */
const policy = `${always}${common}
local no = refusal()
if no then return no end
redis.call('HSET', meta, 'excuses', ARGV[4])
if ARGV[4] ~= '1' then redis.call('DEL', lease) end
heard()
keep()
return { 'ok' }
`;

/** The primary gives its place to the other member, which claims it now. ARGV 4: the next epoch. */
const handover = `${always}${common}
local no = refusal()
if no then return no end
if tonumber(ARGV[4]) == epoch + 1 then redis.call('HSET', meta, 'ended', '1') end
return { 'ok' }
`;

/** ARGV from 4: every association that there is; others are dropped. */
const synced = `${always}${common}
local no = refusal()
if no then return no end
if known[6] ~= run() then return { 'lost' } end
local there = {}
for arg = 4, #ARGV do there[ARGV[arg]] = true end
for _, id in ipairs(redis.call('HKEYS', seq)) do
  if not there[id] then drop(id) end
  there[id] = nil
end
for id in pairs(there) do return { 'gap', id, '0' } end
redis.call('HSET', meta, 'informed', '1', 'current', '1')
heard()
keep()
return { 'ok' }
`;

/** What is held is not current any more: the primary goes on alone, or leaves. */
const solo = `${always}${common}
local no = refusal()
if no then return no end
-- Who started empty may have granted a claim before: it grants nothing to anybody.
if known[3] ~= '1' or known[6] ~= run() then return { 'lost' } end
redis.call('HSET', meta, 'current', '0')
heard()
keep()
return { 'ok' }
`;

/** ARGV 4: silence of the primary that is needed, in ms. Answer: ok, excuses, then association and number of each. */
const claim = `${always}${common}
local function held()
  local answer = { 'ok', known[10] or '0' }
  for _, value in ipairs(redis.call('HGETALL', seq)) do answer[#answer + 1] = value end
  return answer
end
local function grant()
  redis.call('HSET', meta, 'epoch', epoch, 'owner', owner, 'heard', now())
  redis.call('HSET', meta, 'pending', '1', 'ended', '0')
  keep()
  return held()
end
if not last or mutilated or known[3] ~= '1' or known[6] ~= run() then
  return { 'denied', 'no primary has synchronised yet', 0 }
end
if known[5] == '1' and known[2] == owner and (epoch == last or epoch == last + 1) then return grant() end
-- It gave the next epoch away, to somebody who never came to ask for it and now cannot have it any more.
if known[2] == owner and epoch == last + 2 and known[4] == '1' then return grant() end
if epoch ~= last + 1 then return { 'denied', 'the last epoch is ' .. last, 0 } end
if known[4] ~= '1' then return { 'denied', 'what is held is not current', 0 } end
if known[2] == owner then return { 'denied', 'it is the primary itself', 0 } end
if known[9] == '1' then return grant() end
local left = tonumber(known[7]) + tonumber(ARGV[4]) - now()
-- A clock that was set back makes nobody wait longer than once more.
if left >= 0 then return { 'denied', 'the primary is there', math.min(left + 1, tonumber(ARGV[4])) } end
return grant()
`;

/** ARGV 4: association. Answer: ok, number, state or '', lease or '', then the entries of the log. */
const load = `${always}${common}
local id = ARGV[4]
local answer = { 'ok', redis.call('HGET', seq, id) or '0' }
answer[3] = redis.call('HGET', state, id) or ''
answer[4] = redis.call('HGET', lease, id) or ''
local first, final = redis.call('HGET', from, id), redis.call('HGET', to, id)
if first and final then
  for entry = tonumber(first), tonumber(final) do
    answer[#answer + 1] = redis.call('HGET', log, id .. ':' .. entry) or ''
  end
end
return answer
`;

export type StoreScript =
  | "hello"
  | "beat"
  | "write"
  | "leaseHeld"
  | "policy"
  | "synced"
  | "solo"
  | "handover"
  | "claim"
  | "load";

export const storeScripts: Readonly<Record<StoreScript, string>> = {
  hello,
  beat,
  write,
  leaseHeld,
  policy,
  synced,
  solo,
  handover,
  claim,
  load,
};
