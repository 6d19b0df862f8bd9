// A filter made with the AssemblyScript SDK: configuration, headers, a local response, logs.
export * from "@solo-io/proxy-runtime/proxy";
import {
  Context, FilterHeadersStatusValues, GrpcStatusValues, HeaderPair, LogLevelValues, RootContext, log, registerRootContext,
  send_local_response, stream_context,
} from "@solo-io/proxy-runtime";

class Root extends RootContext {
  configuration: string = "";

  onConfigure(size: u32): bool {
    super.onConfigure(size);
    this.configuration = this.getConfiguration();
    log(LogLevelValues.info, "configured " + this.configuration);
    return true;
  }

  createContext(id: u32): Context {
    return new Stream(id, this);
  }
}

class Stream extends Context {
  root: Root;

  constructor(id: u32, root: Root) {
    super(id, root);
    this.root = root;
  }

  onRequestHeaders(count: u32, end: bool): FilterHeadersStatusValues {
    const path = stream_context.headers.request.get(":path");
    stream_context.headers.request.add("x-as", this.root.configuration);
    log(LogLevelValues.info, "path " + path);
    if (path == "/deny") {
      const why = new HeaderPair(String.UTF8.encode("x-why"), String.UTF8.encode("denied"));
      send_local_response(403, "denied", String.UTF8.encode("no"), [why], GrpcStatusValues.PermissionDenied);
      return FilterHeadersStatusValues.StopIteration;
    }
    return FilterHeadersStatusValues.Continue;
  }

  onResponseHeaders(count: u32, end: bool): FilterHeadersStatusValues {
    stream_context.headers.response.replace("x-up", "changed");
    return FilterHeadersStatusValues.Continue;
  }

  onLog(): void {
    log(LogLevelValues.info, "logged");
  }
}

registerRootContext((id: u32) => new Root(id), "as");
