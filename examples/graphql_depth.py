"""Refuse GraphQL queries that are nested too deeply or request too many fields.

Configuration (JSON; every part is optional)::

    {"path": "/graphql",
     "depth": 8,                 maximum number of nested braces
     "fields": 200,              maximum number of names in all selections
     "introspection": false}     whether to allow __schema and __type

The filter needs no schema: it counts braces and names, and skips strings and comments. Refused queries get a response in
GraphQL's error format. Run the filter with `allow_on_headers_stop_iteration` (`--hold-headers`), so that the upstream never
receives their headers.
"""

import json
import re
from dataclasses import dataclass

from wasmnb.sdk import HttpContext

#: Pattern of the tokens of a query: strings, comments, braces, parentheses around arguments, and names.
TOKEN = re.compile(r'"""[\s\S]*?"""|"(?:\\.|[^"\\])*"|#[^\n]*|[{}()]|[A-Za-z_][A-Za-z_0-9]*')


@dataclass
class Settings:
    path: str = "/graphql"
    depth: int = 8
    fields: int = 200
    introspection: bool = False


class GraphqlDepth(HttpContext):
    config: Settings

    async def on_http_request_headers(self, num_headers, end_of_stream):
        if self.request.method != "POST" or self.request.path != self.config.path or end_of_stream:
            return None
        content = await self.request.content(limit=1_000_000)
        try:
            message = content.json()
            queries = [item["query"] for item in (message if isinstance(message, list) else [message])]
        except (ValueError, KeyError, TypeError):
            return self.refuse("not a GraphQL request")
        reason = next(filter(None, map(self.problem, queries)), None)
        return self.refuse(reason) if reason else None

    def problem(self, query):
        """Return the reason why a query is refused, or None if it is allowed."""
        if not isinstance(query, str):
            return "query is not text"
        depth = fields = arguments = 0
        for part in TOKEN.findall(query):
            if part in "()":
                arguments += 1 if part == "(" else -1
            elif arguments > 0 or part[0] in '"#':
                continue
            elif part == "{":
                depth += 1
                if depth > self.config.depth:
                    return f"nested deeper than {self.config.depth} levels"
            elif part == "}":
                depth -= 1
            elif depth:
                fields += 1
                if part in ("__schema", "__type") and not self.config.introspection:
                    return "introspection is not allowed"
        return f"more than {self.config.fields} fields" if fields > self.config.fields else None

    def refuse(self, reason):
        body = json.dumps({"errors": [{"message": reason}]})
        return self.send_local_response(400, body, {"content-type": "application/json"}, details="graphql")
