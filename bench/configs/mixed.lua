-- The ten modules of bench/scenarios/memory.mjs in turn.
local n = 0
local json = '{"a":1,"b":[1,2,3],"c":"text"}'
request = function()
    n = n + 1
    local i = n % 10
    local path = "/m" .. i .. "/x?y=" .. n
    if i % 2 == 0 then
        return wrk.format("GET", path)
    end
    return wrk.format("POST", path, { ["Content-Type"] = "application/json" }, json)
end
