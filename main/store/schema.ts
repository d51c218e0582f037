import type Database from "better-sqlite3";

/** "Undy" in ASCII: tells our run files from other SQLite files. */
export const applicationId = 0x556e6479;
/** Raised with every change of the tables; a reader refuses files that are newer than it knows. */
export const schemaVersion = 3;

/**
 * What is recorded while a run goes on. Instants are microseconds since the Unix epoch. Associations go by the local
 * tag that they have on the host that recorded them; 0: not told.
 */
const recordedTables = `
CREATE TABLE run (
  id TEXT PRIMARY KEY,
  scenario TEXT NOT NULL,
  title TEXT NOT NULL,
  peer TEXT NOT NULL,
  started_us INTEGER NOT NULL,
  ended_us INTEGER,
  state TEXT NOT NULL CHECK (state IN ('recording', 'finished')),
  recorder TEXT NOT NULL,
  udp_port INTEGER NOT NULL,
  meta TEXT NOT NULL
) STRICT;
CREATE TABLE host (
  name TEXT PRIMARY KEY,
  role TEXT NOT NULL CHECK (role IN ('primary', 'secondary', 'peer', 'peer-secondary', 'keeper')),
  outside_address TEXT NOT NULL,
  clock_error_us INTEGER NOT NULL
) STRICT;
CREATE TABLE capture (
  id INTEGER PRIMARY KEY,
  host TEXT NOT NULL REFERENCES host (name),
  interface_name TEXT NOT NULL,
  engine TEXT NOT NULL,
  stamp_quality TEXT NOT NULL CHECK (stamp_quality IN ('kernel', 'arrival')),
  packets INTEGER NOT NULL,
  drops INTEGER,
  complete INTEGER NOT NULL CHECK (complete IN (0, 1)),
  UNIQUE (host, interface_name)
) STRICT;
CREATE TABLE packet (
  id INTEGER PRIMARY KEY,
  capture_id INTEGER NOT NULL REFERENCES capture (id),
  at_us INTEGER NOT NULL,
  link_type INTEGER NOT NULL,
  original_length INTEGER NOT NULL,
  bytes BLOB NOT NULL,
  info TEXT NOT NULL,
  source TEXT,
  destination TEXT,
  transport TEXT CHECK (transport IN ('udp', 'ip')),
  udp_source_port INTEGER,
  udp_destination_port INTEGER,
  source_port INTEGER,
  destination_port INTEGER,
  verification_tag INTEGER,
  checksum INTEGER,
  checksum_good INTEGER,
  sctp_bytes INTEGER,
  truncated INTEGER
) STRICT;
CREATE INDEX packet_by_time ON packet (at_us, id);
CREATE TABLE chunk (
  packet_id INTEGER NOT NULL REFERENCES packet (id),
  position INTEGER NOT NULL,
  type TEXT NOT NULL,
  type_number INTEGER NOT NULL,
  flags INTEGER NOT NULL,
  length_bytes INTEGER NOT NULL,
  tsn INTEGER,
  stream_id INTEGER,
  ssn INTEGER,
  ppid INTEGER,
  payload_bytes INTEGER,
  beginning INTEGER,
  ending INTEGER,
  unordered INTEGER,
  cumulative_tsn INTEGER,
  advertised_window INTEGER,
  gaps TEXT,
  duplicate_tsns TEXT,
  initiate_tag INTEGER,
  addresses TEXT,
  causes TEXT,
  tag_reflected INTEGER,
  malformed TEXT,
  PRIMARY KEY (packet_id, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX chunk_by_tsn ON chunk (tsn) WHERE tsn IS NOT NULL;
CREATE TABLE update_log (
  id INTEGER PRIMARY KEY,
  host TEXT NOT NULL REFERENCES host (name),
  at_us INTEGER NOT NULL,
  act TEXT NOT NULL CHECK (act IN ('made', 'held')),
  sequence INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  change TEXT NOT NULL,
  tsn INTEGER,
  bytes TEXT NOT NULL,
  association INTEGER NOT NULL
) STRICT;
CREATE INDEX update_by_sequence ON update_log (sequence, act);
CREATE TABLE acked (
  id INTEGER PRIMARY KEY,
  host TEXT NOT NULL REFERENCES host (name),
  at_us INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  association INTEGER NOT NULL
) STRICT;
CREATE INDEX acked_by_sequence ON acked (host, sequence);
CREATE TABLE sent (
  id INTEGER PRIMARY KEY,
  host TEXT NOT NULL REFERENCES host (name),
  at_us INTEGER NOT NULL,
  local TEXT NOT NULL,
  remote TEXT NOT NULL,
  checksum INTEGER NOT NULL,
  reason TEXT NOT NULL,
  depends_on INTEGER NOT NULL,
  association INTEGER NOT NULL
) STRICT;
CREATE INDEX sent_by_checksum ON sent (checksum, host);
CREATE TABLE message (
  id INTEGER PRIMARY KEY,
  host TEXT NOT NULL REFERENCES host (name),
  at_us INTEGER NOT NULL,
  act TEXT NOT NULL CHECK (act IN ('sent', 'delivered')),
  flow TEXT NOT NULL CHECK (flow IN ('up', 'down', 'echo')),
  stream_id INTEGER NOT NULL,
  number INTEGER NOT NULL,
  size_bytes INTEGER NOT NULL,
  intact INTEGER NOT NULL CHECK (intact IN (0, 1)),
  sequence INTEGER,
  association INTEGER NOT NULL
) STRICT;
CREATE TABLE event (
  id INTEGER PRIMARY KEY,
  host TEXT NOT NULL REFERENCES host (name),
  at_us INTEGER NOT NULL,
  name TEXT NOT NULL,
  text TEXT NOT NULL,
  detail TEXT NOT NULL
) STRICT;
CREATE TABLE fault (
  id INTEGER PRIMARY KEY,
  host TEXT NOT NULL REFERENCES host (name),
  at_us INTEGER NOT NULL,
  fault TEXT NOT NULL,
  text TEXT NOT NULL
) STRICT;
CREATE TABLE flow_total (
  id INTEGER PRIMARY KEY,
  flow TEXT NOT NULL CHECK (flow IN ('up', 'down', 'echo')),
  stream_id INTEGER NOT NULL,
  sent INTEGER NOT NULL,
  association INTEGER NOT NULL,
  UNIQUE (association, flow, stream_id)
) STRICT;
CREATE TABLE verdict (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  judged_us INTEGER NOT NULL,
  outcome TEXT NOT NULL CHECK (outcome IN ('pass', 'fail', 'unknown')),
  headline TEXT NOT NULL
) STRICT;
CREATE TABLE check_result (
  position INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  title TEXT NOT NULL,
  outcome TEXT NOT NULL CHECK (outcome IN ('pass', 'fail', 'unknown')),
  summary TEXT NOT NULL,
  rule TEXT NOT NULL,
  evidence TEXT NOT NULL,
  evidence_total INTEGER NOT NULL
) STRICT;
CREATE TABLE figure (
  position INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  title TEXT NOT NULL,
  value REAL NOT NULL,
  unit TEXT NOT NULL CHECK (unit IN ('us', 'count', 'bytes')),
  error REAL NOT NULL,
  method TEXT NOT NULL
) STRICT;
CREATE VIEW replication_lag AS
  SELECT made.sequence, made.epoch, made.change, made.tsn, made.at_us AS made_us, held.at_us AS held_us,
    (SELECT min(acked.at_us) FROM acked WHERE acked.host = made.host
      AND acked.association = made.association AND acked.sequence >= made.sequence) AS acked_us
  FROM update_log AS made
  JOIN host ON host.name = made.host AND host.role IN ('primary', 'secondary')
  LEFT JOIN update_log AS held
    ON held.sequence = made.sequence AND held.act = 'held' AND held.epoch = made.epoch
      AND held.association = made.association
    AND held.host NOT IN (SELECT name FROM host WHERE role IN ('peer', 'peer-secondary'))
  WHERE made.act = 'made';
`;

