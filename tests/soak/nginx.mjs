// nginx as an upstream (and, for make bench, as the proxy to compare with), run from a directory of ours.
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { freePort, until } from '../e2e/lib/gateway.mjs';

export async function runNginx(dir, http, workers = 1) {
    mkdirSync(dir, { recursive: true });
    const file = join(dir, 'nginx.conf');
    writeFileSync(file, `
${process.getuid() === 0 ? 'user root;' : ''} daemon off; master_process on; worker_processes ${workers}; pid ${dir}/pid; error_log ${dir}/error.log;
events { worker_connections 8192; }
http {
    access_log off; client_body_temp_path ${dir}/b; proxy_temp_path ${dir}/p; fastcgi_temp_path ${dir}/f;
    uwsgi_temp_path ${dir}/u; scgi_temp_path ${dir}/s; sendfile on; open_file_cache max=10;
    keepalive_requests 1000000000; keepalive_timeout 300s;
${http}
}
`);
    const child = spawn('nginx', ['-p', dir, '-c', file], { stdio: ['ignore', 'inherit', 'inherit'] });
    process.once('exit', () => child.kill('SIGKILL'));
    return { child, stop: () => child.kill('SIGTERM') };
}

export async function startNginx(dir) {
    const port = await freePort();
    mkdirSync(dir, { recursive: true });
    writeFileSync(join(dir, 'large'), 'y'.repeat(10240));
    const nginx = await runNginx(dir, `
    server {
        listen 127.0.0.1:${port} backlog=4096;
        location = /small { default_type text/plain; return 200 "hello"; }
        location = /large { default_type text/plain; alias ${dir}/large; }
        location = /json { default_type application/json; return 200 '{"name":"lamp","price":3}'; }
    }`);
    await until('nginx listens', () => new Promise((done) => {
        const socket = net.connect(port, '127.0.0.1', () => {
            socket.destroy();
            done(true);
        });
        socket.on('error', () => done(false));
    }));
    return { ...nginx, port, url: `http://127.0.0.1:${port}` };
}
