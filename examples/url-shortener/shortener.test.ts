import { beforeEach, describe, documents, expect, it, route } from "dgate/test";
import * as shortener from "./shortener";

const LONG = "https://example.com/a/long/path";
const links = route(shortener, { paths: ["/", "/{id}"] });

describe("shortener", () => {
    beforeEach(async () => {
        await documents.clear();
        await documents.put("short_links", { known: { url: LONG } });
    });

    it("stores a link and answers its path", async () => {
        const response = await links.request("POST /", { query: { url: LONG } });
        expect(response.status).toBe(201);
        const { id, path } = response.json();
        expect(path).toBe(`/${id}`);
        expect(id).toMatch(/^[0-9a-f]{8}$/);
        expect(await documents.get("short_links", id)).toEqual({ url: LONG });
    });

    it("gives the same link the same path", async () => {
        const [one, two] = await Promise.all([
            links.request("POST /", { query: { url: LONG } }),
            links.request("POST /", { query: { url: LONG } }),
        ]);
        expect(one.json()).toEqual(two.json());
    });

    it("follows a link", async () => {
        const response = await links.get("/known");
        expect(response.status).toBe(307);
        expect(response.headers.get("location")).toBe(LONG);
    });

    it("answers 404 for a link that it does not know", async () => {
        expect((await links.get("/unknown")).status).toBe(404);
    });

    it.each(["", "nonsense", "ftp://example.com/file"])("refuses the URL %j", async (url) => {
        const response = await links.request("POST /", { query: { url: String(url) } });
        expect(response.status).toBe(400);
        expect(response.json().error).toContain("http or https URL");
    });
});
