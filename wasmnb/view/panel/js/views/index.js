// The views by the name of their tab, in the order of the tabs.

import { ExchangesView } from "./exchanges.js";
import { LatencyView } from "./latency.js";
import { LogView } from "./log.js";
import { ModuleView } from "./module.js";
import { StartView } from "./start.js";
import { StateView } from "./state.js";
import { TimelineView } from "./timeline.js";
import { TrafficView } from "./traffic.js";

export const VIEWS = {
  Exchanges: ExchangesView,
  Timeline: TimelineView,
  Latency: LatencyView,
  State: StateView,
  Log: LogView,
  Module: ModuleView,
  Traffic: TrafficView,
  Start: StartView,
};
