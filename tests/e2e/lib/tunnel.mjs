// An upgraded connection: a client through the gateway, and an upstream that echoes.
import { Raw } from './raw.mjs';

// For the 'upgrade' event of an http.Server.
export function echoUpgrade(req, socket) {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
    socket.on('data', (chunk) => socket.write(chunk));
    socket.on('error', () => {});
    socket.on('end', () => socket.end());
}

export async function openTunnel(port, path = '/') {
    const client = await Raw.connect(port);
    client.send(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n`);
    await client.see(/^HTTP\/1\.1 101 [^]*\r\n\r\n/);
    client.data = Buffer.alloc(0);
    return client;
}

export async function echoes(client, text) {
    client.data = Buffer.alloc(0);
    client.send(text);
    await client.see(new RegExp(`^${text}$`));
}
