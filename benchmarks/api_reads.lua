-- Reads of the REST API for wrk. Arguments: token, pause in ms before each request of a connection.

local PATHS = {
  "/api/v1/stations?limit=20", "/api/v1/transactions?limit=20&sort=-begun_at", "/api/v1/connectors?limit=20",
  "/api/v1/events?limit=20", "/api/v1/tags?limit=20", "/api/v1/stations/BENCH-1",
}
local headers, pause, count = {}, 0, 0

function init(args)
  headers["Authorization"] = "Bearer " .. args[1]
  pause = tonumber(args[2])
end

function delay() return pause end

function request()
  count = count + 1
  return wrk.format("GET", PATHS[count % #PATHS + 1], headers)
end

function done(summary, latency, _)
  local errors = summary.errors
  io.write(string.format("RESULT %d %d %d %d %d\n", summary.requests, summary.duration, latency:percentile(50),
    latency:percentile(99), errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
