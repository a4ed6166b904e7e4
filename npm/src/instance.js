// An instance of the component. Each call has one of its own: two calls that wait inside one instance would share its memory.

import { instantiate } from "../dist/tap.js";
import { cli } from "./wasi/cli.js";
import { MonotonicClock, wallClock } from "./wasi/clocks.js";
import { Fields, FutureTrailers, IncomingBody, RequestOptions, httpErrorCode } from "./wasi/http.js";
import { IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam } from "./wasi/incoming.js";
import { FutureIncomingResponse, IncomingResponse, OutgoingRequest, outgoingHandler } from "./wasi/outgoing.js";
import { Pollable, Waits } from "./wasi/poll.js";
import { InputStream, OutputStream, StreamFault } from "./wasi/streams.js";

/**
 * @param {object} options
 * @param {(name: string) => WebAssembly.Module} options.cores
 * @param {[string, string][]} options.environment
 * @param {(line: string) => void} options.log
 * @param {import("./door.js").Sender} options.send
 */
export async function instance({ cores, environment, log, send }) {
  const [waits, clock, requests] = [new Waits(), new MonotonicClock(), outgoingHandler(send)];
  const imports = {
    ...cli(environment, log),
    "wasi:clocks/monotonic-clock": clock,
    "wasi:clocks/wall-clock": wallClock,
    "wasi:http/outgoing-handler": requests,
    "wasi:http/types": {
      Fields,
      FutureIncomingResponse,
      FutureTrailers,
      IncomingBody,
      IncomingRequest,
      IncomingResponse,
      OutgoingBody,
      OutgoingRequest,
      OutgoingResponse,
      RequestOptions,
      ResponseOutparam,
      httpErrorCode,
    },
    "wasi:io/error": { Error: StreamFault },
    "wasi:io/poll": { Pollable, poll: waits.poll },
    "wasi:io/streams": { InputStream, OutputStream },
  };
  return {
    exports: await instantiate(cores, imports),
    /** Ends what the instance has under way. After a call that ended well there is nothing left. */
    end() {
      waits.leave();
      clock.clear();
      requests.cancel();
    },
  };
}
