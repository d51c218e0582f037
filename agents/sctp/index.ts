/** The SCTP stack: a pure core of bytes, time and randomness (RFC 9260). The front door of the room. */
export type { Extensions, ProtocolParameters, SchedulerName } from "./base/parameters.ts";
export { noExtensions, rfc9260Parameters, schedulerNames, telecomParameters } from "./base/parameters.ts";
export type { RandomSource } from "./base/random.ts";
export { seededRandom } from "./base/random.ts";
export { assert, unreachable } from "./base/assert.ts";
export { addressBytes } from "./base/bytes.ts";
export type { Ssn, Tsn } from "./base/serial.ts";
export { ssn, tsn, tsnDistance, tsnLess } from "./base/serial.ts";
export { packetChecksum, parseChunkAt, writeChunk } from "./wire/index.ts";
export { crc32c } from "./base/crc32c.ts";
export type { OutgoingMessage, SendAnswer } from "./association/outgoing-message.ts";
export type {
  Delivery,
  EndpointOutputs,
  Notification,
  OutboundPacket,
  PacketReason,
  RecoveryStep,
  Route,
} from "./association/outputs.ts";
export type { IcmpReport } from "./association/on-icmp.ts";
export type {
  ReconfigurationAnswer,
  ReconfigurationRequest,
  ReconfigurationState,
  WantedReconfiguration,
} from "./association/reconfiguration-state.ts";
export type { ReconfigurationReply } from "./association/reconfiguration.ts";
export type { PathChange } from "./association/settings.ts";
export type { ReliabilityPolicy } from "./association/abandoned-messages.ts";
export type { AssociationStatistics, PathStatistics } from "./association/statistics.ts";
export type { Agreement, AssociationPhase, AssociationState } from "./association/state.ts";
export { cloneAssociationState } from "./association/state.ts";
export type { StreamLease, TsnLease } from "./association/lease.ts";
export { writeLease } from "./association/lease.ts";
export type { ResumeTerms } from "./association/resume-terms.ts";
export { answerHeartbeat, deliveredPayload } from "./association/standby.ts";
export type { AssociationUpdate, NumberedUpdate } from "./association/updates.ts";
export { applyUpdate, openState } from "./association/updates.ts";
export { stateFlaw, updateFlaw } from "./association/update-flaw.ts";
export type { EndpointConfig, EndpointCounters, EndpointSnapshot } from "./endpoint/core.ts";
export type { ConnectOptions } from "./endpoint/call-table.ts";
export type { AsconfState, AddressRequest } from "./association/asconf-state.ts";
export type { AddressReply } from "./association/asconf.ts";
export type { KeyAnswer } from "./endpoint/endpoint.ts";
export type { AgreedAuthentication, AuthenticationTerms } from "./association/authentication.ts";
export { Endpoint } from "./endpoint/endpoint.ts";
export type { MessageName, ReceivedChunk } from "./rx/receive-state.ts";
export type {
  MessageTerms,
  OutboundStream,
  OutstandingChunk,
  QueuedMessage,
  Reliability,
  SkippedMessage,
} from "./tx/send-state.ts";
export type { PassedTsns } from "./tx/passed-tsns.ts";
export { plainTerms } from "./tx/send-state.ts";
export { Fifo } from "./base/fifo.ts";
export { countAbove } from "./rx/receive-state.ts";
export type { ReceiveUpdate } from "./rx/receive-updates.ts";
export type { AuthenticationOption, SocketAuthentication } from "./socket/authentication.ts";
export type { SocketStackConfig } from "./socket/core.ts";
export { socketExtensions, socketParameters } from "./socket/defaults.ts";
export type { ShutdownHow } from "./socket/ending.ts";
export type { Answer, Errno } from "./socket/errno.ts";
export type {
  AssociationId,
  Destination,
  EventName,
  ReceiveInfo,
  Received,
  SendInfo,
  SocketNotification,
} from "./socket/messages.ts";
export type { OptionScope, PeerAddressOption, SocketOption } from "./socket/options.ts";
export type { StreamReconfiguration } from "./socket/reconfigure.ts";
export type { AddressFamily, SocketStyle } from "./socket/socket.ts";
export { SocketStack } from "./socket/stack.ts";
export type { SocketState, SocketStatus } from "./socket/status.ts";
