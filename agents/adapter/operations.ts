import type { Received, Reliability, SendInfo, ShutdownHow, SocketStack } from "../sctp/index.ts";
import type { Outcome } from "./answers.ts";
import { answered, outcomeOf, refused, unsupported } from "./answers.ts";
import type { Request } from "./fields.ts";
import { FieldError, countField, flagField, optionalCount, textField, textsField } from "./fields.ts";
import { abandonedFields, optionCodec, statusFields } from "./options.ts";

/** Largest message that a request may ask for: what no buffer takes is told apart from what no memory holds. */
const maxMessageBytes = 64 * 1024 * 1024;

type Operation = (stack: SocketStack, request: Request, nowMs: number) => Outcome;

const descriptor = (request: Request): number => countField(request, "fd");
const same = (value: number): number => value;

const shutdownHow: Readonly<Record<string, ShutdownHow>> = {
  SHUT_RD: "read",
  SHUT_WR: "write",
  SHUT_RDWR: "both",
};

/** The operations of the contract on sockets, each a call of the stack. */
export const socketOperations: Readonly<Record<string, Operation>> = {
  socket(stack, request) {
    const type = textField(request, "type");
    if (type !== "SOCK_STREAM" && type !== "SOCK_SEQPACKET")
      return refused("EINVAL", `there is no type "${type}"`);
    const family = request["family"] === "AF_INET6" ? "ipv6" : "ipv4";
    return answered(stack.socket(type === "SOCK_STREAM" ? "one-to-one" : "one-to-many", family));
  },
  bind: (stack, request) =>
    outcomeOf(stack.bind(descriptor(request), [textField(request, "ip")], countField(request, "port"))),
  bindx,
  listen: (stack, request) => outcomeOf(stack.listen(descriptor(request), countField(request, "backlog"))),
  accept: (stack, request, nowMs) => outcomeOf(stack.accept(descriptor(request), nowMs), same),
  connect(stack, request, nowMs) {
    const addresses = textsField(request, "ips") ?? [textField(request, "ip")];
    const started = stack.connect(descriptor(request), addresses, countField(request, "port"), nowMs);
    return refused(started.ok ? "EINPROGRESS" : started.errno);
  },
  // No call waits, whatever is chosen here.
  nonblock: (stack, request) => outcomeOf(stack.parameters(descriptor(request))),
  write: (stack, request, nowMs) =>
    outcomeOf(stack.send(descriptor(request), payload(request), {}, nowMs), same),
  sendmsg: (stack, request, nowMs) =>
    outcomeOf(stack.send(descriptor(request), payload(request), sendInfo(request), nowMs), same),
  read(stack, request, nowMs) {
    const received = stack.receive(descriptor(request), countField(request, "max"), nowMs);
    return outcomeOf(received, lengthOf);
  },
  recvmsg(stack, request, nowMs) {
    const received = stack.receive(descriptor(request), countField(request, "max"), nowMs);
    if (!received.ok || received.value.kind !== "data") return outcomeOf(received, lengthOf);
    const { endOfRecord, info } = received.value;
    return {
      ...answered(lengthOf(received.value)),
      eor: endOfRecord,
      notification: false,
      info: {
        sid: info.streamId,
        ssn: info.ssn,
        unordered: info.unordered,
        ppid: info.ppid,
        tsn: info.tsn,
        cumtsn: info.cumulativeTsn,
        context: info.context,
      },
    };
  },
  shutdown(stack, request, nowMs) {
    const name = textField(request, "how");
    const how = shutdownHow[name];
    if (how === undefined) return refused("EINVAL", `there is no "${name}"`);
    return outcomeOf(stack.shutdown(descriptor(request), how, nowMs));
  },
  close: (stack, request, nowMs) => outcomeOf(stack.close(descriptor(request), nowMs)),
  setsockopt,
  getsockopt,
};

