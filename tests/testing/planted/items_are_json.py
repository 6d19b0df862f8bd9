"""trap: assumes that only the filter itself adds items to its queue."""

import json


class Audit(PluginContext):
    def on_plugin_start(self, plugin_configuration_size):
        self.queue = register_queue("audit")
        return True

    def on_queue_ready(self, queue_id):
        for item in self.queue.drain():
            log_info(json.loads(item)["path"])


class Note(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        self.plugin.queue.put(json.dumps({"path": self.request_headers[":path"]}))
