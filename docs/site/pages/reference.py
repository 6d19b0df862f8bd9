"""Pages of the reference: every public name, magic, command and default, from the code."""

import argparse
import inspect

from .repository import PROJECT

#: Page -> title, introduction, module, and names in reading order; None for all names of the module that no other page
#: has, and `...` for all of its names.
GROUPS = {
    "proxy": (
        "Proxy and Envoy", "The simulated proxy, the real one, and their settings.", "wasmnb",
        ["Proxy", "Envoy", "Plugin", "Cluster", "RouteMatch", "Listener", "GrpcServer", "TcpReply", "compare"],
    ),
    "messages": ("Exchanges and messages", "What a proxy's methods take and return.", "wasmnb", ["Exchange", "Request", "Response", "Headers"]),
    "filters": ("Filters", "From source, or a module, to something that runs.", "wasmnb", ["Filter", "FilterInfo", "filter"]),
    "contexts": (
        "SDK: contexts", "The classes that filters derive from.", "wasmnb.sdk",
        ["HttpContext", "TcpContext", "PluginContext", "VMContext", "HeaderMap", "Body", "Action"],
    ),
    "sdk": ("SDK: everything else", "Names that a filter has in its namespace.", "wasmnb.sdk", None),
    "jwt": ("SDK: tokens", "Verify JSON Web Tokens: `from wasmnb.sdk.jwt import KeySet`.", "wasmnb.sdk.jwt", ...),
    "traffic": (
        "Traffic", "Load, recorded traffic, comparison, clients of other tools.", "wasmnb",
        [
            "load", "LoadReport", "LoadPlan", "LoadRequest", "LoadSession", "LoadPhase", "LoadStop", "read_traffic", "write_traffic",
            "record", "RecordedExchange", "replay", "ReplayReport", "diff", "tables_of", "otlp", "export_spans", "WasmTransport",
        ],
    ),
    "others": ("Other names", "Names of `wasmnb` that the other pages don't have.", "wasmnb", None),
    "testing": ("Testing", "Everything of `wasmnb.testing`.", "wasmnb.testing", ...),
    "errors": (
        "Errors", "What wasmnb raises outside of filters.", "wasmnb",
        ["WasmnbError", "UsageError", "BuildError", "SourceError", "ModuleError", "FilterTrap", "CacheWarning", "NativeWarning"],
    ),
}  # fmt: skip


def reference_pages():
    """Return all pages of the reference."""
    groups = {page: group for page, group in GROUPS.items() if _names(*group[2:])}
    pages = {f"reference/{page}.md": _group(*group) for page, group in groups.items()}
    pages["reference/magics.md"] = magics_page()
    pages["reference/commands.md"] = commands_page()
    pages["reference/configuration.md"] = configuration_page()
    order = [*groups, "magics", "commands", "configuration"]
    tree = "\n".join(["```{toctree}", ":maxdepth: 2", "", *order, "../guide/abi", "```", ""])
    introduction = "Generated from the code: signatures, parameters, units, defaults, errors.\n\n"
    pages["reference/index.md"] = f"# Reference\n\n{introduction}{tree}"
    return pages


def public_names():
    """Return the documented names by module."""
    names = {}
    for _, _, module, listed in GROUPS.values():
        names.setdefault(module, []).extend(_names(module, listed))
    return names


def _names(module, listed):
    import importlib

    if listed is ...:
        return sorted(importlib.import_module(module).__all__)
    if listed is None:
        from wasmnb.sdk import names

        shown = {n for _, _, m, known in GROUPS.values() if m == module and known not in (None, ...) for n in known}
        everything = names() if module == "wasmnb.sdk" else set(importlib.import_module(module).__all__) - {*names(), "__version__"}
        return sorted(name for name in everything if name not in shown)
    return listed


def _group(title, introduction, module, listed):
    import importlib

    lines = [f"# {title}", "", introduction, "", "```{eval-rst}"]
    home = importlib.import_module(module)
    for name in _names(module, listed):
        lines += _directive(module, name, getattr(home, name))
    return "\n".join([*lines, "```", ""])


def _directive(module, name, value):
    if inspect.isclass(value):
        options = ["   :members:", "   :show-inheritance:"]
        if issubclass(value, BaseException):
            options = ["   :show-inheritance:"]
        elif module != "wasmnb.sdk" or "Context" in name:
            options.append("   :inherited-members: object, dict, str, tuple, int, list, MutableMapping, Mapping, Protocol, Generic")
        return [f".. autoclass:: {module}.{name}", *options, ""]
    if inspect.ismodule(value):
        return [f".. automodule:: {value.__name__}", "   :members:", ""]
    if callable(value):
        return [f".. autofunction:: {module}.{name}", ""]
    return [f".. autodata:: {module}.{name}", "   :no-value:", ""]