/** The first call binds, with a port; later ones add addresses, or take some away. */
function bindx(stack: SocketStack, request: Request, nowMs: number): Outcome {
  const fd = descriptor(request);
  const addresses = textsField(request, "ips") ?? [];
  const remove = flagField(request, "remove");
  const bound = stack.localAddresses(fd);
  if (!bound.ok && bound.errno === "ENOTCONN" && !remove)
    return outcomeOf(stack.bind(fd, addresses, countField(request, "port")));
  return outcomeOf(stack.changeAddresses(fd, addresses, remove ? "remove" : "add", nowMs));
}

function setsockopt(stack: SocketStack, request: Request, nowMs: number): Outcome {
  const fd = descriptor(request);
  const name = textField(request, "name");
  const known = stack.parameters(fd);
  if (!known.ok) return outcomeOf(known);
  // Notifications stay off: the contract reads messages only.
  if (name === "SCTP_EVENTS" || name === "SCTP_EVENT") return answered(0);
  const codec = optionCodec(textField(request, "level"), name);
  if (codec?.read === undefined) return unsupported("ENOPROTOOPT", `${name} cannot be set`);
  // An association that exists is meant as well, also at a one-to-many socket.
  return outcomeOf(stack.setOption(fd, codec.read(request["value"]), nowMs, "all"));
}

function getsockopt(stack: SocketStack, request: Request, nowMs: number): Outcome {
  const fd = descriptor(request);
  const level = textField(request, "level");
  const name = textField(request, "name");
  if (level === "SOL_SOCKET" && name === "SO_ERROR") {
    const error = stack.takeError(fd, nowMs);
    return error.ok ? { ...answered(0), value: error.value ?? 0 } : outcomeOf(error);
  }
  if (level === "IPPROTO_SCTP" && name === "SCTP_STATUS") {
    const status = stack.status(fd, nowMs);
    return status.ok ? { ...answered(0), value: statusFields(status.value) } : outcomeOf(status);
  }
  if (level === "IPPROTO_SCTP" && (name === "SCTP_PR_ASSOC_STATUS" || name === "SCTP_PR_STREAM_STATUS")) {
    const status = stack.status(fd, nowMs);
    if (!status.ok) return outcomeOf(status);
    const ofOneStream = name === "SCTP_PR_STREAM_STATUS";
    return { ...answered(0), value: abandonedFields(status.value, request["value"], ofOneStream) };
  }
  const parameters = stack.parameters(fd);
  if (!parameters.ok) return outcomeOf(parameters);
  const codec = optionCodec(level, name);
  if (codec?.write === undefined) return unsupported("ENOPROTOOPT", `${name} cannot be read`);
  return { ...answered(0), value: codec.write(parameters.value) };
}

const lengthOf = (received: Received): number => (received.kind === "data" ? received.bytes.length : 0);

function payload(request: Request): Uint8Array {
  const length = countField(request, "len");
  if (length > maxMessageBytes) throw new FieldError(`"len" must be at most ${maxMessageBytes}`);
  return new Uint8Array(length);
}

function sendInfo(request: Request): SendInfo {
  const reliability = reliabilityOf(request);
  return {
    streamId: countField(request, "sid", 0),
    ppid: countField(request, "ppid", 0),
    context: countField(request, "context", 0),
    unordered: flagField(request, "unordered"),
    abort: flagField(request, "abort"),
    eof: flagField(request, "eof"),
    ...(reliability === undefined ? undefined : { reliability }),
  };
}

/** `struct sctp_prinfo` by the names of the contract (RFC 6458 section 5.3.7, RFC 7496 section 4). */
function reliabilityOf(request: Request): Reliability | undefined {
  const policy = request["pr_policy"];
  if (policy === undefined || policy === "none") return undefined;
  const value = optionalCount(request, "pr_value") ?? 0;
  if (policy === "ttl") return { policy: "timed", lifetimeMs: value };
  if (policy === "rtx") return { policy: "limited-retransmissions", maxRetransmits: value };
  if (policy === "prio") return { policy: "priority", priority: value };
  throw new FieldError('"pr_policy" must be "ttl", "rtx" or "prio"');
}
