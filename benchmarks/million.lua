-- Heartbeats and now and then a StatusNotification from random stations of a population, each connection after a pause.
-- Arguments: stations, share of statuses, pause of a connection in ms (on average), seed.

local HEAD = [[<?xml version="1.0" encoding="UTF-8"?>
<S:Envelope xmlns:S="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://www.w3.org/2005/08/addressing" xmlns:c="urn://Ocpp/Cs/2012/06/"><S:Header><c:chargeBoxIdentity>CP%07d</c:chargeBoxIdentity><a:Action>/%s</a:Action><a:MessageID>urn:bench:%d</a:MessageID><a:From><a:Address>http://198.51.100.7:9221/</a:Address></a:From></S:Header><S:Body>%s</S:Body></S:Envelope>]]
local STATUS = "<c:statusNotificationRequest><c:connectorId>1</c:connectorId><c:status>%s</c:status><c:errorCode>NoError</c:errorCode></c:statusNotificationRequest>"

local stations, share, pause, count = 1, 0, 0, 0

function init(args)
  stations = tonumber(args[1])
  share = tonumber(args[2])
  pause = tonumber(args[3])
  math.randomseed(tonumber(args[4]))
end

function delay()
  return math.random(0, 2 * pause)
end

function request()
  count = count + 1
  local station = math.random(0, stations - 1)
  local action, body = "Heartbeat", "<c:heartbeatRequest/>"
  if math.random() < share then
    action, body = "StatusNotification", string.format(STATUS, count % 2 == 0 and "Available" or "Occupied")
  end
  local headers = {["Content-Type"] = 'application/soap+xml; charset=utf-8; action="/' .. action .. '"'}
  return wrk.format("POST", nil, headers, string.format(HEAD, station, action, count, body))
end

function done(summary, latency, _)
  local errors = summary.errors
  io.write(string.format("RESULT %d %d %d %d %d\n", summary.requests, summary.duration, latency:percentile(50),
    latency:percentile(99), errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
