import { beforeEach, documents, expect, fakeFetch, it, route } from "dgate/test";
import * as merge from "./merge";

const users = route(merge, { path: "/users/{user}" });

beforeEach(() => documents.put("settings", { backend: { url: "https://backend.test" } }));

it("merges what the backends answer", async () => {
    const backends = fakeFetch({
        "https://backend.test/profile/ada": { json: { name: "Ada" } },
        "https://backend.test/orders/ada": { json: [1, 2] },
        "https://backend.test/messages/ada": { status: 500 },
    });
    const response = await users.get("/users/ada");
    expect(response.json()).toEqual({ user: "ada", profile: { name: "Ada" }, orders: [1, 2], messages: null });
    expect(backends.requests).toHaveLength(3);
});

it("escapes the name of the user", async () => {
    const backends = fakeFetch((request) => ({ json: request.path }));
    const response = await users.get("/users/a%2Fb");
    expect(response.json().profile).toBe("/profile/a%2Fb");
    expect(backends.requests.map((request) => request.method)).toEqual(["GET", "GET", "GET"]);
});

it("fails when a backend cannot be reached", async () => {
    fakeFetch({ fail: "CONNECT" });
    const response = await users.get("/users/ada");
    expect(response.status).toBe(500);
});

it("fails when it is not told where the backends are", async () => {
    await documents.clear();
    expect((await users.get("/users/ada")).status).toBe(500);
});