def magics_page():
    """Return a section for each magic with its documentation and all flags."""
    from wasmnb.notebook.install import MAGICS

    lines = ["# Magics", "", "`%load_ext wasmnb` registers them. A `?` after a magic shows its text in the notebook.", ""]
    for kind in MAGICS:
        for name in dict.fromkeys(name for table in kind.magics.values() for name in table):
            function = getattr(kind, name)
            cell = "%%" if name in kind.magics["cell"] else "%"
            lines += [f"## `{cell}{name}`", "", *_plain(function.__doc__ or ""), "", *_flags(function.parser), ""]
    return "\n".join(lines)


def _plain(doc):
    """Return the text of a magic's docstring, which IPython places between the usage and the table of flags."""
    text = inspect.cleandoc(doc)
    start = text.find("\n\n") if text.startswith("::") else 0
    text = text[max(start, 0) :].split("\npositional arguments:")[0].split("\noptions:")[0]
    return _examples(inspect.cleandoc(text))


def _examples(text):
    """Return Markdown: blocks after `::` become code."""
    lines, inside = [], False
    for line in text.splitlines():
        if inside and line.strip() and not line.startswith("    "):
            lines.append("```\n")
            inside = False
        if line.rstrip().endswith("::"):
            lines += [line.rstrip()[:-1], "", "```ipython"]
            inside = True
        else:
            lines.append(line[4:] if inside else line)
    return [*lines, *(["```"] if inside else [])]


def commands_page():
    """Return a section for each command with all flags."""
    from wasmnb.cli.parser import make_parser

    parser = make_parser()
    (commands,) = (action for action in parser._actions if action.metavar == "COMMAND")
    lines = ["# Command line", "", "```text", parser.epilog.strip(), "```", ""]
    for name, command in commands.choices.items():
        if command.flags is not None:
            add, command.flags = command.flags, None
            add(command)
        lines += [f"## `wasmnb {name}`", "", command.description or "", "", *_flags(command), ""]
        for action in command._actions:
            if isinstance(action, argparse._SubParsersAction):
                for verb, sub in action.choices.items():
                    lines += [f"### `wasmnb {name} {verb}`", "", sub.description or "", "", *_flags(sub), ""]
    return "\n".join(lines)


def _flags(parser):
    rows = [
        (_spelling(action), (action.help or "").replace("%%", "%"))
        for action in parser._actions
        if not isinstance(action, (argparse._HelpAction, argparse._SubParsersAction))
    ]
    if not rows:
        return []
    return ["| argument | |", "| --- | --- |", *(f"| `{_cell(names)}` | {_text(text)} |" for names, text in rows)]


def _spelling(action):
    value = action.metavar or (action.dest.upper() if action.nargs != 0 else "")
    if isinstance(value, tuple):
        value = " ".join(value)
    if action.choices and action.metavar is None:
        value = "{" + ",".join(map(str, action.choices)) + "}"
    if not action.option_strings:
        return value or action.dest
    return ", ".join(action.option_strings) + (f" {value}" if action.nargs != 0 else "")


def _cell(text):
    return text.replace("|", "\\|")


def _text(text):
    return _cell(" ".join(text.split())).replace("<", "&lt;").replace("*", "\\*").replace("$", "\\$")


def configuration_page():
    """Return the defaults of the magics, the environment variables, and the extras of the package."""
    from wasmnb.notebook.magics.filters import WasmMagics

    lines = ["# Configuration", "", "## Defaults of the magics", ""]
    lines += ["`%config WasmMagics.workers = 2` changes a default in a notebook, a line in `ipython_kernel_config.py` for all:", ""]
    lines += ["| setting | default | |", "| --- | --- | --- |"]
    lines += [
        f"| `WasmMagics.{name}` | `{trait.default_value!r}` | {_text(trait.help)} |"
        for name, trait in sorted(WasmMagics.class_own_traits(config=True).items())
    ]
    lines += ["", "## Environment variables", "", "| variable | |", "| --- | --- |"]
    lines += ["| `WASMNB_CACHE` | folder of runtimes and machine code (`~/.cache/wasmnb`); see [the cache](../guide/limits.md#the-cache) |"]
    lines += ["", "## Extras of the package", "", "| extra | packages |", "| --- | --- |"]
    lines += [f"| `wasmnb[{name}]` | {', '.join(f'`{p}`' for p in packages)} |" for name, packages in PROJECT["optional-dependencies"].items()]
    return "\n".join([*lines, ""])
