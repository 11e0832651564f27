// What many files of tests begin and end with: a cluster, a database, and what serves it.
import { after, before } from 'node:test';
import { Cluster } from './cluster.js';
import { BareOrigin, embedded, Gateway } from './gateway.js';
import { SCHEMA, seed } from './schema.js';

// What begin() puts into the world before the first test is stopped after the last.
function withWorld(begin) {
  const world = {};
  before(async () => {
    world.cluster = await Cluster.start();
    await begin(world);
  });
  after(async () => {
    await world.gateway?.stop();
    await world.origin?.stop();
    await world.database?.close();
    await world.cluster?.stop();
  });
}

// In all of these `take` gets the world before the first test, and may do more that all tests need: another before() would not wait
// for this one.

// `schema` makes the database's tables; `options` are BareOrigin's. The world is { cluster, database, origin }.
export function withOrigin(schema, options, take) {
  withWorld(async (world) => {
    world.database = await world.cluster.createDatabase(schema);
    world.origin = await BareOrigin.start(world.database, options);
    await take(world);
  });
}

// The tables of support/schema.js, and `more`, with seed()'s `count` rows: { cluster, database }.
export function withRows(count, take, more = '') {
  withWorld(async (world) => {
    world.database = await world.cluster.createDatabase(SCHEMA + more);
    await seed(world.database, count);
    await take(world);
  });
}

// Beside these a gateway with an origin of its own; `options` are Gateway's: { cluster, database, gateway }.
export function withGateway(count, options, take, more = '') {
  const serve = async (world) => {
    world.gateway = await Gateway.start({ origin: embedded(world.database), ...options });
    await take(world);
  };
  withRows(count, serve, more);
}
