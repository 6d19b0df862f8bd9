"""Forecasts of a start: from any toolchain's module, with and without an Envoy."""

import json
from dataclasses import replace

import pytest

from tests.foreign.toolchain import c_module
from wasmnb import Filter, Plugin, UsageError, forecast
from wasmnb.cli import main
from wasmnb.envoy.process import EnvoyRefused
from wasmnb.envoy.start_cost import forecast as forecast_module
from wasmnb.envoy.start_cost.model import ModuleSize, predict
from wasmnb.view import document_of, to_text

SOURCE = """
class F(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        self.request_headers["x-value"] = self.plugin.config["value"]
"""


@pytest.fixture(scope="module")
def plugin():
    return Plugin(Filter.from_source(SOURCE, "costs"), config={"value": "1"})


@pytest.mark.slow
def test_release_module_is_predicted_from_its_size(plugin):
    one, eight = (forecast(plugin, workers=n, measured=False) for n in (1, 8))
    release = plugin.filter.release()
    assert one.module == eight.module
    assert one.module.file == len(release.wasm)
    assert one.module.base_memory < one.module.memory / 4, "the VM that is only cloned from has unpacked nothing"
    assert eight.predicted.settled - one.predicted.settled == pytest.approx(7 * one.further_worker)
    assert one.measured is None
    assert one.module.plain_code == one.module.code


def test_code_without_inlining_is_predicted_to_cost_less():
    inlined = ModuleSize(8_000_000, 400_000, 1500, 12_000_000, 0)
    assert predict(replace(inlined, plain_code=400_000), 1).cpu < 0.8 * predict(inlined, 1).cpu


def test_more_code_is_predicted_to_cost_more():
    small = ModuleSize(8_000_000, 400_000, 1500, 12_000_000, 0)
    large = replace(small, code=5_000_000, functions=11_000)
    assert predict(large, 1).cpu > 5 * predict(small, 1).cpu
    assert predict(large, 1).memory > 1.5 * predict(small, 1).memory
    assert predict(small, 4).settled > predict(small, 1).settled


@pytest.mark.envoy
def test_prediction_agrees_with_envoy(plugin):
    cost = forecast(plugin, workers=2)
    assert cost.reason == ""
    assert 0.5 < cost.predicted.settled / cost.measured.settled < 2
    assert cost.measured.settled <= cost.measured.memory
    assert "measured" in repr(cost)
    text = to_text(document_of(cost))
    assert "measured here" in text
    assert "with 2 workers" in text


@pytest.mark.envoy
def test_module_of_another_toolchain_has_a_forecast():
    cost = forecast(c_module("headers.c"), workers=2, measured=True)
    assert cost.predicted.cpu < 0.1
    assert cost.measured.memory > 0


@pytest.mark.envoy
def test_refused_configuration_is_an_error(plugin):
    picky = "class P(PluginContext):\n    def on_plugin_start(self, size):\n        return False\nclass F(HttpContext): pass"
    with pytest.raises(EnvoyRefused):
        forecast(Filter.from_source(picky), measured=True)
    assert forecast(Filter.from_source(picky), measured=False).module.memory > 0


@pytest.mark.slow
def test_forecast_without_envoy_explains_missing_measurements(plugin, monkeypatch):
    def missing(_binary):
        raise UsageError("The real Envoy isn't installed.")

    monkeypatch.setattr(forecast_module, "find_envoy", missing)
    cost = forecast(plugin)
    assert cost.measured is None
    assert "Not measured: The real Envoy isn't installed." in to_text(document_of(cost))


@pytest.mark.parametrize("workers", [0, 257])
def test_number_of_workers_is_checked(plugin, workers):
    with pytest.raises(UsageError, match="workers must be between 1 and 256"):
        forecast(plugin, workers=workers)


def test_command_prints_a_table_and_json(capsys):
    module = str(c_module("headers.c"))
    assert main(["forecast", module, "--workers", "8", "--predict"]) == 0
    assert "each further worker" in capsys.readouterr().out
    assert main(["forecast", module, "-w", "8", "--predict", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["workers"], document["measured"]) == (8, None)
    assert document["predicted"].keys() == {"cpu", "memory", "settled"}
    assert document["module"]["functions"] > 0
