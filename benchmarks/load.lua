-- Requests of one action for wrk, from 1,000 stations that nobody has seen before this benchmark.
-- Arguments: action, offset in minutes (so that no two runs send the same message), pause in ms before each request.

local HEAD = [[<?xml version="1.0" encoding="UTF-8"?>
<S:Envelope xmlns:S="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://www.w3.org/2005/08/addressing" xmlns:c="urn://Ocpp/Cs/2012/06/"><S:Header><c:chargeBoxIdentity>BENCH-%d</c:chargeBoxIdentity><a:Action>/%s</a:Action><a:MessageID>urn:bench:%d:%d</a:MessageID><a:From><a:Address>http://198.51.100.7:9221/</a:Address></a:From><a:ReplyTo><a:Address>http://www.w3.org/2005/08/addressing/anonymous</a:Address></a:ReplyTo><a:To>http://127.0.0.1/Ocpp/CentralSystemService</a:To></S:Header><S:Body>]]
local TAIL = "</S:Body></S:Envelope>"
local VALUES = [[<c:value measurand="Energy.Active.Import.Register" unit="Wh">%d</c:value><c:value measurand="Power.Active.Import" unit="kW">3.7</c:value><c:value measurand="Current.Import" unit="Amp">16.1</c:value><c:value measurand="Voltage" unit="Volt">230.4</c:value>]]
local STATIONS = 1000
local YEAR_2020 = 1577836800

local threads = 0
local number, action, minute, count = 0, "Heartbeat", 0, 0
local started = {}

function setup(thread)
  thread:set("thread_number", threads)
  threads = threads + 1
end

local function time(seconds)
  return os.date("!%Y-%m-%dT%H:%M:", YEAR_2020 + minute * 60) .. string.format("%02dZ", seconds)
end

local bodies = {}

function bodies.Heartbeat() return "<c:heartbeatRequest/>" end

function bodies.Authorize(station)
  return string.format("<c:authorizeRequest><c:idTag>TAG%d</c:idTag></c:authorizeRequest>", station)
end

function bodies.StatusNotification()
  return "<c:statusNotificationRequest><c:connectorId>1</c:connectorId><c:status>Available</c:status><c:errorCode>NoError</c:errorCode><c:timestamp>" .. time(0) .. "</c:timestamp></c:statusNotificationRequest>"
end

function bodies.MeterValues()
  local parts = {"<c:meterValuesRequest><c:connectorId>1</c:connectorId>"}
  for sample = 0, 9 do
    parts[#parts + 1] = "<c:values><c:timestamp>" .. time(sample * 6) .. "</c:timestamp>" .. string.format(VALUES, count) .. "</c:values>"
  end
  parts[#parts + 1] = "</c:meterValuesRequest>"
  return table.concat(parts)
end

function bodies.StartTransaction(station)
  return string.format("<c:startTransactionRequest><c:connectorId>1</c:connectorId><c:idTag>TAG%d</c:idTag><c:timestamp>%s</c:timestamp><c:meterStart>%d</c:meterStart></c:startTransactionRequest>", station, time(0), count)
end

function bodies.StopTransaction(station, transaction)
  return string.format("<c:stopTransactionRequest><c:transactionId>%s</c:transactionId><c:idTag>TAG%d</c:idTag><c:timestamp>%s</c:timestamp><c:meterStop>%d</c:meterStop></c:stopTransactionRequest>", transaction, station, time(30), count + 1)
end

local function envelope(name, station, ...)
  local body = string.format(HEAD, station, name, station, count) .. bodies[name](station, ...) .. TAIL
  return wrk.format("POST", nil, {["Content-Type"] = 'application/soap+xml; charset=utf-8; action="/' .. name .. '"'}, body)
end

-- The half of the stations that this thread speaks for, one after the other.
local function next_station()
  return (count * 2 + number) % STATIONS
end

function init(args)
  number = thread_number
  action = args[1]
  minute = tonumber(args[2]) or 0
  local pause = tonumber(args[3]) or 0
  if pause > 0 then
    delay = function() return math.random(0, 2 * pause) end
  end
  if action == "StartStop" then
    response = function(status, headers, body)
      local station = body:match("urn:bench:(%d+):")
      local transaction = body:match("transactionId>(%d+)<")
      if transaction then started[#started + 1] = {station or "0", transaction} end
    end
  end
end

function request()
  count = count + 1
  if count % (STATIONS / 2) == 0 then minute = minute + 1 end
  if action ~= "StartStop" then return envelope(action, next_station()) end
  local pair = table.remove(started)
  if pair then return envelope("StopTransaction", pair[1], pair[2]) end
  return envelope("StartTransaction", next_station())
end

function done(summary, latency, _)
  local errors = summary.errors
  io.write(string.format("RESULT %d %d %d %d %d\n", summary.requests, summary.duration, latency:percentile(50),
    latency:percentile(99), errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