/**
 * What is worked out from the record when it ends. A run that was cut off lacks it: its reader works
 * it out into temporary tables of the same names, which SQLite then finds first.
 */
const derivedTables = (place: "main" | "temp"): string => {
  const packets = place === "main" ? " REFERENCES packet (id)" : "";
  return `
CREATE TABLE ${place}.transmission (
  id INTEGER PRIMARY KEY,
  packet_id INTEGER NOT NULL${packets},
  received_packet_id INTEGER${packets},
  from_lane TEXT,
  to_lane TEXT,
  sent_us INTEGER NOT NULL,
  received_us INTEGER,
  kind TEXT NOT NULL,
  label TEXT NOT NULL,
  repeats INTEGER,
  repeated_tsn INTEGER
) STRICT;
CREATE INDEX ${place}.transmission_by_time ON transmission (sent_us);
CREATE INDEX ${place}.transmission_by_packet ON transmission (packet_id);
CREATE INDEX ${place}.transmission_by_arrival ON transmission (received_packet_id);
CREATE TABLE ${place}.replication (
  id INTEGER PRIMARY KEY,
  first_sequence INTEGER NOT NULL,
  last_sequence INTEGER NOT NULL,
  made_us INTEGER NOT NULL,
  held_us INTEGER,
  acked_us INTEGER,
  label TEXT NOT NULL,
  from_lane TEXT,
  to_lane TEXT
) STRICT;
CREATE INDEX ${place}.replication_by_time ON replication (made_us);
CREATE TABLE ${place}.mark (
  id INTEGER PRIMARY KEY,
  at_us INTEGER NOT NULL,
  kind TEXT NOT NULL,
  host TEXT NOT NULL,
  text TEXT NOT NULL
) STRICT;
`;
};

export function createTables(database: Database.Database): void {
  database.exec(recordedTables);
  database.exec(derivedTables("main"));
  database.pragma(`application_id = ${applicationId}`);
  database.pragma(`user_version = ${schemaVersion}`);
}

export function createTemporaryTables(database: Database.Database): void {
  database.exec(derivedTables("temp"));
}
