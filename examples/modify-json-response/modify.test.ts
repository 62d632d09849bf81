import { expect, it, route } from "dgate/test";

const items = route("./modify.js", {
    path: "/items/{id}",
    upstream: {
        "/items/7": { json: { name: "lamp", internal: "cost 3" } },
        "/items/text": "plain",
        "/items/broken": { headers: { "Content-Type": "application/json" }, body: "{" },
    },
});

it("adds a member and removes a private one", async () => {
    const response = await items.get("/items/7");
    expect(response.json()).toEqual({ name: "lamp", gateway: { route: "route", id: "7" } });
    expect(response.headers.get("x-modified")).toBe("yes");
});

it("leaves other responses alone", async () => {
    const response = await items.get("/items/text");
    expect(response.text()).toBe("plain");
    expect(response.headers.has("x-modified")).toBe(false);
});

it("answers 502 when the upstream's JSON is broken", async () => {
    expect((await items.get("/items/broken")).status).toBe(502);
});
