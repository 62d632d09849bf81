// Steady traffic from several clients at once, on connections that are kept and on new ones; says which requests failed.
import http from 'node:http';
import { request, until } from './gateway.mjs';

export class Load {
    // url: a string, or a function of the client's number; check(answer): whether it is as it should be.
    constructor(url, { kept = 4, fresh = 4, check = (answer) => answer.status === 200, options = {} } = {}) {
        this.url = typeof url === 'function' ? url : () => url;
        this.check = check;
        this.options = options;
        this.count = 0;
        this.failures = [];
        this.running = true;
        this.agents = Array.from({ length: kept }, () => new http.Agent({ keepAlive: true, maxSockets: 1 }));
        this.clients = [
            ...this.agents.map((agent, i) => this.#run(i, agent)),
            ...Array.from({ length: fresh }, (_, i) => this.#run(kept + i, false)),
        ];
    }

    async #run(number, agent) {
        while (this.running) {
            try {
                const answer = await request(this.url(number), { ...this.options, agent, timeout: 20000 });
                if (!this.check(answer)) this.failures.push(`${answer.status} ${answer.text.slice(0, 200)}`);
            } catch (error) {
                this.failures.push(`${agent ? 'kept' : 'fresh'}: ${error.code ?? ''} ${error.message}`);
            }
            this.count++;
        }
    }

    // Waits until so many more requests were answered.
    async more(count) {
        const goal = this.count + count;
        await until(`${count} requests`, () => this.count >= goal);
    }

    // Ends it and returns the failures.
    async stop() {
        this.running = false;
        await Promise.all(this.clients);
        for (const agent of this.agents) agent.destroy();
        return this.failures;
    }
}
