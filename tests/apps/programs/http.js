// SPDX-License-Identifier: Apache-2.0
// An HTTP server and clients of it in a child process, some of which keep their connections.
'use strict';
const http = require('http');
const crypto = require('crypto');
const { fork } = require('child_process');

const CLIENTS = 6, REQUESTS = 8, STEPS = 20;

function serve() {
	const server = http.createServer((request, response) => {
		const hash = crypto.createHash('sha256');
		request.on('data', (piece) => hash.update(piece));
		request.on('end', () => response.end(request.url + ' ' + hash.digest('hex')));
	});
	// None that the kernel gives to others by itself; the next one where it is taken.
	let port = 20000 + process.pid % 10000;
	server.on('error', () => server.listen(++port, '127.0.0.1'));
	server.listen(port, '127.0.0.1');
	server.on('listening', () => {
		const child = fork(__filename, [String(server.address().port)]);
		child.on('exit', (code) => {
			server.close();
			server.closeAllConnections();
			process.exitCode = code;
		});
	});
}

function ask(port, agent, path, body) {
	return new Promise((resolve, reject) => {
		const options = { host: '127.0.0.1', port, agent, path, method: 'POST' };
		const request = http.request(options, (response) => {
			let text = '';
			response.on('data', (piece) => text += piece);
			response.on('end', () => resolve(text));
		});
		request.on('error', reject);
		request.end(body);
	});
}

async function client(port, which, sum) {
	const agent = which % 2 ? new http.Agent({ keepAlive: true }) : false;
	for (let i = 0; i < REQUESTS; i++) {
		const body = Buffer.alloc(50000 + which, i);
		const want = crypto.createHash('sha256').update(body).digest('hex');
		const got = await ask(port, agent, `/${which}/${i}`, body);
		if (got !== `/${which}/${i} ${want}`)
			throw new Error(got);
		sum.bytes += body.length;
	}
	if (agent)
		agent.destroy();
}

async function clients(port) {
	const sum = { bytes: 0 };
	for (let step = 1; step <= STEPS; step++) {
		await Promise.all([...Array(CLIENTS).keys()].map((i) => client(port, i, sum)));
		console.log(`step ${step}`);
	}
	console.log(sum.bytes);
	process.disconnect();
}

if (process.argv[2])
	clients(Number(process.argv[2])).catch((e) => { console.error(e); process.exit(1); });
else
	serve();
