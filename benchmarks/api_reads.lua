-- Reads of the REST API for wrk, paced: the reads of all its connections together are due at equal intervals, and one
-- that is late does not move the next. One thread only. Arguments: token, reads a second.

local ffi = require("ffi")
ffi.cdef[[
typedef struct { long seconds, nanoseconds; } bench_time;
int clock_gettime(int clock, bench_time *now);
]]
local MONOTONIC = 1
local PATHS = {
  "/api/v1/stations/BENCH-%d", "/api/v1/connectors?charge_box_identity=BENCH-%d", "/api/v1/stations?limit=20",
  "/api/v1/transactions?charge_box_identity=BENCH-%d&sort=-begun_at&limit=20", "/api/v1/stations/BENCH-%d",
  "/api/v1/transactions?limit=20&sort=-begun_at", "/api/v1/connectors?status=Available&limit=20",
  "/api/v1/tags?limit=20", "/api/v1/commands?limit=20&sort=-created_at", "/api/v1/events?limit=20",
}
local STATIONS = 1000
local headers, interval, due, count = {}, 0, nil, 0
local time = ffi.new("bench_time")

local function now()
  ffi.C.clock_gettime(MONOTONIC, time)
  return tonumber(time.seconds) * 1000 + tonumber(time.nanoseconds) / 1e6
end

function init(args)
  headers["Authorization"] = "Bearer " .. args[1]
  interval = 1000 / tonumber(args[2])
end

function delay()
  due = (due or now()) + interval
  return math.max(0, math.floor(due - now() + 0.5))
end

function request()
  count = count + 1
  local path = PATHS[count % #PATHS + 1]:format(count % STATIONS)
  return wrk.format("GET", path, headers)
end

function done(summary, latency, _)
  local errors = summary.errors
  io.write(string.format("RESULT %d %d %d %d %d\n", summary.requests, summary.duration, latency:percentile(50),
    latency:percentile(99), errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
