/** The tap's settings: see docs/settings.md. */
export interface Config {
  access_token: string;
  store_hash: string;
  client_id?: string;
  api_url?: string;
  start_date?: string;
  max_concurrency?: number | string;
  [setting: string]: unknown;
}

/** What to do next after a failure: the cases of `failure` in wit/tap.wit, which describes each. */
export type Kind =
  | "config"
  | "catalog"
  | "state"
  | "unauthorized"
  | "missing-scope"
  | "rate-limited"
  | "unreachable"
  | "api"
  | "sink"
  | "set-aside"
  | "component"
  | "cancelled";

/** Which streams and fields are read. */
export interface Selection {
  /** A Singer catalog, or its JSON. Default: the streams that are selected by default. */
  catalog?: object | string;
  /** Rules that name all that is read: `orders`, `products.variants`, `*.id`. They are applied on top of the catalog. */
  select?: string[];
  /** Rules that name what is left out. */
  exclude?: string[];
}

/** What each call has that asks a store. */
export interface StoreOptions extends Selection {
  config: Config;
  /**
   * The origins that the config's `api_url` may name: give it if the config comes from someone else. Default: whichever it names. Requests go to this
   * one origin in any case, below the store's path.
   */
  allowedOrigins?: string[];
  /** Ends the call early. A run ends after the record in hand, with a last state. */
  signal?: AbortSignal;
  /** Takes what happens. What it throws does not end the run: it is an uncaught exception of the process. */
  onEvent?: (event: Event) => void;
}

/** What a run reads, and from where. */
export interface RequestOptions extends StoreOptions {
  /** Where to resume: the `state` of the last run. Default: from the start. */
  state?: object | string | null;
  /** Streams that are read from their start, whatever the state says. */
  fullRefresh?: string[];
  /** Ends the run after so many records; the summary is not complete then. */
  maxRecords?: number;
  /** Ends the run after so many seconds, in the same way. */
  maxSeconds?: number;
}

/**
 * Where the messages go: a function that gets one Singer message at a time, a line of JSON without its line end; or a stream that gets whole lines as
 * bytes. The tap waits for what the function returns, and for the stream. The stream is not closed at the end.
 */
export type Sink = ((line: string) => unknown) | WritableStream<Uint8Array>;

export interface SyncOptions extends RequestOptions {
  sink: Sink;
  /** Keep it to see how far the run is. */
  progress?: Progress;
}

/** What a run did with one stream. */
export interface StreamSummary {
  name: string;
  /** RECORD messages written. */
  records: number;
  /** Records that were gone from the store before they could be read whole. */
  skipped: number;
  /** Values that did not fit their schema and were written as null. */
  nulled: number;
  /** Records that the store could not serve. The state names them, and each later run asks for them again. */
  aside: number;
  /** Whether the stream was read to its end, except for the records that are set aside. */
  complete: boolean;
  /** Why the stream was left before its end. */
  failure?: { kind: Kind; message: string };
}

/** What a run did. */
export interface Summary {
  streams: StreamSummary[];
  /** Requests sent, retries included. */
  requests: number;
  retries: number;
  /** Milliseconds in which the run waited for the store's quota. */
  waitedMs: number;
  /** Whether every stream was read to its end. False after a limit: run again from the state. */
  complete: boolean;
}

/** How a run ended. */
export interface Ended {
  /** Where to resume: the last STATE that the sink has taken, or the state that the run was given. */
  state: object | undefined;
  summary: Summary;
}

/** What happens in a run. */
export type Event =
  | { kind: "log"; level: "INFO" | "WARNING" | "CRITICAL"; text: string }
  | { kind: "metric"; metric: { type: string; metric: string; value: number; tags?: Record<string, unknown> } }
  | { kind: "stream-begun"; stream: string }
  | { kind: "stream-ended"; stream: StreamSummary }
  | { kind: "request"; path: string; status: number | undefined; tookMs: number };

/** A call failed. After a run, `state` and `summary` are there too. */
export class TapError extends Error {
  private constructor();
  readonly kind: Kind;
  /** The stream that failed, if it was one alone. */
  readonly stream: string | undefined;
  /** Where to resume: the last STATE that the sink has taken, or the state that the run was given. */
  readonly state: object | undefined;
  /** What the run did, if it came to its end: streams that failed by themselves are named in it. */
  readonly summary: Summary | undefined;
}

/** Counters that a run keeps while it is under way. */
export class Progress {
  snapshot(): {
    requests: number;
    /** Requests whose answer has not been read to its end. */
    inFlight: number;
    /** Bytes of answers, unpacked. */
    bytes: number;
    /** Records that the sink has taken. */
    records: number;
    /** The stream of the latest message. */
    stream: string | undefined;
    /** The records of each stream. */
    streams: Record<string, number>;
  };
}

/** What a run is going to do. */
export interface Plan {
  streams: string[];
  /** A SCHEMA message for each stream. */
  schemas: object[];
  warnings: string[];
}

/** What a run has before it in one walk of the store: an estimate. */
export interface Outlook {
  streams: string[];
  /** Records of the first stream. */
  records: number;
  /** Requests for all of them. */
  requests: number;
}

/** What the tap is: its name, version, settings and streams. */
export function about(): Promise<{ name: string; version: string; settings: object[]; streams: object[]; [key: string]: unknown }>;

/** The catalog, with every stream and its schema, as the selection marks them. It needs neither network nor config. */
export function discover(selection?: Selection): Promise<{ streams: object[] }>;

/** Asks the store whether the token is good, which streams it may read, and what a first run costs. */
export function check(options: StoreOptions): Promise<{ streams: object[]; [key: string]: unknown }>;

/** Reads and checks everything that a run is given, without a network. */
export function plan(options: RequestOptions): Promise<Plan>;

/** Asks the store how much a run will read, for five seconds at most. Undefined: it does not say. Not during a run of the same store. */
export function outlook(options: RequestOptions): Promise<Outlook[] | undefined>;

/**
 * Reads the selected streams and gives their Singer messages to the sink. It fails with a TapError if anything was not read, a limit aside; the error
 * has the state to resume from.
 */
export function sync(options: SyncOptions): Promise<Ended>;

/** Tries each selected stream by itself: reads it to its first record. Writes its SCHEMA and this record, and no STATE. */
export function test(options: SyncOptions): Promise<void>;
