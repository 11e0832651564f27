// What many files of tests begin and end with: a cluster, a database, and what serves it.
import { after, before } from 'node:test';
import { Cluster } from './cluster.js';
import { BareOrigin } from './gateway.js';

// `schema` makes the database's tables; `options` are BareOrigin's. `take` gets { cluster, database, origin } before the first
// test, and may do more that all tests need: another before() would not wait for this one.
export function withOrigin(schema, options, take) {
  const world = {};
  before(async () => {
    world.cluster = await Cluster.start();
    world.database = await world.cluster.createDatabase(schema);
    world.origin = await BareOrigin.start(world.database, options);
    await take(world);
  });
  after(async () => {
    await world.origin?.stop();
    await world.database?.close();
    await world.cluster?.stop();
  });
}
