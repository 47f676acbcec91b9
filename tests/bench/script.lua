-- What Lua programs spend their time on: tables, calls, closures, strings, 64-bit integers and floating point.
-- Nothing here depends on the order of pairs(), which Lua seeds with an address.

local function queens(n)
    local columns, up, down, found = {}, {}, {}, 0
    local function place(row)
        if row > n then
            found = found + 1
            return
        end
        for c = 1, n do
            if not (columns[c] or up[row + c] or down[row - c + n]) then
                columns[c], up[row + c], down[row - c + n] = true, true, true
                place(row + 1)
                columns[c], up[row + c], down[row - c + n] = nil, nil, nil
            end
        end
    end
    place(1)
    return found
end

local function sieve(limit)
    local composite, count = {}, 0
    for i = 2, limit do
        if not composite[i] then
            count = count + 1
            for k = i * i, limit, i do
                composite[k] = true
            end
        end
    end
    return count
end

local function spectral(n, rounds)
    local u, v = {}, {}
    for i = 1, n do
        u[i] = 1.0
    end
    local function multiply(from, to)
        for i = 1, n do
            local sum = 0.0
            for k = 1, n do
                sum = sum + from[k] / ((i + k - 2) * (i + k - 1) / 2 + i)
            end
            to[i] = sum
        end
    end
    for _ = 1, rounds do
        multiply(u, v)
        multiply(v, u)
    end
    return u[1] / v[1]
end

local function words(count)
    local seed, seen, list = 1, {}, {}
    for _ = 1, count do
        seed = (seed * 6364136223846793005 + 1442695040888963407) -- wraps at 64 bits
        local word = string.format("%x", (seed >> 40) % 4000):rep(2, "-"):gsub("a", "_")
        if not seen[word] then
            list[#list + 1] = word
        end
        seen[word] = (seen[word] or 0) + 1
    end
    table.sort(list, function(a, b)
        return seen[a] > seen[b] or seen[a] == seen[b] and a < b
    end)
    local lines = {}
    for i, word in ipairs(list) do
        lines[i] = word .. "=" .. seen[word]
    end
    return table.concat(lines, "\n", 1, 100)
end

print(queens(8))
print(sieve(200000))
print(string.format("%.14g", spectral(120, 4)))
print(words(20000))
