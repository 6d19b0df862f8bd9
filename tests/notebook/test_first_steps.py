"""Common mistakes of new users in a notebook: each either works as intended or leads to a helpful error."""

import pytest
from IPython.core.error import UsageError as MagicUsageError

from wasmnb import FilterTrap, Plugin, Proxy, UsageError

KEYED = """\
%%wasmfilter keyed -w 1 {flags}
import os
from dataclasses import dataclass

KEY = os.environ["KEY"]

@dataclass
class Settings:
    user: str = "nobody"

class Keyed(HttpContext):
    config: Settings

    def on_http_request_headers(self, num_headers, end_of_stream):
        self.request_headers["x-key"] = f"{{self.config.user}} {{KEY}} {{os.environ.get('OTHER')}}"
"""


def test_environment_is_a_flag(run):
    keyed = run(KEYED.format(flags="--env 'KEY=a=b c' --env OTHER=o"))
    assert keyed.get("/").upstream_request.headers["x-key"] == "nobody a=b c o"
    with pytest.raises(MagicUsageError, match="'KEY' is not of the form NAME=VALUE"):
        run(KEYED.format(flags="--env KEY"))


def test_error_about_a_missing_variable_suggests_the_flag(run):
    with pytest.raises(FilterTrap) as caught:
        run(KEYED.format(flags=""))
    assert "%%wasmfilter --env KEY=VALUE" in caught.value.traceback


@pytest.mark.parametrize("flags", ["", "--env KEY=k --config '{\"usr\": 1}'"])
def test_cell_that_did_not_start_is_built_again_with_other_flags(run, flags):
    with pytest.raises(FilterTrap):
        run(KEYED.format(flags=flags))
    keyed = run("%wasmfilter keyed --env KEY=k --config '{\"user\": \"ann\"}'")
    assert keyed.get("/").upstream_request.headers["x-key"] == "ann k None"


def test_failed_version_does_not_replace_the_running_one(run):
    run(KEYED.format(flags="--env KEY=one"))
    with pytest.raises(FilterTrap):
        run(KEYED.format(flags="--env OTHER=two"))
    assert run("%wasmfilter keyed -w 2").get("/").upstream_request.headers["x-key"] == "nobody one None"


@pytest.mark.parametrize(
    ("flag", "header", "value"),
    [
        ("-H $'x-a: it\\'s'", "x-a", "it's"),
        ("-H $'x-a: \\u00e9\\x21'", "x-a", "é!"),
        ('-H "x-a: \\$5"', "x-a", "$5"),
        ("-H 'x-a: $HOME'", "x-a", "$HOME"),
    ],
)
def test_curl_commands_are_quoted_as_for_bash(run, flag, header, value):
    run("%%wasmfilter every -w 1 --native\nclass Any(HttpContext): pass")
    assert run(f"%wasmcurl every {flag} /").request.headers[header] == value
    assert run(f"%%wasmcurl every\ncurl 'http://x/' \\\n  {flag}").request.headers[header] == value


def test_error_about_an_unquoted_expression_explains_the_quotes(run):
    with pytest.raises(MagicUsageError, match="One pair of quotes is removed"):
        run("%%wasmfilter every --native --upstream 'Response(200, body=b'xy')'\nclass Any(HttpContext): pass")


def test_variable_of_a_cell_is_a_filter_for_other_plugins(run):
    keyed = run(KEYED.format(flags="--env KEY=k"))
    plugin = Plugin(keyed, name="second", environment={"KEY": "other"}, config={"user": "bob"})
    assert plugin.filter is keyed.plugins[0].filter
    with Proxy([plugin, Plugin(keyed, environment={"KEY": "last"})], workers=1) as proxy:
        assert proxy.get("/").upstream_request.headers["x-key"] == "nobody last None"
        with pytest.raises(UsageError, match=r"must have exactly one filter, but has 'second', 'keyed'. Pass one"):
            Plugin(proxy)


STARTS = """\
%%wasmfilter starts -w 1 {flags}
class Starts(PluginContext):
    def on_plugin_start(self, size):
        {line}

class H(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream): pass
"""


@pytest.mark.parametrize(
    ("line", "flags", "message"),
    [
        ("return False", "", "write a warning before you return False"),
        ("log_warn('no key'); return False", "", "Its last warning: no key"),
        ("self.limit = self.config['limit']", "", "KeyError: 'limit'\nThe plugin has no configuration. Pass one with --config"),
        ("self.limit = self.config['limit']", "--config '{}'", "KeyError: 'limit'$"),
        ("self.limit = {}['limit']", "", "KeyError: 'limit'$"),
        ("self.http_call('user', callback=print)", "--cluster users=Response(200)", "http_call\\('user'\\) returned BAD_ARGUMENT"),
        ("raise ValueError('bad')", "--native", "ValueError: bad"),
    ],
)
def test_failed_start_has_a_reason(run, line, flags, message):
    with pytest.raises(FilterTrap, match=message):
        run(STARTS.format(line=line, flags=flags))
