import { describe, expect, it, route } from "dgate/test";
import * as balancer from "./balancer";

const urls = ["http://one.test", "http://two.test", "http://three.test"];

describe("balancer", () => {
    const all = route(balancer, { service: { urls }, upstream: (request) => request.host });

    it("sends a client to the same upstream each time", async () => {
        const first = await all.get("/", { remoteAddress: "198.51.100.7" });
        const again = await all.get("/other", { remoteAddress: "198.51.100.7" });
        expect(again.text()).toBe(first.text());
    });

    it("uses all upstreams", async () => {
        const seen = new Set<string>();
        for (let i = 1; i <= 32; i++) seen.add((await all.get("/", { remoteAddress: `192.0.2.${i}` })).text());
        expect([...seen].sort()).toEqual(["one.test", "three.test", "two.test"]);
    });
});
