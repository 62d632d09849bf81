-- 1 KB of JSON.
local items = {}
for i = 1, 24 do
    items[i] = string.format('{"name":"article %02d","price":%d,"id":%d}', i, i, 1000 + i)
end
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"order":17,"items":[' .. table.concat(items, ",") .. "]}"
