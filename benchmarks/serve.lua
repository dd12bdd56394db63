-- For wrk: searches by random ids. Arguments: number of items, pause in milliseconds after each answer.
-- Prints one line of JSON with what was answered.
local threads = {}

function setup(thread)
  thread:set("number", #threads)
  table.insert(threads, thread)
end

function init(arguments)
  items, pause = tonumber(arguments[1]), tonumber(arguments[2])
  answered, shed, failed = 0, 0, 0
  math.randomseed(17 + number)
  if pause == 0 then
    delay = nil
  end
end

function request()
  local body = string.format('{"id":%d}', math.random(0, items - 1))
  return wrk.format("POST", "/api/v1/search", { ["Content-Type"] = "application/json" }, body)
end

function delay()
  return pause
end

function response(status, headers, body)
  if status == 200 then
    answered = answered + 1
  elseif status == 503 and headers["retry-after"] then
    shed = shed + 1
  else
    failed = failed + 1
  end
end

function done(summary, latency, requests)
  local sum = { answered = 0, shed = 0, failed = 0 }
  for _, thread in ipairs(threads) do
    for name, count in pairs(sum) do
      sum[name] = count + thread:get(name)
    end
  end
  local errors = summary.errors.connect + summary.errors.read + summary.errors.write
  local format = '{"seconds":%f,"answered":%d,"shed":%d,"failed":%d,"broken":%d,"timeouts":%d,'
    .. '"median_ms":%f,"p99_ms":%f}\n'
  io.write(string.format(format, summary.duration / 1e6, sum.answered, sum.shed, sum.failed, errors,
    summary.errors.timeout, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
