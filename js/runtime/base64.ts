// Base64 of bytes, and the web's atob() and btoa().

const STANDARD = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

export function base64(bytes: ArrayBuffer, urlSafe = false): string {
    const alphabet = urlSafe ? URL_SAFE : STANDARD;
    const b = new Uint8Array(bytes);
    let out = "";
    for (let i = 0; i < b.length; i += 3) {
        const n = ((b[i] as number) << 16) | ((b[i + 1] ?? 0) << 8) | (b[i + 2] ?? 0);
        out += alphabet.charAt(n >> 18) + alphabet.charAt((n >> 12) & 63);
        out += i + 1 < b.length ? alphabet.charAt((n >> 6) & 63) : "=";
        out += i + 2 < b.length ? alphabet.charAt(n & 63) : "=";
    }
    return out;
}

export function btoa(data: unknown): string {
    const text = String(data);
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) {
        const code = text.charCodeAt(i);
        if (code > 255) throw new TypeError("btoa() takes characters up to U+00FF only");
        bytes[i] = code;
    }
    return base64(bytes.buffer);
}

// The forgiving decoding of the Infra standard.
export function atob(data: unknown): string {
    let text = String(data).replace(/[\t\n\f\r ]/g, "");
    if (text.length % 4 === 0) text = text.replace(/==?$/, "");
    if (text.length % 4 === 1 || /[^A-Za-z0-9+/]/.test(text)) throw new TypeError("atob() takes base64");
    let out = "";
    let bits = 0;
    let count = 0;
    for (let i = 0; i < text.length; i++) {
        bits = ((bits << 6) | STANDARD.indexOf(text.charAt(i))) & 0xffff;
        count += 6;
        if (count < 8) continue;
        count -= 8;
        out += String.fromCharCode((bits >> count) & 255);
    }
    return out;
}
